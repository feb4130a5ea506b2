"""What finished requests left in memory, so that a new one starts from the longest beginning it has in common with them.

System prompts, chat history and documents come again and again. An entry is a sequence id whose tokens stay in memory until
the room is needed; the one used longest ago goes first. A recurrent state cannot be cut, so there an entry serves only a
prompt that goes on from the whole of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from serving.engine.generation import Tokens

SHORTEST = 16  # tokens worth keeping or sharing


@dataclass(eq=False)
class Entry:
    """A sequence in memory that nobody runs: `tokens` are all that is in memory under `id`."""

    id: int
    tokens: Tokens
    adapter: str | None
    used: int  # the cache's clock when it was last of use


def common_prefix(one: Tokens, other: Tokens) -> int:
    """Return how many tokens two texts have in common at their beginning."""
    length = min(len(one), len(other))
    differ = one[:length] != other[:length]
    first = int(differ.argmax()) if length else 0
    return first if length and differ[first] else length


class PrefixCache:
    """The kept entries, at most `room` of them and `cells` tokens together."""

    def __init__(self, room: int, cells: int) -> None:
        self.room = room
        self._cells = cells
        self._entries: list[Entry] = []
        self._clock = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def tokens(self) -> int:
        """The tokens kept, shared ones counted for each entry."""
        return sum(len(entry.tokens) for entry in self._entries)

    def find(
        self, tokens: Tokens, adapter: str | None, usable: Callable[[Entry, int], bool] = lambda entry, length: True
    ) -> tuple[Entry | None, int]:
        """Return the usable entry with the longest common beginning, and its length in tokens."""
        best, length = None, 0
        for entry in self._entries:
            common = common_prefix(entry.tokens, tokens) if entry.adapter == adapter else 0
            if common > length and usable(entry, common):
                best, length = entry, common
        return best, length

    def at(self, sequence: int) -> Entry | None:
        """Return the entry of an id."""
        return next((entry for entry in self._entries if entry.id == sequence), None)

    def touch(self, entry: Entry) -> None:
        """Note that an entry was of use."""
        self._clock += 1
        entry.used = self._clock

    def keep(self, sequence: int, tokens: Tokens, adapter: str | None) -> list[int]:
        """Keep a sequence's memory; return the ids to forget, its own among them when it is not worth keeping."""
        if self.room < 1 or not SHORTEST <= len(tokens) <= self._cells:
            return [sequence]
        tokens = np.array(tokens)
        self._clock += 1
        gone = []
        for entry in [*self._entries]:  # one that only begins another is of no more use
            if entry.adapter == adapter and common_prefix(entry.tokens, tokens) == len(entry.tokens):
                self._entries.remove(entry)
                gone.append(entry.id)
        self._entries.append(Entry(sequence, tokens, adapter, self._clock))
        while len(self._entries) > self.room or self.tokens > self._cells:
            gone.append(self.evict())
        return gone

    def take(self, entry: Entry) -> int:
        """Hand an entry over: it is no longer the cache's. Returns its id."""
        self._entries.remove(entry)
        return entry.id

    def evict(self) -> int:
        """Give up the entry that was used longest ago and return its id."""
        oldest = min(self._entries, key=lambda entry: entry.used)
        self._entries.remove(oldest)
        return oldest.id

    def clear(self) -> None:
        """Forget the entries, when the memory itself was emptied."""
        self._entries.clear()

    def entries(self) -> list[Entry]:
        """Return the entries, for saving them."""
        return [*self._entries]
