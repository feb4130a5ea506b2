"""From a recognised file to finished rows: read or pair, clean, mask, look once more that nothing personal is left, check.

Masking comes after cleaning, so that a number written with full-width digits is found too.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mactuner_core.data.cleaning.clean import Effect, clean
from mactuner_core.data.cleaning.row_filters import CleanContext
from mactuner_core.data.kakaotalk.pairs import make_pairs
from mactuner_core.data.masking import Row, mask_rows
from mactuner_core.data.privacy import Masker, MaskPolicy
from mactuner_core.data.reading import Reading, read_rows
from mactuner_core.data.recipe import Recipe
from mactuner_core.data.rows import Example, Rejected
from mactuner_core.data.rules.keep import keep_passing
from mactuner_core.errors import InputError

Note = Callable[[str, int], None]  # a stage (message key) and the rows done in it
NOTE_EVERY_ROWS = 2000
MOST_WORKERS = 4  # one process feeds them all and is the slower part of the work; each needs memory of its own


@dataclass
class Finished:
    """The rows of a recipe applied to a file: `left_out` holds the first of each reason, `reasons` counts all of them."""

    examples: list[Example] = field(default_factory=list)
    left_out: list[Rejected] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    effects: list[Effect] = field(default_factory=list)
    masker: Masker | None = None
    personal_data_left: int = 0
    rules_broken: Counter[str] = field(default_factory=Counter)  # rows that break each rule, by its name

    @property
    def left_out_count(self) -> int:
        """All rows left out."""
        return sum(self.reasons.values())


def run(
    reading: Reading,
    recipe: Recipe,
    *,
    tokenizer_path: Path | None = None,
    on_left_out: Callable[[Rejected], None] | None = None,
    note: Note | None = None,
    keep_left_out: int = 1000,
) -> Finished:
    """Apply `recipe` to the file; `on_left_out` sees every row that is left out, in order of the stages.

    Raises InputError when a chat export has no `kakaotalk.me`, or as the stages do.
    """
    finished = Finished()

    def leave_out(row: Rejected) -> None:
        finished.reasons[row.code] += 1
        if len(finished.left_out) < keep_left_out:
            finished.left_out.append(row)
        if on_left_out:
            on_left_out(row)

    def usable(rows: Iterator[Row], stage: str) -> Iterator[Example]:
        for number, row in enumerate(rows):
            if note and stage and number % NOTE_EVERY_ROWS == 0:
                note(stage, number)
            if isinstance(row, Example):
                yield row
            else:
                leave_out(row)

    at_once = recipe.privacy and not recipe.clean  # each row is masked as soon as it is read: one stage to report
    examples = usable(source_rows(reading, recipe), "data.stage_masking" if at_once else "data.stage_reading")
    if recipe.clean:
        result = clean(examples, recipe.clean, CleanContext(tokenizer_path=tokenizer_path))
        finished.effects = result.effects
        for row in result.left_out:
            leave_out(row)
        examples = iter(result.examples)
    if recipe.privacy:
        finished.masker = Masker(policy_for(reading, recipe.privacy))

        def count_left(found: int) -> None:
            finished.personal_data_left += found

        masked = mask_rows(
            examples, finished.masker, workers=min(MOST_WORKERS, os.cpu_count() or 1), on_left=count_left
        )
        finished.examples = list(usable(masked, "" if at_once else "data.stage_masking"))
    else:
        finished.examples = list(examples)
    if recipe.rules:
        passing = keep_passing(finished.examples, recipe.rules, tokenizer_path, finished.rules_broken)
        finished.examples = list(usable(passing, "data.stage_rules"))
    return finished


def source_rows(reading: Reading, recipe: Recipe) -> Iterator[Row]:
    """Yield the rows of the file as read: the pairs of a chat export, or the rows of any other file."""
    if reading.chat is None:
        return read_rows(reading, recipe.read)
    if recipe.kakaotalk is None:
        speakers = ", ".join(list(reading.chat.speakers)[:10])
        raise InputError("data.who_is_me", path=reading.path, speakers=speakers)
    return iter(make_pairs(reading.chat, recipe.kakaotalk))


def policy_for(reading: Reading, policy: MaskPolicy) -> MaskPolicy:
    """Return `policy` with the people who take part in the chat added to its names.

    Raises InputError when the recipe was saved without names that had been typed in, and they were not given again.
    """
    speakers = list(reading.chat.speakers) if reading.chat else []
    given = len(set(policy.names) - set(speakers))
    if given < policy.names_left_out:
        raise InputError("privacy.names_missing", given=given, count=policy.names_left_out)
    return policy.model_copy(update={"names": list(dict.fromkeys([*policy.names, *speakers]))})
