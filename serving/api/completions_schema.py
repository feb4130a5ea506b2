"""The body of POST /v1/completions. https://platform.openai.com/docs/api-reference/completions/create"""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from pydantic import Field, field_validator

from serving.api.fields import WHOLE, Int, Many, SampledBody, Text, Truth

MAX_ANSWERS = 16  # to one prompt
MAX_PROMPTS = 1024
_Token = Annotated[Int, Field(ge=0, le=2**31 - 1), WHOLE]
_Tokens = Annotated[Many[_Token], Field(min_length=1)]
_Texts = Annotated[Many[Text], Field(min_length=1, max_length=MAX_PROMPTS)]
_TokenLists = Annotated[Many[_Tokens], Field(min_length=1, max_length=MAX_PROMPTS)]


class CompletionRequest(SampledBody):
    """A text, or several, to go on with."""

    prompt: Text | _Texts | _Tokens | _TokenLists
    suffix: Text | None = None
    echo: Truth | None = None
    n: Annotated[Int, Field(ge=1, le=MAX_ANSWERS), WHOLE] | None = None
    best_of: Annotated[Int, Field(ge=1, le=MAX_ANSWERS), WHOLE] | None = None
    logprobs: Annotated[Int, Field(ge=0, le=5), WHOLE] | Literal[False] | None = None
    max_tokens: Annotated[Int, Field(ge=0), WHOLE] | None = None

    @field_validator("logprobs", mode="before")
    @classmethod
    def _no_truth(cls, value: Any) -> Any:
        return None if value is False else value

    def prompts(self) -> list[str] | list[list[int]]:
        """Return the prompts: texts, or lists of tokens."""
        if isinstance(self.prompt, str):
            return [self.prompt]
        if isinstance(self.prompt[0], int):
            return cast(list[list[int]], [self.prompt])
        return self.prompt
