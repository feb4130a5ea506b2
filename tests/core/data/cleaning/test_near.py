"""Near duplicates against a comparison of every pair, and the traps of Korean."""

from __future__ import annotations

import random
from itertools import combinations

import pytest

from mactuner_core.data.cleaning import minhash, near
from mactuner_core.data.cleaning.near import comparable, comparables, near_duplicates, near_groups, numbers_of
from mactuner_core.data.rows import Example
from tests.core.data.cleaning.rows_of import pair


def _jaccard(one: str, other: str, size: int = 3) -> float:
    a, b = ({text[n : n + size] for n in range(max(1, len(text) - size + 1))} for text in (one, other))
    return len(a & b) / len(a | b)


def _variants(seed: int, rows: int) -> list[str]:
    chance = random.Random(seed)
    letters = [chr(0xAC00 + chance.randrange(11_172)) for _ in range(300)]
    keys: list[str] = []
    for _ in range(rows):
        if keys and chance.random() < 0.5:
            text = list(chance.choice(keys))
            for _ in range(chance.randint(0, 3)):
                text[chance.randrange(len(text))] = chance.choice(letters)
            keys.append("".join(text))
        else:
            keys.append("".join(chance.choices(letters, k=chance.randint(1, 60))))
    return keys


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.85, 1.0])
def test_every_pair_that_is_similar_enough_is_in_one_group(threshold: float) -> None:
    keys = _variants(seed=int(threshold * 100), rows=300)
    groups = near_groups(keys, threshold=threshold)
    group_of = {place: number for number, group in enumerate(groups) for place in group}
    similar = [(a, b) for a, b in combinations(range(len(keys)), 2) if _jaccard(keys[a], keys[b]) >= threshold]
    found = [group_of.get(a, -1) == group_of.get(b, -2) for a, b in similar]
    assert len(similar) > 30
    assert sum(found) / len(found) >= 0.99
    for group in groups:  # nobody is in a group without a similar row
        for place in group:
            assert any(_jaccard(keys[place], keys[other]) >= threshold for other in group if other != place)


def test_a_row_is_left_out_only_for_a_kept_one_that_it_resembles() -> None:
    keys = _variants(seed=5, rows=400)
    twins = near_duplicates(keys, threshold=0.7)
    assert twins
    for place, twin in twins.items():
        assert twin.first < place
        assert twin.first not in twins
        assert twin.similarity == pytest.approx(_jaccard(keys[place], keys[twin.first]))
        assert twin.similarity >= 0.7


def test_spaces_marks_capitals_and_spelling_of_letters_do_not_count() -> None:
    one = pair("부당이득이  뭔가요?", "법률상 원인 없이 얻은 LG 이익입니다.")
    other = pair("부당이득이 뭔가요", "법률상 원인없이 얻은 lg 이익입니다 ")
    assert comparable(one) == comparable(other)


def test_many_rows_at_a_time_are_compared_as_each_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    written = ["가나", "ΟΔΟΣ", "!!", "", "나\0다", "\u0301끝", "\ud83d", "ＡＢㅋㅋ 『ㅎ』", "ΑΣ"]
    rows = [pair(asked, "네") for asked in written] + [Example(1, [], {"text": text}) for text in written]
    alone = [comparable(row) for row in rows]
    monkeypatch.setattr(near, "ROWS_AT_ONCE", 4)
    assert comparables(rows) == alone
    assert alone[:5] == ["가나네", "οδος네", "네", "네", "나다네"]


def test_rows_taken_in_small_steps_give_the_same_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = _variants(seed=6, rows=300)
    at_once = near_groups(keys, threshold=0.7)
    monkeypatch.setattr(minhash, "CHUNK_CHARACTERS", 100)
    monkeypatch.setattr(minhash, "DIGESTS_AT_ONCE", 7)
    assert near_groups(keys, threshold=0.7) == at_once


def test_emoji_alone_still_differ() -> None:
    assert comparable(pair("👍", "😭")) != comparable(pair("👍", "👍"))
    assert comparable(pair("!!", "..")) == "!!\n.."


def test_system_prompt_and_instruction_make_nothing_similar() -> None:
    prompt = "너는 여자친구의 말에 답하는 사람이다. " * 10
    rows = [pair("밥 먹었어?", "응", 1, prompt), pair("집에 갔어?", "아직", 2, prompt)]
    assert near_groups([comparable(row) for row in rows], threshold=0.5) == []
    instruction = "여자친구가 이렇게 말했어:"
    chats = [
        Example(line, pair(f"{instruction}\n{asked}", said).messages, {"instruction": instruction})
        for line, (asked, said) in enumerate([("밥 먹었어?", "응"), ("집이야?", "응")])
    ]
    assert [comparable(chat) for chat in chats] == ["밥먹었어응", "집이야응"]


def test_numbers_keep_rows_apart() -> None:
    rows = [pair(f"민법 제{n}조는 무엇을 정하고 있는지 알려 주세요", "총칙입니다") for n in (4, 5)]
    keys, labels = [comparable(row) for row in rows], [numbers_of(row) for row in rows]
    assert near_groups(keys, threshold=0.7) == [[0, 1]]
    assert near_groups(keys, labels, threshold=0.7) == []
    assert numbers_of(pair("1,000원", "3.5%")) == numbers_of(pair("1000원", "3.5 %")) == "1000 3.5"


def test_nothing_short_and_empty() -> None:
    assert near_groups([]) == []
    assert near_groups([""]) == []
    assert near_groups(["", "가", "", "가나", "가"]) == [[0, 2], [1, 4]]
    assert near_duplicates(["ㅋ"] * 3)[2].first == 0


def test_preference_pairs_and_plain_text_are_compared_too() -> None:
    text = Example(1, [], {"text": "가 나 다"})
    choice = Example(1, [], {"chosen": [{"role": "assistant", "content": "가"}], "rejected": []})
    assert (comparable(text), comparable(choice)) == ("가나다", "가")
