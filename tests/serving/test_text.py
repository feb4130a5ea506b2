"""Bytes to text: whole characters, stop strings held back, nothing lost."""

from __future__ import annotations

import random

import pytest

from serving.engine.text import TextStream

TEXT = "한글 and emoji 👨‍👩‍👧 😀, then – “quotes”.\n"


def feed(stream: TextStream, data: bytes, sizes: list[int]) -> tuple[list[str], str]:
    """Push `data` in pieces of the given sizes, over and over; return the pieces that came out and all text."""
    pieces, at, number = [], 0, 0
    while at < len(data) and not stream.stopped:
        size = sizes[number % len(sizes)]
        pieces.append(stream.push(data[at : at + size]))
        at, number = at + size, number + 1
    pieces.append(stream.finish())
    return pieces, "".join(pieces)


@pytest.mark.parametrize("sizes", [[1], [2], [3], [1, 4, 2], [1000]])
def test_characters_are_never_cut(sizes: list[int]) -> None:
    pieces, text = feed(TextStream(), TEXT.encode(), sizes)
    assert text == TEXT
    assert not any("�" in piece for piece in pieces)


def test_an_unfinished_character_at_the_end_is_dropped() -> None:
    assert feed(TextStream(), "ab😀".encode()[:-1], [1])[1] == "ab"


def test_bytes_that_are_no_character_show_as_the_replacement() -> None:
    assert feed(TextStream(), b"a\xffb", [1])[1] == "a�b"


@pytest.mark.parametrize("sizes", [[1], [2], [5], [1000]])
@pytest.mark.parametrize(
    ("stop", "expected"),
    [
        (["emoji"], "한글 and "),
        (["mo", "emoji"], "한글 and e"),
        (["zzz"], TEXT),
        (["then – x", "😀,"], "한글 and emoji 👨‍👩‍👧 "),
        (["\n"], TEXT[:-1]),
        (["한"], ""),
    ],
)
def test_a_stop_string_ends_the_text_and_is_not_shown(stop: list[str], expected: str, sizes: list[int]) -> None:
    stream = TextStream(stop)
    assert feed(stream, TEXT.encode(), sizes)[1] == expected
    assert stream.stopped == (expected != TEXT)


def test_what_may_become_a_stop_string_waits_until_it_is_sure() -> None:
    stream = TextStream(["END!", "ENX"])
    assert stream.push(b"abEN") == "ab"
    assert stream.push(b"D") == ""
    assert stream.push(b"?") == "END?"
    assert stream.push(b"E") == ""
    assert stream.finish() == "E"


def test_any_split_gives_what_the_whole_text_gives() -> None:
    chance = random.Random(5)
    for _ in range(300):
        text = "".join(chance.choice("abc한😀") for _ in range(chance.randrange(30)))
        stops = ["".join(chance.choice("abc한😀") for _ in range(chance.randrange(1, 4))) for _ in range(2)]
        ends = [(text.find(stop) + len(stop), text.find(stop)) for stop in stops if stop in text]
        at = min(ends, default=(0, len(text)))[1]
        sizes = [chance.randrange(1, 4) for _ in range(5)]
        assert feed(TextStream(stops), text.encode(), sizes)[1] == text[:at]
