"""Tools, the choice among them, and the form of an answer, as chat requests hold them. `serving.structured` enforces them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from serving.api.fields import Object, Text, Truth

FunctionName = Annotated[Text, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]


class FunctionSpec(BaseModel):
    """A function that the model may call; `parameters` is the JSON schema of its arguments."""

    model_config = ConfigDict(extra="allow")  # templates show the model what the client wrote
    name: FunctionName
    description: Text | None = None
    parameters: Object | None = None
    strict: Truth | None = None


class Tool(BaseModel):
    """A tool; functions are the only kind."""

    model_config = ConfigDict(extra="allow")
    type: Literal["function"]
    function: FunctionSpec


class ByName(BaseModel):
    """The name of a function."""

    model_config = ConfigDict(extra="forbid")
    name: Text


class NamedChoice(BaseModel):
    """The one function that must be called."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["function"]
    function: ByName


class AllowedFunctions(BaseModel):
    """Some of the tools, and whether one of them must be called."""

    model_config = ConfigDict(extra="forbid")
    mode: Literal["auto", "required"]
    tools: list[NamedChoice] = Field(min_length=1)


class AllowedTools(BaseModel):
    """A choice limited to some of the tools."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["allowed_tools"]
    allowed_tools: AllowedFunctions


class NamedSchema(BaseModel):
    """A JSON schema with a name."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, protected_namespaces=())
    name: FunctionName
    description: Text | None = None
    schema_: Object | None = Field(None, alias="schema")
    strict: Truth | None = None


class ResponseFormat(BaseModel):
    """The form of the answer: text, any JSON object, or JSON that follows a schema."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["text", "json_object", "json_schema"]
    json_schema: NamedSchema | None = None
