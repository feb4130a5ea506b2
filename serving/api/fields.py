"""What the requests of all endpoints share: strict field types, the sampling fields, and fields that change nothing.

A field that would change the answer and is not supported is refused by name, never ignored. Fields that OpenAI has and
that change nothing here are accepted and named once in the log.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

MAX_STOPS = 16
MAX_FIELDS = 200  # in an object whose fields are all known; more are refused as a whole
MAX_BIASES = 10_000
_IGNORED = "accepted, changes nothing"


def _whole_characters(value: str) -> str:
    """Return `value`; refuses half of a surrogate pair, which JSON can hold and UTF-8 cannot."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise PydanticCustomError("not_unicode", "half of a surrogate pair") from None
    return value


def sayable(value: str) -> str:
    """Return the beginning of a client's word, for a message."""
    return value[:40].encode("utf-8", "replace").decode("utf-8")


def _whole_json(value: dict[str, Any]) -> dict[str, Any]:
    try:
        _whole_characters(json.dumps(value, ensure_ascii=False, allow_nan=False))
    except RecursionError:
        raise PydanticCustomError("nested_too_deeply", "nested too deeply") from None
    except ValueError:  # Python reads NaN and Infinity, which JSON does not have, but nobody could read our answer
        raise PydanticCustomError("not_a_number", "NaN and Infinity are no JSON") from None
    return value


def _at_most(limit: int, value: Any) -> Any:
    """Return `value`; refuses a large object before its entries are looked at: a million bad ones are a million errors."""
    if isinstance(value, dict) and len(value) > limit:
        size = {"actual_length": len(value), "max_length": limit}
        raise PydanticCustomError("too_long", "at most {max_length} entries, not {actual_length}", size)
    return value


def _whole_number(value: Any) -> Any:
    """Return 1 for 1.0, which JSON does not tell apart."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


# Strict: "0.7" is no number and 1 no truth value, as with OpenAI.
# Bounds stand before the functions: behind them, the OpenAPI document would not tell of them.
WHOLE_CHARACTERS = AfterValidator(_whole_characters)
WHOLE = BeforeValidator(_whole_number)
Text = Annotated[str, StringConstraints(strict=True), WHOLE_CHARACTERS]
Word = Annotated[str, StringConstraints(strict=True, max_length=40), WHOLE_CHARACTERS]
Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Int = Annotated[int, Strict()]
Whole = Annotated[Int, WHOLE]
Truth = Annotated[bool, Strict()]
Object = Annotated[dict[str, Any], AfterValidator(_whole_json)]
Ignored = Annotated[Any, _IGNORED]
Bias = Annotated[float, Strict(), Field(ge=-100, le=100, allow_inf_nan=False)]
Biases = Annotated[
    dict[Annotated[str, Field(pattern=r"^[0-9]{1,9}$")], Bias], BeforeValidator(partial(_at_most, MAX_BIASES))
]
Metadata = Annotated[dict[Text, Text], Field(max_length=16), BeforeValidator(partial(_at_most, 16))]
Value = TypeVar("Value")
Many = Annotated[
    list[Value], Field(fail_fast=True)
]  # a list of a million wrong values is one error: a million take gigabytes


class Closed(BaseModel):
    """An object in which a field that nobody knows is refused by name."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _not_too_many(cls, value: Any) -> Any:
        return _at_most(MAX_FIELDS, value)


class Open(BaseModel):
    """An object that may hold fields of the client's own, as long as they are JSON."""

    model_config = ConfigDict(extra="allow")

    @model_validator(mode="after")
    def _all_json(self) -> Self:
        _whole_json(self.model_extra or {})
        return self


class Body(Closed):
    """A request's body."""

    def passed_over(self) -> list[str]:
        """Return the names of the fields that were given and change nothing."""
        fields = type(self).model_fields
        return [
            name
            for name in sorted(self.model_fields_set)
            if _IGNORED in fields[name].metadata and getattr(self, name) is not None
        ]


class StreamOptions(Body):
    """Options of a streamed answer."""

    include_usage: Truth | None = None
    include_obfuscation: Ignored = None


class SampledBody(Body):
    """A request for text: how tokens are chosen, when the answer ends, and whether it is streamed."""

    model: Text
    stream: Truth | None = None
    stream_options: StreamOptions | None = None
    temperature: Number | None = Field(None, ge=0, le=2)
    top_p: Number | None = Field(None, gt=0, le=1)
    top_k: Annotated[Int, Field(ge=0, le=1_000_000), WHOLE] | None = None
    min_p: Number | None = Field(None, ge=0, le=1)
    seed: Annotated[Int, Field(ge=-(2**63), lt=2**64), WHOLE] | None = None
    stop: Text | Annotated[Many[Text], Field(max_length=MAX_STOPS)] | None = None
    presence_penalty: Number | None = Field(None, ge=-2, le=2)
    frequency_penalty: Number | None = Field(None, ge=-2, le=2)
    repeat_penalty: Number | None = Field(None, gt=0, le=10)
    logit_bias: Biases | None = None

    user: Ignored = None
    metadata: Ignored = None
    store: Ignored = None
    service_tier: Ignored = None
    safety_identifier: Ignored = None
    prompt_cache_key: Ignored = None
    prompt_cache_options: Ignored = None
    prompt_cache_retention: Ignored = None
    moderation: Ignored = None

    def stop_words(self) -> tuple[str, ...]:
        """Return the stop strings without empty ones."""
        words = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return tuple(word for word in words if word)

    def wants_usage(self) -> bool:
        """Tell whether a stream is to end with the token counts."""
        return bool(self.stream_options and self.stream_options.include_usage)
