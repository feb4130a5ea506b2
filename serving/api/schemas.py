"""What a request to the chat endpoint may hold, checked field by field, and what an answer looks like.

A field that would change the answer and is not supported is refused with its name, never ignored. Harmless OpenAI
fields are accepted. https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, Strict, StringConstraints, field_validator, model_validator
from pydantic_core import PydanticCustomError

_MAX_STOP = 16

# Strict: "0.7" is no number and 1 no truth value, as with OpenAI.
Text = Annotated[str, StringConstraints(strict=True)]
Number = Annotated[float, Strict()]
Whole = Annotated[int, Strict()]
Truth = Annotated[bool, Strict()]


class TextPart(BaseModel):
    """A part of a message's content; only text is understood."""

    model_config = ConfigDict(extra="ignore")
    type: Literal["text"]
    text: Text


class Message(BaseModel):
    """One message of the conversation. Null fields that clients send back from an earlier answer are accepted."""

    model_config = ConfigDict(extra="forbid")
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Text | list[TextPart] | None = None
    name: Text | None = None
    reasoning_content: Text | None = None
    tool_call_id: Text | None = None
    refusal: Text | None = None
    annotations: list[Any] | None = None
    audio: None = None
    tool_calls: Any = None
    function_call: Any = None

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if self.content is None and self.role != "assistant":
            raise PydanticCustomError("no_content", "the message has no content")
        return self

    @field_validator("tool_calls", "function_call")
    @classmethod
    def _no_tools(cls, value: Any) -> Any:
        return _refuse(value, None, [])

    def plain(self) -> dict[str, Any]:
        """Return the message as the template wants it: text content, "developer" as "system"."""
        content = self.content
        if isinstance(content, list):
            content = "\n".join(part.text for part in content)
        message: dict[str, Any] = {
            "role": "system" if self.role == "developer" else self.role,
            "content": content or "",
        }
        for key in ("name", "reasoning_content", "tool_call_id"):
            if (value := getattr(self, key)) is not None:
                message[key] = value
        return message


class StreamOptions(BaseModel):
    """Options of a streamed answer."""

    model_config = ConfigDict(extra="forbid")
    include_usage: Truth | None = None
    include_obfuscation: Truth | None = None


class ChatRequest(BaseModel):
    """The body of POST /v1/chat/completions."""

    model_config = ConfigDict(extra="forbid")

    model: Text
    messages: list[Message] = Field(min_length=1)
    stream: Truth | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Whole | None = Field(None, ge=1)
    max_completion_tokens: Whole | None = Field(None, ge=1)
    temperature: Number | None = Field(None, ge=0, le=2, allow_inf_nan=False)
    top_p: Number | None = Field(None, gt=0, le=1, allow_inf_nan=False)
    top_k: Whole | None = Field(None, ge=0, le=1_000_000)
    min_p: Number | None = Field(None, ge=0, le=1, allow_inf_nan=False)
    seed: Whole | None = Field(None, ge=-(2**63), lt=2**64)
    stop: Text | list[Text] | None = None
    presence_penalty: Number | None = Field(None, ge=-2, le=2, allow_inf_nan=False)
    frequency_penalty: Number | None = Field(None, ge=-2, le=2, allow_inf_nan=False)
    repeat_penalty: Number | None = Field(None, gt=0, le=10, allow_inf_nan=False)

    # Accepted: they do not change the answer.
    user: Any = None
    metadata: Any = None
    store: Any = None
    service_tier: Any = None
    safety_identifier: Any = None
    prompt_cache_key: Any = None
    prompt_cache_retention: Any = None
    prediction: Any = None
    parallel_tool_calls: Any = None

    # Refused unless they ask for nothing.
    n: Whole | None = None
    logprobs: Truth | None = None
    top_logprobs: Whole | None = None
    logit_bias: Any = None
    response_format: Any = None
    tools: Any = None
    tool_choice: Any = None
    functions: Any = None
    function_call: Any = None
    modalities: Any = None
    audio: Any = None
    reasoning_effort: Any = None
    verbosity: Any = None
    web_search_options: Any = None

    @field_validator("n")
    @classmethod
    def _one_answer(cls, value: int | None) -> int | None:
        if value is not None and value < 1:
            raise PydanticCustomError("greater_than_equal", "at least 1", {"ge": 1})
        return _refuse(value, None, 1)  # type: ignore[no-any-return]

    @field_validator("tools", "logit_bias", "functions", "audio", "reasoning_effort", "verbosity", "web_search_options")
    @classmethod
    def _absent(cls, value: Any) -> Any:
        return _refuse(value, None, [], {})

    @field_validator("tool_choice", "function_call")
    @classmethod
    def _no_choice(cls, value: Any) -> Any:
        return _refuse(value, None, "none", "auto")

    @field_validator("logprobs")
    @classmethod
    def _no_logprobs(cls, value: bool | None) -> bool | None:
        return _refuse(value, None, False)  # type: ignore[no-any-return]

    @field_validator("top_logprobs")
    @classmethod
    def _no_top_logprobs(cls, value: int | None) -> int | None:
        return _refuse(value, None, 0)  # type: ignore[no-any-return]

    @field_validator("response_format")
    @classmethod
    def _text_format(cls, value: Any) -> Any:
        return _refuse(value, None, {"type": "text"})

    @field_validator("modalities")
    @classmethod
    def _text_only(cls, value: Any) -> Any:
        return _refuse(value, None, ["text"])

    @field_validator("stop")
    @classmethod
    def _stop_words(cls, value: str | list[str] | None) -> str | list[str] | None:
        words = [value] if isinstance(value, str) else value or []
        if len(words) > _MAX_STOP:
            raise PydanticCustomError("too_many_stops", "too many stop strings", {"max": _MAX_STOP})
        return value

    def stop_words(self) -> tuple[str, ...]:
        """Return the stop strings without empty ones."""
        words = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return tuple(word for word in words if word)


def _refuse(value: Any, *allowed: Any) -> Any:
    """Return `value` when it is one of the `allowed`; raises what becomes "not supported yet" for the client."""
    if not any(type(value) is type(one) and value == one for one in allowed):
        raise PydanticCustomError("not_supported", "not supported by this server")
    return value


def usage(prompt_tokens: int, completion_tokens: int) -> dict[str, Any]:
    """Return the `usage` object."""
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }


def completion(ident: str, created: int, model: str, text: str, reason: str, use: dict[str, Any]) -> dict[str, Any]:
    """Return a whole answer."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text, "refusal": None},
        "logprobs": None,
        "finish_reason": reason,
    }
    return {
        "id": ident,
        "object": "chat.completion",
        "created": created,
        "model": model,
        "choices": [choice],
        "usage": use,
    }


def model_card(name: str, created: int) -> dict[str, Any]:
    """Return one entry of the model list."""
    return {"id": name, "object": "model", "created": created, "owned_by": "mactuner"}
