"""What kind of document a file is, told by its content first, and its reading."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

from mactuner_core.data.text_file import RawFile, TextFile, decode
from mactuner_core.errors import InputError
from mactuner_core.format import human_bytes
from mactuner_core.rag.documents.clean import clean, language_code
from mactuner_core.rag.documents.document import Document, DocumentWarning, Page
from mactuner_core.rag.documents.docx import read_docx
from mactuner_core.rag.documents.html import read_html
from mactuner_core.rag.documents.limits import Limits
from mactuner_core.rag.documents.markdown import read_markdown
from mactuner_core.rag.documents.pdf import Progress, read_pdf
from mactuner_core.rag.documents.plain import read_plain

_MARKDOWN, _HTML = (".md", ".markdown"), (".html", ".htm", ".xhtml")
_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PDF_WITHIN = 1024  # bytes: some programs write a line or two before it
_OFFICE_PARTS = {"xl/": "XLSX", "ppt/": "PPTX", "Contents/": "HWPX", "content.xml": "ODT/ODS", "OEBPS/": "EPUB"}


def read_file(path: Path, name: str, ocr: bool, limits: Limits, progress: Progress) -> Document:
    """Return the document at `path`; raises InputError. Run this in the reading process."""
    size = path.stat().st_size
    if size == 0:
        raise InputError("rag_documents.empty_file", name=name)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        start = file.read(65_536)
    kind = kind_of(path, name, start)
    if kind == "pdf":
        title, pages, warnings = read_pdf(path, name, ocr, limits, progress)
    else:
        title, pages, warnings = _read_whole(path, name, kind, size, limits)
    if not any(page.text or page.scanned for page in pages):
        raise InputError("rag_documents.no_text", name=name)
    title = title or _first_heading(pages) or Path(name).stem
    language = language_code([page.text for page in pages])
    return Document(name, sha256, size, kind, title[:300], language, pages, warnings)


def kind_of(path: Path, name: str, start: bytes) -> str:
    """Return "pdf", "docx", "html", "markdown" or "text"; raises InputError for other kinds, by their name."""
    if b"%PDF-" in start[:_PDF_WITHIN]:
        return "pdf"
    if start.startswith(b"PK\x03\x04"):
        return _office_kind(path, name)
    if start.startswith(_OLD_OFFICE):
        raise InputError("rag_documents.old_office", name=name)
    ending = Path(name).suffix.lower()
    if ending == ".pdf":
        raise InputError("rag_documents.not_pdf", name=name)
    if ending == ".docx":
        raise InputError("rag_documents.docx_broken", name=name, reason="no ZIP archive")
    if ending in _MARKDOWN:
        return "markdown"
    if ending in _HTML or start.lstrip(b"\xef\xbb\xbf \t\r\n")[:15].lower().startswith((b"<!doctype html", b"<html")):
        return "html"
    return "text"


def _office_kind(path: Path, name: str) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.namelist()
    except (zipfile.BadZipFile, ValueError, OSError) as problem:
        raise InputError("rag_documents.docx_broken", name=name, reason=problem) from problem
    if "word/document.xml" in parts:
        return "docx"
    kind = next((kind for part, kind in _OFFICE_PARTS.items() if any(one.startswith(part) for one in parts)), "ZIP")
    raise InputError("rag_documents.other_office", name=name, kind=kind)


def _read_whole(
    path: Path, name: str, kind: str, size: int, limits: Limits
) -> tuple[str, list[Page], list[DocumentWarning]]:
    if kind == "docx":
        return read_docx(path, name, limits)
    if size > limits.text_bytes:
        values = {"size": human_bytes(size), "limit": human_bytes(limits.text_bytes)}
        raise InputError("rag_documents.too_large", name=name, **values)
    content = path.read_bytes()
    if kind == "html":
        title, page = read_html(name, content)
        return title, [page], []
    text = _decoded(name, content)
    warnings = [DocumentWarning("rag_documents.mixed_encoding")] if "\ufffd" in text.text else []
    title, page = (read_markdown if kind == "markdown" else read_plain)(clean(text.text))
    return title, [page], warnings


def _decoded(name: str, content: bytes) -> TextFile:
    try:
        return decode(RawFile(Path(name), name, content, ""))
    except InputError as problem:  # what `decode` advises is meant for rows of examples
        code = {"data.binary": "not_text", "data.empty_file": "no_text"}.get(problem.code)
        if code is None:
            raise
        raise InputError(f"rag_documents.{code}", name=name) from problem


def _first_heading(pages: list[Page]) -> str:
    return next((block.text for page in pages for block in page.blocks if block.kind == "heading"), "")
