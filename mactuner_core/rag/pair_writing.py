"""Asking a model for question/source pairs: chunk by chunk, resumable, within a budget; what cannot be used is counted.

The folder holds `pairs.jsonl` (a file of questions, ready to measure with) and `asked.jsonl` (one line a request: its chunk, what it
cost, why what was refused). A chunk that was asked is not asked again.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from mactuner_core.data.synthesis.endpoint import Endpoint, Reply, TryLaterError
from mactuner_core.data.synthesis.replies import Unusable, rows_in
from mactuner_core.data.synthesis.spending import Spending
from mactuner_core.errors import InputError, WorkError
from mactuner_core.rag.pair_recipe import PairRecipe
from mactuner_core.rag.pairs import Pair, PairChunk, PairSieve, prompt_for
from mactuner_core.workspace import disk_full_is_clear

LOOK_EVERY_S = 0.1
LONGEST_PAUSE_S = 60.0


class PairLedger:
    """What a folder holds, an earlier run's included; a line that a crash left half written is cut off."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.pairs_path, self._asked_path = folder / "pairs.jsonl", folder / "asked.jsonl"
        self.questions: list[str] = []
        self.chunks: set[str] = set()
        self.tokens = self.requests = 0
        self.refused: Counter[str] = Counter()
        self.first: dict[str, dict[str, Any]] = {}  # the values of the first case of each reason
        for row in _mended(self.pairs_path):
            self.questions.append(row["question"])
            self.chunks.add(row["chunk_id"])
        for row in _mended(self._asked_path):
            self._count(row)

    def keep(self, pairs: Sequence[Pair], model: str) -> None:
        """Save the pairs of one reply."""
        _append(self.pairs_path, [pair.as_row(model) for pair in pairs])
        self.questions += [pair.question for pair in pairs]

    def settle(self, chunk_id: str | None, tokens: int, refused: Sequence[Unusable] = ()) -> None:
        """Note what a request cost and what of its reply was refused; without a chunk when it brought no reply."""
        reasons = [{"code": one.code, "values": one.values} for one in refused]
        row = {"chunk_id": chunk_id, "tokens": tokens, "refused": reasons}
        _append(self._asked_path, [row])
        self._count(row)

    def _count(self, row: dict[str, Any]) -> None:
        if row["chunk_id"] is not None:
            self.chunks.add(row["chunk_id"])
            self.requests += 1
        self.tokens += row["tokens"]
        for reason in row["refused"]:
            self.refused[reason["code"]] += 1
            self.first.setdefault(reason["code"], reason["values"])


