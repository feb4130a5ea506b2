"""Reading the person's own documents: PDF, text, Markdown, HTML and DOCX, from files, folders and ZIP archives."""

from mactuner_core.rag.documents.document import Block, Box, Document, DocumentWarning, Page, make_page
from mactuner_core.rag.documents.find import ENDINGS, Found, as_file, find_documents
from mactuner_core.rag.documents.limits import LIMITS, Limits
from mactuner_core.rag.documents.reading import page_picture, read_document

__all__ = [
    "ENDINGS",
    "LIMITS",
    "Block",
    "Box",
    "Document",
    "DocumentWarning",
    "Found",
    "Limits",
    "Page",
    "as_file",
    "find_documents",
    "make_page",
    "page_picture",
    "read_document",
]
