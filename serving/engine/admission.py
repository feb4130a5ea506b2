"""Who gets a place among the running sequences, in which order, and from which prefix already in memory it starts."""

from __future__ import annotations

import time
from collections import Counter, deque

from serving.engine.context import Context
from serving.engine.llama import Model
from serving.engine.prefix_cache import SHORTEST, Entry, PrefixCache, common_prefix
from serving.engine.prefix_store import Stored
from serving.engine.sequence import Sequence

_WORTH_A_COPY = 64  # tokens: copying a whole place takes as long as reading about so many
_WORTH_WAITING = 64  # tokens of a prompt that another request is just reading: waiting for them beats reading them too


class Admission:
    """The waiting and the running sequences, and the ids of the memory they use."""

    def __init__(self, model: Model, context: Context, cache: PrefixCache, n_parallel: int) -> None:
        self._model = model
        self._context = context
        self._cache = cache
        self._n_parallel = n_parallel
        self._free = list(range(context.ids))
        self.waiting: deque[Sequence] = deque()
        self.running: list[Sequence] = []

    def admit(self) -> None:
        """Give waiting requests a place while their prompts fit beside the running ones.

        The client with the fewest running requests comes first, then the oldest request.
        """
        if not self.waiting or len(self.running) >= self._n_parallel:
            return
        for sequence in self._in_order():
            if len(self.running) >= self._n_parallel:
                return
            if self._will_come(sequence):
                continue
            source, entry, length = self._plan(sequence)
            if self._context.shared and self.running and not self._fits(sequence, length):
                return
            self._start(sequence, source, entry, length)

    def leave(self, sequence: Sequence, *, keep: bool) -> None:
        """Take a sequence out; its memory is kept for those to come, or freed."""
        if sequence.id >= 0:
            self.running.remove(sequence)
            gone = [sequence.id]
            if keep:
                gone = self._cache.keep(sequence.id, sequence.tokens[: sequence.length], sequence.generation.adapter)
            self._forget(gone)
        elif sequence in self.waiting:
            self.waiting.remove(sequence)

    def step_back(self, sequence: Sequence) -> None:
        """Send a running sequence back to the head of the queue; what it has made stays with it."""
        self.running.remove(sequence)
        self._forget([sequence.id])
        sequence.step_back()
        self.waiting.appendleft(sequence)

    def restore(self, stored: Stored) -> None:
        """Put a prefix from disk into memory as a kept one, unless there is no room for it."""
        tokens, context = len(stored.tokens), self._context
        if not self._free or len(self._cache) >= self._cache.room or tokens > context.cells:
            return
        if self._cache.tokens + tokens > context.all_cells:
            return
        sequence = self._free.pop(0)
        if self._context.load(sequence, stored.file, len(stored.tokens)):
            self._forget(self._cache.keep(sequence, stored.tokens, stored.adapter))
        else:
            self._forget([sequence])

    def evict(self) -> None:
        """Give up the kept prefix that was used longest ago."""
        self._forget([self._cache.evict()])

    def reset(self) -> None:
        """Call every id free: the memory was emptied."""
        self._free = list(range(self._context.ids))

    def _in_order(self) -> list[Sequence]:
        """Return the waiting requests: those that began already, then by how much their client has running."""
        running = Counter(sequence.generation.client for sequence in self.running)
        order: list[tuple[int, int, Sequence]] = []
        for number, sequence in enumerate(self.waiting):
            client = sequence.generation.client
            order.append((-1 if sequence.made else running[client], number, sequence))
            running[client] += 1
        return [sequence for _, _, sequence in sorted(order, key=lambda one: one[:2])]

    def _will_come(self, sequence: Sequence) -> bool:
        """Tell whether a running request is just reading a beginning that this one shares and can use in a moment."""
        if not self._model.can_rewind or sequence.generation.prompt_logprobs:
            return False
        _, known = self._cache.find(sequence.tokens, sequence.generation.adapter)
        for other in self.running:
            if other.generation.adapter == sequence.generation.adapter and not other.made and len(other.pending) > 1:
                common = common_prefix(other.tokens, sequence.tokens)
                if common - max(known, min(common, other.length)) >= _WORTH_WAITING:
                    return True
        return False

    def _plan(self, sequence: Sequence) -> tuple[int, Entry | None, int]:
        """Return whose memory the sequence can start from (an id, and its entry when it is a kept one) and how far."""
        if sequence.generation.prompt_logprobs:
            return -1, None, 0
        most = len(sequence.tokens) - 1  # the last token is always computed: its logits are wanted
        entry, length = self._cache.find(sequence.tokens, sequence.generation.adapter)
        if not self._model.can_rewind:
            return (entry.id, entry, length) if entry and length == len(entry.tokens) <= most else (-1, None, 0)
        source = entry.id if entry else -1
        for other in self.running:
            if other.generation.adapter == sequence.generation.adapter:
                common = min(common_prefix(other.tokens, sequence.tokens), other.length)
                if common > length:
                    source, entry, length = other.id, None, common
        if not self._context.shared and length < _WORTH_A_COPY and not (entry and self._may_go_on(entry, length)):
            entry, length = self._cache.find(sequence.tokens, sequence.generation.adapter, self._may_go_on)
            source = entry.id if entry else -1
        return (source, entry, min(length, most)) if min(length, most) >= SHORTEST else (-1, None, 0)

    def _common(self, entry: Entry, sequence: Sequence) -> int:
        """Return how many tokens the sequence may take over where the entry is."""
        alike = entry.adapter == sequence.generation.adapter and self._model.can_rewind
        if not alike or sequence.generation.prompt_logprobs:
            return 0
        return min(common_prefix(entry.tokens, sequence.tokens), len(sequence.tokens) - 1)

    def _fits(self, sequence: Sequence, length: int) -> bool:
        """Tell whether the shared memory has room for one more, `length` tokens of which are in it already."""
        taken = sum(one.needed for one in self.running) + max((one.shared for one in self.running), default=0)
        return taken + sequence.needed - length <= self._context.cells

    def _start(self, sequence: Sequence, source: int, entry: Entry | None, length: int) -> None:
        """Give the sequence an id and the prefix of the plan."""
        sequence.id = self._choose_id(entry, length)
        kept = self._cache.at(sequence.id)
        if sequence.id in self._free:
            self._free.remove(sequence.id)
        elif kept:
            self._cache.take(kept)
            if (own := self._common(kept, sequence)) > length:  # in its place already, so worth it however short
                entry, length = kept, own
        if kept and kept is entry:
            self._context.forget(sequence.id, length)  # it goes on where the entry was
        else:
            self._context.forget(sequence.id)
            if length:
                self._context.share(source, sequence.id, length)
                sequence.shared = length if self._context.shared else 0
            if entry:
                self._cache.touch(entry)
        sequence.length = length
        sequence.admitted_s = sequence.admitted_s or time.monotonic()
        if sequence.cached_tokens < 0:
            sequence.cached_tokens = length
        self.waiting.remove(sequence)
        self.running.append(sequence)

    def _choose_id(self, entry: Entry | None, length: int) -> int:
        """Return the id for a new sequence that begins with `length` tokens of `entry`.

        Places of their own are computed together only where their ids follow each other, so one beside a running sequence
        comes first. Then: the entry's own when little of it is lost, an empty one, the one used longest ago.
        """
        if self._context.shared and self._model.can_rewind:
            return self._free[0]
        if entry and not self._model.can_rewind:
            return entry.id
        running = {sequence.id for sequence in self.running}

        def cost(one: int) -> tuple[bool, int, int]:
            apart = bool(running) and not {one - 1, one + 1} & running
            kept = self._cache.at(one)
            if kept and kept is entry and self._may_go_on(entry, length):
                return apart, 0, 0
            return apart, 2 if kept else 1, kept.used if kept else one

        return min([*self._free, *(kept.id for kept in self._cache.entries())], key=cost)

    @staticmethod
    def _may_go_on(entry: Entry, length: int) -> bool:
        """Tell whether an entry may be used up by a request that begins with `length` of its tokens."""
        return 2 * length >= len(entry.tokens)

    def _forget(self, ids: list[int]) -> None:
        for one in ids:
            self._context.forget(one)
            self._free.append(one)
