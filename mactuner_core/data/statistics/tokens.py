"""Counting tokens with a model's own tokenizer, in chunks: one thread tokenises while the next rows are read.

What is counted is what training sees: the texts, and what the chat template puts around them. Texts are tokenised once
each; the template's share is found by rendering one row of every order of roles, since rendering every row would take
longer than all the rest. `template_error` says how many tokens that was off at most on a second row of each order.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from mactuner_core.data.statistics.part import Array, Part, lengths
from mactuner_core.data.statistics.source import Row
from mactuner_core.errors import InputError, MacTunerError

Render = Callable[[Sequence[dict[str, Any]]], str]
Orders = dict[tuple[str, ...], int]

CHUNK_TEXTS = 4_000  # larger ones take longer: their memory is handed back and asked for again
CHUNK_CHARACTERS = 300_000
RENDERED_ORDERS = 200  # further orders of roles are estimated from these
CHECKED_CHARACTERS = 100_000  # a longer row is not rendered


class TokenCounter:
    """Counts the tokens of rows; `finish` gives the part "tokens". Raises InputError when there is no fast tokenizer."""

    def __init__(self, tokenizer_folder: Path, render: Render | None = None) -> None:
        self._tokenizer = load_tokenizer(tokenizer_folder)
        self._texts: list[str] = []
        self._texts_of_row, self._part_of_text = array("i"), array("i")
        self._size = self._first = self._rows = 0
        self._parts: dict[str, int] = {}
        self._part_tokens: dict[int, int] = {}
        self._counts: list[Array] = []
        self._template = _Template(self._tokenizer, render) if render else None
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="tokens")
        self._running: deque[Future[Array]] = deque()

    def add(self, row: Row) -> None:
        """Count one row, now or together with the next ones."""
        parts = self._parts
        for name, text in row.texts:
            self._texts.append(text)
            self._part_of_text.append(parts[name] if name in parts else parts.setdefault(name, len(parts)))
            self._size += len(text)
        self._texts_of_row.append(len(row.texts))
        if self._template:
            self._template.note(row)
        self._rows += 1
        if self._size >= CHUNK_CHARACTERS or len(self._texts) >= CHUNK_TEXTS:
            self._send()

    def finish(self) -> Part:
        """Return the figures."""
        self._send()
        while self._running:
            self._counts.append(self._running.popleft().result())
        self._worker.shutdown()
        content = np.concatenate([np.zeros(0, np.int64), *self._counts])
        extra = self._template.finish(content) if self._template else np.zeros(len(content), np.int64)
        arrays: dict[str, Array] = {"tokens": (content + extra).astype(np.int32)}
        figures: dict[str, Any] = {
            "tokens": lengths(arrays["tokens"]),
            "content": int(content.sum()),
            "parts": [
                {"name": name, "tokens": self._part_tokens.get(number, 0)} for name, number in self._parts.items()
            ],
            "template": self._template is not None,
        }
        if self._template:
            figures |= self._template.figures()
            arrays["refused_rows"] = self._template.refused_rows()
        return Part(figures, arrays)

    def close(self) -> None:
        """Stop counting early."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _send(self) -> None:
        if self._rows == self._first:
            return
        sizes, parts = np.array(self._texts_of_row, dtype=np.int64), np.array(self._part_of_text, dtype=np.int64)
        self._running.append(self._worker.submit(self._count, self._texts, sizes, parts))
        self._texts, self._size, self._first = [], 0, self._rows
        self._texts_of_row, self._part_of_text = array("i"), array("i")
        if len(self._running) > 1:
            self._counts.append(self._running.popleft().result())

    def _count(self, texts: list[str], texts_of_row: Array, part_of_text: Array) -> Array:
        """Return the tokens of each row of a chunk, and add them to who said them; runs in the worker's thread."""
        different = list(dict.fromkeys(texts))  # a system prompt is the same in every row
        lengths_of = list(map(len, self._tokenizer.encode_batch_fast(different, add_special_tokens=False)))
        if len(different) < len(texts):
            length_of = dict(zip(different, lengths_of, strict=True))
            lengths_of = [length_of[text] for text in texts]
        tokens = np.array(lengths_of, dtype=np.int64)
        for part, count in enumerate(np.bincount(part_of_text, weights=tokens).tolist()):
            self._part_tokens[part] = self._part_tokens.get(part, 0) + int(count)
        row_of_text = np.repeat(np.arange(len(texts_of_row)), texts_of_row)
        return np.bincount(row_of_text, weights=tokens, minlength=len(texts_of_row)).astype(np.int64)


