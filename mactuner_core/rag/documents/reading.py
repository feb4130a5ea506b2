"""The door to the documents: read one, or draw a page of one. Both happen in a process of their own, within limits."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

from mactuner_core.errors import InputError
from mactuner_core.format import human_bytes
from mactuner_core.rag.documents.document import Box, Document, document_from_dict
from mactuner_core.rag.documents.find import Found, as_file
from mactuner_core.rag.documents.limits import LIMITS, Limits
from mactuner_core.rag.documents.process import Progress, ask


def read_document(
    path: Path | Found,
    *,
    name: str | None = None,
    ocr: bool = True,
    progress: Progress | None = None,
    limits: Limits = LIMITS,
) -> Document:
    """Return the document at `path`; `name` is what people see, its file name by default.

    `progress` gets (pages read, pages). Raises InputError, with a message of its own for each kind of file that is no use.
    """
    if isinstance(path, Found):
        with as_file(path, limits) as file:
            return read_document(file, name=name or path.name, ocr=ocr, progress=progress, limits=limits)
    name = name or path.name
    _check(path, name, limits)
    request = {"do": "read", "path": str(path.absolute()), "name": name, "ocr": ocr}
    return document_from_dict(ask(request, limits, progress))


def page_picture(
    path: Path, page: int, marked: Sequence[str | Box] = (), *, name: str | None = None, limits: Limits = LIMITS
) -> bytes:
    """Return page `page` (from 1) of a PDF as PNG, with the passages `marked` (texts or boxes of blocks) in yellow.

    A passage that is not found on the page is not marked. Raises InputError when there is no such page or PDF.
    """
    name = name or path.name
    _check(path, name, limits)
    request = {
        "do": "picture",
        "path": str(path.absolute()),
        "name": name,
        "page": page,
        "marked": [one if isinstance(one, str) else list(one) for one in marked],
    }
    return base64.b64decode(ask(request, limits))


def _check(path: Path, name: str, limits: Limits) -> None:
    if not path.is_file():
        raise InputError("rag_documents.no_file", name=name)
    try:
        with path.open("rb"):
            size = path.stat().st_size
    except OSError as problem:
        raise InputError("rag_documents.unreadable", name=name, reason=problem.strerror) from problem
    if size > limits.file_bytes:
        values = {"size": human_bytes(size), "limit": human_bytes(limits.file_bytes)}
        raise InputError("rag_documents.too_large", name=name, **values)
