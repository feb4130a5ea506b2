"""POST /tokenize and POST /detokenize: a model's own tokens, as llama-server and vLLM give them."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import AliasChoices, BaseModel, Field
from starlette.responses import Response

from serving.api.conversation import loaded
from serving.api.documents import answers
from serving.api.errors import ApiError
from serving.api.fields import WHOLE, Body, Int, Many, Text, Truth
from serving.api.leaving import unless_left
from serving.engine.llama import Model
from serving.engine.pool import Pool

router = APIRouter()


class TokenizeRequest(Body):
    """A text to split; `model` may be left out and is then the first one."""

    content: Text = Field(validation_alias=AliasChoices("content", "prompt"))
    model: Text | None = None
    add_special: Truth = False
    parse_special: Truth = True
    with_pieces: Truth = False


class DetokenizeRequest(Body):
    """Tokens to join."""

    tokens: Many[Annotated[Int, Field(ge=0, le=2**31 - 1), WHOLE]]
    model: Text | None = None


class TokenPiece(BaseModel):
    """A token and its text, or its bytes where they are no whole characters."""

    id: int
    piece: str | list[int]


class Tokenized(BaseModel):
    """The tokens of a text."""

    tokens: list[int] | list[TokenPiece]
    count: int
    max_model_len: int


class Detokenized(BaseModel):
    """The text of tokens, under both names that clients look for."""

    content: str
    prompt: str


@router.post("/tokenize", response_model=None, responses=answers(Tokenized))
async def tokenize(body: TokenizeRequest, request: Request) -> Response:
    """Split a text into tokens."""

    async def answer() -> Response:
        pool: Pool = request.app.state.pool
        async with pool.lease(body.model or pool.names()[0]) as lease:
            return await asyncio.to_thread(_tokenized, body, loaded(lease.engine), lease.engine.longest)

    return await unless_left(request.receive, answer())


@router.post("/detokenize", response_model=None, responses=answers(Detokenized))
async def detokenize(body: DetokenizeRequest, request: Request) -> Response:
    """Join tokens to a text."""

    async def answer() -> Response:
        pool: Pool = request.app.state.pool
        async with pool.lease(body.model or pool.names()[0]) as lease:
            text = await asyncio.to_thread(text_of, loaded(lease.engine), body.tokens, "tokens")
            return JSONResponse({"content": text, "prompt": text})

    return await unless_left(request.receive, answer())


def _tokenized(body: TokenizeRequest, model: Model, longest: int) -> Response:
    ids = model.tokenize(body.content, special=body.parse_special).tolist()
    if body.add_special:
        ids = [*model.beginning, *ids]
    tokens: list[Any] = [_piece(model, token) for token in ids] if body.with_pieces else ids
    return JSONResponse({"tokens": tokens, "count": len(ids), "max_model_len": longest})


def text_of(model: Model, tokens: list[int], param: str) -> str:
    """Return the text of `tokens`; raises ApiError for one that the model lacks."""
    check_tokens(model, tokens, param)
    return b"".join(model.piece(token, special=True) for token in tokens).decode("utf-8", "replace")


def check_tokens(model: Model, tokens: list[int], param: str) -> None:
    """Raise ApiError when one of `tokens` is none of the model's."""
    if tokens and max(tokens) >= model.size:
        values = {"field": param, "token": max(tokens), "last": model.size - 1}
        raise ApiError(400, "serving_api.no_such_token", param=param, code="invalid_value", **values)


def _piece(model: Model, token: int) -> dict[str, Any]:
    data = model.piece(token, special=True)
    try:
        return {"id": token, "piece": data.decode("utf-8")}
    except UnicodeDecodeError:
        return {"id": token, "piece": list(data)}
