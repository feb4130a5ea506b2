"""The documents in what a person names: files, folders with all that is under them, ZIP archives.

Hidden and temporary files are passed over; links are not followed. A file that cannot be used is listed with the reason, so
that the others go on. Nothing of an archive is written where its own paths say.
"""

from __future__ import annotations

import stat
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mactuner_core.errors import InputError
from mactuner_core.format import human_bytes
from mactuner_core.rag.documents.limits import LIMITS, Limits

ENDINGS = (".pdf", ".txt", ".text", ".md", ".markdown", ".html", ".htm", ".xhtml", ".docx")
MOST_DOCUMENTS = 10_000
_TEMPORARY = ("~$", ".~", "~")
_TEMPORARY_ENDINGS = (".tmp", ".part", ".crdownload", ".download", ".swp", ".bak", "~")
_LEFT_OUT = ("__MACOSX", "node_modules", "__pycache__")
_MAXIMUM_RATIO = 200
_ALWAYS_FINE = 10_000_000  # bytes
_MOST_BYTES = 5 * 10**9  # of all members of an archive


@dataclass(frozen=True)
class Found:
    """A document to read: `name` is what people see (with the folders below the one they named).

    `member` is its place in the ZIP archive at `path`, else None. With `problem`, it cannot be read.
    """

    path: Path
    name: str
    bytes: int
    member: str | None = None
    problem: InputError | None = None


def find_documents(paths: Sequence[Path], limits: Limits = LIMITS) -> list[Found]:
    """Return the documents under `paths`, sorted by name within each; problems are in the list, not raised."""
    found: list[Found] = []
    for path in paths:
        path = path.expanduser()
        if path.is_dir():
            found += _in_folder(path, limits)
        elif not path.exists():
            found.append(Found(path, path.name, 0, None, InputError("rag_documents.no_file", name=str(path))))
        else:
            found += _file(path, path.name, limits, listed=True)
        if len(found) > MOST_DOCUMENTS:
            problem = InputError("rag_documents.many", name=str(path), count=len(found), limit=MOST_DOCUMENTS)
            return [*found[:MOST_DOCUMENTS], Found(path, path.name, 0, None, problem)]
    return found


@contextmanager
def as_file(found: Found, limits: Limits = LIMITS) -> Iterator[Path]:
    """Give a file with the document's bytes: itself, or the archive's member in a temporary place; raises InputError."""
    if found.problem is not None:
        raise found.problem
    if found.member is None:
        yield found.path
        return
    with tempfile.TemporaryDirectory(prefix="mactuner-") as folder:
        target = Path(folder) / f"document{PurePosixPath(found.member).suffix.lower()}"
        _take_out(found, target, limits)
        yield target


def _in_folder(folder: Path, limits: Limits) -> list[Found]:
    found: list[Found] = []
    waiting = [folder]
    while waiting and len(found) <= MOST_DOCUMENTS:
        place = waiting.pop()
        try:
            entries = sorted(place.iterdir())
        except OSError as problem:
            name = _shown(place, folder)
            found.append(
                Found(place, name, 0, None, InputError("rag_documents.unreadable", name=name, reason=problem.strerror))
            )
            continue
        for entry in entries:
            if _is_passed_over(entry.name) or entry.is_symlink():
                continue
            if entry.is_dir():
                waiting.append(entry)
            else:
                found += _file(entry, _shown(entry, folder), limits, listed=False)
    return sorted(found, key=lambda one: one.name)


def _file(path: Path, name: str, limits: Limits, *, listed: bool) -> list[Found]:
    name = unicodedata.normalize("NFC", name)
    try:
        facts = path.stat()
    except OSError as problem:
        return [Found(path, name, 0, None, InputError("rag_documents.unreadable", name=name, reason=problem.strerror))]
    if not stat.S_ISREG(facts.st_mode):
        return [Found(path, name, 0, None, InputError("rag_documents.no_file", name=name))]
    ending = path.suffix.lower()
    if ending == ".zip":
        return _in_archive(path, name, limits)
    if ending not in ENDINGS and (not listed or ending):
        return [Found(path, name, facts.st_size, None, _unknown(name, ending))]
    return [Found(path, name, facts.st_size, None, _too_large(name, facts.st_size, limits))]


