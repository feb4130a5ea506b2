"""GET /health, GET /v1/models and GET /v1/models/{id}: whether the server is ready, and what it serves."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from serving.api.documents import errors
from serving.api.embedding_worker import EmbeddingWorker
from serving.engine.pool import ModelNotFoundError, Pool
from serving.rag import choosing

router = APIRouter()


class ModelCard(BaseModel):
    """One name that clients may use as `model`."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: Literal["mactuner"] = "mactuner"


class ModelList(BaseModel):
    """The models, then the adapters, then each with each collection as MODEL+COLLECTION, then the embedding model."""

    object: Literal["list"] = "list"
    data: list[ModelCard]


class Health(BaseModel):
    """How the server is: `status` is ok, loading, stopping, failed or stopped."""

    status: str
    model: str
    running: int
    waiting: int


@router.get("/health", response_model=Health, responses={503: {"model": Health, "description": "Not ready."}})
async def health(request: Request) -> JSONResponse:
    """Tell whether the first model is loaded (200) or not (503), and how busy the server is."""
    pool: Pool = request.app.state.pool
    running, waiting = pool.counts
    state = "stopping" if request.app.state.gate.closed else pool.state
    status = "ok" if state == "ready" else state
    body = Health(status=status, model=pool.names()[0], running=running, waiting=waiting)
    return JSONResponse(body.model_dump(), 200 if status == "ok" else 503)


@router.get("/v1/models", responses=errors())
async def models(request: Request) -> ModelList:
    """List every name that a client may use."""
    return ModelList(data=[ModelCard(id=name, created=request.app.state.pool.created) for name in _names(request)])


@router.get("/v1/models/{name:path}", responses=errors(404))
async def model(name: str, request: Request) -> ModelCard:
    """Describe one model."""
    names = _names(request)
    if name not in names:
        raise ModelNotFoundError("serving.model_not_found", name=name[:200], known=", ".join(names))
    return ModelCard(id=name, created=request.app.state.pool.created)


def _names(request: Request) -> list[str]:
    embedding: EmbeddingWorker | None = request.app.state.embedding
    return [*choosing.names(request), *([embedding.name] if embedding else [])]
