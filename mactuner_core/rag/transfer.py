"""A collection as one file: a ZIP archive with its SQLite file, vectors, words and kept documents.

Inverted files are left out and made anew from the vectors: FAISS trusts what it reads, and the file may come from anywhere. A
SQLite file with anything in its layout that is not ours is refused.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import zipfile
from pathlib import Path, PurePosixPath

import numpy as np

from mactuner_core.errors import InputError, WorkError
from mactuner_core.rag.collection import Collection
from mactuner_core.rag.collections import SETTINGS, list_collections
from mactuner_core.rag.config import RagConfig
from mactuner_core.rag.segment import LISTS, Segment, sizes_text, write_lists
from mactuner_core.rag.store import FILE, LAYOUT, Store
from mactuner_core.rag.write_lock import write_lock
from mactuner_core.workspace import Workspace, check_free_space, check_name, disk_full_is_clear, new_folder

_FORMAT = "mactuner-collection"
_MANIFEST = "collection.json"
_PARTS = ("segments", "files")
_PIECE = 1_000_000  # bytes


def export_collection(collection: Collection, target: Path) -> Path:
    """Write the collection to the new file `target` and return it.

    Raises InputError when that exists, WorkError while somebody writes to the collection.
    """
    target = target.expanduser().resolve()
    if target.exists():
        raise InputError("rag.file_exists", path=target)
    temporary = target.with_name(f".new-{target.name}")
    try:
        with (
            write_lock(collection.folder),
            disk_full_is_clear(target),
            zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive,
        ):
            manifest = {"format": _FORMAT, "version": 1, "name": collection.name}
            archive.writestr(_MANIFEST, json.dumps(manifest, ensure_ascii=False))
            archive.write(collection.folder / SETTINGS, SETTINGS)
            copy = temporary.with_name(f"{temporary.name}.db")
            try:
                segments, files = _copy_of_store(collection, copy)
                archive.write(copy, FILE)
            finally:
                copy.unlink(missing_ok=True)
            for path in [*(collection.folder / "files" / name for name in files), *_files_of(collection, segments)]:
                archive.write(path, path.relative_to(collection.folder).as_posix())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return target


def import_collection(workspace: Workspace, file: Path, name: str | None = None) -> Collection:
    """Make a collection from a file that `export_collection` wrote, under its own name or `name`, and return it open.

    Raises InputError when the file is none, or the name is taken.
    """
    file = file.expanduser()
    try:
        with zipfile.ZipFile(file) as archive:
            manifest = json.loads(archive.read(_MANIFEST)) if _MANIFEST in archive.namelist() else {}
            if not isinstance(manifest, dict) or manifest.get("format") != _FORMAT:
                raise InputError("rag.not_a_collection_file", path=file, reason=f"no {_MANIFEST}")
            name = check_name(name or str(manifest.get("name")))
            if name in list_collections(workspace):
                raise InputError("rag.name_taken", name=name)
            check_free_space(workspace.collections, sum(member.file_size for member in archive.infolist()))
            with new_folder(workspace.collections / name) as folder:
                _unpack(archive, folder)
                _check(folder, name)
    except (OSError, ValueError, KeyError, RuntimeError, zipfile.BadZipFile, sqlite3.Error, WorkError) as problem:
        if isinstance(problem, WorkError) and problem.code == "workspace.disk_full":
            raise
        raise InputError(
            "rag.not_a_collection_file", path=file, reason=" ".join(str(problem).split())[:200]
        ) from problem
    return Collection(workspace, name)


def _copy_of_store(collection: Collection, copy: Path) -> tuple[list[str], list[str]]:
    """Copy the SQLite file as it is after one change and return the segments and files that it names."""
    with (
        contextlib.closing(sqlite3.connect(collection.folder / FILE)) as source,
        contextlib.closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")
        segments = [name for (name,) in target.execute("SELECT name FROM segments")]
        files = [name for (name,) in target.execute("SELECT file FROM documents WHERE file IS NOT NULL")]
    return segments, files


def _files_of(collection: Collection, segments: list[str]) -> list[Path]:
    folders = [collection.folder / "segments" / name for name in segments]
    return [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file() and path.name != LISTS]


def _unpack(archive: zipfile.ZipFile, folder: Path) -> None:
    for part in _PARTS:
        (folder / part).mkdir()
    for member in archive.infolist():
        place = PurePosixPath(member.filename)
        if member.is_dir() or member.filename == _MANIFEST:
            continue
        top_level = len(place.parts) == 1 and place.name in (FILE, SETTINGS)
        inside = place.parts[0] in _PARTS and not {"..", "/", "\\"} & set(place.parts) and "\\" not in member.filename
        if not (top_level or inside) or place.is_absolute() or member.filename.endswith(LISTS):
            raise ValueError(member.filename[:100])
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(member) as source, target.open("xb") as written:
            shutil.copyfileobj(source, written, _PIECE)


def _check(folder: Path, name: str) -> None:
    """Refuse what is not whole or not ours, and make what was left out; raises ValueError, OSError or sqlite3.Error."""
    with contextlib.closing(sqlite3.connect(folder / FILE)) as database:
        database.execute("PRAGMA trusted_schema = OFF")
        layout = database.execute("PRAGMA user_version").fetchone()[0]
        if layout > LAYOUT:
            raise InputError("rag.newer_layout", name=name, layout=layout, known=LAYOUT)
        if _layout(database) != _own_layout():
            raise ValueError(FILE)
    settings = RagConfig.from_yaml(folder / SETTINGS)
    with contextlib.closing(Store(folder)) as store:
        RagConfig.check(store.meta("settings"))
        for (file,) in store.rows("SELECT file FROM documents WHERE file IS NOT NULL"):
            if PurePosixPath(file).name != file or not (folder / "files" / file).is_file():
                raise ValueError(file[:100])
        with store.change() as database:
            for segment, files in store.rows("SELECT name, files FROM segments"):
                check_name(segment)
                sizes = json.loads(files)
                if sizes.pop(LISTS, None) is not None:
                    vectors = np.load(folder / "segments" / segment / "vectors.npy").astype(np.float32)
                    write_lists(folder / "segments" / segment / LISTS, vectors, settings.threads)
                    sizes = json.loads(sizes_text(folder / "segments" / segment))
                    values = (json.dumps(sizes), segment)
                    database.execute("UPDATE segments SET files = ? WHERE name = ?", values)
                Segment(folder / "segments" / segment, sizes)


def _layout(database: sqlite3.Connection) -> list[tuple[str, str, str]]:
    return sorted(database.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_schema").fetchall())


def _own_layout() -> list[tuple[str, str, str]]:
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        Store.make_tables(database)
        return _layout(database)
