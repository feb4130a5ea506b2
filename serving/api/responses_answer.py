"""A response out of the engine's events: the whole object, and the numbered events of a stream."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import AsyncIterator
from typing import Any

from mactuner_core.errors import MacTunerError
from serving.api.conversation import loaded
from serving.api.errors import describe
from serving.api.parts import usage
from serving.api.responses_items import Event, Items
from serving.api.responses_schema import ResponsesRequest
from serving.api.running import Run
from serving.engine.generation import Delta
from serving.rag.grounding import Grounding
from serving.structured import AnswerParser


class ResponseAnswer:
    """The answer to one request of the Responses API, with citations when it has a `grounding`."""

    def __init__(
        self, run: Run, body: ResponsesRequest, parser: AnswerParser, grounding: Grounding | None = None
    ) -> None:
        self._run = run
        self._body = body
        self._parser = parser
        self._model = loaded(run.lease.engine)
        self._grounding = grounding
        annotate = grounding.response_annotations if grounding else None
        self._items = Items(self._model, body.wants_logprobs(), annotate)
        self._id = "resp_" + secrets.token_hex(16)
        self._number = 0

    async def whole(self) -> dict[str, Any]:
        """Return the finished answer as one JSON document."""
        async for _ in self._events():
            pass
        return self._ended()

    async def stream(self) -> AsyncIterator[str]:
        """Yield the answer as numbered events."""
        yield self._sent({"type": "response.created", "response": self._response("in_progress")})
        yield self._sent({"type": "response.in_progress", "response": self._response("in_progress")})
        try:
            async for now in self._events():
                yield self._sent(now)
            ended = self._ended()
            yield self._sent({"type": f"response.{ended['status']}", "response": ended})
        except MacTunerError as problem:
            error = {"code": "server_error", "message": describe(problem)[1]["error"]["message"]}
            yield self._sent({"type": "response.failed", "response": self._response("failed", error=error)})

    async def _events(self) -> AsyncIterator[Event]:
        async for _, now in self._run.events():
            if isinstance(now, Delta):
                logprobs = now.logprobs
                for piece in self._parser.push(now.text):
                    for made in self._items.push(piece, logprobs):
                        yield made
                    logprobs = ()
            else:
                for piece in self._parser.finish():
                    for made in self._items.push(piece):
                        yield made
                for made in self._items.finish(complete=now.reason != "length"):
                    yield made

    def _ended(self) -> dict[str, Any]:
        end = self._run.finished[0]
        status = "incomplete" if end.reason == "length" else "completed"
        thoughts = self._items.reasoning
        use = usage([end], 1, len(self._model.tokenize(thoughts, special=False)) if thoughts else 0)
        counts = {
            "input_tokens": use["prompt_tokens"],
            "input_tokens_details": {**use["prompt_tokens_details"], "cache_write_tokens": 0},
            "output_tokens": use["completion_tokens"],
            "output_tokens_details": use["completion_tokens_details"],
            "total_tokens": use["total_tokens"],
        }
        report = self._grounding.report([self._items.content]) if self._grounding else {}
        return self._response(status, usage=counts, completed_at=int(time.time()), **report)

    def _response(self, status: str, **more: Any) -> dict[str, Any]:
        body = self._body
        asked = body.model_dump(exclude_unset=True, by_alias=True, exclude_none=True)
        return {
            "id": self._id,
            "object": "response",
            "created_at": self._run.created,
            "completed_at": None,
            "status": status,
            "model": self._run.lease.name,
            "output": list(self._items.done),
            "error": None,
            "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
            "usage": None,
            "instructions": body.instructions,
            "metadata": body.metadata or {},
            "max_output_tokens": body.max_output_tokens,
            "temperature": body.temperature,
            "top_p": body.top_p,
            "top_logprobs": body.top_logprobs or 0,
            "tools": asked.get("tools", []),
            "tool_choice": asked.get("tool_choice", "auto"),
            "parallel_tool_calls": body.parallel_tool_calls is not False,
            "text": {"format": {"type": "text"}, **asked.get("text", {})},
            "reasoning": {"effort": None, **asked.get("reasoning", {})},
            "store": False,  # nothing is kept, whatever was asked
            "background": False,
            "previous_response_id": None,
            "truncation": "disabled",
            **more,
        }

    def _sent(self, made: Event) -> str:
        """Return one server-sent event with its number."""
        whole = {"type": made["type"], "sequence_number": self._number, **made}
        self._number += 1
        return f"event: {made['type']}\ndata: {json.dumps(whole, ensure_ascii=False, separators=(',', ':'))}\n\n"
