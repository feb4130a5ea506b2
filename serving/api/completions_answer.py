"""Completions out of the engine's events: the whole object, and the events of a stream."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from mactuner_core.errors import MacTunerError
from serving.api.completions_logprobs import LegacyLogprobs
from serving.api.completions_schema import CompletionRequest
from serving.api.conversation import loaded
from serving.api.errors import describe
from serving.api.parts import event, fingerprint, usage
from serving.api.running import Run
from serving.engine.generation import Delta, TokenLogprob


@dataclass
class _Choice:
    """One answer as it grows."""

    parts: list[str] = field(default_factory=list)
    logprobs: list[TokenLogprob] = field(default_factory=list)

    def mean(self) -> float:
        """Return how likely a token of it is, the mean logarithm; an empty answer is the least likely."""
        return sum(one.logprob for one in self.logprobs) / len(self.logprobs) if self.logprobs else float("-inf")


class CompletionAnswer:
    """The answers to one prompt or several. `echoed` holds each prompt's text, or nothing; `firsts` its first token."""

    def __init__(self, run: Run, body: CompletionRequest, echoed: Sequence[str], firsts: Sequence[int]) -> None:
        self._run = run
        self._body = body
        self._model = loaded(run.lease.engine)
        self._echoed = echoed
        self._firsts = firsts
        self._each = run.count // len(echoed)  # generations of one prompt
        self._head = {
            "id": "cmpl-" + secrets.token_hex(12),
            "object": "text_completion",
            "created": run.created,
            "model": run.lease.name,
            "system_fingerprint": fingerprint(run.lease),
        }

    async def whole(self) -> dict[str, Any]:
        """Return the finished answer as one JSON document."""
        choices = [_Choice() for _ in range(self._run.count)]
        async for number, now in self._run.events():
            if isinstance(now, Delta):
                choices[number].parts.append(now.text)
                choices[number].logprobs += now.logprobs
        kept: list[int] = []
        for first in range(0, self._run.count, self._each):
            group = range(first, first + self._each)
            wanted = self._body.n or 1
            best = sorted(group, key=lambda number: -choices[number].mean()) if wanted < self._each else group
            kept += best[:wanted]
        made = [self._whole_choice(index, number, choices[number]) for index, number in enumerate(kept)]
        return {**self._head, "choices": made, "usage": self._usage()}

    async def stream(self) -> AsyncIterator[str]:
        """Yield the answer as events."""
        logprobs = [self._logprobs(number) for number in range(self._run.count)]
        try:
            if self._body.echo:
                for number in range(self._run.count):
                    yield self._event(number, self._echoed[number // self._each], None, None)
            async for number, now in self._run.events():
                if isinstance(now, Delta):
                    mine = logprobs[number]
                    if mine:
                        mine.add(now.logprobs)
                    yield self._event(number, now.text, mine.take() if mine else None, None)
                else:
                    yield self._event(number, "", None, _reason(now.reason))
            if self._body.wants_usage():
                yield event({**self._head, "choices": [], "usage": self._usage()})
            yield "data: [DONE]\n\n"
        except MacTunerError as problem:
            yield event(describe(problem)[1])

    def _whole_choice(self, index: int, number: int, choice: _Choice) -> dict[str, Any]:
        end = self._run.finished[number]
        logprobs = self._logprobs(number)
        if logprobs and self._body.echo:
            logprobs.add_first(self._firsts[number // self._each])
            logprobs.add(end.prompt_logprobs)
        if logprobs:
            logprobs.add(choice.logprobs)
        return {
            "index": index,
            "text": self._echoed[number // self._each] + "".join(choice.parts),
            "logprobs": logprobs.take() if logprobs else None,
            "finish_reason": _reason(end.reason),
        }

    def _logprobs(self, number: int) -> LegacyLogprobs | None:
        return None if self._body.logprobs is None else LegacyLogprobs(self._model, self._body.logprobs)

    def _event(self, number: int, text: str, logprobs: dict[str, Any] | None, reason: str | None) -> str:
        choice = {"index": number, "text": text, "logprobs": logprobs, "finish_reason": reason}
        ending = {"usage": None} if self._body.wants_usage() else {}
        return event({**self._head, "choices": [choice], **ending})

    def _usage(self) -> dict[str, Any]:
        ends = [self._run.finished[number] for number in range(self._run.count)]
        return usage(ends, len(self._echoed))


def _reason(reason: str) -> str:
    return "length" if reason == "length" else "stop"
