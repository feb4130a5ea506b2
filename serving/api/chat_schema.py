"""The body of POST /v1/chat/completions. https://platform.openai.com/docs/api-reference/chat/create"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from serving.api.fields import WHOLE, Body, Closed, Ignored, Int, Many, Object, SampledBody, Text, Truth, Word, sayable
from serving.api.tool_schema import AllowedTools, FunctionSpec, NamedChoice, ResponseFormat, Tool
from serving.rag.field import RagField

MAX_ANSWERS = 16
_RESERVED = {"messages", "tools", "documents", "add_generation_prompt", "bos_token", "eos_token"}


class ContentPart(BaseModel):
    """A part of a message's content; only text is understood."""

    model_config = ConfigDict(extra="ignore")
    type: Literal["text", "refusal"]
    text: Text | None = None
    refusal: Text | None = None

    @model_validator(mode="before")
    @classmethod
    def _known(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(kind := value.get("type"), str):
            if kind not in ("text", "refusal"):
                raise PydanticCustomError("part_not_supported", "only text is understood", {"kind": sayable(kind)})
            if value.get(kind) is None:
                raise PydanticCustomError("no_content", "the part has no text", {"inside": kind})
        return value


class CalledFunction(BaseModel):
    """What a call in the history called."""

    model_config = ConfigDict(extra="ignore")
    name: Text
    arguments: Text


class ToolCall(BaseModel):
    """A tool call that the assistant made earlier."""

    model_config = ConfigDict(extra="ignore")
    id: Text | None = None
    type: Literal["function"] = "function"
    function: CalledFunction


class Message(Closed):
    """One message of the conversation. Null fields that clients send back from an earlier answer are accepted."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"properties": {"role": {"const": "assistant"}}},
                {"required": ["content"], "properties": {"content": {"not": {"type": "null"}}}},
            ]
        },
    )
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Text | Many[ContentPart] | None = None
    name: Text | None = None
    reasoning_content: Text | None = None
    tool_calls: Many[ToolCall] | None = None
    tool_call_id: Text | None = None
    function_call: CalledFunction | None = None
    refusal: Text | None = None
    annotations: list[Any] | None = None
    audio: None = None
    parsed: Ignored = None  # the openai package's `parse` leaves it in the message that clients send back

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if self.content is None and self.role != "assistant":
            raise PydanticCustomError("no_content", "the message has no content")
        return self

    def plain(self) -> dict[str, Any]:
        """Return the message in OpenAI's form of today: text content, "developer" as "system", functions as tools."""
        role = {"developer": "system", "function": "tool"}.get(self.role, self.role)
        content = self.content
        if isinstance(content, list):
            content = "\n".join(part.text or part.refusal or "" for part in content)
        message: dict[str, Any] = {"role": role, "content": content or ""}
        for key in ("name", "reasoning_content", "tool_call_id"):
            if (value := getattr(self, key)) is not None:
                message[key] = value
        if calls := self._calls():
            message["tool_calls"] = calls
        return message

    def _calls(self) -> list[dict[str, Any]]:
        calls = [call.model_dump() for call in self.tool_calls or []]
        if self.function_call:
            calls.append({"id": None, "type": "function", "function": self.function_call.model_dump()})
        for number, call in enumerate(calls):
            call["id"] = call["id"] or f"call_{number}"
        return calls


class FunctionChoice(Body):
    """The function that must be called, in the form before tools."""

    name: Text


class ChatRequest(SampledBody):
    """A conversation to answer."""

    messages: Many[Message] = Field(min_length=1)
    n: Annotated[Int, Field(ge=1, le=MAX_ANSWERS), WHOLE] | None = None
    max_tokens: Annotated[Int, Field(ge=1), WHOLE] | None = None
    max_completion_tokens: Annotated[Int, Field(ge=1), WHOLE] | None = None
    logprobs: Truth | None = None
    top_logprobs: Annotated[Int, Field(ge=0, le=20), WHOLE] | None = None
    response_format: ResponseFormat | None = None
    tools: Many[Tool] | None = None
    tool_choice: Literal["none", "auto", "required"] | NamedChoice | AllowedTools | None = None
    parallel_tool_calls: Truth | None = None
    functions: Many[FunctionSpec] | None = None
    function_call: Literal["none", "auto"] | FunctionChoice | None = None
    chat_template_kwargs: Object | None = None
    reasoning_effort: Word | None = None
    modalities: Many[Literal["text"]] | None = None
    rag: RagField | None = None
    audio: None = None
    verbosity: Ignored = None
    prediction: Ignored = None
    web_search_options: Ignored = None

    @field_validator("chat_template_kwargs")
    @classmethod
    def _free_names(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if taken := _RESERVED & set(value or {}):
            raise PydanticCustomError("reserved", "may not hold {names}", {"names": ", ".join(sorted(taken))})
        return value

    @field_validator("top_logprobs")
    @classmethod
    def _needs_logprobs(cls, value: int | None, others: ValidationInfo) -> int | None:
        if value and not others.data.get("logprobs"):
            raise PydanticCustomError("needs_logprobs", "it needs “logprobs” to be true")
        return value

    def asks_the_old_way(self) -> bool:
        """Tell whether the request has functions, the form before tools, and wants its answer in that form."""
        return bool(self.functions) and not self.tools
