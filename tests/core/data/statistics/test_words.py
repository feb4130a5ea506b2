"""Words in dictionary form, and where they stand in a cloud."""

from __future__ import annotations

import random
from itertools import combinations
from typing import Any

import pytest

from mactuner_core.data.statistics.cloud import Placed, Size, place_words, text_size
from mactuner_core.data.statistics.compute import compute
from mactuner_core.data.statistics.part import Statistics
from mactuner_core.data.statistics.select import rows_in
from mactuner_core.data.statistics.words import sample_numbers
from tests.core.data.statistics.conftest import chat

pytest.importorskip("kiwipiepy")


def counted(found: Statistics) -> dict[str, int]:
    return {word["word"]: word["times"] for word in words(found)}


def words(found: Statistics) -> list[dict[str, Any]]:
    figures = found.figures("words")
    assert figures is not None
    listed: list[dict[str, Any]] = figures["words"]
    return listed


def test_nouns_verbs_and_adjectives_without_particles_and_endings() -> None:
    rows = [
        chat("계약은 언제 성립하나요?", "청약과 승낙으로 계약이 성립합니다."),
        chat("오늘은 추웠어", "방이 깨끗하고 예쁘다"),
        chat("먹었어?", "응 먹었지, the Python과 python을 배우는 사람들이", system="너는 비서다"),
    ]
    found = compute(rows, words=True)
    counts = counted(found)
    expected = {
        "계약": 2,
        "성립": 2,
        "춥다": 1,
        "깨끗하다": 1,
        "예쁘다": 1,
        "먹다": 2,
        "python": 2,
        "배우다": 1,
        "사람": 1,
    }
    assert {word: counts.get(word) for word in expected} == expected
    assert not counts.keys() & {"은", "이", "비서", "the", "하다", "깨끗"}
    place = [word["word"] for word in words(found)].index("먹다")
    assert rows_in(found, "words", place) == [2]
    assert words(found)[place] == {"word": "먹다", "times": 2, "rows": 1}


def test_a_noun_keeps_its_ending_syllable() -> None:
    assert "개방성" in counted(compute([chat("개방성 점수는?", "개방성이 높습니다")], words=True))


def test_how_many_rows_were_looked_at_is_said() -> None:
    assert list(sample_numbers(3, 5)) == [0, 1, 2]
    assert sample_numbers(100, 4) == [0, 25, 50, 75]
    figures = compute([chat("밥 먹자", "그래")] * 3, words=True).figures("words")
    assert figures is not None
    assert (figures["sample_rows"], figures["total_rows"]) == (3, 3)


def test_no_rows_have_no_words() -> None:
    figures = compute([], words=True).figures("words")
    assert figures is not None
    assert (figures["words"], figures["cloud"]["words"], figures["sample_rows"]) == ([], [], 0)


def box(word: Placed) -> tuple[float, float, float, float]:
    width, height = text_size(word.word, word.size)
    return word.x - width / 2, word.y - height / 2, word.x + width / 2, word.y + height / 2


@pytest.mark.parametrize("seed", range(5))
def test_no_word_of_a_cloud_lies_over_another(seed: int) -> None:
    chance = random.Random(seed)
    letters = "가나다라마바사아자차카타파하abcdefghij"
    some = ["".join(chance.choices(letters, k=chance.randint(1, 7))) for _ in range(60)]
    times = sorted((int(chance.paretovariate(1) * 10) for _ in some), reverse=True)
    room = Size(640, 340)
    placed = place_words(list(zip(some, times, strict=True)), room)
    assert len(placed) >= 50
    assert [word.size for word in placed] == sorted((word.size for word in placed), reverse=True)
    for one, other in combinations(map(box, placed), 2):
        gaps = other[0] - one[2], one[0] - other[2], other[1] - one[3], one[1] - other[3]
        assert max(gaps) > -0.001
    for left, top, right, bottom in map(box, placed):
        assert left >= 0 and top >= 0 and right <= room.width and bottom <= room.height


def test_a_word_too_long_for_the_room_is_left_out() -> None:
    placed = place_words([("가" * 50, 9), ("나", 8)], Size(200, 100))
    assert [(word.word, word.rank) for word in placed] == [("나", 1)]
