"""Reading the person's own documents: PDF, text, Markdown, HTML and DOCX, from files, folders and ZIP archives."""

from mactuner_core.rag.documents.document import Block, Document, DocumentWarning, Page, make_page

__all__ = ["Block", "Document", "DocumentWarning", "Page", "make_page"]
