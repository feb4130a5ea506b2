"""Small real PDFs for the tests, made with MuPDF's own writer and its built-in Korean font."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pymupdf

BODY = 10.0


class Maker:
    """Writes lines of text where they are wanted; `save` gives the file."""

    def __init__(self) -> None:
        self.pdf: Any = pymupdf.open()
        self.page: Any = None

    def new_page(self, width: float = 595, height: float = 842) -> Maker:
        self.page = self.pdf.new_page(width=width, height=height)
        return self

    def write(self, x: float, y: float, text: str, size: float = BODY, bold: bool = False, mono: bool = False) -> Maker:
        latin = "cobo" if mono and bold else "cour" if mono else "hebo" if bold else "helv"
        self.page.insert_text((x, y), text, fontsize=size, fontname=latin if text.isascii() else "korea")
        return self

    def lines(self, x: float, y: float, texts: list[str], size: float = BODY, step: float = 14) -> float:
        """Write `texts` under each other; return where the next line would stand."""
        for text in texts:
            self.write(x, y, text, size)
            y += step
        return y

    def table(self, x: float, y: float, rows: list[list[str]], widths: list[float], height: float = 22) -> float:
        """Draw a table with rules; return its lower edge."""
        for row in rows:
            left = x
            for text, width in zip(row, widths, strict=True):
                self.page.draw_rect((left, y, left + width, y + height), width=0.7)
                for number, part in enumerate(text.split("\n")):
                    self.write(left + 4, y + 14 + 11 * number, part, 9)
                left += width
            y += height
        return y

    def save(self, path: Path, **options: Any) -> Path:
        self.pdf.save(path, **options)
        return path


def simple_pdf(path: Path, text: str = "A page that can be read.", pages: int = 1, **options: Any) -> Path:
    """Write a PDF of `pages` pages with one paragraph each."""
    maker = Maker()
    for _ in range(pages):
        maker.new_page().write(72, 120, text)
    return maker.save(path, **options)
