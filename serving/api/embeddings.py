"""POST /v1/embeddings: texts to vectors. https://platform.openai.com/docs/api-reference/embeddings"""

from __future__ import annotations

import asyncio
import base64
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, StringConstraints, field_validator
from pydantic_core import PydanticCustomError
from starlette.responses import Response

from mactuner_core.rag.embedder import Vectors
from serving.api.documents import answers
from serving.api.embedding_worker import EmbeddingWorker
from serving.api.errors import ApiError
from serving.api.fields import WHOLE, WHOLE_CHARACTERS, Body, Ignored, Int, Many, Text
from serving.api.leaving import unless_left
from serving.api.running import tell

router = APIRouter()
MAX_INPUTS = 2048
_Written = Annotated[str, StringConstraints(strict=True, min_length=1), WHOLE_CHARACTERS]


class EmbeddingsRequest(Body):
    """Texts to embed."""

    model: Text
    input: _Written | Annotated[Many[_Written], Field(min_length=1, max_length=MAX_INPUTS)]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[Int, Field(ge=1), WHOLE] | None = None
    user: Ignored = None

    @field_validator("input", mode="before")
    @classmethod
    def _no_tokens(cls, value: Any) -> Any:
        first = value[0] if isinstance(value, list) and value else None
        if isinstance(first, list | int) and not isinstance(first, bool):
            raise PydanticCustomError("token_input", "token ids belong to another tokenizer")
        return value


class Embedding(BaseModel):
    """A text's vector: numbers, or base64 of 32-bit floats in little-endian order."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class EmbeddingsUsage(BaseModel):
    """Tokens of the embedding model."""

    prompt_tokens: int
    total_tokens: int


class Embeddings(BaseModel):
    """The vectors, in the order of the texts."""

    object: Literal["list"]
    model: str
    data: list[Embedding]
    usage: EmbeddingsUsage


@router.post("/v1/embeddings", response_model=None, responses=answers(Embeddings))
async def embeddings(body: EmbeddingsRequest, request: Request) -> Response:
    """Embed one text or many."""
    tell(request, body, body.model)
    worker: EmbeddingWorker | None = request.app.state.embedding
    if worker is None:
        raise ApiError(404, "serving_api.no_embeddings", param="model", code="model_not_found")
    if body.model != worker.name:
        values = {"name": body.model[:200], "known": worker.name}
        raise ApiError(404, "serving.model_not_found", param="model", code="model_not_found", **values)
    return await unless_left(request.receive, _answer(body, worker, request))


async def _answer(body: EmbeddingsRequest, worker: EmbeddingWorker, request: Request) -> Response:
    texts = [body.input] if isinstance(body.input, str) else body.input
    lengths, longest = await worker.lengths(texts)
    for number, length in enumerate(lengths):
        if length > longest:
            param = "input" if isinstance(body.input, str) else f"input.{number}"
            values = {"length": length, "limit": longest}
            raise ApiError(400, "serving_api.text_too_long", param=param, code="context_length_exceeded", **values)
    size = await worker.size()
    if body.dimensions and body.dimensions > size:
        raise ApiError(
            400,
            "serving_api.too_many_dimensions",
            param="dimensions",
            code="invalid_value",
            value=body.dimensions,
            size=size,
            model=worker.name,
        )
    vectors = _shortened(await worker.embed(texts), body.dimensions)
    request.scope["log"]["prompt_tokens"] = sum(lengths)
    return await asyncio.to_thread(_response, vectors, sum(lengths), worker.name, body.encoding_format)


def _response(vectors: Vectors, tokens: int, model: str, form: str | None) -> Response:
    """Return the response. Runs beside the event loop: a million numbers take a while to write."""
    data = [
        {"object": "embedding", "index": number, "embedding": _written(vector, form)}
        for number, vector in enumerate(vectors)
    ]
    use = {"prompt_tokens": tokens, "total_tokens": tokens}
    return JSONResponse({"object": "list", "model": model, "data": data, "usage": use})


def _shortened(vectors: Vectors, dimensions: int | None) -> Vectors:
    """Return the first `dimensions` numbers of each vector, made unit vectors again."""
    if not dimensions:
        return vectors
    short = vectors[:, :dimensions]
    lengths = np.linalg.norm(short, axis=1, keepdims=True)
    return np.asarray(short / np.where(lengths > 0, lengths, 1), dtype=np.float32)


def _written(vector: Vectors, form: str | None) -> list[float] | str:
    if form == "base64":
        return base64.b64encode(vector.astype("<f4").tobytes()).decode("ascii")
    return [float(number) for number in vector]
