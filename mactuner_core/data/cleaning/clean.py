"""Runs cleaning steps over examples, in the order given, and says what each of them did.

The same rows and steps give the same result. A step is undone by running the recipe without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from mactuner_core.data.cleaning.editors import Edit, editor
from mactuner_core.data.cleaning.row_filters import CleanContext, filter_rows, left_out
from mactuner_core.data.cleaning.row_steps import RowStep
from mactuner_core.data.cleaning.steps import Step, check_steps
from mactuner_core.data.cleaning.text_steps import TextStep
from mactuner_core.data.row_text import edit_texts, texts
from mactuner_core.data.rows import Example, Rejected

SAMPLES = 5
SAMPLE_CHARACTERS = 300


@dataclass(frozen=True)
class Sample:
    """One text of a row before and after a step; for a row left out, `after` is None and `reason` says why."""

    line: int
    before: str
    after: str | None
    reason: Rejected | None = None


@dataclass
class Effect:
    """What one step did: rows before and after it, rows changed and left out, and the first few of them.

    The samples hold text of the rows as it was before personal data is masked: show them, do not save them.
    """

    step: Step
    before: int
    after: int = 0
    changed: int = 0
    dropped: int = 0
    samples: list[Sample] = field(default_factory=list)

    def as_dict(self) -> dict[str, object]:
        """Return step and counts, without samples, as JSON-ready data for a report."""
        counts = {"before": self.before, "after": self.after, "changed": self.changed, "dropped": self.dropped}
        return {"step": self.step.model_dump(mode="json"), **counts}


@dataclass(frozen=True)
class CleanResult:
    """The examples that stay, the rows left out with the step and the reason, and one effect for each step."""

    examples: list[Example]
    left_out: list[Rejected]
    effects: list[Effect]


def clean(examples: Iterable[Example], steps: Sequence[Step], context: CleanContext | None = None) -> CleanResult:
    """Apply `steps` in their order.

    A row of which a text step leaves nothing (an answer of tags alone) is left out by that step. Raises ConfigError for
    settings that contradict each other, and InputError when `token_length` has no tokenizer to count with.
    """
    check_steps(steps)
    rows = list(examples)
    rejected: list[Rejected] = []
    effects: list[Effect] = []
    for _, same in groupby(steps, key=lambda step: isinstance(step, TextStep)):
        run = list(same)
        if text_steps := [step for step in run if isinstance(step, TextStep)]:
            rows, found = _edit_rows(rows, text_steps, rejected)
            effects += found
        for step in run:
            if not isinstance(step, TextStep):
                rows, effect = _filter_rows(rows, step, context or CleanContext(), rejected)
                effects.append(effect)
    return CleanResult(rows, rejected, effects)


def preview(examples: Iterable[Example], step: Step, context: CleanContext | None = None) -> Effect:
    """Return what `step` would do to the examples: the same numbers and samples as `clean` gives."""
    return clean(examples, [step], context).effects[0]


def _edit_rows(
    rows: list[Example], steps: list[TextStep], rejected: list[Rejected]
) -> tuple[list[Example], list[Effect]]:
    """Do several text steps in one pass; a row is left out by the first step that empties one of its texts."""
    edits = [editor(step) for step in steps]
    effects = [Effect(step, before=0) for step in steps]
    numbered = list(enumerate(edits))
    touched: set[int] = set()
    emptied: set[int] = set()

    def edit(text: str) -> str:
        for number, edit_one in numbered:
            edited = edit_one(text)
            if edited != text:
                touched.add(number)
                if not edited.strip() and text.strip():
                    emptied.add(number)
                text = edited
        return text

    kept: list[Example] = []
    dropped_by: list[list[Rejected]] = [[] for _ in steps]
    for row in rows:
        edited = {text: edit(text) for text in texts(row)}
        if not touched:
            kept.append(row)
            continue
        last = min(emptied, default=len(steps))
        for number in touched:
            if number < last:
                effects[number].changed += 1
                _add_sample(effects[number], row, edits[: number + 1])
        if emptied:
            reason = left_out(row, steps[last].step, "emptied")
            dropped_by[last].append(reason)
            _add_sample(effects[last], row, edits[: last + 1], reason)
            emptied.clear()
        else:
            kept.append(edit_texts(row, edited.__getitem__))
        touched.clear()
    before = len(rows)
    for effect, dropped in zip(effects, dropped_by, strict=True):
        effect.before, effect.dropped, effect.after = before, len(dropped), before - len(dropped)
        before = effect.after
        rejected += dropped
    return kept, effects


def _add_sample(effect: Effect, row: Example, edits: list[Edit], reason: Rejected | None = None) -> None:
    """Add the first text of `row` that the last of `edits` changed (or emptied, with a reason)."""
    if len(effect.samples) >= SAMPLES:
        return
    for text in texts(row):
        for edit in edits[:-1]:
            text = edit(text)
        after = edits[-1](text)
        if after != text and not (reason and after.strip()):
            effect.samples.append(Sample(row.line, *_excerpts(text, after), reason))
            return


def _filter_rows(
    rows: list[Example], step: RowStep, context: CleanContext, rejected: list[Rejected]
) -> tuple[list[Example], Effect]:
    effect = Effect(step, before=len(rows))
    kept: list[Example] = []
    for row, result in zip(rows, filter_rows(rows, step, context), strict=True):
        if isinstance(result, Rejected):
            rejected.append(result)
            effect.dropped += 1
            if len(effect.samples) < SAMPLES:
                effect.samples.append(Sample(row.line, _cut(_whole(row), 0), None, result))
            continue
        kept.append(result)
        if result is not row:
            effect.changed += 1
            if len(effect.samples) < SAMPLES:
                effect.samples.append(Sample(row.line, *_excerpts(_whole(row), _whole(result))))
    effect.after = len(kept)
    return kept, effect


def _whole(row: Example) -> str:
    """Return the texts of a row but its system prompt, one below the other."""
    said = [str(message.get("content") or "") for message in row.messages if message.get("role") != "system"]
    return "\n".join(said or texts(row))


def _excerpts(before: str, after: str) -> tuple[str, str]:
    """Return both texts cut to the surroundings of their first difference."""
    pairs: Iterator[int] = (n for n, (one, other) in enumerate(zip(before, after, strict=False)) if one != other)
    first = next(pairs, min(len(before), len(after)))
    start = max(0, first - SAMPLE_CHARACTERS // 3)
    return _cut(before, start), _cut(after, start)


def _cut(text: str, start: int) -> str:
    end = start + SAMPLE_CHARACTERS
    return ("…" if start else "") + text[start:end] + ("…" if end < len(text) else "")
