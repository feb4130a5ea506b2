"""What of the found passages goes before the model: as much as its window has room for, in numbered sources.

First the hits, best first, then what stands around them, the nearest first. Passages that follow each other become one source.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from mactuner_core.rag.hits import Hit
from mactuner_core.rag.neutral import Marks, one_line

_AROUND_TOKENS = 48  # about what the delimiters of a source take, before all of it is counted
_LEAST_OVERLAP = 8  # signs; less in common is chance


@dataclass(frozen=True)
class Part:
    """A chunk of a source: where it stands in the source's text, and its score when it was found itself."""

    chunk_id: str
    page: int
    last_page: int
    start: int
    end: int
    score: float | None


@dataclass(frozen=True)
class Source:
    """A numbered source as the model sees it; `chunk_id` and `score` are those of its best hit, `text` is the document's own."""

    number: int
    document: str
    document_id: str
    chunk_id: str
    page: int
    last_page: int
    score: float
    headings: tuple[str, ...]
    text: str
    parts: tuple[Part, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return asdict(self)

    def part_at(self, place: int) -> Part:
        """Return the chunk that holds a place of the text."""
        return next((part for part in self.parts if place < part.end), self.parts[-1])


@dataclass(frozen=True)
class Packed:
    """The sources, what the model gets of them, its tokens, and the ids of the hits for which there was no room."""

    sources: list[Source] = field(default_factory=list)
    text: str = ""
    tokens: int = 0
    left_out: list[str] = field(default_factory=list)


def pack(
    hits: Sequence[Hit],
    neighbours: Callable[[str, int], Sequence[Hit]],
    count_tokens: Callable[[str], int],
    room_tokens: int,
    *,
    window: int = 1,
    marks: Marks | None = None,
) -> Packed:
    """Return the sources that `room_tokens` hold; `neighbours(chunk_id, window)` are a chunk and those around it, in order.

    Texts go to the model with their `marks` broken. No source at all although there were hits: not even one has room.
    """
    marks = marks or Marks()
    chosen: list[Hit] = []
    left_out: list[str] = []
    found = {hit.chunk_id for hit in hits}
    used = 0
    for hit in _wanted(hits, neighbours, window):
        cost = count_tokens(marks.broken(hit.text)) + _AROUND_TOKENS
        if used + cost <= room_tokens:
            chosen.append(hit)
            used += cost
        elif hit.chunk_id in found:
            left_out.append(hit.chunk_id)
    while chosen:
        sources = _sources(chosen, found)
        text = "\n\n".join(_shown(source, marks) for source in sources)
        tokens = count_tokens(text)
        if tokens <= room_tokens:
            return Packed(sources, text, tokens, left_out)
        last = chosen.pop()
        if last.chunk_id in found:
            left_out.append(last.chunk_id)
    return Packed(left_out=left_out)


def _wanted(hits: Sequence[Hit], neighbours: Callable[[str, int], Sequence[Hit]], window: int) -> list[Hit]:
    """Return hits and their surroundings in the order in which they get room; each chunk once."""
    found = {hit.chunk_id: hit for hit in hits}
    around: dict[int, list[Hit]] = {distance: [] for distance in range(1, window + 1)}
    for hit in list(found.values()) if window else []:
        for near in neighbours(hit.chunk_id, window):
            if near.chunk_id != hit.chunk_id:
                around[abs(near.number - hit.number)].append(near)
    for near in (one for ring in around.values() for one in ring):
        found.setdefault(near.chunk_id, near)
    return list(found.values())


def _sources(chosen: Sequence[Hit], found: set[str]) -> list[Source]:
    """Return chunks as sources, in the order of their best hits; chunks that follow each other are one."""
    rank = {hit.chunk_id: place for place, hit in enumerate(chosen)}
    runs: list[list[Hit]] = []
    for hit in sorted(chosen, key=lambda one: (one.document_id, one.number)):
        last = runs[-1][-1] if runs else None
        if last and last.document_id == hit.document_id and last.number + 1 == hit.number:
            runs[-1].append(hit)
        else:
            runs.append([hit])
    runs.sort(key=lambda run: min(rank[hit.chunk_id] for hit in run))
    return [_source(number, run, rank, found) for number, run in enumerate(runs, start=1)]


def _source(number: int, run: Sequence[Hit], rank: dict[str, int], found: set[str]) -> Source:
    best = min(run, key=lambda hit: rank[hit.chunk_id])
    text, parts = "", []
    for hit in run:
        repeated = _overlap(text, hit.text)
        new = hit.text[repeated:]
        joint = "\n\n" if text and not repeated else ""
        start = len(text) + len(joint)
        text += joint + new
        parts.append(
            Part(hit.chunk_id, hit.page, hit.last_page, start, len(text), hit.score if hit.chunk_id in found else None)
        )
    return Source(
        number,
        best.document,
        best.document_id,
        best.chunk_id,
        min(hit.page for hit in run),
        max(hit.last_page for hit in run),
        best.score,
        run[0].headings,
        text,
        tuple(parts),
    )


def _overlap(before: str, after: str) -> int:
    """Return how many signs at the beginning of `after` are the end of `before`: chunks repeat each other's last sentences."""
    for length in range(min(len(before), len(after)), _LEAST_OVERLAP - 1, -1):
        if before.endswith(after[:length]):
            return length
    return 0


def _shown(source: Source, marks: Marks) -> str:
    """Return a source as the model gets it."""
    pages = str(source.page) if source.page == source.last_page else f"{source.page}-{source.last_page}"
    head = f'number="{source.number}" document="{marks.broken(one_line(source.document))}" page="{pages}"'
    if source.headings:
        head += f' section="{marks.broken(one_line(" › ".join(source.headings)))}"'
    return f"<source {head}>\n{marks.broken(source.text)}\n</source>"