class _Template:
    """What the chat template adds to a row, by the order of its roles."""

    def __init__(self, tokenizer: Any, render: Render) -> None:
        self._tokenizer, self._render = tokenizer, render
        self._orders: Orders = {}
        self._order_of_row = array("i")
        self._seen: list[int] = []
        self._added: dict[int, int] = {}
        self._refused: dict[int, str] = {}
        self._error = 0

    def note(self, row: Row) -> None:
        """Remember the order of roles of a row, and render it when that order is new."""
        messages = row.fields.get("messages")
        if not messages:
            self._order_of_row.append(-1)
            return
        roles = tuple([name for name, _ in row.texts])
        order = self._orders.setdefault(roles, len(self._orders))
        self._order_of_row.append(order)
        if order == len(self._seen):
            self._seen.append(0)
        if self._seen[order] < 2 and order < RENDERED_ORDERS:
            self._measure(order, row, messages)

    def _measure(self, order: int, row: Row, messages: Sequence[dict[str, Any]]) -> None:
        texts = [text for _, text in row.texts]
        if sum(map(len, texts)) > CHECKED_CHARACTERS:
            return
        self._seen[order] += 1
        try:
            rendered = self._render(messages).rstrip()  # nothing is learned of what follows the last turn's mark
        except MacTunerError as problem:
            self._refused.setdefault(order, problem.text())
            return
        whole, *parts = self._tokenizer.encode_batch_fast([rendered, *texts], add_special_tokens=False)
        added = len(whole) - sum(map(len, parts))
        if order in self._added:
            self._error = max(self._error, abs(added - self._added[order]))
        else:
            self._added[order] = added

    def finish(self, content: Array) -> Array:
        """Return how many tokens the template adds to each row."""
        by_order = np.array([*self._estimated(), 0], dtype=np.int64)  # the last is for rows without messages: -1
        return by_order[np.array(self._order_of_row, dtype=np.int64)] if len(content) else np.zeros(0, np.int64)

    def figures(self) -> dict[str, Any]:
        """Return how sure the template's share is, and how many rows the template refuses and why."""
        return {
            "template_error": self._error,
            "refused": len(self.refused_rows()),
            "refused_reason": next(iter(self._refused.values()), None),
        }

    def refused_rows(self) -> Array:
        """Return the rows with an order of roles that the template refuses."""
        return np.flatnonzero(np.isin(np.array(self._order_of_row, dtype=np.int64), list(self._refused)))

    def _estimated(self) -> list[int]:
        """Return the tokens added for every order; those not rendered from how often each role comes."""
        if len(self._added) == len(self._orders) or not self._added:
            return [self._added.get(order, 0) for order in range(len(self._orders))]
        roles = sorted({role for order in self._orders for role in order})
        counts = np.array([[1, *(order.count(role) for role in roles)] for order in self._orders], dtype=np.float64)
        known = list(self._added)
        weights, *_ = np.linalg.lstsq(counts[known], np.array([self._added[order] for order in known]), rcond=None)
        guessed = np.rint(counts @ weights).astype(int).clip(min=0).tolist()
        return [self._added.get(order, guess) for order, guess in enumerate(guessed)]


def load_tokenizer(folder: Path) -> Any:
    """Return the `tokenizers.Tokenizer` of the model in `folder`; raises InputError when it has none."""
    from tokenizers import Tokenizer

    file = folder / "tokenizer.json"
    try:
        tokenizer = Tokenizer.from_str(file.read_text(encoding="utf-8"))
    except FileNotFoundError as problem:
        raise InputError("statistics.no_tokenizer", path=folder) from problem
    except Exception as problem:  # the library raises plain Exception for a broken file
        raise InputError("statistics.broken_tokenizer", path=file, reason=str(problem)[:300]) from problem
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
