"""The body of POST /v1/responses. https://platform.openai.com/docs/api-reference/responses/create

The server keeps nothing: `store` is accepted and answered with false, and what would need an earlier response is refused.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator, model_validator
from pydantic_core import PydanticCustomError

from serving.api.fields import (
    WHOLE,
    Body,
    Closed,
    Ignored,
    Int,
    Many,
    Metadata,
    Object,
    Open,
    SampledBody,
    Text,
    Truth,
    Word,
    sayable,
)
from serving.api.tool_schema import FunctionName
from serving.rag.field import RagField

_TEXT_PARTS = ("input_text", "output_text", "text", "refusal")


class InputPart(BaseModel):
    """A part of a message's content; only text is understood."""

    model_config = ConfigDict(extra="ignore")
    type: Literal["input_text", "output_text", "text", "refusal"]
    text: Text | None = None
    refusal: Text | None = None

    @model_validator(mode="before")
    @classmethod
    def _known(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(kind := value.get("type"), str):
            if kind not in _TEXT_PARTS:
                raise PydanticCustomError("part_not_supported", "only text is understood", {"kind": sayable(kind)})
            inside = "refusal" if kind == "refusal" else "text"
            if value.get(inside) is None:
                raise PydanticCustomError("no_content", "the part has no text", {"inside": inside})
        return value


class MessageItem(BaseModel):
    """A message; an assistant's may be one of an earlier response's output."""

    model_config = ConfigDict(extra="ignore")
    type: Literal["message"] = "message"
    role: Literal["system", "developer", "user", "assistant"]
    content: Text | Many[InputPart]


class CallItem(BaseModel):
    """A function call that the model made earlier."""

    model_config = ConfigDict(extra="ignore")
    type: Literal["function_call"]
    call_id: Text
    name: Text
    arguments: Text


class CallOutputItem(BaseModel):
    """What a called function returned."""

    model_config = ConfigDict(extra="ignore")
    type: Literal["function_call_output"]
    call_id: Text
    output: Text | Many[InputPart]


class ReasoningItem(BaseModel):
    """What a model thought earlier; templates leave it out, so it is not read."""

    model_config = ConfigDict(extra="ignore")
    type: Literal["reasoning"]


def _kind(item: Any) -> str:
    """Return the tag of an item's model."""
    kind = item.get("type", "message") if isinstance(item, dict) else getattr(item, "type", "message")
    return f"[{kind}]"  # in brackets: not part of a field's name in errors


Item = Annotated[
    Annotated[MessageItem, Tag("[message]")]
    | Annotated[CallItem, Tag("[function_call]")]
    | Annotated[CallOutputItem, Tag("[function_call_output]")]
    | Annotated[ReasoningItem, Tag("[reasoning]")],
    Discriminator(_kind),
]


class ResponseTool(Open):
    """A function that the model may call."""

    type: Literal["function"]
    name: FunctionName
    description: Text | None = None
    parameters: Object | None = None
    strict: Truth | None = None


class ResponseToolChoice(Closed):
    """The one function that must be called."""

    type: Literal["function"]
    name: Text


class TextFormat(Closed):
    """The form of the answer's text."""

    model_config = ConfigDict(protected_namespaces=(), populate_by_name=True)
    type: Literal["text", "json_object", "json_schema"]
    name: FunctionName | None = None
    description: Text | None = None
    schema_: Object | None = Field(None, alias="schema")
    strict: Truth | None = None


class TextConfig(Body):
    """How the text is to be."""

    format: TextFormat | None = None
    verbosity: Ignored = None


class ReasoningConfig(Body):
    """How much a thinking model is to think; `effort` is what its template knows by that name."""

    effort: Word | None = None
    summary: Ignored = None
    generate_summary: Ignored = None


class ResponsesRequest(SampledBody):
    """A conversation to answer."""

    input: Text | Annotated[Many[Item], Field(min_length=1)]
    instructions: Text | None = None
    max_output_tokens: Annotated[Int, Field(ge=1), WHOLE] | None = None
    tools: Many[ResponseTool] | None = None
    tool_choice: Literal["none", "auto", "required"] | ResponseToolChoice | None = None
    parallel_tool_calls: Truth | None = None
    text: TextConfig | None = None
    reasoning: ReasoningConfig | None = None
    metadata: Metadata | None = None
    top_logprobs: Annotated[Int, Field(ge=0, le=20), WHOLE] | None = None
    include: Many[Text] | None = None
    chat_template_kwargs: Object | None = None
    rag: RagField | None = None
    store: Truth | None = None
    truncation: Ignored = None
    max_tool_calls: Ignored = None
    context_management: Ignored = None
    background: Literal[False] | None = None
    previous_response_id: None = None
    conversation: None = None
    prompt: None = None

    @field_validator("background", "previous_response_id", "conversation", "prompt", mode="before")
    @classmethod
    def _no_state(cls, value: Any) -> Any:
        if value is not None and value is not False:
            raise PydanticCustomError("keeps_no_state", "the server keeps no state")
        return value

    def wants_logprobs(self) -> bool:
        """Tell whether the answer's log-probabilities are asked for."""
        return bool(self.top_logprobs) or "message.output_text.logprobs" in (self.include or [])
