"""One request to an OpenAI-compatible endpoint, and what its failures mean: try again later, or stop at once.

The key goes into the client and nowhere else; should the endpoint repeat it in a text, it is blotted out there.
"""

from __future__ import annotations

import asyncio
import email.utils
import math
import time
from dataclasses import dataclass
from typing import Any

from mactuner_core.data.synthesis.recipe import KEY_VARIABLE, SynthesisRecipe
from mactuner_core.errors import InputError, WorkError

LONGEST_WAIT_S = 600.0
BLOT = "•••"
SHORTEST_SECRET = 6  # a shorter key could be a word of the data


@dataclass(frozen=True)
class Reply:
    """What came back; token counts are None when the endpoint reports none."""

    text: str
    cut: bool
    prompt_tokens: int | None
    completion_tokens: int | None


class TryLaterError(Exception):
    """A request failed in a way that may pass: `code` names why, `wait_s` is what the endpoint asked for.

    `may_have_cost`: the endpoint may have worked on it and counted tokens.
    """

    def __init__(self, code: str, reason: str, *, wait_s: float = 0.0, may_have_cost: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.reason = reason
        self.wait_s = wait_s
        self.may_have_cost = may_have_cost


class Endpoint:
    """A client for one endpoint and one key."""

    def __init__(self, recipe: SynthesisRecipe, api_key: str) -> None:
        import openai

        self.recipe = recipe
        self._key = api_key
        self._limit_name = "max_tokens"
        self._client: Any = openai.AsyncOpenAI(
            base_url=recipe.base_url, api_key=api_key or "-", max_retries=0, timeout=recipe.timeout_s
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def ask(self, prompt: str) -> Reply:
        """Send one request; raises TryLaterError, InputError (stop: the request can never succeed) or WorkError."""
        import openai

        try:
            async with asyncio.timeout(self.recipe.timeout_s):
                answer = await self._client.chat.completions.create(**self._request(prompt))
        except (TimeoutError, openai.APITimeoutError):
            reason = f"> {self.recipe.timeout_s:g} s"
            raise TryLaterError("synthesis.try_timeout", reason, may_have_cost=True) from None
        except openai.APIStatusError as problem:
            failure = self._status_failure(problem)
            raise failure from None
        except openai.APIConnectionError as problem:
            raise self._connection_failure(problem) from None
        except (openai.OpenAIError, ValueError) as problem:
            reason = self._clean(f"{type(problem).__name__}: {problem}")
            raise TryLaterError("synthesis.try_no_chat", reason, may_have_cost=True) from None
        return self._reply(answer)

    def _request(self, prompt: str) -> dict[str, Any]:
        values = {
            "model": self.recipe.model,
            "messages": [{"role": "user", "content": prompt}],
            self._limit_name: self.recipe.max_tokens,
        }
        return values if self.recipe.temperature is None else values | {"temperature": self.recipe.temperature}

    def _reply(self, answer: Any) -> Reply:
        try:
            choice, usage = answer.choices[0], getattr(answer, "usage", None)
            content = choice.message.content or ""
            if not isinstance(content, str):
                raise TypeError(type(content).__name__)
        except (AttributeError, IndexError, KeyError, TypeError) as problem:
            raise TryLaterError("synthesis.try_no_chat", type(problem).__name__, may_have_cost=True) from None
        counts = [_count(getattr(usage, name, None)) for name in ("prompt_tokens", "completion_tokens")]
        return Reply(self._clean(content, None), choice.finish_reason == "length", *counts)

    def _status_failure(self, problem: Any) -> Exception:
        status, reason = int(problem.status_code), self._clean(str(problem))
        if status in (401, 403):
            return InputError("synthesis.key_refused", url=self.recipe.base_url, status=status, variable=KEY_VARIABLE)
        if status == 404:
            return InputError("synthesis.not_found", url=self.recipe.base_url, model=self.recipe.model, reason=reason)
        if status == 429 and getattr(problem, "code", None) == "insufficient_quota":
            return WorkError("synthesis.no_quota", url=self.recipe.base_url, reason=reason)
        if status == 400 and self._limit_name == "max_tokens" and "max_completion_tokens" in reason:
            self._limit_name = "max_completion_tokens"  # what newer models of OpenAI call it
            return TryLaterError("synthesis.try_refused", reason)
        if status in (408, 409, 425, 429) or status >= 500:
            wait_s = retry_after_s(problem.response.headers, time.time())
            if wait_s > LONGEST_WAIT_S:
                return WorkError("synthesis.wait_too_long", url=self.recipe.base_url, seconds=round(wait_s))
            code = "synthesis.try_rate_limited" if status == 429 else "synthesis.try_server_error"
            return TryLaterError(code, f"{status}: {reason}", wait_s=wait_s)
        return InputError("synthesis.refused", url=self.recipe.base_url, status=status, reason=reason)

    def _connection_failure(self, problem: Any) -> TryLaterError:
        cause = type(problem.__cause__).__name__
        never_reached = cause in ("ConnectError", "ConnectTimeout", "UnsupportedProtocol", "ProxyError")
        reason = self._clean(f"{problem.__cause__ or problem}")
        return TryLaterError("synthesis.try_connection", reason, may_have_cost=not never_reached)

    def _clean(self, content: str, longest: int | None = 300) -> str:
        if len(self._key) >= SHORTEST_SECRET:
            content = content.replace(self._key, BLOT)
        return content if longest is None else " ".join(content.split())[:longest]


def retry_after_s(headers: Any, now: float) -> float:
    """Return the seconds that `retry-after-ms` or `Retry-After` (seconds or a date, RFC 9110) ask to wait, else 0."""
    for name, divisor in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name)
        if value is None:
            continue
        try:
            seconds = float(value) / divisor
        except ValueError:
            parsed = email.utils.parsedate_tz(value)
            seconds = email.utils.mktime_tz(parsed) - now if parsed else 0.0
        return max(0.0, seconds) if math.isfinite(seconds) else 0.0
    return 0.0


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
