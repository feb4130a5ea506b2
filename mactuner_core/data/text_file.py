"""Reading a text file of unknown encoding: UTF-8 (with or without BOM), UTF-16 with BOM, CP949. Binary is refused."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from mactuner_core.errors import InputError
from mactuner_core.format import human_bytes

BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
SIGNATURES = (
    (b"PK\x03\x04", "ZIP/XLSX/DOCX"),
    (b"%PDF", "PDF"),
    (b"\xd0\xcf\x11\xe0", "XLS/HWP"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x1f\x8b", "GZIP"),
    (b"SQLite format 3", "SQLite"),
    (b"PAR1", "Parquet"),
    (b"GGUF", "GGUF"),
)
MAXIMUM_BYTES = 2 * 10**9


@dataclass(frozen=True)
class TextFile:
    """A decoded file: its text, how it was encoded, and the hash of its bytes."""

    path: Path
    text: str
    encoding: str
    sha256: str


def read_text_file(path: Path) -> TextFile:
    """Return the text of `path`; raises InputError when it is missing, empty, too large, binary or in no known encoding."""
    try:
        size = path.stat().st_size
        if path.is_dir():
            raise InputError("data.is_folder", path=path)
        if size > MAXIMUM_BYTES:
            raise InputError("data.too_large", path=path, size=human_bytes(size), limit=human_bytes(MAXIMUM_BYTES))
        content = path.read_bytes()
    except FileNotFoundError as problem:
        raise InputError("data.no_file", path=path) from problem
    except OSError as problem:
        raise InputError("data.unreadable", path=path, reason=problem.strerror) from problem
    encoding = _encoding(path, content)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as problem:
        line = content.count(b"\n", 0, problem.start) + 1
        raise InputError(
            "data.unknown_encoding", path=path, line=line, byte=f"0x{content[problem.start]:02x}"
        ) from problem
    if not text.strip():
        raise InputError("data.empty_file", path=path)
    return TextFile(path, text, encoding, hashlib.sha256(content).hexdigest())


def _encoding(path: Path, content: bytes) -> str:
    for mark, encoding in BOMS:
        if content.startswith(mark):
            return encoding
    for signature, kind in SIGNATURES:
        if content.startswith(signature):
            raise InputError("data.binary", path=path, kind=kind)
    if b"\x00" in content:
        raise InputError("data.binary", path=path, kind="binary")
    try:
        content.decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError as problem:
        # A UTF-8 file broken somewhere still starts as UTF-8; one in CP949 fails at its first Korean letter.
        starts_as_utf8 = any(byte >= 0x80 for byte in content[: problem.start])
        return "utf-8" if starts_as_utf8 else "cp949"
