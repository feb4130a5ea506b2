"""DOCX by way of mammoth's HTML: headings, lists and tables by their styles. Macros, links and pictures are not touched."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

from mactuner_core.errors import InputError
from mactuner_core.format import human_bytes
from mactuner_core.rag.documents.document import DocumentWarning, Page, make_page
from mactuner_core.rag.documents.html import html_blocks
from mactuner_core.rag.documents.limits import Limits

_MAXIMUM_RATIO = 200  # Word's XML shrinks ten to forty times; a bomb a thousand times
_ALWAYS_FINE = 10_000_000  # bytes
_MOST_MEMBERS = 10_000
_STYLES = "p[style-name='Title'] => h1:fresh\n" + "\n".join(
    f"p[style-name='{name}{space}{level}'] => h{level}:fresh"
    for name in ("제목", "개요")
    for space in ("", " ")
    for level in range(1, 7)
)


def read_docx(path: Path, name: str, limits: Limits) -> tuple[str, list[Page], list[DocumentWarning]]:
    """Return no title, the one page and no warnings; raises InputError for a locked, broken or bomb-like file."""
    import mammoth

    _check(path, name, limits)
    try:
        with path.open("rb") as file:
            html = mammoth.convert_to_html(
                file, style_map=_STYLES, convert_image=_no_picture, external_file_access=False
            ).value
    except (
        zipfile.BadZipFile,
        zlib.error,
        KeyError,
        ValueError,
        OSError,
        AttributeError,
        IndexError,
        EOFError,
    ) as problem:
        raise _broken(name, problem) from problem
    except Exception as problem:  # the XML parser's own errors have no common class
        if type(problem).__module__.startswith(("xml", "pyexpat")):
            raise _broken(name, problem) from problem
        raise
    return "", [make_page(1, html_blocks(html))], []


def _check(path: Path, name: str, limits: Limits) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            with archive.open("word/document.xml") as file:
                start = file.read(4096)
    except (
        zipfile.BadZipFile,
        zlib.error,
        RuntimeError,
        ValueError,
        OSError,
        EOFError,
        NotImplementedError,
    ) as problem:
        raise _broken(name, problem) from problem
    packed = sum(member.compress_size for member in members)
    size = sum(member.file_size for member in members)
    limit = min(limits.file_bytes, max(_ALWAYS_FINE, packed * _MAXIMUM_RATIO))
    if size > limit or len(members) > _MOST_MEMBERS:
        values = {"packed": human_bytes(packed), "size": human_bytes(size), "limit": human_bytes(limit)}
        raise InputError("rag_documents.docx_bomb", name=name, **values)
    if b"<!DOCTYPE" in start:  # Word never writes one; it could define entities that multiply
        raise _broken(name, ValueError("DOCTYPE"))


def _no_picture(picture: Any) -> list[Any]:
    return []


def _broken(name: str, problem: Exception) -> InputError:
    return InputError("rag_documents.docx_broken", name=name, reason=" ".join(str(problem).split())[:200])
