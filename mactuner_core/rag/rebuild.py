"""Making the index of a collection anew, with other settings or after damage, from the documents it keeps.

While its SQLite file is whole, one transaction replaces all chunks and segments: until then the old ones are searched. When it is
not, the kept files are read again.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mactuner_core.config import read_yaml
from mactuner_core.errors import MacTunerError, WorkError
from mactuner_core.rag.calibrate import calibrate
from mactuner_core.rag.chunking import Chunk, embedded_text
from mactuner_core.rag.collection import Collection
from mactuner_core.rag.collections import SETTINGS, begin_store
from mactuner_core.rag.config import RagConfig
from mactuner_core.rag.documents import read_document
from mactuner_core.rag.documents.document import document_from_dict
from mactuner_core.rag.embedders import load_embedder
from mactuner_core.rag.intake import chunk_warnings, cut, insert_cut, note
from mactuner_core.rag.merging import merge_small
from mactuner_core.rag.new_segment import clear_errors, insert_segment, new_segment
from mactuner_core.rag.store import FILE, Store
from mactuner_core.rag.write_lock import write_lock
from mactuner_core.rag.writer import Writer
from mactuner_core.workspace import Workspace, write_text

CHUNKS_OF_A_SEGMENT = 8192  # small ones could not be merged before the end, and each that is open takes memory

Report = Callable[[float, float], None]  # done, total (bytes of documents)


def rebuild(workspace: Workspace, name: str, config: RagConfig, report: Report) -> Collection:
    """Make the index anew with `config` and return the open collection; raises WorkError when somebody else writes."""
    folder = workspace.collections / name
    try:
        with contextlib.closing(Store(folder)) as store:
            if store.one("PRAGMA integrity_check")[0] != "ok":
                raise WorkError("rag.damaged", name=name, reason=FILE)
    except WorkError as problem:
        if problem.code != "rag.damaged":
            raise
        return _from_files(workspace, name, config, report)
    collection = Collection(workspace, name)
    try:
        with Writer(collection) as writer:
            _replace_all(collection, writer, config, report)
    except BaseException:
        collection.close()
        raise
    return collection


def kept_settings(folder: Path) -> RagConfig:
    """Return the settings of the collection in `folder` from beside its SQLite file; the defaults when they are lost too."""
    try:
        return RagConfig.check(read_yaml(folder / SETTINGS))
    except MacTunerError:
        return RagConfig()


def _replace_all(collection: Collection, writer: Writer, config: RagConfig, report: Report) -> None:
    store = collection.store
    embedder = load_embedder(config.embedding_model, config.threads)
    documents = store.rows("SELECT row, id, sha256, bytes FROM documents ORDER BY row")
    total, done, read = sum(bytes_ for *_, bytes_ in documents), 0, 0  # bytes: in all, embedded, read and not embedded
    waiting: list[tuple[int, str, list[Chunk]]] = []
    warnings: list[dict[str, Any]] = []
    segments = contextlib.ExitStack()  # those of this transaction are removed again when it fails
    with segments, clear_errors(collection.folder), store.change() as database:

        def write() -> None:
            texts = [embedded_text(chunk) for *_, chunks in waiting for chunk in chunks]
            vectors = writer.cache.vectors(texts, embedder, lambda part, all_: report(done + read * part / all_, total))
            words = writer.cache.words(texts)
            segment = segments.enter_context(new_segment(collection.folder))
            rows = [row for place in waiting for row in insert_cut(database, *place, config)]
            insert_segment(database, segment, rows, vectors, words, config.threads)
            waiting.clear()

        for table in ("chunks", "segments", "removed"):
            database.execute(f"DELETE FROM {table}")  # noqa: S608 (own names)
        for row, document_id, sha256, size in documents:
            document = document_from_dict(store.content(document_id))
            chunks, warnings = cut(document, embedder, config)
            own = [{"code": one.code, "values": one.values} for one in document.warnings]
            said = json.dumps(own + chunk_warnings(chunks, embedder.longest), ensure_ascii=False)
            database.execute("UPDATE documents SET chunks = ?, warnings = ? WHERE row = ?", (len(chunks), said, row))
            waiting.append((row, sha256, chunks))
            read += size
            report(done, total)
            if sum(len(chunks) for *_, chunks in waiting) >= CHUNKS_OF_A_SEGMENT:
                write()
                done, read = done + read, 0
        write()
        database.execute("DELETE FROM meta WHERE key = 'calibration'")
        note(database, config, embedder, warnings)
    collection.reset(config, embedder)
    write_text(collection.folder / SETTINGS, config.to_yaml())
    merge_small(collection, writer.cache)
    calibrate(collection)


def _from_files(workspace: Workspace, name: str, config: RagConfig, report: Report) -> Collection:
    folder = workspace.collections / name
    with write_lock(folder):
        mark = secrets.token_hex(4)
        for path in folder.glob(f"{FILE}*"):
            path.replace(path.with_name(f"damaged-{mark}-{path.name}"))
        begin_store(folder, config)
    files = sorted((folder / "files").iterdir())
    sources = [(file, file.name.partition("-")[2]) for file in files if not file.name.startswith(".new-")]
    kept = folder / f"files-{mark}"
    (folder / "files").replace(kept)
    (folder / "files").mkdir()
    collection = Collection(workspace, name)
    total, done = sum(file.stat().st_size for file in kept.iterdir()), 0
    with Writer(collection) as writer:
        for file, shown in sources:
            place = kept / file.name
            with contextlib.suppress(MacTunerError):  # it was read once; what is damaged now is lost
                writer.put(read_document(place, name=shown or file.name, ocr=config.ocr), source=place)
            done += place.stat().st_size
            report(done, total)
    for file in kept.iterdir():
        file.unlink()
    kept.rmdir()
    for path in folder.glob(f"damaged-{mark}-*"):
        path.unlink()
    return collection