def _in_archive(path: Path, name: str, limits: Limits) -> list[Found]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as problem:
        return [Found(path, name, 0, None, InputError("rag_documents.zip_broken", name=name, reason=problem))]
    files = [member for member in members if not member.is_dir()]
    total = sum(member.file_size for member in files)
    if len(files) > MOST_DOCUMENTS:
        return [
            Found(
                path, name, 0, None, InputError("rag_documents.many", name=name, count=len(files), limit=MOST_DOCUMENTS)
            )
        ]
    if total > _MOST_BYTES:
        values = {"size": human_bytes(total), "limit": human_bytes(_MOST_BYTES)}
        return [Found(path, name, 0, None, InputError("rag_documents.zip_bomb", name=name, **values))]
    found = []
    for member in files:
        inner = PurePosixPath(_member_name(member).replace("\\", "/"))
        if any(_is_passed_over(part) for part in inner.parts if part not in ("..", "/")) or stat.S_ISLNK(
            member.external_attr >> 16
        ):
            continue
        safe = "/".join(part for part in inner.parts if part not in ("..", "/"))
        shown = f"{name}/{unicodedata.normalize('NFC', safe)}"
        reason = _member_problem(member, shown, inner.suffix.lower(), limits)
        found.append(Found(path, shown, member.file_size, member.filename, reason))
    return sorted(found, key=lambda one: one.name)


def _member_name(member: zipfile.ZipInfo) -> str:
    """Return the name; archives made by Korean Windows without the Unicode mark hold CP949, which was read as CP437."""
    if member.flag_bits & 0x800 or member.filename.isascii():
        return member.filename
    raw = member.filename.encode("cp437", errors="replace")
    for encoding in ("utf-8", "cp949"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return member.filename


def _member_problem(member: zipfile.ZipInfo, name: str, ending: str, limits: Limits) -> InputError | None:
    if ending == ".zip":
        return InputError("rag_documents.zip_in_zip", name=name)
    if ending not in ENDINGS:
        return _unknown(name, ending)
    if member.flag_bits & 1:
        return InputError("rag_documents.zip_locked", name=name)
    limit = max(_ALWAYS_FINE, member.compress_size * _MAXIMUM_RATIO)
    if member.file_size > limit:
        return InputError(
            "rag_documents.zip_bomb", name=name, size=human_bytes(member.file_size), limit=human_bytes(limit)
        )
    return _too_large(name, member.file_size, limits)


def _take_out(found: Found, target: Path, limits: Limits) -> None:
    limit = min(limits.file_bytes, found.bytes)
    left = limit
    try:
        with (
            zipfile.ZipFile(found.path) as archive,
            archive.open(found.member or "") as source,
            target.open("wb") as file,
        ):
            while piece := source.read(1_000_000):
                left -= len(piece)
                if left < 0:
                    values = {"size": human_bytes(found.bytes - left), "limit": human_bytes(limit)}
                    raise InputError("rag_documents.zip_bomb", name=found.name, **values)
                file.write(piece)
    except (
        zipfile.BadZipFile,
        zlib.error,
        KeyError,
        EOFError,
        ValueError,
        NotImplementedError,
        RuntimeError,
    ) as problem:
        raise InputError("rag_documents.zip_broken", name=found.name, reason=problem) from problem


def _is_passed_over(name: str) -> bool:
    lower = name.lower()
    hidden = name.startswith((".", *_TEMPORARY)) or name in _LEFT_OUT
    return hidden or lower.endswith(_TEMPORARY_ENDINGS) or lower in ("thumbs.db", "desktop.ini")


def _shown(path: Path, folder: Path) -> str:
    return path.relative_to(folder.parent).as_posix()


def _unknown(name: str, ending: str) -> InputError:
    return InputError("rag_documents.unknown_kind", name=name, ending=ending or "–", endings=", ".join(ENDINGS))


def _too_large(name: str, size: int, limits: Limits) -> InputError | None:
    if size <= limits.file_bytes:
        return None
    return InputError(
        "rag_documents.too_large", name=name, size=human_bytes(size), limit=human_bytes(limits.file_bytes)
    )
