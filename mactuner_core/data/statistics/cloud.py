"""Where the words of a cloud stand: the largest in the middle, the others around it on a spiral, none over another.

Positions are pixels of the middle of a word, (0, 0) top left. Widths are estimated generously, as no font is known here:
a Korean letter is as wide as it is high.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

LARGEST, SMALLEST = 46, 12
WIDE, NARROW = 1.0, 0.66  # of the font size
LINE = 1.15
GAP = 3
STEP = 3.0  # pixels between two tries


class Size(NamedTuple):
    """The room for the words, in pixels."""

    width: int
    height: int


class Placed(NamedTuple):
    """A word in its place; `rank` is its number in the list, `size` its font size."""

    word: str
    times: int
    rank: int
    size: int
    x: float
    y: float


def place_words(words: Sequence[tuple[str, int]], room: Size) -> list[Placed]:
    """Return the words (most frequent first, with how often each comes) in their places; a word that finds none is left out."""
    placed: list[Placed] = []
    boxes: list[tuple[float, float, float, float]] = []
    for rank, (word, times) in enumerate(words):
        size = _font_size(times, words[0][1])
        width, height = text_size(word, size)
        for x, y in _spiral(room):
            box = (x - width / 2 - GAP, y - height / 2, x + width / 2 + GAP, y + height / 2)
            if box[0] < 0 or box[1] < 0 or box[2] > room.width or box[3] > room.height:
                continue
            if not any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in boxes):
                boxes.append(box)
                placed.append(Placed(word, times, rank, size, x, y))
                break
    return placed


def text_size(word: str, size: int) -> tuple[float, float]:
    """Return the estimated width and height of a word in pixels."""
    return sum(WIDE if letter > "\u2e7f" else NARROW for letter in word) * size, LINE * size


def _font_size(times: int, most: int) -> int:
    """Return the size whose square grows with how often a word comes."""
    return max(SMALLEST, round(LARGEST * math.sqrt(times / most)))


def _spiral(room: Size) -> Iterator[tuple[float, float]]:
    """Yield places from the middle outwards on an ellipse as wide as the room."""
    angle = 0.0
    while (radius := STEP * angle / math.pi) < room.width / 2:
        x = room.width / 2 + radius * math.cos(angle)
        y = room.height / 2 + radius * math.sin(angle) * room.height / room.width
        yield round(x, 1), round(y, 1)
        angle += STEP / max(radius, STEP)
