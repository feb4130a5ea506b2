"""Cutting a document into chunks for search: at its structure, between sentences, never inside a row of a table.

A heading begins a new chunk, unless the one before would stay very small. Tables and code stay whole up to `WHOLE_TOKENS` and are
cut between rows or lines above. A sentence is cut only when it alone is longer than a chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from mactuner_core.rag.config import RagConfig
from mactuner_core.rag.documents import Block, Document
from mactuner_core.rag.sentences import pieces, sentences

CountTokens = Callable[[Sequence[str]], list[int]]

WHOLE_TOKENS = 2048  # the largest chunk there can be; a larger table would fit into no answer
SMALL_SHARE = 4  # a section below a quarter of a chunk is joined with what follows
HEADING_SHARE = 4  # the path of headings takes a quarter of a chunk at most


@dataclass(frozen=True)
class Chunk:
    """A piece of a document: `number` from 0 in reading order, `headings` the path from the outermost to its own.

    `tokens` counts `embedded_text`; `kind` is that of its blocks, "mixed" when they differ. `cut` tells that a sentence, table or
    piece of code had to be cut to make it.
    """

    number: int
    text: str
    headings: tuple[str, ...]
    page: int
    last_page: int
    tokens: int
    kind: str
    cut: bool = False


@dataclass(frozen=True)
class _Unit:
    """What is never cut further: a sentence, a whole short block, a table, some rows of one."""

    text: str
    kind: str
    page: int
    path: tuple[str, ...]
    tokens: int
    block: int  # units of one block are joined with a space, others with an empty line
    cut: bool = False


@dataclass
class _Open:
    """The chunk being filled."""

    units: list[_Unit] = field(default_factory=list)
    repeated: int = 0  # so many units at its beginning stood at the end of the one before
    tokens: int = 0


def embedded_text(chunk: Chunk) -> str:
    """Return what the embedding model and the word index get: the path of headings, and the text."""
    return with_headings(chunk.headings, chunk.text)


def with_headings(headings: Sequence[str], text: str) -> str:
    """Return a text below its path of headings."""
    return "\n".join([" > ".join(headings), text]) if headings else text


def chunk(document: Document, count_tokens: CountTokens, config: RagConfig) -> list[Chunk]:
    """Return the chunks of a document; `count_tokens` are the tokens of each text with the embedding model's own marks."""
    cutter = _Cutter(count_tokens, config)
    drafts = [draft for group in _sections(cutter.units(document), config) for draft in cutter.fill(group)]
    counts = count_tokens([embedded_text(draft) for draft in drafts]) if drafts else []
    return [
        replace(draft, number=number, tokens=tokens)
        for number, (draft, tokens) in enumerate(zip(drafts, counts, strict=True))
    ]


