"""How models write tool calls. A format is a row of texts around the name and the arguments; templates tell which one.

trigger opening [before_name NAME after_name ARGUMENTS after_arguments] between [… ] end
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from mactuner_core.errors import InputError
from mactuner_core.models.template import render

_PROBE = "mactuner_probe_tool"


@dataclass(frozen=True)
class ToolFormat:
    """The texts that a model writes around its calls.

    `trigger` "" means that a call is the whole answer, which then begins with `before_name` (after `prefix`, if the model
    writes that). With `xml` each argument stands in a tag of its own, otherwise all are one JSON object.
    """

    name: str
    trigger: str
    opening: str
    before_name: str
    after_name: str
    after_arguments: str
    between: str
    end: str
    xml: bool = False
    prefix: str = ""

    def marks(self) -> list[str]:
        """Return the parts of the format that are one token in some vocabularies."""
        texts = (self.prefix, self.trigger, self.after_name, self.end)
        return [word for text in texts if re.fullmatch(r"<[^<>]+>|\[[A-Z_]+\]", word := text.strip())]


# Nous Hermes 2 Pro and Qwen 2.5/3: one JSON object a call, each in tags.
HERMES = ToolFormat(
    name="hermes",
    trigger="<tool_call>",
    opening="\n",
    before_name='{"name": "',
    after_name='", "arguments": ',
    after_arguments="}",
    between="\n</tool_call>\n<tool_call>\n",
    end="\n</tool_call>",
)
# Qwen3-Coder: each argument in a tag of its own.
QWEN_XML = ToolFormat(
    name="qwen_xml",
    trigger="<tool_call>",
    opening="\n",
    before_name="<function=",
    after_name=">\n",
    after_arguments="</function>",
    between="\n</tool_call>\n<tool_call>\n",
    end="\n</tool_call>",
    xml=True,
)
# Llama 3.1 and later: one JSON object and nothing else; some write <|python_tag|> before it.
LLAMA_JSON = ToolFormat(
    name="llama_json",
    trigger="",
    opening="",
    before_name='{"name": "',
    after_name='", "parameters": ',
    after_arguments="}",
    between="",
    end="",
    prefix="<|python_tag|>",
)
# Mistral up to v7: all calls in one JSON list.
MISTRAL_LIST = ToolFormat(
    name="mistral_list",
    trigger="[TOOL_CALLS]",
    opening="[",
    before_name='{"name": "',
    after_name='", "arguments": ',
    after_arguments="}",
    between=", ",
    end="]",
)
MISTRAL_LIST_SPACED = ToolFormat(
    name="mistral_list_spaced",
    trigger="[TOOL_CALLS]",
    opening=" [",
    before_name='{"name": "',
    after_name='", "arguments": ',
    after_arguments="}",
    between=", ",
    end="]",
)
# Mistral since v11: the name between two control tokens.
MISTRAL_ARGS = ToolFormat(
    name="mistral_args",
    trigger="[TOOL_CALLS]",
    opening="",
    before_name="",
    after_name="[ARGS]",
    after_arguments="",
    between="[TOOL_CALLS]",
    end="",
)


def format_of(template: str, bos_token: str | None, eos_token: str | None) -> ToolFormat | None:
    """Return the syntax that `template` teaches; None when it shows no tools, or in no way that is known here."""
    return _known_syntax(template) if _shows_tools(template, bos_token, eos_token) else None


def _known_syntax(template: str) -> ToolFormat | None:
    if "[TOOL_CALLS]" in template:
        if "[ARGS]" in template:
            return MISTRAL_ARGS
        return MISTRAL_LIST_SPACED if "[TOOL_CALLS] [" in template else MISTRAL_LIST
    if "<function=" in template and "<parameter=" in template:
        return QWEN_XML
    if "<tool_call>" in template:
        return HERMES
    if '"parameters": ' in template and ('{"name": ' in template or "<|python_tag|>" in template):
        return LLAMA_JSON
    return None


@functools.lru_cache(maxsize=16)
def _shows_tools(template: str, bos_token: str | None, eos_token: str | None) -> bool:
    """Tell whether a tool's name appears in the prompt when tools are given."""
    tool = {
        "type": "function",
        "function": {"name": _PROBE, "description": "-", "parameters": {"type": "object", "properties": {}}},
    }
    try:
        text = render(
            template,
            [{"role": "user", "content": "-"}],
            tools=[tool],
            add_generation_prompt=True,
            bos_token=bos_token,
            eos_token=eos_token,
        )
    except InputError:
        return False
    return _PROBE in text
