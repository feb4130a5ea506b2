"""What two versions of a dataset differ in: rows added, rows removed, and rows that were changed, with both texts.

Saved rows carry no number, so a changed row is recognised by what is left of it: the same letters, the same question, the
same answer, or the same place between two rows that are recognised. What it does not do: follow a row that was moved and
rewritten in both question and answer; it counts as removed and added.
"""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from mactuner_core.data.cleaning.near import comparable
from mactuner_core.data.rows import Example

Row = dict[str, Any]

SAME_PLACE = 0.2  # share of common letter pairs from which a row in the same place counts as the same row, changed


@dataclass(frozen=True)
class Diff:
    """The rows of two versions side by side; `changed` holds (old, new) pairs, `unchanged` their number."""

    added: list[Row]
    removed: list[Row]
    changed: list[tuple[Row, Row]]
    unchanged: int

    def counts(self) -> dict[str, int]:
        """Return how many rows were added, removed, changed and left as they were."""
        numbers = {"added": len(self.added), "removed": len(self.removed), "changed": len(self.changed)}
        return numbers | {"unchanged": self.unchanged}


def diff(old: Sequence[Row], new: Sequence[Row]) -> Diff:
    """Compare the rows of two versions, as they are saved; every list is in the order of its version."""
    partners: dict[int, int] = {}  # position in new → position in old
    free_old, free_new = _match(old, new, range(len(old)), range(len(new)), _content, partners)
    unchanged = len(partners)
    same: set[int] = set(partners)
    for recognise in (_letters, _question, _answer):
        free_old, free_new = _match(old, new, free_old, free_new, recognise, partners)
    _match_places(old, new, set(free_old), free_new, partners)
    matched = set(partners.values())
    return Diff(
        added=[row for place, row in enumerate(new) if place not in partners],
        removed=[row for place, row in enumerate(old) if place not in matched],
        changed=[(old[partners[place]], new[place]) for place in sorted(partners) if place not in same],
        unchanged=unchanged,
    )


def _match(
    old: Sequence[Row],
    new: Sequence[Row],
    places_old: Sequence[int],
    places_new: Sequence[int],
    recognise: Callable[[Row], Hashable],
    partners: dict[int, int],
) -> tuple[list[int], list[int]]:
    """Match places with the same sign, first with first, and return those of both sides that are still free."""
    waiting: dict[Hashable, deque[int]] = defaultdict(deque)
    for place in places_old:
        if (sign := recognise(old[place])) is not None:
            waiting[sign].append(place)
    free_new = []
    for place in places_new:
        sign = recognise(new[place])
        if sign is not None and (queue := waiting.get(sign)):
            partners[place] = queue.popleft()
        else:
            free_new.append(place)
    matched = set(partners.values())
    return [place for place in places_old if place not in matched], free_new


def _match_places(
    old: Sequence[Row], new: Sequence[Row], free_old: set[int], free_new: Sequence[int], partners: dict[int, int]
) -> None:
    """Match free rows that follow a matched pair, or stand first, when they have something in common."""
    for place in free_new:
        if place and place - 1 not in partners:
            continue
        candidate = partners[place - 1] + 1 if place else 0
        if candidate in free_old and _common(old[candidate], new[place]) >= SAME_PLACE:
            partners[place] = candidate
            free_old.remove(candidate)


def _common(old: Row, new: Row) -> float:
    one, other = (_letters_of(row) for row in (old, new))
    pairs = [{text[start : start + 2] for start in range(len(text) - 1)} for text in (one, other)]
    return len(pairs[0] & pairs[1]) / max(1, len(pairs[0] | pairs[1]))


def _content(row: Row) -> bytes:
    return _sign(json.dumps(row, ensure_ascii=True, sort_keys=True, default=str))


def _letters(row: Row) -> bytes | None:
    return _sign(letters) if (letters := _letters_of(row)) else None


def _letters_of(row: Row) -> str:
    other = {name: value for name, value in row.items() if name != "messages"}
    return comparable(Example(0, row.get("messages") or [], other))


def _question(row: Row) -> bytes | None:
    return _said(row, ("user",))


def _answer(row: Row) -> bytes | None:
    return _said(row, ("assistant",))


def _said(row: Row, roles: tuple[str, ...]) -> bytes | None:
    said = [str(message.get("content")) for message in row.get("messages") or [] if message.get("role") in roles]
    return _sign("\x1f".join(said)) if said else None


def _sign(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).digest()
