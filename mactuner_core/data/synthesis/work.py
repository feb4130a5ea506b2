"""The work of a synthesis: requests are sent while rows are missing and the budget allows, replies are sieved and kept.

One thread, one event loop. Failures of the endpoint pause all requests, longer each time; replies that cannot be used cost
their tokens and nothing else.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine
from typing import Any

from mactuner_core.data.rows import Message
from mactuner_core.data.synthesis.endpoint import Endpoint, Reply, TryLaterError
from mactuner_core.data.synthesis.ledger import Ledger
from mactuner_core.data.synthesis.prompt import fill
from mactuner_core.data.synthesis.recipe import SynthesisRecipe
from mactuner_core.data.synthesis.replies import Unusable, rows_in
from mactuner_core.data.synthesis.sieve import Sieve
from mactuner_core.data.synthesis.spending import Spending
from mactuner_core.errors import WorkError

LOOK_EVERY_S = 0.1
LONGEST_PAUSE_S = 60.0
FRUITLESS_LIMIT = 12  # replies in a row without one usable row


class Work:
    """One synthesis under way."""

    def __init__(
        self,
        recipe: SynthesisRecipe,
        gold: list[list[Message]],
        sieve: Sieve,
        ledger: Ledger,
        on_change: Callable[[], None],
    ) -> None:
        self.recipe = recipe
        self.gold = gold
        self.sieve = sieve
        self.ledger = ledger
        self.on_change = on_change
        self.spending = Spending(recipe.max_tokens)
        self._promised = 0
        self._fruitless = 0
        self._failures = 0
        self._paused_at = self._paused_until = 0.0

    async def run(self, endpoint: Endpoint, should_stop: Callable[[], bool]) -> str:
        """Work until nothing more is to be sent and return why: count, budget, requests, fruitless or stopped.

        Raises what stops it at once: a refused key, an endpoint that keeps failing.
        """
        running: set[asyncio.Task[None]] = set()
        try:
            while not should_stop():
                while len(running) < self.recipe.concurrency and self._may_send(len(running)):
                    running.add(asyncio.create_task(self._request(endpoint)))
                if running:
                    done, _ = await asyncio.wait(running, timeout=LOOK_EVERY_S, return_when=asyncio.FIRST_COMPLETED)
                    for task in done:
                        task.result()
                        running.discard(task)
                elif reason := self._end():
                    return reason
                else:
                    await asyncio.sleep(min(LOOK_EVERY_S, max(0.0, self._paused_until - time.monotonic())))
            return "stopped"
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def next_cost(self) -> int:
        """Return the most tokens that the next request may cost."""
        return self.spending.estimate(self._prompt())

    def _end(self) -> str | None:
        """Return why no further request may be sent, counting what those under way promise and may cost."""
        if self._missing() <= 0:
            return "count"
        if self._fruitless >= FRUITLESS_LIMIT:
            return "fruitless"
        if self.ledger.replies >= self.recipe.request_limit:
            return "requests"
        if self.ledger.tokens + self.next_cost() > self.recipe.token_budget:
            return "budget"
        return None

    def _may_send(self, running: int) -> bool:
        below_limit = self.ledger.replies + running < self.recipe.request_limit
        return time.monotonic() >= self._paused_until and below_limit and self._end() is None

    def _missing(self) -> int:
        return self.recipe.count - len(self.ledger.rows) - self._promised

    def _wanted(self) -> int:
        return min(self.recipe.rows_per_request, self._missing())

    def _prompt(self) -> str:
        recipe = self.recipe
        choice = random.Random(f"{recipe.seed} {self.ledger.last_number + 1}")  # noqa: S311 (a choice, no secret)
        shown = choice.sample(self.gold, min(recipe.examples_per_request, len(self.gold)))
        return fill(recipe.prompt, [self.sieve.shown(one) for one in shown], self._wanted(), recipe.instructions)

    def _request(self, endpoint: Endpoint) -> Coroutine[Any, Any, None]:
        """Note the next request as sent and return the coroutine that sends it."""
        wanted, prompt = self._wanted(), self._prompt()
        number, reserved = self.ledger.last_number + 1, self.spending.estimate(prompt)
        self.ledger.send(number, reserved)
        self._promised += wanted
        return self._send(endpoint, number, wanted, prompt, reserved)

    async def _send(self, endpoint: Endpoint, number: int, wanted: int, prompt: str, reserved: int) -> None:
        sent_at = time.monotonic()
        try:
            reply = await endpoint.ask(prompt)
        except TryLaterError as problem:
            tokens = reserved if problem.may_have_cost else 0
            self.ledger.settle(number, tokens, problem.code, problem.reason)
            self._pause(problem, sent_at)
        else:
            self._failures = 0
            self._use(number, self.spending.learn(prompt, reply), reply)
        finally:
            self._promised -= wanted
            self.on_change()

    def _pause(self, problem: TryLaterError, sent_at: float) -> None:
        """Let all requests wait; raises WorkError after too many failures in a row."""
        now = time.monotonic()
        if sent_at >= self._paused_at:  # requests that were sent together fail together, and count once
            self._failures += 1
            self._paused_at = now
        if self._failures > self.recipe.retries:
            reason = problem.reason
            raise WorkError("synthesis.endpoint_fails", url=self.recipe.base_url, count=self._failures, reason=reason)
        jitter = random.uniform(0.5, 1.0)  # noqa: S311 (spreads the load)
        pause_s = min(LONGEST_PAUSE_S, self.recipe.backoff_s * 2.0 ** (self._failures - 1)) * jitter
        self._paused_until = max(self._paused_until, now + max(pause_s, problem.wait_s))

    def _use(self, number: int, tokens: int, reply: Reply) -> None:
        """Keep what can be used of a reply, first the rows and then that it came: a crash between repeats no row."""
        kept: list[list[Message]] = []
        try:
            rows = rows_in(reply.text)
        except Unusable as problem:
            code, values = ("synthesis.reply_cut", {}) if reply.cut else (problem.code, problem.values)
            self.ledger.refuse(code, values, reply.text[:5000])
        else:
            for row in rows:
                if len(self.ledger.rows) + len(kept) == self.recipe.count:
                    break
                try:
                    kept.append(self.sieve.take(row))
                except Unusable as problem:
                    self.ledger.refuse(problem.code, problem.values, row)
        self.ledger.accept(kept, self.recipe.model)
        self.ledger.settle(number, tokens)
        self._fruitless = 0 if kept else self._fruitless + 1
