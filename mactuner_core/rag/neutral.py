"""Texts from documents made harmless for a prompt: what a model takes for an order of its maker is broken invisibly.

A sign that nobody sees is put behind the first letter of every mark: control tokens of the model's vocabulary, the words that its
chat template writes around messages, the delimiters of sources, and numbers in brackets, which would pass for citations. The
text reads as before, and no tokenizer finds the mark in it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

BREAK = "\u200b"  # zero-width space: no mark of any known model holds it
_SHAPES = (
    r"<[|｜/]",  # <|im_start|>, <｜User｜>, </source>, </tool_call>
    r"\[/?[A-Z][A-Z_]{2,}\]",  # [INST], [/INST], [TOOL_CALLS], [AVAILABLE_TOOLS]
    r"<</?SYS>>",
    r"</?(?:source|sources|think|tools?|tool_call|tool_response|function|start_of_turn|end_of_turn|bos|eos|s)\b",
    r"[\[【](?=\s*\d)",  # [1], 【1】
)
_UNSAID = ("Cc", "Cs", "Co", "Cn")  # control signs, half characters, and what has no meaning


class Marks:
    """What is broken in texts; `texts` are the model's own marks, matched as they are written."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        own = sorted({mark for mark in texts if len(mark) > 1 and mark.strip()}, key=len, reverse=True)
        single = "".join(sorted({mark for mark in texts if len(mark) == 1 and not mark.isalnum() and mark.strip()}))
        parts = [
            *(re.escape(mark) for mark in own),
            *(f"(?i:{shape})" if "[A-Z]" not in shape else shape for shape in _SHAPES),
        ]
        firsts = "".join(map(re.escape, sorted({"<", "[", "【"} | {mark[0] for mark in own})))
        # the first signs are looked at before the marks: some vocabularies have thousands of them
        self._begins = re.compile(f"(?=[{firsts}])(?={'|'.join(parts)})(.)", re.DOTALL)
        self._single = re.compile(f"[{re.escape(single)}]") if single else None

    def broken(self, text: str) -> str:
        """Return `text` with every mark broken, also those that overlap, and without signs that print nothing."""
        seen = _printable(text)
        if self._single:
            seen = self._single.sub("\ufffd", seen)
        return self._begins.sub(lambda found: found[1] + BREAK, seen)


def one_line(text: str, longest: int = 200) -> str:
    """Return `text` fit for an attribute in quotes: a file's name is written by strangers too."""
    plain = " ".join(_printable(text).split())
    return re.sub(r"[<>\"“”\[\]【】|｜]", "_", plain)[:longest]


def _printable(text: str) -> str:
    """Return `text` without control signs and without earlier breaks, which could hide a mark from the search for it."""
    kept = (sign for sign in text.replace(BREAK, "") if sign in "\n\t" or unicodedata.category(sign) not in _UNSAID)
    return "".join(kept)
