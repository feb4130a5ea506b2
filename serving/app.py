"""The web application: its endpoints over one engine. `create_app` does nothing else; `server.py` runs it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse

from mactuner_core import __version__
from serving import guard, metrics
from serving.api import chat, errors
from serving.api.schemas import model_card
from serving.engine.engine import Engine
from serving.engine.pool import Pool
from serving.keys import Keys
from serving.settings import ServeSettings

router = APIRouter()


def create_app(settings: ServeSettings, pool: Pool, keys: Keys | None = None) -> FastAPI:
    """Return the application; its lifespan starts the pool's first engine and, at the end, stops all."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        pool.start()
        yield
        await pool.stop()

    app = FastAPI(
        title="MacTuner",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,  # its page would load scripts from the network
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.pool = pool
    app.state.engine = pool.first
    app.state.created = int(time.time())
    app.include_router(router)
    app.include_router(chat.router)
    app.include_router(metrics.router)
    errors.install(app)
    guard.install(app, settings, keys or Keys())
    return app


@router.get("/health")
async def health(request: Request) -> JSONResponse:
    """Tell whether the model is loaded (200) or not (503), and how busy it is."""
    engine: Engine = request.app.state.engine
    running, waiting = engine.counts
    state = "stopping" if request.app.state.gate.closed else engine.state
    body: dict[str, Any] = {"status": "ok" if state == "ready" else state, "model": engine.served.name}
    body |= {"running": running, "waiting": waiting}
    return JSONResponse(body, 200 if state == "ready" else 503)


@router.get("/v1/models")
async def models(request: Request) -> dict[str, Any]:
    """List the served models."""
    engine: Engine = request.app.state.engine
    return {"object": "list", "data": [model_card(engine.served.name, request.app.state.created)]}


@router.get("/v1/models/{name:path}")
async def model(name: str, request: Request) -> dict[str, Any]:
    """Describe one served model."""
    engine: Engine = request.app.state.engine
    if name != engine.served.name:
        raise chat.model_not_found(name, engine)
    return model_card(name, request.app.state.created)
