"""What reading a document gives: pages of blocks in reading order, with what a person should know about them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from mactuner_core.messages import text

BlockKind = Literal["heading", "paragraph", "list", "table", "code"]
Box = tuple[float, float, float, float]  # left, top, right, bottom in PDF points, from the page's upper left corner


@dataclass(frozen=True)
class Block:
    """One piece of a page: `text` is plain, a list with its marks, a table as Markdown, code as it stands.

    `level` is 1 to 6 for headings and else 0; `page` counts from 1; `box` is known for PDFs only.
    """

    kind: BlockKind
    text: str
    level: int = 0
    page: int = 1
    box: Box | None = None


@dataclass(frozen=True)
class Page:
    """One page: its text as the blocks give it; `scanned` when it is a picture, `ocr` when its text was read off that."""

    number: int
    text: str
    blocks: list[Block]
    scanned: bool = False
    ocr: bool = False


@dataclass(frozen=True)
class DocumentWarning:
    """Something a person should know about a document that could be read: `code` names the sentence."""

    code: str
    values: dict[str, Any] = field(default_factory=dict)

    def text(self, language: str | None = None) -> str:
        """Return the sentence in `language`, or in the current language."""
        return text(self.code, language, **self.values)


@dataclass(frozen=True)
class Document:
    """A document that was read. Files without pages (text, Markdown, HTML, DOCX) have one.

    `kind` is "pdf", "text", "markdown", "html" or "docx"; `language` an ISO 639-1 code, "" when it cannot be told.
    """

    name: str
    sha256: str
    bytes: int
    kind: str
    title: str
    language: str
    pages: list[Page]
    warnings: list[DocumentWarning]

    @property
    def characters(self) -> int:
        """Return how many characters all pages have."""
        return sum(len(page.text) for page in self.pages)

    @property
    def blocks(self) -> list[Block]:
        """Return the blocks of all pages in reading order."""
        return [block for page in self.pages for block in page.blocks]

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON-ready data."""
        return asdict(self)


def make_page(number: int, blocks: list[Block], *, scanned: bool = False, ocr: bool = False) -> Page:
    """Return a page whose text is that of its blocks, one empty line between two."""
    return Page(number, "\n\n".join(block.text for block in blocks), blocks, scanned, ocr)


def document_from_dict(data: dict[str, Any]) -> Document:
    """Rebuild a document that another process wrote with `as_dict`."""
    pages = [page_from_dict(page) for page in data["pages"]]
    warnings = [DocumentWarning(**warning) for warning in data["warnings"]]
    return Document(**{**data, "pages": pages, "warnings": warnings})


def page_from_dict(data: dict[str, Any]) -> Page:
    """Rebuild a page that another process wrote."""
    blocks = [Block(**{**block, "box": tuple(block["box"]) if block["box"] else None}) for block in data["blocks"]]
    return Page(**{**data, "blocks": blocks})
