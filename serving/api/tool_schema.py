"""Tools, the choice among them, and the form of an answer, as chat requests hold them. `serving.structured` enforces them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from serving.api.fields import Closed, Many, Object, Open, Text, Truth

FunctionName = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-zA-Z0-9_-]{1,64}$")]


class FunctionSpec(Open):
    """A function that the model may call; `parameters` is the JSON schema of its arguments.

    Templates show the model all that the client wrote, so other fields are kept.
    """

    name: FunctionName
    description: Text | None = None
    parameters: Object | None = None
    strict: Truth | None = None


class Tool(Open):
    """A tool; functions are the only kind."""

    type: Literal["function"]
    function: FunctionSpec


class ByName(Closed):
    """The name of a function."""

    name: Text


class NamedChoice(Closed):
    """The one function that must be called."""

    type: Literal["function"]
    function: ByName


class AllowedFunctions(Closed):
    """Some of the tools, and whether one of them must be called."""

    mode: Literal["auto", "required"]
    tools: Many[NamedChoice] = Field(min_length=1)


class AllowedTools(Closed):
    """A choice limited to some of the tools."""

    type: Literal["allowed_tools"]
    allowed_tools: AllowedFunctions


class NamedSchema(Closed):
    """A JSON schema with a name."""

    model_config = ConfigDict(populate_by_name=True, protected_namespaces=())
    name: FunctionName
    description: Text | None = None
    schema_: Object | None = Field(None, alias="schema")
    strict: Truth | None = None


class ResponseFormat(Closed):
    """The form of the answer: text, any JSON object, or JSON that follows a schema."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: NamedSchema | None = None
