"""What one document may take: beyond it, the file is refused and the others go on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """`step_seconds` is for one step (a page, or a whole file without pages), OCR of a page included."""

    step_seconds: float = 60.0
    memory_bytes: int = 3 * 10**9
    file_bytes: int = 500_000_000
    text_bytes: int = 50_000_000  # of text, Markdown and HTML files
    pages: int = 10_000
    ocr_seconds: float = 40.0  # a page
    picture_pixels: int = 4_000_000


LIMITS = Limits()
