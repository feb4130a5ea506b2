"""POST /v1/completions: plain prompts, texts or tokens, without a chat template."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import numpy as np
from fastapi import APIRouter, Request
from starlette.responses import Response

from serving.api.completions_answer import CompletionAnswer
from serving.api.completions_schema import CompletionRequest
from serving.api.completions_shapes import Completion
from serving.api.conversation import check_length, loaded
from serving.api.documents import answers
from serving.api.errors import ApiError
from serving.api.running import Run, respond
from serving.api.sampling import samplings
from serving.api.tokens import check_tokens, text_of
from serving.engine.generation import Generation, Tokens
from serving.engine.llama import Model
from serving.engine.pool import Lease

router = APIRouter()
DEFAULT_TOKENS = 16  # OpenAI's
MAX_ANSWERS = 4096


@dataclass(frozen=True)
class Prompt:
    """A prompt as text, for `echo`, and as tokens."""

    text: str
    tokens: Tokens


@router.post(
    "/v1/completions",
    response_model=None,
    responses=answers(Completion, stream=Completion),
    summary="Go on with a text, whole or as server-sent events",
)
async def completions(body: CompletionRequest, request: Request) -> Response:
    """Go on with one prompt or several: whole, or with `stream` as server-sent events that end with `[DONE]`."""
    check(body)

    async def begin(lease: Lease) -> tuple[Run, CompletionAnswer]:
        prompts = await asyncio.to_thread(read, body, lease)
        made = [one for prompt in prompts for one in generations(prompt.tokens, body, lease)]
        run = Run(request, lease, made)
        echoed = [prompt.text if body.echo else "" for prompt in prompts]
        return run, CompletionAnswer(run, body, echoed, [int(prompt.tokens[0]) for prompt in prompts])

    return await respond(request, body, begin)


def check(body: CompletionRequest) -> None:
    """Raise ApiError for fields that do not go together."""
    n, best_of = body.n or 1, body.best_of or body.n or 1
    if best_of < n:
        raise ApiError(400, "serving_api.best_of_too_small", param="best_of", code="invalid_value", value=best_of, n=n)
    if body.stream and best_of > n:
        raise ApiError(400, "serving_api.best_of_streamed", param="best_of", code="invalid_value")
    if body.stream and body.echo and body.logprobs is not None:
        raise ApiError(400, "serving_api.echo_streamed", param="echo", code="invalid_value")
    if (count := best_of * len(body.prompts())) > MAX_ANSWERS:
        values = {"count": count, "max": MAX_ANSWERS}
        raise ApiError(400, "serving_api.too_many_answers", param="n", code="invalid_value", **values)


def read(body: CompletionRequest, lease: Lease) -> list[Prompt]:
    """Return the prompts; raises ApiError. Runs beside the event loop: it can take a while."""
    model = loaded(lease.engine)
    if body.suffix and model.infill is None:
        values = {"model": lease.name}
        raise ApiError(400, "serving_api.no_infill", param="suffix", code="unsupported_parameter", **values)
    prompts = []
    for given in body.prompts():
        if isinstance(given, str):
            prompt = Prompt(given, _tokens(given, body.suffix, model))
        elif body.suffix:
            raise ApiError(400, "serving_api.infill_wants_text", param="suffix", code="invalid_value")
        else:
            check_tokens(model, given, "prompt")
            prompt = Prompt(text_of(model, given, "prompt") if body.echo else "", np.array(given, dtype=np.int32))
        check_length(prompt.tokens, lease.engine.longest, "prompt")
        prompts.append(prompt)
    return prompts


def generations(tokens: Tokens, body: CompletionRequest, lease: Lease) -> list[Generation]:
    """Return the generations for one prompt."""
    best_of = body.best_of or body.n or 1
    top = body.logprobs if body.logprobs is not None else 0 if best_of > (body.n or 1) else None
    limit = DEFAULT_TOKENS if body.max_tokens is None else body.max_tokens
    return [
        Generation(
            tokens,
            sampling,
            limit,
            body.stop_words(),
            top_logprobs=top,
            prompt_logprobs=bool(body.echo) and body.logprobs is not None,
        )
        for sampling in samplings(body, loaded(lease.engine), best_of)
    ]


def _tokens(text: str, suffix: str | None, model: Model) -> Tokens:
    tokens = model.tokenize(text).tolist()
    if suffix and model.infill:
        before, after, middle = model.infill
        tokens = [before, *tokens, after, *model.tokenize(suffix).tolist(), middle]
    if tokens[: len(model.beginning)] != list(model.beginning):  # a prompt may bring its own beginning
        tokens = [*model.beginning, *tokens]
    return np.array(tokens, dtype=np.int32)
