"""Data files inside a ZIP: exactly one is taken out, within limits that a ZIP bomb runs into.

Nothing is written to the disk and no path of the archive is followed. Office files are ZIPs too and are refused by name.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import PurePosixPath

from mactuner_core.errors import InputError
from mactuner_core.format import human_bytes

ENDINGS = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet", ".txt")
MAXIMUM_BYTES = 2 * 10**9
MAXIMUM_RATIO = 200  # text shrinks five to twenty times; a bomb a thousand times
MAXIMUM_MEMBERS = 10_000


def is_zip(content: bytes) -> bool:
    """Tell whether `content` begins as a ZIP archive does."""
    return content.startswith(b"PK\x03\x04")


def unpack(path: object, content: bytes) -> tuple[str, bytes]:
    """Return name and content of the one data file in the archive.

    Raises InputError for an office file, a broken or encrypted archive, one with no or several data files, or a bomb.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except (zipfile.BadZipFile, ValueError) as problem:
        raise InputError("data.zip_broken", path=path, reason=problem) from problem
    with archive:
        members = archive.infolist()
        names = {member.filename for member in members}
        if "[Content_Types].xml" in names or "mimetype" in names:
            raise InputError("data.binary", path=path, kind="XLSX/DOCX/ODS/HWPX")
        if len(members) > MAXIMUM_MEMBERS:
            raise InputError("data.zip_many", path=path, count=len(members), limit=MAXIMUM_MEMBERS)
        found = [member for member in members if _is_data(member)]
        if len(found) != 1:
            some = ", ".join(member.filename for member in found[:5]) or "–"
            raise InputError("data.zip_not_one", path=path, count=len(found), names=some, endings=", ".join(ENDINGS))
        return found[0].filename, _read(path, archive, found[0])


def _is_data(member: zipfile.ZipInfo) -> bool:
    name = PurePosixPath(member.filename)
    hidden = name.name.startswith(".") or "__MACOSX" in name.parts
    return not member.is_dir() and not hidden and name.suffix.lower() in ENDINGS


def _read(path: object, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    limit = min(MAXIMUM_BYTES, max(10_000_000, member.compress_size * MAXIMUM_RATIO))
    if member.flag_bits & 1:
        raise InputError("data.zip_encrypted", path=path, name=member.filename)
    try:
        with archive.open(member) as file:
            content = file.read(limit + 1)
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError, zlib.error) as problem:
        raise InputError("data.zip_broken", path=path, reason=problem) from problem
    if len(content) > limit:
        packed = human_bytes(member.compress_size)
        raise InputError("data.zip_bomb", path=path, name=member.filename, packed=packed, limit=human_bytes(limit))
    return content
