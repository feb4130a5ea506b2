"""`Masker`: masks texts by a policy, counts what it did, keeps a sample for a person's eye, and scans the result again.

`scan` is without state and may run in many processes (a Masker can be pickled); `apply` gives the pseudonyms, and belongs
to one process, so that the same person stays the same. `mask` and `mask_many` do both.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mactuner_core.data.privacy.finder import find_with
from mactuner_core.data.privacy.names import people
from mactuner_core.data.privacy.policy import MaskPolicy
from mactuner_core.data.privacy.pseudonyms import Pseudonyms, is_invented_name, without_pseudonyms
from mactuner_core.data.privacy.spans import KINDS, Span

SAMPLE_PER_KIND = 20
CONTEXT_CHARACTERS = 20


class Masked(NamedTuple):
    """A masked text; `spans` are offsets into the text that was given, `dropped` says that the row is to be left out."""

    text: str
    spans: list[Span]
    dropped: bool


@dataclass(frozen=True)
class Finding:
    """One find with its surroundings, to be looked at by a person. It holds personal data: never log or save it."""

    kind: str
    found: str = field(repr=False)
    replacement: str = field(repr=False)
    before: str = field(repr=False)
    after: str = field(repr=False)


class Left(NamedTuple):
    """Personal data that a second scan found: in which row (from 0), and where in the text at `path` in that row."""

    row: int
    path: str
    span: Span


class Masker:
    """Masks texts by `policy`; one Masker serves one dataset."""

    def __init__(self, policy: MaskPolicy | None = None, seed: int = 42) -> None:
        self.policy = policy or MaskPolicy()
        self.counts: dict[str, int] = dict.fromkeys(KINDS, 0)
        self.dropped_rows = 0
        self._known = people(tuple(self.policy.names)) if self.policy.names else None
        self._actions: dict[str, str] = {kind: self.policy.action(kind) for kind in KINDS}
        self._pseudonyms = Pseudonyms(self._known)
        self._samples: dict[str, list[Finding]] = {kind: [] for kind in KINDS}
        self._random = random.Random(seed)  # noqa: S311 (which finds to show)
        self._others: Any = None

    def find(self, text: str) -> list[Span]:
        """Return what the policy wants masked in `text`."""
        spans = find_with(text, self._known, self._other_names(text) if self.policy.find_other_names else ())
        return [span for span in spans if self._actions[span.kind] != "keep"] if spans else spans

    def scan(self, texts: Sequence[str]) -> dict[int, list[Span]]:
        """Return the finds of the texts that have any, by index; changes nothing, so other processes may do it."""
        return {index: spans for index, text in enumerate(texts) if (spans := self.find(text))}

    def apply(self, text: str, spans: list[Span]) -> Masked:
        """Return `text` with `spans` (from `find` or `scan`) replaced, and count them."""
        if not spans:
            return Masked(text, spans, False)
        pieces: list[str] = []
        position, dropped = 0, False
        for span in spans:
            replacement = self._replacement(span.kind, text[span.start : span.end])
            dropped = dropped or self._actions[span.kind] == "drop"
            self._note(text, span, replacement)
            pieces += (text[position : span.start], replacement)
            position = span.end
        pieces.append(text[position:])
        self.dropped_rows += dropped
        return Masked("".join(pieces), spans, dropped)

    def mask(self, text: str) -> Masked:
        """Return `text` masked."""
        return self.apply(text, self.find(text))

    def mask_many(self, texts: Iterable[str]) -> list[Masked]:
        """Return every text masked, in order."""
        find, apply = self.find, self.apply
        return [apply(text, spans) if (spans := find(text)) else Masked(text, spans, False) for text in texts]

    def sample(self) -> dict[str, list[Finding]]:
        """Return up to SAMPLE_PER_KIND finds of each kind, drawn evenly from all: for the screen only."""
        return {kind: list(findings) for kind, findings in self._samples.items() if findings}

    def report(self) -> dict[str, Any]:
        """Return counts only, fit for a file: `counts` per kind, `dropped_rows`, and the actions."""
        counts = {kind: count for kind, count in self.counts.items() if count}
        return {
            "counts": counts,
            "dropped_rows": self.dropped_rows,
            "actions": {kind: self._actions[kind] for kind in counts},
        }

    def rescan(self, rows: Iterable[object]) -> list[Left]:
        """Return the personal data left in finished rows (texts, or anything of lists and mappings that holds texts).

        Tags and pseudonyms are clean, kinds that the policy keeps are not looked for. A masked dataset gives an empty list.
        """
        left = []
        for row, value in enumerate(rows):
            for path, text in _texts(value, ""):
                left += [Left(row, path, span) for span in self._left_in(without_pseudonyms(text))]
        return left

    def _left_in(self, cleaned: str) -> list[Span]:
        spans = self.find(cleaned)
        return [span for span in spans if span.kind != "name" or not is_invented_name(cleaned[span.start : span.end])]

    def _replacement(self, kind: str, value: str) -> str:
        return self._pseudonyms.replace(kind, value) if self._actions[kind] == "pseudonym" else KINDS[kind].tag

    def _note(self, text: str, span: Span, replacement: str) -> None:
        """Count a find, and keep it with the chance that gives each find of its kind the same one."""
        kind, start, end = span
        self.counts[kind] += 1
        findings = self._samples[kind]
        place = len(findings) if len(findings) < SAMPLE_PER_KIND else self._random.randrange(self.counts[kind])
        if place >= SAMPLE_PER_KIND:
            return
        before, after = text[max(0, start - CONTEXT_CHARACTERS) : start], text[end : end + CONTEXT_CHARACTERS]
        findings[place : place + 1] = [Finding(kind, text[start:end], replacement, before, after)]

    def _other_names(self, text: str) -> list[Span]:
        if self._others is None:
            from mactuner_core.data.privacy.other_names import OtherNames

            self._others = OtherNames()
        found: list[Span] = self._others.find(text)
        return found

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_others": None}  # the analyser is loaded again where it is needed


def _texts(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, Sequence):
        for index, item in enumerate(value):
            yield from _texts(item, f"{path}[{index}]")
