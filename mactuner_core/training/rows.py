"""From the rows of a dataset to tokens and labels, with an account of what was cut and what was left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mactuner_core.errors import InputError, SettingProblem
from mactuner_core.training.loss_mask import Example, RowProblemError, build_examples

Messages = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class LeftOut:
    """A row that is not trained on: its number from 1 and the reason."""

    row: int
    problem: SettingProblem

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON-ready data."""
        values = {key: str(value) for key, value in self.problem.values.items()}
        return {"row": self.row, "reason": self.problem.code, "values": values}


@dataclass
class Prepared:
    """What became of a list of rows: an `Example` or, for DPO, a `Pair` each; lengths are in tokens."""

    examples: list[Any] = field(default_factory=list)
    rows_used: int = 0
    rows_cut: int = 0
    left_out: list[LeftOut] = field(default_factory=list)


def prepare_rows(
    tokenizer: Any, rows: Sequence[Messages], max_length: int, on_row: Callable[[int], None] | None = None
) -> Prepared:
    """Tokenise `rows` and cut them at `max_length` tokens; `on_row` hears how many are done.

    Raises InputError when the template drops a system prompt: what the model learns would not be what the data says.
    """
    prepared = Prepared()
    for number, messages in enumerate(rows, start=1):
        try:
            _add(prepared, build_examples(tokenizer, messages), max_length)
        except RowProblemError as problem:
            prepared.left_out.append(LeftOut(number, problem.problem))
        if on_row:
            on_row(number)
    refuse_dropped_system(prepared)
    return prepared


def refuse_dropped_system(prepared: Prepared) -> None:
    """Raise InputError when the template dropped the system prompt of a row."""
    dropped = [left.row for left in prepared.left_out if left.problem.code == "training.system_dropped"]
    if dropped:
        raise InputError("training.template_drops_system", rows=len(dropped), first=dropped[0])


def check_not_empty(prepared: Prepared) -> None:
    """Raise InputError with the first reason when no row is left to train on."""
    if prepared.examples:
        return
    if not prepared.left_out:
        raise InputError("training.no_rows")
    first = prepared.left_out[0]
    raise InputError(
        "training.all_rows_left_out", rows=len(prepared.left_out), first=first.row, reason=first.problem.text()
    )


def _add(prepared: Prepared, examples: list[Example], max_length: int) -> None:
    cut = [Example(e.input_ids[:max_length], e.labels[:max_length]) for e in examples]
    usable = [example for example in cut if example.learned]
    if not usable:
        longest = max(len(example.input_ids) for example in examples)
        raise RowProblemError("training.row_too_long", tokens=longest, max_length=max_length)
    prepared.examples += usable
    prepared.rows_used += 1
    prepared.rows_cut += any(len(example.input_ids) > max_length for example in examples)
