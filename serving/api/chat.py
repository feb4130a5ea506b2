"""POST /v1/chat/completions: messages to a prompt, a prompt to the engine, events to an answer or a stream."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.responses import Response

from mactuner_core.errors import MacTunerError
from mactuner_core.models.template import render
from serving.engine.engine import Engine, NotReadyError
from serving.api.errors import ApiError, describe
from serving.engine.generation import Delta, Finished, Generation, Sampling, Tokens
from serving.api.schemas import ChatRequest, completion, usage

router = APIRouter()


@router.post("/v1/chat/completions", response_model=None)
async def chat_completions(body: ChatRequest, request: Request) -> Response:
    """Answer a conversation, whole or as server-sent events."""
    engine: Engine = request.app.state.engine
    if body.model != engine.served.name:
        raise model_not_found(body.model, engine)
    if engine.model is None or engine.state != "ready":
        raise NotReadyError("serving.not_ready", state=engine.state)
    tokens = await asyncio.to_thread(_prompt, body, engine)
    limit = body.max_completion_tokens or body.max_tokens or engine.settings.max_tokens
    generation = Generation(tokens, _sampling(body, engine.model.sampling), limit, body.stop_words())
    engine.submit(generation)
    answer = _Answer(request, generation, engine.served.name)
    if body.stream:
        wants_usage = bool(body.stream_options and body.stream_options.include_usage)
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        return StreamingResponse(answer.stream(wants_usage), media_type="text/event-stream", headers=headers)
    return await answer.whole()


def model_not_found(name: str, engine: Engine) -> ApiError:
    """Return the 404 that lists what is served."""
    return ApiError(
        404, "serving.model_not_found", param="model", code="model_not_found", name=name[:200], known=engine.served.name
    )


def _prompt(body: ChatRequest, engine: Engine) -> Tokens:
    """Return the prompt's tokens; raises ApiError or InputError. Runs beside the event loop: it can take a while."""
    model = engine.model
    assert model is not None  # noqa: S101 - the caller looked
    messages = [message.plain() for message in body.messages]
    text = render(
        model.chat_template or "",
        messages,
        add_generation_prompt=True,
        bos_token=model.bos_token,
        eos_token=model.eos_token,
    )
    try:
        tokens = model.tokenize(text)
    except UnicodeEncodeError as problem:
        raise ApiError(400, "serving.not_unicode", param="messages", code="invalid_value") from problem
    if len(tokens) >= engine.longest:
        values = {"length": len(tokens), "limit": engine.longest}
        raise ApiError(400, "serving.too_long", param="messages", code="context_length_exceeded", **values)
    if not len(tokens):
        raise ApiError(400, "serving.empty_prompt", param="messages", code="invalid_value")
    return tokens


def _sampling(body: ChatRequest, model: dict[str, float]) -> Sampling:
    """Return what the request says, then what the model's makers recommend, then OpenAI's defaults."""
    values: dict[str, Any] = dict(model)
    for name in Sampling.__dataclass_fields__:
        if (given := getattr(body, name)) is not None:
            values[name] = given
    values["top_k"] = int(values.get("top_k", 0))
    values["seed"] = secrets.randbits(32) if body.seed is None else body.seed & 0xFFFFFFFF
    return Sampling(**values)


class _Answer:
    """One answer on its way to the client; a client that leaves cancels it."""

    def __init__(self, request: Request, generation: Generation, model: str) -> None:
        self._request = request
        self._generation = generation
        self._head = {"id": "chatcmpl-" + secrets.token_hex(12), "created": int(time.time()), "model": model}

    async def whole(self) -> Response:
        """Return the finished answer as one JSON document."""
        watcher = asyncio.create_task(self._cancel_on_disconnect())
        parts: list[str] = []
        try:
            async for event in self._generation.events():
                if isinstance(event, Delta):
                    parts.append(event.text)
                else:
                    self._note(event)
                    use = usage(event.prompt_tokens, event.completion_tokens)
                    head = self._head
                    return JSONResponse(
                        completion(head["id"], head["created"], head["model"], "".join(parts), event.reason, use)  # type: ignore[arg-type]
                    )
            raise AssertionError("the engine ended without an end")
        finally:
            self._generation.cancel()
            watcher.cancel()

    async def stream(self, wants_usage: bool) -> AsyncIterator[str]:
        """Yield the answer as OpenAI's chunks."""
        ending: dict[str, Any] = {"usage": None} if wants_usage else {}
        try:
            yield self._chunk({"role": "assistant", "content": ""}, None, ending)
            async for event in self._generation.events():
                if isinstance(event, Delta):
                    yield self._chunk({"content": event.text}, None, ending)
                else:
                    self._note(event)
                    yield self._chunk({}, event.reason, ending)
                    if wants_usage:
                        use = usage(event.prompt_tokens, event.completion_tokens)
                        yield _event({**self._head, "object": "chat.completion.chunk", "choices": [], "usage": use})
            yield "data: [DONE]\n\n"
        except MacTunerError as problem:
            yield _event(describe(problem)[1])
        finally:
            self._generation.cancel()

    def _chunk(self, delta: dict[str, str], reason: str | None, ending: dict[str, Any]) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return _event({**self._head, "object": "chat.completion.chunk", "choices": [choice], **ending})

    def _note(self, finished: Finished) -> None:
        """Leave the token counts for the log and the metrics."""
        self._request.scope["finished"].append(finished)
        self._request.scope["log"]["model"] = self._head["model"]

    async def _cancel_on_disconnect(self) -> None:
        while (await self._request.receive())["type"] != "http.disconnect":
            pass
        self._generation.cancel()


def _event(data: dict[str, Any]) -> str:
    return "data: " + json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n\n"
