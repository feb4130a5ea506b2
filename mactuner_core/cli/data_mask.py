"""`mactuner data mask`: personal data out of a text, from a file or standard input to standard output."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from mactuner_core.cli.output import JsonOption, emit_json, say
from mactuner_core.data.privacy.masker import Masker
from mactuner_core.data.privacy.policy import MaskPolicy
from mactuner_core.data.privacy.spans import KINDS
from mactuner_core.data.text_file import read_text_file
from mactuner_core.errors import InputError
from mactuner_core.messages import current_language, text

FileArgument = Annotated[Path | None, typer.Argument(help=text("privacy.mask_file_help"))]
NameOption = Annotated[list[str] | None, typer.Option("--name", help=text("privacy.name_help"))]
FindNamesOption = Annotated[bool, typer.Option("--find-names", help=text("privacy.find_names_help"))]


def add_to(group: typer.Typer) -> None:
    """Add the command to the group `data`."""
    group.command("mask", help=text("privacy.mask_help"))(mask)


def mask(
    file: FileArgument = None,
    name: NameOption = None,
    find_names: FindNamesOption = False,
    json: JsonOption = False,
) -> None:
    content = read_text_file(file).text if file else _standard_input()
    masker = Masker(MaskPolicy(names=name or [], find_other_names=find_names))
    masked = masker.mask(content)
    if json:
        emit_json({"text": masked.text, "spans": [span._asdict() for span in masked.spans]})
        return
    sys.stdout.buffer.write(masked.text.encode("utf-8"))
    sys.stdout.buffer.flush()
    say(_summary(masker.counts))


def _standard_input() -> str:
    content = sys.stdin.buffer.read()
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as problem:
        line = content.count(b"\n", 0, problem.start) + 1
        raise InputError("privacy.not_utf8", line=line, byte=f"0x{content[problem.start]:02x}") from problem


def _summary(counts: dict[str, int]) -> str:
    names = {kind: about.ko if current_language() == "ko" else about.en for kind, about in KINDS.items()}
    found = ", ".join(f"{names[kind]} {count}" for kind, count in counts.items() if count)
    return text("privacy.masked_counts", counts=found) if found else text("privacy.nothing_found")
