"""How much each key may ask: so many requests a minute (a token bucket), so many at once."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from serving.api.errors import ApiError


class LimitError(ApiError):
    """A key has used up what it may ask: HTTP 429, with the headers that say when to come again."""

    def __init__(self, key: str, headers: dict[str, str], **values: Any) -> None:
        super().__init__(429, key, code="rate_limit_exceeded", **values)
        self.headers = headers


@dataclass
class _Account:
    tokens: float
    filled_at: float
    open: int = 0


class Limits:
    """The accounts of all keys; used in the event loop only. A minute's allowance may be used at once, then it refills evenly."""

    def __init__(self, per_minute: int, at_once: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._at_once = at_once
        self._clock = clock
        self._accounts: dict[str, _Account] = {}

    def enter(self, name: str) -> dict[str, str]:
        """Count a request of the key `name` and return the headers for its response; raises LimitError.

        Who entered must `leave`.
        """
        account = self._refilled(name)
        if self._at_once and account.open >= self._at_once:
            headers = {"Retry-After": "1"}  # nobody knows when an answer ends: soon
            raise LimitError("serving_operations.too_many_at_once", headers, limit=self._at_once)
        if self._per_minute and account.tokens < 1:
            wait_s = math.ceil((1 - account.tokens) * 60 / self._per_minute)
            headers = {**self._headers(account), "Retry-After": str(wait_s)}
            raise LimitError("serving_operations.too_many_a_minute", headers, limit=self._per_minute, seconds=wait_s)
        account.tokens -= 1 if self._per_minute else 0
        account.open += 1
        return self._headers(account)

    def leave(self, name: str) -> None:
        """Give the place of a request back."""
        self._accounts[name].open -= 1

    def _refilled(self, name: str) -> _Account:
        now = self._clock()
        account = self._accounts.setdefault(name, _Account(self._per_minute, now))
        account.tokens = min(self._per_minute, account.tokens + (now - account.filled_at) * self._per_minute / 60)
        account.filled_at = now
        return account

    def _headers(self, account: _Account) -> dict[str, str]:
        """Return OpenAI's headers about the requests a minute; reset: until the whole allowance is there again."""
        if not self._per_minute:
            return {}
        full_s = (self._per_minute - account.tokens) * 60 / self._per_minute
        return {
            "x-ratelimit-limit-requests": str(self._per_minute),
            "x-ratelimit-remaining-requests": str(int(account.tokens)),
            "x-ratelimit-reset-requests": f"{full_s:.3f}s",
        }
