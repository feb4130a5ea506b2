"""POST /v1/responses: OpenAI's newer form of a conversation, without memory between requests."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter, Request
from starlette.responses import Response

from serving.api.conversation import generations
from serving.api.documents import answers
from serving.api.errors import ApiError
from serving.api.responses_answer import ResponseAnswer
from serving.api.responses_input import amount, conversation
from serving.api.responses_schema import ResponsesRequest
from serving.api.responses_shapes import ResponseEvent, ResponseObject
from serving.api.running import Run, respond
from serving.engine.pool import Lease
from serving.rag.choosing import choose
from serving.rag.grounding import ground

router = APIRouter()


@router.post(
    "/v1/responses",
    response_model=None,
    responses=answers(ResponseObject, stream=ResponseEvent),
    summary="Answer a conversation, whole or as server-sent events",
)
async def responses(body: ResponsesRequest, request: Request) -> Response:
    """Answer a conversation: whole, or with `stream` as numbered server-sent events.

    The server keeps nothing: `store` is answered with false, `previous_response_id` and `background` are refused.
    With a model named MODEL+COLLECTION, or with `rag`, the answer rests on documents, as in chat completions.
    """
    chosen = choose(request, body.model, body.rag)

    async def begin(lease: Lease) -> tuple[Run, ResponseAnswer]:
        asked = conversation(body)
        found = await ground(request, chosen, asked.messages, asked.param, lease)
        try:
            made, answers = await generations(replace(asked, grounding=found), body, amount(body), lease)
        except ApiError as problem:
            if problem.param and problem.param.startswith("response_format"):
                problem.param = "text.format"  # what it is called here
            raise
        run = Run(request, lease, made)
        return run, ResponseAnswer(run, body, answers[0].parser, found)

    return await respond(request, body, begin, chosen.model)
