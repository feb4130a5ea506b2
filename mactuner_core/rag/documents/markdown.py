"""Markdown by its own grammar (markdown-it): what is code stays code, tables and lists stay as they were typed."""

from __future__ import annotations

import re
from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from mactuner_core.rag.documents.document import Block, Page, make_page

_FRONT = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_TITLE = re.compile(r"^title[ \t]*:[ \t]*(.+)$", re.MULTILINE | re.IGNORECASE)
_EMPHASIS = re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1")
_DEEPEST = 40  # nested lists and quotes


def read_markdown(text: str) -> tuple[str, Page]:
    """Return the title (of the front matter, "" without) and the one page of a Markdown text."""
    front = _FRONT.match(text)
    title = _TITLE.search(front.group(1)) if front else None
    if front:
        text = text[front.end() :]
    grammar = MarkdownIt("commonmark", {"maxNesting": _DEEPEST}).enable("table")
    blocks = list(_blocks(grammar.parse(text), text.split("\n")))
    return (title.group(1).strip().strip("\"'") if title else ""), make_page(1, blocks)


def _blocks(tokens: Sequence[Token], lines: list[str]) -> list[Block]:
    found: list[Block] = []
    place = 0
    while place < len(tokens):
        token = tokens[place]
        end = place if token.nesting == 0 else _closing(tokens, place)
        source = _source(token, lines)
        if token.type == "heading_open":
            found.append(Block("heading", _plain(tokens[place + 1]), int(token.tag[1])))
        elif token.type == "paragraph_open":
            found.append(Block("paragraph", _plain(tokens[place + 1])))
        elif token.type in ("fence", "code_block"):
            found.append(Block("code", source if token.type == "fence" else token.content.rstrip("\n")))
        elif token.type == "table_open":
            found.append(Block("table", source))
        elif token.type in ("bullet_list_open", "ordered_list_open"):
            found.append(Block("list", source if "```" in source else _EMPHASIS.sub(r"\2", source)))
        elif token.type == "blockquote_open":
            found += _blocks(tokens[place + 1 : end], lines)
        elif token.type == "html_block":
            found += _html(token.content)
        place = end + 1
    return [block for block in found if block.text.strip()]


def _html(content: str) -> list[Block]:
    from mactuner_core.rag.documents.html import html_blocks

    return html_blocks(content)


def _closing(tokens: Sequence[Token], place: int) -> int:
    depth = 0
    for number in range(place, len(tokens)):
        depth += tokens[number].nesting
        if depth == 0:
            return number
    return len(tokens) - 1


def _source(token: Token, lines: list[str]) -> str:
    if token.map is None:
        return ""
    return "\n".join(line.rstrip() for line in lines[token.map[0] : token.map[1]]).strip("\n")


def _plain(inline: Token) -> str:
    """Return a line of Markdown as it reads: no marks of emphasis, links by their words, pictures by what they show."""
    parts = []
    for child in inline.children or []:
        if child.type in ("text", "code_inline", "image"):
            parts.append(child.content)
        elif child.type in ("softbreak", "hardbreak"):
            parts.append(" " if child.type == "softbreak" else "\n")
    return "".join(parts).strip()
