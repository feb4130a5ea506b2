"""The split: the same as ever without near duplicates, never one of them on each side, by time, in layers."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime, timedelta
from itertools import product

import pytest

from mactuner_core.data.cleaning.near import comparable, near_groups
from mactuner_core.data.kakaotalk.pairs import ChatExample
from mactuner_core.data.rows import Example
from mactuner_core.data.splitting import SplitRecipe, split
from mactuner_core.errors import InputError

LETTERS = [chr(0xAC00 + 37 * number) for number in range(300)]


def different(count: int, seed: int = 1) -> list[Example]:
    """Return rows that have nothing in common."""
    chance = random.Random(seed)
    return [_row(line, "".join(chance.choices(LETTERS, k=chance.randint(10, 40)))) for line in range(count)]


def _row(line: int, text: str, **other: object) -> Example:
    return Example(line, [{"role": "user", "content": text}, {"role": "assistant", "content": "네"}], dict(other))


def _lines(examples: list[Example]) -> list[int]:
    return [example.line for example in examples]


@pytest.mark.parametrize(("rows", "share"), list(product([1, 2, 7, 45, 200], [0.0, 0.1, 0.2, 0.5])))
@pytest.mark.parametrize("together", [True, False])
def test_without_near_duplicates_the_seed_alone_decides(rows: int, share: float, together: bool) -> None:
    examples = different(rows)
    recipe = SplitRecipe(validation_share=share, seed=7, keep_near_duplicates_together=together)
    found = split(examples, recipe)
    chosen = random.Random(7).sample(range(rows), min(round(rows * share), rows - 1))
    assert _lines(found.validation) == sorted(chosen)
    assert _lines(found.train) == sorted(set(range(rows)) - set(chosen))
    assert found.moved == 0
    assert found.train


def test_another_seed_gives_another_split_and_the_same_seed_the_same() -> None:
    examples = different(100)
    first, again, other = (split(examples, SplitRecipe(seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert _lines(first.validation) != _lines(other.validation)
    assert len(first.validation) == len(other.validation) == 20


@pytest.mark.parametrize("method", ["random", "stratified", "time"])
@pytest.mark.parametrize("seed", range(5))
def test_no_near_duplicate_across_the_split(method: str, seed: int) -> None:
    chance = random.Random(seed)
    rows = different(150, seed)
    texts = [row.messages[0]["content"] for row in rows]
    texts += [chance.choice(texts) + chance.choice(["", "요", "!!", "  "]) for _ in range(100)]
    chance.shuffle(texts)
    start = datetime(2026, 1, 1)
    examples: list[Example] = [
        ChatExample(line, _row(line, text).messages, time=start + timedelta(minutes=line))
        for line, text in enumerate(texts)
    ]
    recipe = SplitRecipe.check({"method": method, "seed": seed})
    found = split(examples, recipe)
    side = dict.fromkeys(_lines(found.train), "train") | dict.fromkeys(_lines(found.validation), "validation")
    groups = near_groups([comparable(row) for row in examples], threshold=recipe.near_duplicate_threshold)
    assert len(groups) > 20
    assert all(len({side[place] for place in group}) == 1 for group in groups)
    assert found.moved > 0
    assert len(side) == 250
    if method != "time":
        assert len(found.validation) == 50  # what groups leave free is filled with other rows
    divided = split(examples, recipe.model_copy(update={"keep_near_duplicates_together": False}))
    assert divided.moved == 0
    assert any(len({place in set(_lines(divided.train)) for place in group}) == 2 for group in groups)


def test_one_large_group_is_trained_on() -> None:
    examples = [_row(line, "ㅋㅋㅋㅋ") for line in range(90)] + different(10)
    found = split(examples, SplitRecipe(validation_share=0.1))
    assert len(found.train) == 90 and len(found.validation) == 10
    assert {row.messages[0]["content"] for row in found.train} == {"ㅋㅋㅋㅋ"}
    alone = split(examples[:90], SplitRecipe())
    assert (len(alone.train), len(alone.validation)) == (90, 0)


def test_by_time_the_latest_are_for_validation() -> None:
    start = datetime(2026, 1, 1)
    rows = different(20)
    times = [start + timedelta(hours=(line * 7) % 20) for line in range(20)]
    examples: list[Example] = [
        ChatExample(row.line, row.messages, time=time) for row, time in zip(rows, times, strict=True)
    ]
    found = split(examples, SplitRecipe(method="time", validation_share=0.2))
    assert {times[line] for line in _lines(found.validation)} == set(sorted(times)[-4:])
    assert _lines(found.validation) == sorted(_lines(found.validation))


def test_by_time_rows_without_a_time_are_trained_on() -> None:
    rows = different(10)
    examples: list[Example] = [*rows[:9], ChatExample(9, rows[9].messages, time=datetime(2026, 1, 1))]
    assert _lines(split(examples, SplitRecipe(method="time", validation_share=0.5)).validation) == [9]
    with pytest.raises(InputError) as failure:
        split(rows, SplitRecipe(method="time"))
    assert failure.value.code == "cleaning.split_no_time"


def test_layers_of_a_field_keep_their_mixture() -> None:
    rows = different(100)
    topics = ["상속"] * 70 + ["계약"] * 25 + ["물권"] * 5
    examples = [
        _row(row.line, row.messages[0]["content"], topic=topic) for row, topic in zip(rows, topics, strict=True)
    ]
    found = split(examples, SplitRecipe(method="stratified", stratify_by="topic", validation_share=0.2))
    assert Counter(row.other["topic"] for row in found.validation) == {"상속": 14, "계약": 5, "물권": 1}
    with pytest.raises(InputError) as failure:
        split(examples, SplitRecipe(method="stratified", stratify_by="subject"))
    assert failure.value.values == {"field": "subject", "known": "topic"}


def test_layers_by_length_and_by_system_prompt() -> None:
    chance = random.Random(3)
    by_length = [_row(line, "".join(chance.choices(LETTERS, k=10 if line < 80 else 200))) for line in range(100)]
    found = split(by_length, SplitRecipe(method="stratified", validation_share=0.2))
    assert sum(row.line >= 75 for row in found.validation) >= 4
    assert len(found.validation) == 20
    prompts = [
        Example(row.line, [{"role": "system", "content": "가" if row.line < 50 else "나"}, *row.messages])
        for row in different(100)
    ]
    found = split(prompts, SplitRecipe(method="stratified", stratify_by="system_prompt", validation_share=0.1))
    assert Counter(row.messages[0]["content"] for row in found.validation) == {"가": 5, "나": 5}


def test_no_rows() -> None:
    with pytest.raises(InputError) as failure:
        split([], SplitRecipe())
    assert failure.value.code == "cleaning.split_no_rows"
