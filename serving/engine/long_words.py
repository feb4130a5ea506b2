"""Texts with words of thousands of letters, cut for llama.cpp: its regular expressions recurse once a character.

A run of some ten thousand letters, blanks or signs overflows the stack and ends the process with most tokenizers (those of
Mistral, DeepSeek, gpt-oss); only `SAFE` ones are split by loops. A cut can change the one token that stood there.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

LONGEST = (
    2000  # bytes; the deepest expression takes about 600 bytes of stack a character, and threads have 2 MB at least
)
LONGEST_SAFE = 100_000  # bytes; keeps the memory for one word small
SAFE = frozenset({"gpt-2", "llama-bpe", "llama3", "qwen2", "qwen35"})  # values of tokenizer.ggml.pre


def cut(data: bytes, longest: int) -> list[bytes]:
    """Return `data`, UTF-8, in pieces within which no run of blanks or of other signs has more than `longest` bytes."""
    if len(data) <= longest:
        return [data]
    blank = np.frombuffer(data, dtype=np.uint8) <= 32
    edges = np.concatenate(([0], np.flatnonzero(blank[1:] != blank[:-1]) + 1, [len(data)]))
    places = [0]
    for run in np.flatnonzero(np.diff(edges) > longest):
        start, end = int(edges[run]), int(edges[run + 1])
        while end - start > longest:
            start = _place(data, start, longest)
            places.append(start)
    return [data[start:end] for start, end in pairwise([*places, len(data)])]


def _place(data: bytes, start: int, longest: int) -> int:
    """Return where to cut: before what may begin a control token, else between two characters."""
    end = start + longest
    half = start + longest // 2
    if (mark := max(data.rfind(b"<", half, end), data.rfind(b"[", half, end))) > start:
        return mark
    while data[end] & 0xC0 == 0x80:
        end -= 1
    return end
