"""GET /v1/collections: the documents that a key may ask about."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from serving.api.documents import errors
from serving.rag.choosing import allowed
from serving.rag.collections import Collections

router = APIRouter()


class CollectionCard(BaseModel):
    """A collection that may stand in `rag.collection`, or behind a + in the name of a model; times are seconds since 1970."""

    id: str
    object: Literal["collection"] = "collection"
    documents: int
    chunks: int
    embedding_model: str
    created: int
    updated: int
    suggested_min_score: float | None


class CollectionList(BaseModel):
    """The collections by name."""

    object: Literal["list"] = "list"
    data: list[CollectionCard]


@router.get("/v1/collections", responses=errors())
async def collections(request: Request) -> CollectionList:
    """List the collections that the request's key may ask."""
    served: Collections = request.app.state.collections
    cards = [
        CollectionCard(
            id=facts["name"],
            documents=facts["documents"],
            chunks=facts["chunks"],
            embedding_model=facts["settings"]["embedding_model"],
            created=int(facts["created_at"]),
            updated=int(facts["updated_at"]),
            suggested_min_score=facts["suggested_min_score"],
        )
        for facts in await served.facts(allowed(request))
    ]
    return CollectionList(data=cards)
