"""What chat completions look like, for the OpenAPI document."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from serving.rag.shapes import ChatAnnotation, RagReport, SourceShown


class PromptTokensDetails(BaseModel):
    """Of the prompt's tokens, those that were in memory already."""

    cached_tokens: int


class CompletionTokensDetails(BaseModel):
    """Of the answer's tokens, those of the reasoning."""

    reasoning_tokens: int


class Usage(BaseModel):
    """Token counts."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptTokensDetails
    completion_tokens_details: CompletionTokensDetails


class TopLogprob(BaseModel):
    """A token, its bytes and the natural logarithm of its probability."""

    token: str
    logprob: float
    bytes: list[int]


class TokenLogprob(TopLogprob):
    """A chosen token and the likeliest in its place."""

    top_logprobs: list[TopLogprob]


class Logprobs(BaseModel):
    """The log-probabilities of an answer's tokens."""

    content: list[TokenLogprob]
    refusal: None


class Function(BaseModel):
    """A called function; `arguments` is JSON text."""

    name: str
    arguments: str


class Call(BaseModel):
    """A tool call."""

    id: str
    type: Literal["function"]
    function: Function


class AnswerMessage(BaseModel):
    """What the model answered."""

    role: Literal["assistant"]
    content: str | None
    refusal: None
    annotations: list[ChatAnnotation] | None = None
    reasoning_content: str | None = None
    tool_calls: list[Call] | None = None
    function_call: Function | None = None


Reason = Literal["stop", "length", "tool_calls", "function_call"]


class Choice(BaseModel):
    """One answer."""

    index: int
    message: AnswerMessage
    logprobs: Logprobs | None
    finish_reason: Reason


class ChatCompletion(BaseModel):
    """A whole answer."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    system_fingerprint: str
    choices: list[Choice]
    usage: Usage
    sources: list[SourceShown] | None = None
    rag: RagReport | None = None


class FunctionDelta(BaseModel):
    """The next part of a call."""

    name: str | None = None
    arguments: str


class CallDelta(BaseModel):
    """The next part of a tool call; the first part has its id and name."""

    index: int
    id: str | None = None
    type: Literal["function"] | None = None
    function: FunctionDelta


class MessageDelta(BaseModel):
    """The next part of an answer."""

    role: Literal["assistant"] | None = None
    content: str | None = None
    refusal: None = None
    annotations: list[ChatAnnotation] | None = None
    reasoning_content: str | None = None
    tool_calls: list[CallDelta] | None = None
    function_call: FunctionDelta | None = None


class ChunkChoice(BaseModel):
    """The next part of one answer."""

    index: int
    delta: MessageDelta
    logprobs: Logprobs | None
    finish_reason: Reason | None


class ChatCompletionChunk(BaseModel):
    """One event of a stream; the last one before [DONE] has `usage` and no choices when it was asked for.

    An answer from documents has its annotations and `sources` in the chunk with its finish_reason.
    """

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    system_fingerprint: str
    choices: list[ChunkChoice]
    usage: Usage | None = None
    sources: list[SourceShown] | None = None
    rag: RagReport | None = None