def write_pairs(
    chunks: Sequence[PairChunk],
    recipe: PairRecipe,
    folder: Path,
    api_key: str = "",
    *,
    should_stop: Callable[[], bool] = lambda: False,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Write pairs into `folder` until there are enough and return how it ended, as JSON-ready data.

    `stopped_by` is count, chunks (all were asked), budget or stopped. Raises InputError when there is no chunk or the endpoint
    refuses, WorkError when it keeps failing; what is accepted is kept however it ends.
    """
    if not any(chunk.text.strip() for chunk in chunks):
        raise InputError("rag_evaluate.pair_no_chunks")
    ledger = PairLedger(folder)
    work = _Work(recipe, ledger, _order(chunks, ledger.chunks, recipe.seed), on_progress)
    stopped_by = asyncio.run(work.run(api_key, should_stop))
    return {
        "path": str(ledger.pairs_path),
        "accepted": len(ledger.questions),
        "wanted": recipe.count,
        "requests": ledger.requests,
        "tokens": ledger.tokens,
        "refused": dict(ledger.refused.most_common()),
        "first": ledger.first,
        "stopped_by": stopped_by,
    }


class _Work:
    """One run: several requests under way, each for one chunk."""

    def __init__(
        self,
        recipe: PairRecipe,
        ledger: PairLedger,
        chunks: Iterator[PairChunk],
        on_progress: Callable[[int, int], None],
    ) -> None:
        self.recipe, self.ledger, self.on_progress = recipe, ledger, on_progress
        self._chunks = chunks
        self._sieve = PairSieve(ledger.questions)
        self._spending = Spending(recipe.max_tokens)
        self._reserved: dict[str, int] = {}

    async def run(self, api_key: str, should_stop: Callable[[], bool]) -> str:
        """Ask until nothing more is to be sent and return why."""
        endpoint = Endpoint(self.recipe.endpoint, api_key)
        running: set[asyncio.Task[None]] = set()
        end = None
        try:
            while not should_stop():
                while end is None and len(running) < self.recipe.concurrency:
                    end = self._start(endpoint, running)
                if not running:
                    return end or "stopped"
                done, _ = await asyncio.wait(running, timeout=LOOK_EVERY_S, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
                    running.discard(task)
                end = (
                    None if done and end in ("count", "budget") else end
                )  # a reply may have brought less than promised
            return "stopped"
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            await endpoint.close()

    def _start(self, endpoint: Endpoint, running: set[asyncio.Task[None]]) -> str | None:
        """Start the next request, or return why there is none: count, budget or chunks."""
        recipe = self.recipe
        if len(self.ledger.questions) + len(running) * recipe.pairs_per_chunk >= recipe.count:
            return "count"
        chunk = next(self._chunks, None)
        if chunk is None:
            return "chunks"
        prompt = prompt_for(chunk, recipe.pairs_per_chunk)
        cost = self._spending.estimate(prompt)
        if self.ledger.tokens + sum(self._reserved.values()) + cost > recipe.token_budget:
            self._chunks = chain([chunk], self._chunks)
            return "budget"
        self._reserved[chunk.chunk_id] = cost
        running.add(asyncio.create_task(self._ask(endpoint, chunk, prompt)))
        return None

    async def _ask(self, endpoint: Endpoint, chunk: PairChunk, prompt: str) -> None:
        try:
            reply = await self._reply(endpoint, chunk, prompt)
            pairs, refused = self._use(reply, chunk)
            self.ledger.keep(pairs, self.recipe.model)
            self.ledger.settle(chunk.chunk_id, self._spending.learn(prompt, reply), refused)
        finally:
            self._reserved.pop(chunk.chunk_id, None)
        self.on_progress(min(len(self.ledger.questions), self.recipe.count), self.recipe.count)

    async def _reply(self, endpoint: Endpoint, chunk: PairChunk, prompt: str) -> Reply:
        """Send the request until a reply comes; raises WorkError after too many failures in a row."""
        for attempt in range(self.recipe.retries + 1):
            try:
                return await endpoint.ask(prompt)
            except TryLaterError as problem:
                if problem.may_have_cost:
                    self.ledger.settle(None, self._reserved[chunk.chunk_id])
                last = problem
            jitter = random.uniform(0.5, 1.0)  # noqa: S311 (spreads the load)
            pause_s = min(LONGEST_PAUSE_S, self.recipe.backoff_s * 2.0**attempt) * jitter
            if attempt < self.recipe.retries:
                await asyncio.sleep(max(pause_s, last.wait_s))
        count = self.recipe.retries + 1
        raise WorkError("synthesis.endpoint_fails", url=self.recipe.base_url, count=count, reason=last.reason)

    def _use(self, reply: Reply, chunk: PairChunk) -> tuple[list[Pair], list[Unusable]]:
        """Return the pairs of a reply that are kept, as many as asked for, and why the others are not."""
        try:
            elements = rows_in(reply.text)
        except Unusable as problem:
            return [], [Unusable("synthesis.reply_cut") if reply.cut else problem]
        pairs: list[Pair] = []
        refused: list[Unusable] = []
        room = min(self.recipe.pairs_per_chunk, self.recipe.count - len(self.ledger.questions))
        for element in elements:
            if len(pairs) >= room:
                break
            try:
                pairs.append(self._sieve.take(element, chunk))
            except Unusable as problem:
                refused.append(problem)
        return pairs, refused


def _order(chunks: Sequence[PairChunk], asked: set[str], seed: int) -> Iterator[PairChunk]:
    """Yield the chunks not asked yet, a different document each time as far as it goes, drawn by `seed`."""
    documents: defaultdict[str, list[PairChunk]] = defaultdict(list)
    for chunk in chunks:
        if chunk.text.strip():
            documents[chunk.document].append(chunk)
    choice = random.Random(seed)  # noqa: S311 (a choice, no secret)
    lists = [choice.sample(group, len(group)) for group in documents.values()]
    choice.shuffle(lists)
    turns = chain.from_iterable(zip_longest(*lists))
    return (chunk for chunk in turns if chunk is not None and chunk.chunk_id not in asked)


def _append(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        return
    content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    with disk_full_is_clear(path), path.open("ab") as file:
        file.write(content.encode("utf-8", "backslashreplace"))
        file.flush()
        os.fsync(file.fileno())


def _mended(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a file, which is there afterwards and ends with a whole line."""
    path.touch()
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(path, whole)
    return [json.loads(line) for line in content[:whole].splitlines()]
