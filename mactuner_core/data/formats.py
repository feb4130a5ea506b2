"""Copies of a dataset version for other programs: JSONL, Parquet, Alpaca, ShareGPT, a folder for Hugging Face `datasets`.

A row that a format cannot hold is left out with the reason, never bent to fit. Alpaca and ShareGPT files are one JSON list, or
JSON lines when the name ends in .jsonl. The version itself is not changed.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from mactuner_core.catalog.tables import DatasetVersion
from mactuner_core.data.dataset import saved_rows
from mactuner_core.data.parquet_file import Layout, Note, layout_of, write_parquet
from mactuner_core.data.rows import Example, Rejected
from mactuner_core.errors import InputError
from mactuner_core.messages import text
from mactuner_core.workspace import disk_full_is_clear

Format = Literal["jsonl", "parquet", "alpaca", "sharegpt", "hf"]
Split = Literal["train", "validation", "all"]
FORMATS: tuple[Format, ...] = get_args(Format)
SPLITS: tuple[Split, ...] = get_args(Split)
ENDINGS = {"jsonl": ".jsonl", "parquet": ".parquet", "alpaca": ".json", "sharegpt": ".json"}
SHAREGPT_NAMES = {"system": "system", "user": "human", "assistant": "gpt", "tool": "tool"}
ALPACA_FIELDS = ("instruction", "input", "output", "system", "history")

Row = dict[str, Any]


class Unfit(Exception):
    """A row has no place in a format: `code` names the sentence, `values` fill it."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.values = values


@dataclass
class Exported:
    """What was written: the rows of each split, the rows that did not fit with their reasons, and what changed its form."""

    format: Format
    path: Path
    files: list[Path] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, list[Rejected]] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)


