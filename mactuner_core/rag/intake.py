"""A document on its way into a collection: cut into chunks, with what a person should know about that."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from datetime import date as calendar
from typing import Any

from mactuner_core.errors import InputError
from mactuner_core.rag.chunking import Chunk, chunk
from mactuner_core.rag.config import RagConfig
from mactuner_core.rag.documents import Document
from mactuner_core.rag.embedder import EmbeddingModel
from mactuner_core.rag.embedding_cache import text_hash
from mactuner_core.rag.hits import StoredDocument
from mactuner_core.rag.store import insert_chunks

Warnings = list[dict[str, Any]]  # code and values of each


def cut(document: Document, embedder: EmbeddingModel, config: RagConfig) -> tuple[list[Chunk], Warnings]:
    """Return the chunks of a document, no longer than the model reads, and what holds for the whole collection because of that.

    Raises InputError when nothing in it can be searched.
    """
    warnings: Warnings = []
    if config.chunk_tokens > embedder.longest:
        values = {"model": config.embedding_model, "wanted": config.chunk_tokens, "longest": embedder.longest}
        warnings.append({"code": "rag.chunk_lowered", "values": values})
        config = config.model_copy(update={"chunk_tokens": embedder.longest})
    chunks = chunk(document, lambda texts: embedder.lengths(texts, "passage"), config)
    if not chunks:
        raise InputError("rag_documents.no_text", name=document.name)
    return chunks, warnings


def as_stored(
    document: Document, chunks: Sequence[Chunk], longest: int, *, tags: Sequence[str], date: str
) -> StoredDocument:
    """Return what is kept about a document, with its own warnings and those of its chunks."""
    warnings = [{"code": one.code, "values": one.values} for one in document.warnings]
    return StoredDocument(
        id=document.sha256[:16],
        name=document.name,
        sha256=document.sha256,
        bytes=document.bytes,
        kind=document.kind,
        title=document.title,
        language=document.language,
        pages=len(document.pages),
        characters=document.characters,
        chunks=len(chunks),
        date=date,
        tags=tuple(tags),
        added_at=time.time(),
        warnings=warnings + chunk_warnings(chunks, longest),
    )


def insert_cut(
    database: sqlite3.Connection, document: int, sha256: str, chunks: Sequence[Chunk], config: RagConfig
) -> list[int]:
    """Insert the chunks of the document in row `document` and return their row numbers; ids name bytes, number and settings."""
    ids = [f"{sha256[:12]}-{one.number}-{config.fingerprint}" for one in chunks]
    return insert_chunks(database, document, chunks, ids, [text_hash(one.text) for one in chunks])


def chunk_warnings(chunks: Sequence[Chunk], longest: int) -> Warnings:
    """Return what a person should know about how a document was cut."""
    found = []
    if count := sum(one.cut for one in chunks):
        found.append({"code": "rag.chunks_cut", "values": {"count": count}})
    if long := [one.tokens for one in chunks if one.tokens > longest]:
        values = {"count": len(long), "tokens": max(long), "longest": longest}
        found.append({"code": "rag.chunks_long", "values": values})
    return found


def note(database: sqlite3.Connection, config: RagConfig, embedder: EmbeddingModel, warnings: Warnings) -> None:
    """Keep with which model and settings the collection was made last."""
    model = {
        "name": config.embedding_model,
        "identity": embedder.identity,
        "size": embedder.size,
        "longest": embedder.longest,
    }
    settings = config.model_dump(mode="json")
    facts = {"model": model, "settings": settings, "warnings": warnings, "updated_at": time.time()}
    rows = [(key, json.dumps(value, ensure_ascii=False)) for key, value in facts.items()]
    database.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", rows)


def check_date(date: str) -> str:
    """Return a date written as "YYYY-MM-DD"; raises InputError for anything else."""
    try:
        return calendar.fromisoformat(date).isoformat()
    except ValueError as problem:
        raise InputError("rag.bad_date", value=date[:40]) from problem
