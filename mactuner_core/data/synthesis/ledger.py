"""The work folder of a synthesis: what was accepted, refused and spent, written at once so that a crash loses nothing.

`accepted.jsonl` are the rows, `refused.jsonl` the others with their reasons, `requests.jsonl` two lines for each request: what
it may cost before it is sent, what it did cost after. A request that never came back counts with what it might have cost.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mactuner_core.data.rows import Message
from mactuner_core.workspace import disk_full_is_clear

Row = dict[str, Any]


class Ledger:
    """Reads what an earlier process left, without its torn last lines, and appends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows: list[list[Message]] = [row["messages"] for row in _lines(folder / "accepted.jsonl")]
        self.refused: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.first: dict[str, Row] = {}  # the values of the first case of each reason
        for row in _lines(folder / "refused.jsonl"):
            self._refused(row["code"], row["values"])
        self.replies = 0
        self.last_number = 0
        self._settled = 0
        self._open: dict[int, int] = {}
        for line in _lines(folder / "requests.jsonl"):
            self._count(line)
        self._settled += sum(self._open.values())  # requests of a process that is gone
        self._open.clear()

    @property
    def accepted_path(self) -> Path:
        """The file with the accepted rows."""
        return self.folder / "accepted.jsonl"

    @property
    def tokens(self) -> int:
        """Tokens spent, and those that requests under way may cost."""
        return self._settled + sum(self._open.values())

    def send(self, number: int, reserved: int) -> None:
        """Note that a request is about to be sent that may cost `reserved` tokens."""
        self._request({"number": number, "reserved": reserved})

    def settle(self, number: int, tokens: int, failure: str = "", reason: str = "") -> None:
        """Note what a request did cost, and the code and reason of its failure if it brought no reply."""
        self._request({"number": number, "tokens": tokens, "failure": failure, "reason": reason})

    def accept(self, rows: Sequence[list[Message]], model: str) -> None:
        """Save rows of one reply, marked as synthetic, in one write."""
        lines = [{"messages": messages, "synthetic": True, "source_model": model} for messages in rows]
        _append(self.accepted_path, lines)
        self.rows += rows

    def refuse(self, code: str, values: dict[str, object], content: object) -> None:
        """Save what could not be used, with the reason."""
        _append(self.folder / "refused.jsonl", [{"code": code, "values": values, "content": content}])
        self._refused(code, values)

    def _refused(self, code: str, values: Row) -> None:
        self.refused[code] += 1
        self.first.setdefault(code, values)

    def _request(self, line: Row) -> None:
        _append(self.folder / "requests.jsonl", [line])
        self._count(line)

    def _count(self, line: Row) -> None:
        number = int(line["number"])
        self.last_number = max(self.last_number, number)
        if "reserved" in line:
            self._open[number] = int(line["reserved"])
            return
        self._open.pop(number, None)
        self._settled += int(line["tokens"])
        if line["failure"]:
            self.failed[str(line["failure"])] += 1
            self.first.setdefault(line["failure"], {"reason": line["reason"]})
        else:
            self.replies += 1


def _append(path: Path, rows: Sequence[Row]) -> None:
    if not rows:
        return
    content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    with disk_full_is_clear(path), path.open("ab") as file:
        file.write(content.encode("utf-8", "backslashreplace"))
        file.flush()
        os.fsync(file.fileno())


def mend(folder: Path) -> None:
    """Cut off the lines that a crash left half written; call it before anything is appended."""
    for name in ("accepted", "refused", "requests"):
        path = folder / f"{name}.jsonl"
        path.touch()
        content = path.read_bytes()
        os.truncate(path, content.rfind(b"\n") + 1)


def _lines(path: Path) -> Iterator[Row]:
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield json.loads(line)