def export_dataset(version: DatasetVersion, split: Split, format: Format, path: Path) -> Exported:
    """Write a copy of `version` to `path`: a file, or a folder with a file for each split for "all" and for "hf".

    Raises InputError when `path` exists, when the version is gone or damaged, or when no row fits the format.
    """
    if format not in FORMATS:
        raise InputError("formats.unknown", format=format, allowed=", ".join(FORMATS))
    if path.exists():
        raise InputError("formats.exists", path=path)
    done = Exported(format, path)
    splits = ("train", "validation") if split == "all" else (split,)
    temporary = path.with_name(f".new-{path.name}")
    try:
        with disk_full_is_clear(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            layout = _layout(done, version, splits)
            if split == "all" or format == "hf":
                _write_folder(done, version, layout, temporary)
            else:
                _write_file(done, version, split, layout, temporary)
                done.files.append(path)
            _check_any(done, version)
            temporary.rename(path)
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        temporary.unlink(missing_ok=True)
    return done


def default_path(version: DatasetVersion, split: Split, format: Format) -> Path:
    """Return the name an export gets when the person names none: a folder or file in the current folder."""
    name = f"{version.name}-v{version.number}-{format}"
    return Path(name if split == "all" else f"{name}-{split}{ENDINGS.get(format, '')}")


def as_alpaca(example: Example) -> Row:
    """Return instruction, input and output, with `system` and `history` where there are any; raises Unfit.

    The last question is the instruction, unless the row remembers the instruction that was put before it (chat exports
    do): then the question itself is the input. Further fields of the row are kept.
    """
    messages = _plain_messages(example)
    system = messages[0]["content"] if messages[0]["role"] == "system" else ""
    turns = messages[1:] if system else messages
    roles = [message["role"] for message in turns]
    if not roles or roles != ["user", "assistant"] * (len(roles) // 2):
        raise Unfit("formats.not_alternating", roles=" ".join(message["role"] for message in messages)[:200])
    said = [message["content"] for message in turns]
    instruction, given = said[-2], ""
    remembered = str(example.other.get("instruction") or "")
    if remembered and instruction.startswith(f"{remembered}\n"):
        instruction, given = remembered, instruction.removeprefix(f"{remembered}\n")
    row: Row = {"instruction": instruction, "input": given, "output": said[-1]}
    if system:
        row["system"] = system
    if said[:-2]:
        row["history"] = [list(pair) for pair in zip(said[:-2:2], said[1:-2:2], strict=True)]
    return row | _further(example, ALPACA_FIELDS, but=("instruction",))


def as_sharegpt(example: Example) -> Row:
    """Return `conversations` of `from` and `value`; raises Unfit. Further fields of the row are kept."""
    turns = [
        {"from": SHAREGPT_NAMES[message["role"]], "value": message["content"]} for message in _plain_messages(example)
    ]
    return {"conversations": turns} | _further(example, ("conversations",))


def _plain_messages(example: Example) -> list[dict[str, Any]]:
    """Return messages that are nothing but role and text; raises Unfit for everything else."""
    for name in ("text", "chosen", "rejected", "tools"):
        if name in example.other:
            raise Unfit("formats.no_place", field=name)
    for message in example.messages:
        if extra := [key for key in message if key not in ("role", "content")]:
            raise Unfit("formats.no_place", field=", ".join(extra))
    if not example.messages:
        raise Unfit("formats.no_place", field=", ".join(example.other) or "–")
    return list(example.messages)


def _further(example: Example, taken: tuple[str, ...], but: tuple[str, ...] = ()) -> Row:
    further = {key: value for key, value in example.other.items() if key not in but}
    if clash := [key for key in further if key in taken]:
        raise Unfit("formats.name_taken", field=", ".join(clash))
    return further


def _layout(done: Exported, version: DatasetVersion, splits: Iterable[str]) -> Layout:
    """Return the columns that all splits share, and note what they change; only Parquet files have any."""
    done.rows = dict.fromkeys(splits, 0)
    if done.format not in ("parquet", "hf"):
        return Layout({}, {})
    layout = layout_of(row.as_row() for split in done.rows for row in saved_rows(version, split))
    done.notes = layout.notes()
    return layout


def _write_folder(done: Exported, version: DatasetVersion, layout: Layout, folder: Path) -> None:
    """Write one file for each split that has rows; for "hf" below `data/`, with a card that names them."""
    ending = ENDINGS.get(done.format, ".parquet")
    place = Path("data") if done.format == "hf" else Path()
    (folder / place).mkdir(parents=True)
    for split in done.rows:
        name = place / f"{split}{ending}"
        _write_file(done, version, split, layout, folder / name)
        if done.rows[split]:
            done.files.append(done.path / name)
        else:
            (folder / name).unlink()
    if done.format == "hf":
        (folder / "README.md").write_text(_card(version, done), encoding="utf-8")


def _write_file(done: Exported, version: DatasetVersion, split: str, layout: Layout, path: Path) -> None:
    rows = saved_rows(version, split)
    if done.format in ("parquet", "hf"):
        done.rows[split] = write_parquet((row.as_row() for row in rows), layout, path)
        return
    shaped = _shaped(rows, done.format, done.left_out.setdefault(split, []))
    as_list = done.format in ("alpaca", "sharegpt") and done.path.suffix.lower() != ".jsonl"
    with path.open("w", encoding="utf-8") as file:
        for number, row in enumerate(shaped, start=1):
            before = ("[\n" if number == 1 else ",\n") if as_list else ""
            file.write(before + json.dumps(row, ensure_ascii=False) + ("" if as_list else "\n"))
            done.rows[split] = number
        if as_list:
            file.write("\n]\n" if done.rows[split] else "[]\n")


def _shaped(examples: Iterable[Example], format: Format, left_out: list[Rejected]) -> Iterator[Row]:
    for example in examples:
        try:
            if format == "jsonl":
                yield example.as_row()
            else:
                yield as_alpaca(example) if format == "alpaca" else as_sharegpt(example)
        except Unfit as problem:
            left_out.append(Rejected(example.line, problem.code, problem.values))


def _check_any(done: Exported, version: DatasetVersion) -> None:
    if any(done.rows.values()):
        return
    first = next((row for rows in done.left_out.values() for row in rows), None)
    if first is None:
        raise InputError("formats.no_rows", dataset=version.id, split=", ".join(done.rows))
    count = sum(len(rows) for rows in done.left_out.values())
    raise InputError("formats.none_fit", format=done.format, rows=count, line=first.line, reason=first.text())


def _card(version: DatasetVersion, done: Exported) -> str:
    """Return the README.md by which `datasets.load_dataset(folder)` finds the files."""
    files = [f"  - split: {path.stem}\n    path: data/{path.name}\n" for path in done.files]
    head = "---\nconfigs:\n- config_name: default\n  data_files:\n" + "".join(files) + "---\n\n"
    rows = ", ".join(f"{split} {count}" for split, count in done.rows.items())
    source = " ".join(version.source_name.split())
    return head + text("formats.card", dataset=version.id, rows=rows, source=source, sha256=version.source_sha256)
