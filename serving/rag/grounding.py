"""From a conversation to one with sources, and from its answer to citations: what one request has of its collection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request

from mactuner_core.messages import text
from mactuner_core.rag.answer import Packed, answer_language, cited, pack, unknown_numbers, with_sources
from mactuner_core.rag.hits import Filters, Hit
from mactuner_core.rag.rewrite import search_text
from serving.api.errors import ApiError
from serving.engine.llama import Model
from serving.engine.pool import Lease
from serving.rag.choosing import Chosen
from serving.rag.collections import Collections
from serving.rag.marks import marks_of, takes_system
from serving.rag.rewriting import written_anew
from serving.rag.shapes import chat_annotation, response_annotation, shown

Messages = list[dict[str, Any]]


@dataclass
class Grounding:
    """What was found for a request's question; `packed` is known once the prompt is made."""

    collection: str
    query: str
    question: str
    hits: Sequence[Hit]
    neighbours: Callable[[str, int], Sequence[Hit]]
    window: int
    param: str
    packed: Packed = field(default_factory=Packed)

    def place(
        self, messages: Sequence[dict[str, Any]], model: Model, rendered: Callable[[Messages], str], room: int
    ) -> Messages:
        """Return the messages with as many sources as `room` tokens hold beside them; raises ApiError when not one fits.

        `rendered` makes a prompt of messages. Runs beside the event loop: it counts tokens.
        """
        language, takes = answer_language(self.question), takes_system(model)

        def count(content: str) -> int:
            return len(model.tokenize(content))

        if self.hits:
            bare = rendered(with_sources(messages, Packed(), language, takes_system=takes))
            used = count(bare) + count(text("rag_answer.with_sources", language, last=len(self.hits), sources=""))
            marks = marks_of(model)
            self.packed = pack(self.hits, self.neighbours, count, room - used, window=self.window, marks=marks)
            if not self.packed.sources:
                values = {"length": used, "limit": room, "needed": min(count(hit.text) for hit in self.hits)}
                code = "context_length_exceeded"
                raise ApiError(400, "serving_rag.no_room", param=self.param, code=code, **values)
        return with_sources(messages, self.packed, language, takes_system=takes)

    def chat_annotations(self, content: str) -> list[dict[str, Any]]:
        """Return the citations of an answer as annotations of a chat message."""
        return [chat_annotation(one, self.collection) for one in cited(content, self.packed.sources)]

    def response_annotations(self, content: str) -> list[dict[str, Any]]:
        """Return the citations of an answer as annotations of a response's text."""
        return [response_annotation(one) for one in cited(content, self.packed.sources)]

    def report(self, contents: Sequence[str]) -> dict[str, Any]:
        """Return what a reply says beside its answers: the sources, and how they were found and cited."""
        unknown = dict.fromkeys(number for one in contents for number in unknown_numbers(one, self.packed.sources))
        told = {"collection": self.collection, "query": self.query, "left_out": self.packed.left_out}
        return {"sources": shown(self.packed.sources), "rag": {**told, "unknown_citations": list(unknown)}}


async def ground(request: Request, chosen: Chosen, messages: Messages, param: str, lease: Lease) -> Grounding | None:
    """Return what the chosen collection has on the last question; None when no collection was chosen.

    Raises ApiError when nobody asks anything, or what the search raises. `param` is the field that holds the messages.
    """
    if chosen.collection is None:
        return None
    asked = [str(message.get("content") or "") for message in messages if message["role"] == "user"]
    if not asked or not asked[-1].strip():
        raise ApiError(400, "serving_rag.no_question", param=param, code="invalid_value")
    collections: Collections = request.app.state.collections
    config, how = chosen.field.search_config(), chosen.field.rewrite or "auto"
    query = asked[-1]
    if how == "model" and len(asked) > 1:
        query = await written_anew(messages, lease, request.scope["request_id"], request.scope["client_name"]) or query
    elif how == "auto":
        query = await asyncio.to_thread(search_text, query, asked[:-1])  # it may load the Korean analyser
    filters = chosen.field.filters.plain() if chosen.field.filters else Filters()
    hits = await collections.search(chosen.collection, query, config, filters)
    neighbours = collections.neighbours(chosen.collection)
    return Grounding(chosen.collection, query, asked[-1], hits, neighbours, config.window, param)
