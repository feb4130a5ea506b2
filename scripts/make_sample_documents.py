"""Makes the PDFs among the sample documents: `python scripts/make_sample_documents.py [FOLDER]`, samples/documents by default.

Their text stands in `scripts/sample_documents/`: a line `columns` parts the page into two, `page` begins a new one.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pymupdf

SOURCES = Path(__file__).resolve().parent / "sample_documents"
FOLDER = SOURCES.parents[1] / "samples" / "documents"
WIDTH, HEIGHT = pymupdf.paper_size("a4")
MARGIN, TOP, BOTTOM, GUTTER = 57, 72, 72, 24
STYLE = """
body { font-family: sans-serif; font-size: 10pt; line-height: 1.5; }
h1 { font-size: 20pt; margin: 0 0 6pt 0; }
h2 { font-size: 13.5pt; margin: 10pt 0 4pt 0; }
h3 { font-size: 11.5pt; margin: 6pt 0 2pt 0; }
p, li { margin: 0 0 5pt 0; }
table { border-collapse: collapse; width: 100%; margin: 4pt 0 6pt 0; }
td, th { border: 0.8pt solid #444; padding: 3pt 5pt; font-size: 9pt; text-align: left; }
"""


def make(source: Path, target: Path) -> None:
    """Write the PDF of one source, whose first line is its running head."""
    head, _, body = source.read_text(encoding="utf-8").partition("\n")
    pdf = pymupdf.open()
    title = head.split("|")[0].strip()
    top = HEIGHT
    for part in body.split("\n@@"):
        kind, _, html = part.partition("\n")
        kind = kind.strip() or "page"
        if kind == "page" or top > HEIGHT - 200:
            pdf.new_page(width=WIDTH, height=HEIGHT)
            top = TOP
        top = _flow(pdf, html, top, 2 if kind == "columns" else 1)
    for number, page in enumerate(pdf, start=1):
        _frame(page, head, f"{number} / {pdf.page_count}")
    pdf.set_metadata({"title": title, "producer": "", "creator": ""})
    pdf.subset_fonts()
    pdf.ez_save(target, no_new_id=True)


def _flow(pdf: pymupdf.Document, html: str, top: float, columns: int) -> float:
    """Set `html` from `top` on, in columns, on new pages where needed; return where the next part may begin."""
    width = (WIDTH - 2 * MARGIN - (columns - 1) * GUTTER) / columns
    story = pymupdf.Story(html, user_css=STYLE)
    bottom = _balanced(story, top, width, columns)
    used = top
    column = 0
    while True:
        left = MARGIN + column * (width + GUTTER)
        more, filled = story.place(pymupdf.Rect(left, top, left + width, bottom))
        _draw(pdf, story)
        used = max(used, filled[3])
        if not more:
            return float(used) + 8
        column += 1
        if column == columns:
            pdf.new_page(width=WIDTH, height=HEIGHT)
            column, top, used = 0, TOP, TOP
            bottom = HEIGHT - BOTTOM


def _balanced(story: pymupdf.Story, top: float, width: float, columns: int) -> float:
    """Return where columns of equal height end, or the foot of the page when they do not fit on it."""
    for bottom in range(round(top) + 24, HEIGHT - BOTTOM, 6):
        more = 1
        for _ in range(columns):
            if more:
                more, _ = story.place(pymupdf.Rect(0, top, width, bottom))
        story.reset()
        if not more:
            return bottom
    return float(HEIGHT - BOTTOM)


def _draw(pdf: pymupdf.Document, story: pymupdf.Story) -> None:
    """Put what the story has placed onto the last page."""
    memory = io.BytesIO()
    writer = pymupdf.DocumentWriter(memory)
    device = writer.begin_page(pymupdf.Rect(0, 0, WIDTH, HEIGHT))
    story.draw(device)
    writer.end_page()
    writer.close()
    page = pdf[-1]
    page.show_pdf_page(page.rect, pymupdf.open("pdf", memory.getvalue()), 0)


def _frame(page: pymupdf.Page, head: str, number: str) -> None:
    left, _, right = (part.strip() for part in head.partition("|"))
    grey = "color:#555;font-size:8.5pt"
    for box, text, align in (
        ((MARGIN, 32, WIDTH / 2, 48), left, "left"),
        ((WIDTH / 2, 32, WIDTH - MARGIN, 48), right, "right"),
        ((WIDTH / 2, HEIGHT - 44, WIDTH - MARGIN, HEIGHT - 28), number, "right"),
    ):
        page.insert_htmlbox(box, f'<div style="{grey};text-align:{align}">{text}</div>')


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    for source in sorted(SOURCES.glob("*.html")):
        make(source, folder / f"{source.stem}.pdf")
