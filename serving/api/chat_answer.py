"""Chat completions out of the engine's events: the whole object, and the chunks of a stream."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mactuner_core.errors import MacTunerError
from serving.api.conversation import loaded
from serving.api.errors import describe
from serving.api.parts import TEXT, event, event_around_text, fingerprint, token_logprobs, usage
from serving.api.running import Run
from serving.engine.generation import Delta, TokenLogprob
from serving.rag.grounding import Grounding
from serving.structured import AnswerParser, CallArguments, CallStart, Content, Piece, Reasoning


@dataclass
class _Choice:
    """One answer as it grows."""

    parser: AnswerParser
    content: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    logprobs: list[TokenLogprob] = field(default_factory=list)

    def take(self, piece: Piece) -> None:
        """Add a piece."""
        match piece:
            case Content():
                self.content.append(piece.text)
            case Reasoning():
                self.reasoning.append(piece.text)
            case CallStart():
                function = {"name": piece.name, "arguments": ""}
                self.calls.append({"id": piece.id, "type": "function", "function": function})
            case CallArguments():
                self.calls[piece.index]["function"]["arguments"] += piece.text


class ChatAnswer:
    """The answers to one conversation, with citations when it has a `grounding`."""

    def __init__(
        self,
        run: Run,
        parsers: Sequence[AnswerParser],
        *,
        wants_usage: bool,
        functions: bool,
        grounding: Grounding | None = None,
    ) -> None:
        self._run = run
        self._model = loaded(run.lease.engine)
        self._choices = [_Choice(parser) for parser in parsers]
        self._wants_usage = wants_usage
        self._functions = functions  # the form before tools
        self._grounding = grounding
        self._head = {
            "id": "chatcmpl-" + secrets.token_hex(12),
            "created": run.created,
            "model": run.lease.name,
            "system_fingerprint": fingerprint(run.lease),
        }
        self._text_chunks: list[Callable[[str], str]] = []  # of a stream

    async def whole(self) -> dict[str, Any]:
        """Return the finished answer as one JSON document."""
        async for number, now in self._run.events():
            choice = self._choices[number]
            if isinstance(now, Delta):
                choice.logprobs += now.logprobs
                pieces = choice.parser.push(now.text)
            else:
                pieces = choice.parser.finish()
            for piece in pieces:
                choice.take(piece)
        choices = [self._whole_choice(number, choice) for number, choice in enumerate(self._choices)]
        return {**self._head, "object": "chat.completion", "choices": choices, "usage": self._usage(), **self._report()}

    async def stream(self) -> AsyncIterator[str]:
        """Yield the answer as OpenAI's chunks."""
        try:
            self._text_chunks = [self._text_chunk(number) for number in range(len(self._choices))]
            for number in range(len(self._choices)):
                yield self._chunk(number, {"role": "assistant", "content": "", "refusal": None})
            async for number, now in self._run.events():
                choice = self._choices[number]
                if isinstance(now, Delta):
                    choice.logprobs += now.logprobs
                    for piece in choice.parser.push(now.text):
                        yield self._piece_chunk(number, piece)
                else:
                    for piece in choice.parser.finish():
                        yield self._piece_chunk(number, piece)
                    yield self._last_chunk(number)
            if self._wants_usage:
                yield event({**self._head, "object": "chat.completion.chunk", "choices": [], "usage": self._usage()})
            yield "data: [DONE]\n\n"
        except MacTunerError as problem:
            yield event(describe(problem)[1])

    def _whole_choice(self, number: int, choice: _Choice) -> dict[str, Any]:
        content = "".join(choice.content)
        message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": None}
        if self._grounding:
            message["annotations"] = self._grounding.chat_annotations(content)
        if choice.reasoning:
            message["reasoning_content"] = "".join(choice.reasoning)
        if choice.calls:
            message["content"] = content or None
            if self._functions:
                message["function_call"] = choice.calls[0]["function"]
            else:
                message["tool_calls"] = choice.calls
        return {
            "index": number,
            "message": message,
            "logprobs": self._take_logprobs(choice),
            "finish_reason": self._finish_reason(number),
        }

    def _piece_chunk(self, number: int, piece: Piece) -> str:
        choice = self._choices[number]
        match piece:
            case Content():
                choice.content.append(piece.text)
                if not choice.logprobs:
                    return self._text_chunks[number](piece.text)
                delta: dict[str, Any] = {"content": piece.text}
            case Reasoning():
                choice.reasoning.append(piece.text)
                delta = {"reasoning_content": piece.text}
            case CallStart():
                delta = self._call({"name": piece.name, "arguments": ""}, piece.index, piece.id)
            case CallArguments():
                delta = self._call({"arguments": piece.text}, piece.index)
        return self._chunk(number, delta)

    def _text_chunk(self, number: int) -> Callable[[str], str]:
        return event_around_text(self._data(number, {"content": TEXT}, None))

    def _call(self, function: dict[str, str], index: int, ident: str | None = None) -> dict[str, Any]:
        if self._functions:
            return {"function_call": function}
        named = {"id": ident, "type": "function"} if ident else {}
        return {"tool_calls": [{"index": index, **named, "function": function}]}

    def _last_chunk(self, number: int) -> str:
        """Return the end of an answer; with documents it has what a whole answer has: the citations and the sources."""
        delta: dict[str, Any] = {}
        if self._grounding:
            delta["annotations"] = self._grounding.chat_annotations("".join(self._choices[number].content))
        return self._chunk(number, delta, self._finish_reason(number), **self._report(number))

    def _report(self, *numbers: int) -> dict[str, Any]:
        """Return what stands beside the choices of an answer from documents; of some choices only, or of all."""
        if not self._grounding:
            return {}
        choices = [self._choices[number] for number in numbers] or self._choices
        return self._grounding.report(["".join(choice.content) for choice in choices])

    def _chunk(self, number: int, delta: dict[str, Any], reason: str | None = None, **more: Any) -> str:
        return event(self._data(number, delta, reason) | more)

    def _data(self, number: int, delta: dict[str, Any], reason: str | None) -> dict[str, Any]:
        choice = {
            "index": number,
            "delta": delta,
            "logprobs": self._take_logprobs(self._choices[number]),
            "finish_reason": reason,
        }
        ending = {"usage": None} if self._wants_usage else {}
        return {**self._head, "object": "chat.completion.chunk", "choices": [choice], **ending}

    def _take_logprobs(self, choice: _Choice) -> dict[str, Any] | None:
        """Return the log-probabilities that were not given out yet."""
        if not choice.logprobs:
            return None
        taken, choice.logprobs = choice.logprobs, []
        return {"content": token_logprobs(self._model, taken), "refusal": None}

    def _finish_reason(self, number: int) -> str:
        reason = self._choices[number].parser.finish_reason(self._run.finished[number].reason)
        return "function_call" if self._functions and reason == "tool_calls" else reason

    def _usage(self) -> dict[str, Any]:
        thoughts = "".join(text for choice in self._choices for text in choice.reasoning)
        reasoning_tokens = len(self._model.tokenize(thoughts, special=False)) if thoughts else 0
        ends = [self._run.finished[number] for number in range(len(self._choices))]
        return usage(ends, 1, reasoning_tokens)
