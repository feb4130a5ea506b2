"""The output items of a response as they grow, and the events that tell of each step."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Any

from serving.api.parts import token_logprobs
from serving.engine.generation import TokenLogprob
from serving.engine.llama import Model
from serving.structured import CallArguments, CallStart, Content, Piece, Reasoning

Event = dict[str, Any]
Annotate = Callable[[str], list[dict[str, Any]]]


class Items:
    """Reasoning, messages and function calls, in the order in which the model writes them; one is open at a time.

    `annotate` gives the annotations of a message's text.
    """

    def __init__(self, model: Model, with_logprobs: bool, annotate: Annotate | None = None) -> None:
        self.done: list[dict[str, Any]] = []
        self._model = model
        self._with_logprobs = with_logprobs
        self._open: dict[str, Any] | None = None
        self._words = ""  # of the open item
        self._logprobs: list[TokenLogprob] = []  # not given out yet
        self._given: list[dict[str, Any]] = []  # given out with the open message
        self.reasoning = ""
        self.content = ""  # of all messages
        self._annotate = annotate

    def push(self, piece: Piece, logprobs: tuple[TokenLogprob, ...] = ()) -> Iterator[Event]:
        """Add a piece; yield its events without their numbers."""
        self._logprobs += logprobs
        match piece:
            case Content():
                yield from self._begin("message")
                self._words += piece.text
                self.content += piece.text
                new = self._new_logprobs()
                yield self._of_part("response.output_text.delta", delta=piece.text, logprobs=new)
            case Reasoning():
                yield from self._begin("reasoning")
                self._words += piece.text
                self.reasoning += piece.text
                yield self._of_part("response.reasoning_text.delta", delta=piece.text)
            case CallStart():
                yield from self.close()
                yield from self._add(
                    {
                        "id": "fc_" + secrets.token_hex(12),
                        "type": "function_call",
                        "status": "in_progress",
                        "call_id": piece.id,
                        "name": piece.name,
                        "arguments": "",
                    }
                )
            case CallArguments():
                self._words += piece.text
                yield self._of_item("response.function_call_arguments.delta", delta=piece.text)

    def finish(self, complete: bool) -> Iterator[Event]:
        """Close what is open; an answer without anything is an empty message."""
        if not self.done and self._open is None:
            yield from self._begin("message")
        yield from self.close(complete)

    def close(self, complete: bool = True) -> Iterator[Event]:
        """End the open item, if there is one."""
        item = self._open
        if item is None:
            return
        match item["type"]:
            case "message":
                self._new_logprobs()
                annotations = self._annotate(self._words) if self._annotate else []
                part = self._text_part(self._words, self._given, annotations)
                for place, one in enumerate(annotations):
                    kind = "response.output_text.annotation.added"
                    yield self._of_part(kind, annotation_index=place, annotation=one)
                yield self._of_part("response.output_text.done", text=self._words, logprobs=list(self._given))
                yield self._of_part("response.content_part.done", part=part)
                item["content"] = [part]
            case "reasoning":
                part = {"type": "reasoning_text", "text": self._words}
                yield self._of_part("response.reasoning_text.done", text=self._words)
                yield self._of_part("response.content_part.done", part=part)
                item["content"] = [part]
            case "function_call":
                yield self._of_item("response.function_call_arguments.done", arguments=self._words, name=item["name"])
                item["arguments"] = self._words
        item["status"] = "completed" if complete else "incomplete"
        yield {"type": "response.output_item.done", "output_index": len(self.done), "item": dict(item)}
        self.done.append(item)
        self._open, self._words, self._given = None, "", []

    def _begin(self, kind: str) -> Iterator[Event]:
        """Open an item of text, unless one of its kind is open."""
        if self._open and self._open["type"] == kind:
            return
        yield from self.close()
        if kind == "message":
            item = {"id": "msg_" + secrets.token_hex(12), "type": "message", "status": "in_progress"}
            yield from self._add({**item, "role": "assistant", "content": []})
            part = self._text_part("", [], [])
        else:
            item = {"id": "rs_" + secrets.token_hex(12), "type": "reasoning", "status": "in_progress"}
            yield from self._add({**item, "summary": [], "content": []})
            part = {"type": "reasoning_text", "text": ""}
        yield self._of_part("response.content_part.added", part=part)

    def _add(self, item: dict[str, Any]) -> Iterator[Event]:
        self._open = item
        yield {"type": "response.output_item.added", "output_index": len(self.done), "item": dict(item)}

    def _text_part(
        self, words: str, logprobs: list[dict[str, Any]], annotations: list[dict[str, Any]]
    ) -> dict[str, Any]:
        return {"type": "output_text", "text": words, "annotations": annotations, "logprobs": list(logprobs)}

    def _new_logprobs(self) -> list[dict[str, Any]]:
        taken, self._logprobs = self._logprobs, []
        if not self._with_logprobs:
            return []
        new = token_logprobs(self._model, taken)
        self._given += new
        return new

    def _of_item(self, kind: str, **values: Any) -> Event:
        assert self._open is not None  # noqa: S101 - a delta follows the beginning of its item
        return {"type": kind, "item_id": self._open["id"], "output_index": len(self.done), **values}

    def _of_part(self, kind: str, **values: Any) -> Event:
        return {**self._of_item(kind, content_index=0), **values}
