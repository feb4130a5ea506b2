"""Training and validation rows: by chance, by time or in layers, with near duplicates always on the same side.

A row of the validation that resembles one of the training measures memory, not learning. What this does not do: make the
validation representative of people or topics that no field names.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from mactuner_core.config import Config, setting
from mactuner_core.data.kakaotalk.pairs import ChatExample
from mactuner_core.data.row_text import texts
from mactuner_core.data.rows import Example
from mactuner_core.errors import InputError

TABLE_VALIDATION_SHARE = 0.2
CHAT_VALIDATION_SHARE = 0.1
LENGTH_LAYERS = 4


class SplitRecipe(Config):
    """How the rows are divided; the same rows and recipe give the same split."""

    validation_share: float = setting(
        TABLE_VALIDATION_SHARE,
        ge=0.0,
        le=0.5,
        label={"en": "Validation share", "ko": "검증 비율 (validation share)"},
        help={
            "en": "Share of the rows kept for validation: 0.2 is usual for tables, 0.1 for chats",
            "ko": "검증용으로 남겨 둘 행의 비율. 표는 0.2, 대화는 0.1이 보통입니다",
        },
    )
    method: Literal["random", "time", "stratified"] = setting(
        "random",
        label={"en": "Method", "ko": "나누는 방법"},
        help={
            "en": "random: by chance; time: the latest part of a chat is for validation; stratified: the same mixture on both sides",
            "ko": "random: 무작위, time: 대화의 마지막 부분을 검증용으로, stratified: 양쪽의 구성이 같도록",
        },
    )
    stratify_by: str = setting(
        "length",
        label={"en": "Mixture of", "ko": "구성 기준"},
        help={
            "en": "For stratified: length, system_prompt, or the name of a field of the rows",
            "ko": "stratified일 때: length(길이), system_prompt(시스템 프롬프트), 또는 행의 필드 이름",
        },
    )
    keep_near_duplicates_together: bool = setting(
        True,
        label={"en": "Near duplicates on one side", "ko": "비슷한 행은 같은 쪽에"},
        help={
            "en": "Rows that are nearly the same are never divided between training and validation",
            "ko": "거의 같은 행이 학습용과 검증용으로 갈라지지 않게 합니다",
        },
    )
    near_duplicate_threshold: float = setting(
        0.8,
        ge=0.5,
        le=1.0,
        advanced=True,
        label={"en": "Similarity", "ko": "유사도 (threshold)"},
        help={
            "en": "Share of common character groups (Jaccard) from which two rows count as nearly the same",
            "ko": "겹치는 글자 묶음의 비율(자카드)이 이 값 이상이면 거의 같은 행으로 봅니다",
        },
    )
    seed: int = setting(
        42,
        ge=0,
        le=2**31 - 1,
        advanced=True,
        label={"en": "Split seed", "ko": "분할 시드 (seed)"},
        help={"en": "The same seed gives the same split", "ko": "같은 시드는 같은 분할을 만듭니다"},
    )


@dataclass(frozen=True)
class Split:
    """Both sides in the order of the file; `moved` rows stand on the other side than without their near duplicates."""

    train: list[Example]
    validation: list[Example]
    moved: int


def split(examples: Sequence[Example], recipe: SplitRecipe) -> Split:
    """Divide the examples; one row at least is trained on, and a group of near duplicates too large for its share too.

    The validation may therefore be smaller than asked, never larger. Raises InputError for no rows, for a split by time of
    rows without a time, and for layers by a field that no row has.
    """
    if not examples:
        raise InputError("cleaning.split_no_rows")
    groups = _groups(examples, recipe)
    if recipe.method == "time":
        plain = _latest(examples, recipe)
        chosen = _whole_groups(plain, groups)
    else:
        layers = _layers(examples, recipe) if recipe.method == "stratified" else [list(range(len(examples)))]
        plain, chosen = _by_chance(layers, groups, recipe)
    return Split(
        train=[example for place, example in enumerate(examples) if place not in chosen],
        validation=[example for place, example in enumerate(examples) if place in chosen],
        moved=len(plain ^ chosen),
    )


def wanted_rows(rows: int, share: float) -> int:
    """Return how many of `rows` are for validation, so that one at least is trained on."""
    return min(round(rows * share), rows - 1)


def _groups(examples: Sequence[Example], recipe: SplitRecipe) -> dict[int, list[int]]:
    """Return for each place in a group of near duplicates all places of that group."""
    if not recipe.keep_near_duplicates_together or not recipe.validation_share:
        return {}
    from mactuner_core.data.cleaning.near import (  # numpy: not for those who only read the recipe
        comparables,
        near_groups,
    )

    found = near_groups(comparables(examples), threshold=recipe.near_duplicate_threshold)
    return {place: group for group in found for place in group}


def _by_chance(layers: list[list[int]], groups: dict[int, list[int]], recipe: SplitRecipe) -> tuple[set[int], set[int]]:
    """Return the places that chance takes for validation from each layer, without and with regard to groups."""
    chance = random.Random(recipe.seed)  # noqa: S311 (a split, no secret)
    reserve = random.Random(recipe.seed + 1) if groups else None  # noqa: S311 (apart, so that groups change no sample)
    plain: set[int] = set()
    chosen: set[int] = set()
    decided: set[int] = set()
    for layer, wanted in zip(layers, _wanted(layers, recipe.validation_share), strict=True):
        sampled = [layer[place] for place in chance.sample(range(len(layer)), wanted)]
        plain.update(sampled)
        before = len(chosen)
        for place in _then_others(sampled, layer, reserve):
            if len(chosen) - before >= wanted:
                break
            group = groups.get(place, [place])
            if group[0] in decided:
                continue
            decided.add(group[0])
            if len(chosen) - before + len(group) <= wanted:
                chosen.update(group)
    return plain, chosen


def _then_others(sampled: list[int], layer: list[int], reserve: random.Random | None) -> list[int]:
    """Return the sampled places and, where groups may leave gaps, the others of the layer in a random order."""
    if reserve is None:
        return sampled
    others = sorted(set(layer) - set(sampled))
    reserve.shuffle(others)
    return sampled + others


def _wanted(layers: list[list[int]], share: float) -> list[int]:
    """Return how many rows each layer gives, by largest remainder, so that their sum is what all rows would give."""
    exact = [len(layer) * share for layer in layers]
    wanted = [int(number) for number in exact]
    missing = wanted_rows(sum(map(len, layers)), share) - sum(wanted)
    by_remainder = sorted(range(len(layers)), key=lambda place: (wanted[place] - exact[place], place))
    for place in by_remainder[: max(0, missing)]:
        wanted[place] += 1
    return wanted


def _latest(examples: Sequence[Example], recipe: SplitRecipe) -> set[int]:
    """Return the places of the latest rows; rows without a time count as earliest."""
    times: list[tuple[datetime, int]] = []
    for place, example in enumerate(examples):
        if isinstance(example, ChatExample) and example.time:
            times.append((example.time, place))
    if not times:
        raise InputError("cleaning.split_no_time")
    wanted = min(wanted_rows(len(examples), recipe.validation_share), len(times))
    return {place for _, place in sorted(times)[len(times) - wanted :]}


def _whole_groups(chosen: set[int], groups: dict[int, list[int]]) -> set[int]:
    """Return the chosen places without those that have a near duplicate among the others: time is not bent."""
    return {place for place in chosen if chosen.issuperset(groups.get(place, ()))}


def _layers(examples: Sequence[Example], recipe: SplitRecipe) -> list[list[int]]:
    """Return the places of the rows of each layer, in the order in which the layers first appear."""
    layers: dict[str, list[int]] = defaultdict(list)
    if recipe.stratify_by == "length":
        lengths = [sum(map(len, texts(example))) for example in examples]
        for rank, place in enumerate(sorted(range(len(examples)), key=lambda place: (lengths[place], place))):
            layers[str(rank * LENGTH_LAYERS // len(examples))].append(place)
        return [sorted(layer) for layer in layers.values()]
    for place, example in enumerate(examples):
        layers[_field(example, recipe.stratify_by)].append(place)
    if recipe.stratify_by != "system_prompt" and not any(recipe.stratify_by in row.other for row in examples):
        known = sorted({name for example in examples for name in example.other})
        raise InputError("cleaning.split_no_field", field=recipe.stratify_by, known=", ".join(known) or "–")
    return list(layers.values())


def _field(example: Example, name: str) -> str:
    if name == "system_prompt":
        return next((message["content"] for message in example.messages if message.get("role") == "system"), "")
    return str(example.other.get(name, ""))