class _Cutter:
    def __init__(self, count_tokens: CountTokens, config: RagConfig) -> None:
        self._count = count_tokens
        self._marks = count_tokens([""])[0]  # the model's own, at both ends
        self._limit = config.chunk_tokens - self._marks
        self._overlap = config.overlap_tokens

    def units(self, document: Document) -> Iterator[_Unit]:
        """Give the units of all blocks in reading order; a heading without anything under it becomes a paragraph."""
        blocks = [block for block in document.blocks if block.text.strip()]
        counts = self._sizes([block.text for block in blocks])
        path: list[tuple[int, str]] = []
        for number, (block, tokens) in enumerate(zip(blocks, counts, strict=True)):
            if block.kind == "heading":
                path = [*((level, text) for level, text in path if level < block.level), (block.level, _line(block))]
                following = blocks[number + 1] if number + 1 < len(blocks) else None
                if following and (following.kind != "heading" or following.level > block.level):
                    continue
                path_above = path[:-1]
            else:
                path_above = path
            headings = self._bounded(tuple(text for _, text in path_above))
            yield from self._of_block(block, number, headings, tokens)

    def _bounded(self, headings: tuple[str, ...]) -> tuple[str, ...]:
        """Leave out outer headings, and then an endless inner one's end, until the path leaves room for text."""
        room = self._limit // HEADING_SHARE
        while headings and self._size(" > ".join(headings)) > room:
            headings = headings[1:] if len(headings) > 1 else (headings[0][: len(headings[0]) // 2].strip(),)
        return headings if any(headings) else ()

    def _of_block(self, block: Block, number: int, path: tuple[str, ...], tokens: int) -> Iterator[_Unit]:
        room = self._room(path)
        whole = block.kind in ("table", "code")
        if tokens <= (max(room, WHOLE_TOKENS - self._limit + room) if whole else room):
            yield _Unit(block.text.strip("\n"), block.kind, block.page, path, tokens, number)
            return
        if whole:
            parts = _rows(block, lambda text: self._size(text) <= room)
            sizes = self._sizes(parts)
            yield from (
                _Unit(part, block.kind, block.page, path, size, number, True)
                for part, size in zip(parts, sizes, strict=True)
            )
            return
        yield from self._sentences(block, number, path)

    def _sentences(self, block: Block, number: int, path: tuple[str, ...]) -> Iterator[_Unit]:
        room = self._room(path)
        texts = block.text.split("\n") if block.kind == "list" else sentences(block.text)
        texts = [text for text in texts if text.strip()]
        for text, size in zip(texts, self._sizes(texts), strict=True):
            if size <= room:
                yield _Unit(text, block.kind, block.page, path, size, number)
                continue
            parts = pieces(text, lambda part: self._size(part) <= room)
            for part, part_size in zip(parts, self._sizes(parts), strict=True):
                yield _Unit(part, block.kind, block.page, path, part_size, number, True)

    def fill(self, units: list[_Unit]) -> Iterator[Chunk]:
        """Put the units of one section into chunks as full as they get, each beginning with the end of the one before."""
        common = _common([unit.path for unit in units])
        room = self._room(common)
        open_ = _Open()
        for unit in units:
            cost = unit.tokens + 1 + self._extra_headings(open_, unit, common)
            if len(open_.units) > open_.repeated and open_.tokens + cost > room:
                yield _finish(open_, common)
                open_ = self._next(open_, room - cost)
            elif open_.units and open_.tokens + cost > room:
                open_ = _Open()  # what is repeated leaves no room for anything new
            open_.units.append(unit)
            open_.tokens += cost
        if len(open_.units) > open_.repeated:
            yield _finish(open_, common)

    def _next(self, last: _Open, room: int) -> _Open:
        """Return a chunk that begins with the last whole sentences of `last`, as many as the overlap and `room` hold."""
        if not self._overlap:
            return _Open()
        units = [piece for unit in last.units[-3:] for piece in self._smaller(unit)]
        kept: list[_Unit] = []
        tokens = 0
        for unit in reversed(units):
            if unit.kind in ("table", "code") or tokens + unit.tokens + 1 > min(self._overlap, room):
                break
            kept.insert(0, unit)
            tokens += unit.tokens + 1
        return _Open(kept, len(kept), tokens)

    def _smaller(self, unit: _Unit) -> list[_Unit]:
        """Return the sentences of a whole block that is too long to be repeated as it is."""
        if unit.tokens <= self._overlap or unit.kind in ("table", "code"):
            return [unit]
        texts = unit.text.split("\n") if unit.kind == "list" else sentences(unit.text)
        return [
            replace(unit, text=text, tokens=size) for text, size in zip(texts, self._sizes(texts), strict=True) if text
        ]

    def _extra_headings(self, open_: _Open, unit: _Unit, common: tuple[str, ...]) -> int:
        before = open_.units[-1].path if open_.units else common
        if unit.path == before:
            return 0
        return self._size("\n".join(unit.path[len(common) :])) + 1

    def _room(self, path: tuple[str, ...]) -> int:
        return self._limit - (self._size(" > ".join(path)) + 1 if path else 0)

    def _size(self, text: str) -> int:
        return self._sizes([text])[0]

    def _sizes(self, texts: Sequence[str]) -> list[int]:
        return [tokens - self._marks for tokens in self._count(texts)] if texts else []


def _sections(units: Iterator[_Unit], config: RagConfig) -> Iterator[list[_Unit]]:
    """Group units by their path of headings; a group that is very small takes the next one in when both share a heading."""
    group: list[_Unit] = []
    tokens = 0
    for unit in units:
        new = bool(group) and unit.path != group[-1].path
        related = bool(group) and (not unit.path or not group[0].path or unit.path[:1] == group[0].path[:1])
        if new and (tokens * SMALL_SHARE >= config.chunk_tokens or not related):
            yield group
            group, tokens = [], 0
        group.append(unit)
        tokens += unit.tokens
    if group:
        yield group


def _finish(open_: _Open, common: tuple[str, ...]) -> Chunk:
    parts: list[str] = []
    last: _Unit | None = None
    for unit in open_.units:
        inner = unit.path[len(common) :]
        if inner and (last is None or last.path != unit.path):
            parts.append("\n".join(inner))
            last = None
        if last is not None and last.block == unit.block:
            parts[-1] += ("\n" if unit.kind in ("list", "code", "table") else " ") + unit.text
        else:
            parts.append(unit.text)
        last = unit
    kinds = {unit.kind for unit in open_.units}
    return Chunk(
        number=0,
        text="\n\n".join(parts),
        headings=common,
        page=open_.units[0].page,
        last_page=max(unit.page for unit in open_.units),
        tokens=0,
        kind=kinds.pop() if len(kinds) == 1 else "mixed",
        cut=any(unit.cut for unit in open_.units),
    )


def _rows(block: Block, fits: Callable[[str], bool]) -> list[str]:
    """Cut a table between rows, its head repeated, or code between lines; a longer row or line stays as it is."""
    lines = block.text.strip("\n").split("\n")
    is_table = block.kind == "table" and len(lines) > 2 and set(lines[1]) <= set("|-: ")
    head, body = ("\n".join(lines[:2]) + "\n", lines[2:]) if is_table else ("", lines)
    parts: list[str] = []
    for line in body:
        if parts and fits(f"{parts[-1]}\n{line}"):
            parts[-1] += f"\n{line}"
        else:
            parts.append(head + line)
    return parts


def _common(paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    shortest = min(paths, key=len)
    for depth, heading in enumerate(shortest):
        if any(path[depth] != heading for path in paths):
            return shortest[:depth]
    return shortest


def _line(block: Block) -> str:
    return " ".join(block.text.split())
