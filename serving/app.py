"""The web application: its endpoints over one pool of engines. `create_app` does nothing else; `server.py` runs it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from mactuner_core import __version__
from serving import guard, metrics
from serving.api import chat, completions, embeddings, errors, models, responses, tokens
from serving.api.chat_shapes import ChatCompletionChunk
from serving.api.completions_shapes import Completion
from serving.api.documents import describe_truly
from serving.api.embedding_worker import EmbeddingWorker
from serving.api.responses_shapes import ResponseEvent
from serving.engine.pool import Pool
from serving.keys import Keys
from serving.rag import endpoint as collections
from serving.rag.collections import Collections
from serving.settings import ServeSettings


def create_app(settings: ServeSettings, pool: Pool, keys: Keys | None = None) -> FastAPI:
    """Return the application; its lifespan starts the pool's first engine and, at the end, stops all."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        pool.start()
        yield
        await pool.stop()
        app.state.collections.stop()
        if app.state.embedding:
            app.state.embedding.stop()

    app = FastAPI(
        title="MacTuner",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,  # its page would load scripts from the network
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.pool = pool
    app.state.embedding = None if settings.embedding_model == "none" else EmbeddingWorker(settings.embedding_model)
    app.state.collections = Collections(settings.collection, app.state.embedding)
    for endpoint in (models, collections, chat, completions, responses, embeddings, tokens, metrics):
        app.include_router(endpoint.router)
    errors.install(app)
    describe_truly(app, [ChatCompletionChunk, Completion, ResponseEvent], keyed=bool(keys), open_paths=guard.OPEN_PATHS)
    guard.install(app, settings, keys or Keys())
    return app
