"""What a request asks: a model, and with MODEL+COLLECTION or the `rag` field a collection that its key may ask."""

from __future__ import annotations

from dataclasses import dataclass, field

from fastapi import Request

from serving.api.errors import ApiError
from serving.engine.pool import ModelNotFoundError, Pool
from serving.rag.collections import Allowed, Collections
from serving.rag.field import RagField

JOINT = "+"


@dataclass(frozen=True)
class Chosen:
    """The model's own name, and the collection to answer from, if any, with how to search it."""

    model: str
    collection: str | None = None
    field: RagField = field(default_factory=RagField)


def names(request: Request) -> list[str]:
    """Return every name that the request's key may use as a model."""
    return all_names(request.app.state.pool, _collections(request), allowed(request))


def all_names(pool: Pool, collections: Collections, allowed: Allowed = None) -> list[str]:
    """Return the names of models and adapters, then each with each collection that is `allowed`."""
    plain = pool.names()
    return [*plain, *(f"{model}{JOINT}{name}" for name in collections.names(allowed) for model in plain)]


def allowed(request: Request) -> Allowed:
    """Return the collections that the request's key may ask; None: all."""
    return request.scope.get("collections")


def choose(request: Request, model: str, rag: RagField | None = None) -> Chosen:
    """Return what a request asks; raises ModelNotFoundError, or ApiError naming what is wrong with `rag`."""
    request.scope["log"]["model"] = model[:200]  # also of a request that is refused here
    base, named = _split(request, model)
    if rag is None:
        return Chosen(base, named)
    if named and rag.collection not in (None, named):
        values = {"value": (rag.collection or "")[:200], "named": named}
        raise ApiError(400, "serving_rag.two_collections", param="rag.collection", code="invalid_value", **values)
    wanted = rag.collection or named
    known = _collections(request).names(allowed(request))
    if wanted is None:
        code = "missing_required_parameter"
        raise ApiError(400, "serving_rag.which_collection", param="rag.collection", code=code, known=_listed(known))
    if wanted not in known:
        values = {"name": wanted[:200], "known": _listed(known)}
        raise ApiError(404, "serving_rag.no_collection", param="rag.collection", code="collection_not_found", **values)
    return Chosen(base, wanted, rag)


def _split(request: Request, model: str) -> tuple[str, str | None]:
    """Return a name's model and collection; a model's name may hold the joint itself, a collection's cannot."""
    pool: Pool = request.app.state.pool
    plain = pool.names()
    if model in plain:
        return model, None
    base, _, collection = model.rpartition(JOINT)
    if base in plain and collection in _collections(request).names(allowed(request)):
        return base, collection
    raise ModelNotFoundError("serving.model_not_found", name=model[:200], known=", ".join(names(request)))


def _collections(request: Request) -> Collections:
    found: Collections = request.app.state.collections
    return found


def _listed(known: list[str]) -> str:
    return ", ".join(known) or "–"
