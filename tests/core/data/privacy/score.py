"""Precision and recall of the finder for each kind on the labelled sentences, both splits.

    python -m tests.core.data.privacy.score [--split dev|held_out] [--wrong]

A find is right when kind, start and end are the labelled ones. `--wrong` prints what is wrong; use it with `--split dev`
while changing the finder, so that the held-out third stays unseen.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mactuner_core.data.privacy.finder import find
from mactuner_core.data.privacy.spans import KINDS, Span

LABELLED = Path(__file__).with_name("labelled.jsonl")


@dataclass
class Score:
    """Counts of one kind; `wrong` holds a line for each find too much or missing."""

    right: int = 0
    extra: int = 0
    missed: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.extra) if self.right + self.extra else 1.0

    @property
    def recall(self) -> float:
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0


def sentences(split: str | None = None) -> list[dict[str, Any]]:
    """Return the labelled sentences of a split, or all."""
    rows = [json.loads(line) for line in LABELLED.read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if split in (None, row["split"])]


def score(split: str) -> dict[str, Score]:
    """Return the score of every kind on one split."""
    scores = {kind: Score() for kind in KINDS}
    for row in sentences(split):
        text = row["text"]
        wanted = {Span(*span) for span in row["spans"]}
        found = set(find(text, row.get("names", ())))
        for kind, start, end in wanted | found:
            one, span = scores[kind], Span(kind, start, end)
            if span in wanted and span in found:
                one.right += 1
            elif span in found:
                one.extra += 1
                one.wrong.append(f"too much  {kind} “{text[start:end]}” in “{text}”")
            else:
                one.missed += 1
                one.wrong.append(f"missing   {kind} “{text[start:end]}” in “{text}”")
    return scores


def table() -> str:
    """Return both splits side by side, one line a kind."""
    columns = f"{'labelled':>9} {'precision':>9} {'recall':>7}"
    lines = [f"{'':18}{'dev':>27}{'held out':>27}", f"{'kind':18}{columns}{columns}"]
    splits = [score("dev"), score("held_out")]
    for kind in KINDS:
        cells = [
            f"{one.right + one.missed:>9} {one.precision:>9.3f} {one.recall:>7.3f}" for one in (s[kind] for s in splits)
        ]
        lines.append(f"{kind:18}{''.join(cells)}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--split", choices=("dev", "held_out"))
    parser.add_argument("--wrong", action="store_true")
    asked = parser.parse_args()
    if asked.wrong:
        for split in [asked.split] if asked.split else ["dev", "held_out"]:
            print("\n".join(line for one in score(split).values() for line in one.wrong))
    else:
        print(table())


if __name__ == "__main__":
    main()
