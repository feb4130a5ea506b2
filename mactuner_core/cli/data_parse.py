"""`mactuner data parse`: a chat export as JSON lines, or as a listing to read."""

from __future__ import annotations

import json as json_format
import sys
from collections.abc import Iterator
from pathlib import Path

import typer

from mactuner_core.cli.output import JsonOption, say
from mactuner_core.data.kakaotalk.chat import Chat, ChatMessage
from mactuner_core.data.kakaotalk.parse import parse
from mactuner_core.data.kakaotalk.summary import inspect_chat, problems_of
from mactuner_core.data.text_file import read_text_file
from mactuner_core.format import human_count
from mactuner_core.messages import text

__all__ = ["add_to", "inspect_chat", "parse_chat"]

SHOWN_PROBLEMS = 20
WRITTEN_AT_ONCE = 1000


def add_to(group: typer.Typer) -> None:
    """Add the command `parse` to the group of data commands."""
    group.command("parse", help=text("kakaotalk.parse_help"))(parse_chat)


def parse_chat(file: Path, json: JsonOption = False) -> None:
    """Write the messages of an export to stdout; what was odd in it goes to stderr."""
    chat = parse(read_text_file(file))
    say(_headline(chat))
    for problem in problems_of(chat)[:SHOWN_PROBLEMS]:
        say(text("cli.rejected_row", line=problem.line, reason=problem.text()))
    _write(_json_lines(chat) if json else _listing(chat))


def _headline(chat: Chat) -> str:
    speakers = ", ".join(f"{speaker} {human_count(count)}" for speaker, count in list(chat.speakers.items())[:10])
    layout = text(f"kakaotalk.layout_{chat.layout.name}")
    title = chat.title or chat.path.name
    return text("kakaotalk.found", layout=layout, title=title, messages=len(chat.messages), speakers=speakers)


def _json_lines(chat: Chat) -> Iterator[str]:
    encode = json_format.JSONEncoder(ensure_ascii=False).encode
    for message in chat.messages:
        time = message.time
        row = {
            "time": time and time.isoformat(),
            "sender": message.sender,
            "kind": message.kind,
            "text": message.text,
            "line": message.line,
        }
        yield encode(row) + "\n"


def _listing(chat: Chat) -> Iterator[str]:
    day: str | None = None
    for message in chat.messages:
        date, clock = _when(message)
        if date != day:
            day = date
            yield f"\n{date}\n"
        kind = "" if message.kind in ("text", "system") else f" [{text(f'kakaotalk.kind_{message.kind}')}]"
        body = message.text.replace("\n", "\n        ")
        yield f"  {clock}  {message.sender}{kind}: {body}\n" if message.sender else f"  {clock}  — {body}\n"


def _when(message: ChatMessage) -> tuple[str, str]:
    time = message.time
    return (f"{time:%Y-%m-%d}", f"{time:%H:%M}") if time else (text("kakaotalk.day_unknown"), "--:--")


def _write(lines: Iterator[str]) -> None:
    block: list[str] = []
    for line in lines:
        block.append(line)
        if len(block) == WRITTEN_AT_ONCE:
            sys.stdout.write("".join(block))
            block.clear()
    sys.stdout.write("".join(block))
    sys.stdout.flush()
