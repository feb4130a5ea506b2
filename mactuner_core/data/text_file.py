"""A file as text, whatever its encoding: UTF-8 (with or without BOM), UTF-16, CP949. Binary is refused by name."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from mactuner_core.data.archive import is_zip, unpack
from mactuner_core.errors import InputError, WorkError
from mactuner_core.format import human_bytes
from mactuner_core.hardware import available_memory_bytes

BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
SIGNATURES = (
    (b"%PDF", "PDF"),
    (b"\xd0\xcf\x11\xe0", "XLS/HWP"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x1f\x8b", "GZIP"),
    (b"SQLite format 3", "SQLite"),
    (b"GGUF", "GGUF"),
)
PARQUET = b"PAR1"
MAXIMUM_BYTES = 2 * 10**9
LARGE_BYTES = 10**8  # from here on it is asked first whether the memory is there
MEMORY_PER_BYTE = 8  # measured: a 91 MB chat needs 0.73 GB until it is saved, other files may need more
MIXED = "utf-8+cp949"
MOST_UNDECODABLE = 0.1  # of the lines


@dataclass(frozen=True)
class RawFile:
    """The bytes of a data file, out of its ZIP if it came in one; `name` is its own, `path` what the person named."""

    path: Path
    name: str
    content: bytes
    sha256: str

    @property
    def is_parquet(self) -> bool:
        """Whether it is a Parquet file rather than text."""
        return self.content.startswith(PARQUET)


@dataclass(frozen=True)
class TextFile:
    """A decoded file: its text, how it was encoded, and the hash of its bytes."""

    path: Path
    text: str
    encoding: str
    sha256: str


def read_raw_file(path: Path) -> RawFile:
    """Return the bytes of `path`, unzipped; raises InputError when it is missing, a folder, too large or a bad archive.

    The hash is of the file as it lies on the disk.
    """
    try:
        if path.is_dir():
            raise InputError("data.is_folder", path=path)
        size = path.stat().st_size
        if size > MAXIMUM_BYTES:
            raise InputError("data.too_large", path=path, size=human_bytes(size), limit=human_bytes(MAXIMUM_BYTES))
        if size > LARGE_BYTES and size * MEMORY_PER_BYTE > available_memory_bytes():
            free, needed = human_bytes(available_memory_bytes()), human_bytes(size * MEMORY_PER_BYTE)
            raise WorkError("data.little_memory", path=path, size=human_bytes(size), needed=needed, free=free)
        content = path.read_bytes()
    except FileNotFoundError as problem:
        raise InputError("data.no_file", path=path) from problem
    except OSError as problem:
        raise InputError("data.unreadable", path=path, reason=problem.strerror) from problem
    sha256 = hashlib.sha256(content).hexdigest()
    if is_zip(content):
        name, content = unpack(path, content)
        return RawFile(path, name, content, sha256)
    return RawFile(path, path.name, content, sha256)


def decode(raw: RawFile) -> TextFile:
    """Return the text of a file; raises InputError when it is empty, binary, or in no known encoding.

    A UTF-8 file with some lines of CP949 is read line by line; bytes that fit neither become U+FFFD, while they are few.
    """
    encoding = _encoding(raw.path, raw.content)
    try:
        text = raw.content.decode(encoding)
    except UnicodeDecodeError as problem:
        text, encoding = _decode_lines(raw, problem), MIXED
    if not text.strip():
        raise InputError("data.empty_file", path=raw.path)
    return TextFile(raw.path, text, encoding, raw.sha256)


def _decode_lines(raw: RawFile, problem: UnicodeDecodeError) -> str:
    lines: list[str] = []
    undecodable: list[int] = []
    for number, line in enumerate(raw.content.split(b"\n"), start=1):
        for encoding in ("utf-8", "cp949"):
            try:
                lines.append(line.decode(encoding))
                break
            except UnicodeDecodeError:
                continue
        else:
            lines.append(line.decode("utf-8", errors="replace"))
            undecodable.append(number)
    if undecodable and (undecodable[0] == 1 or len(undecodable) > MOST_UNDECODABLE * len(lines)):
        byte = f"0x{raw.content[problem.start]:02x}"
        raise InputError("data.unknown_encoding", path=raw.path, line=undecodable[0], byte=byte) from problem
    return "\n".join(lines)


def read_text_file(path: Path) -> TextFile:
    """Return the text of `path`; raises InputError as `read_raw_file` and `decode` do."""
    return decode(read_raw_file(path))


def _encoding(path: Path, content: bytes) -> str:
    for mark, encoding in BOMS:
        if content.startswith(mark):
            return encoding
    for signature, kind in SIGNATURES:
        if content.startswith(signature):
            raise InputError("data.binary", path=path, kind=kind)
    if b"\x00" in content[:65536]:
        return _utf16_without_mark(path, content)
    try:
        content.decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError as problem:
        # A UTF-8 file broken somewhere still starts as UTF-8; one in CP949 fails at its first Korean letter.
        starts_as_utf8 = any(byte >= 0x80 for byte in content[: problem.start])
        return "utf-8" if starts_as_utf8 else "cp949"


def _utf16_without_mark(path: Path, content: bytes) -> str:
    """Line ends tell: in UTF-16 each is a newline and a zero byte, in the order of the encoding."""
    for encoding, newline in (("utf-16-le", b"\n\x00"), ("utf-16-be", b"\x00\n")):
        if len(content) % 2 == 0 and newline in content:
            try:
                decoded = content.decode(encoding)
            except UnicodeDecodeError:
                continue
            if "\x00" not in decoded:
                return encoding
    raise InputError("data.binary", path=path, kind="binary")
