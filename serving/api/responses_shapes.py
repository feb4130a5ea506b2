"""What a response looks like, for the OpenAPI document."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from serving.api.chat_shapes import CompletionTokensDetails, TokenLogprob
from serving.rag.shapes import RagReport, ResponseAnnotation, SourceShown


class OutputPart(BaseModel):
    """A part of an item: text of the answer, or of the reasoning."""

    type: Literal["output_text", "reasoning_text"]
    text: str
    annotations: list[ResponseAnnotation] | None = None
    logprobs: list[TokenLogprob] | None = None


class OutputItem(BaseModel):
    """A message, a function call, or reasoning."""

    id: str
    type: Literal["message", "function_call", "reasoning"]
    status: Literal["in_progress", "completed", "incomplete"]
    role: Literal["assistant"] | None = None
    content: list[OutputPart] | None = None
    summary: list[Any] | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None


class InputTokensDetails(BaseModel):
    """Of the prompt's tokens, those that were in memory already."""

    cached_tokens: int
    cache_write_tokens: int


class ResponseUsage(BaseModel):
    """Token counts."""

    input_tokens: int
    input_tokens_details: InputTokensDetails
    output_tokens: int
    output_tokens_details: CompletionTokensDetails
    total_tokens: int


class IncompleteDetails(BaseModel):
    """Why a response ended before its end."""

    reason: Literal["max_output_tokens"]


class ResponseFailure(BaseModel):
    """Why a response failed."""

    code: Literal["server_error"]
    message: str


class ResponseObject(BaseModel):
    """An answer; `store` is always false, because the server keeps nothing."""

    id: str
    object: Literal["response"]
    created_at: int
    completed_at: int | None
    status: Literal["in_progress", "completed", "incomplete", "failed"]
    model: str
    output: list[OutputItem]
    error: ResponseFailure | None
    incomplete_details: IncompleteDetails | None
    usage: ResponseUsage | None
    instructions: str | None
    metadata: dict[str, str]
    max_output_tokens: int | None
    temperature: float | None
    top_p: float | None
    top_logprobs: int
    tools: list[dict[str, Any]]
    tool_choice: str | dict[str, Any]
    parallel_tool_calls: bool
    text: dict[str, Any]
    reasoning: dict[str, Any]
    store: Literal[False]
    background: Literal[False]
    previous_response_id: None
    truncation: Literal["disabled"]
    sources: list[SourceShown] | None = None
    rag: RagReport | None = None


class ResponseEvent(BaseModel):
    """One event of a stream; which fields it has depends on its type, as with OpenAI."""

    model_config = ConfigDict(extra="allow")
    type: str = Field(description="response.created … response.completed, response.incomplete or response.failed")
    sequence_number: int
    response: ResponseObject | None = None
