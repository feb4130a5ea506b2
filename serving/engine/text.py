"""From token bytes to text a client may see: whole characters only, and never the beginning of a stop string."""

from __future__ import annotations

import codecs
from collections.abc import Sequence


class TextStream:
    """Turns bytes into text piece by piece.

    Bytes of an unfinished UTF-8 character and text that may become a stop string are held back until it is sure.
    """

    def __init__(self, stop: Sequence[str] = ()) -> None:
        self._stop = tuple(stop)
        self._longest_stop = max((len(word) for word in self._stop), default=0)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self.stopped = False

    def push(self, data: bytes) -> str:
        """Take the next bytes and return the text that is sure; sets `stopped` when a stop string came."""
        text = self._decoder.decode(data)
        if not self._stop:
            return text
        return self._release(self._held + text) if text else ""

    def finish(self) -> str:
        """Return the text still held at the end; an unfinished character is dropped."""
        held, self._held = self._held, ""
        return "" if self.stopped else held

    def _release(self, text: str) -> str:
        found = [(at + len(word), at) for word in self._stop if (at := text.find(word)) >= 0]
        if found:  # the first to be complete ends the text, however the text came in pieces
            self.stopped = True
            self._held = ""
            return text[: min(found)[1]]
        keep = self._possible_start(text)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def _possible_start(self, text: str) -> int:
        """Return the length of the longest end of `text` that begins a stop string."""
        for length in range(min(self._longest_stop - 1, len(text)), 0, -1):
            end = text[-length:]
            if any(word.startswith(end) for word in self._stop):
                return length
        return 0
