"""The prompt of a request: a template of the person's with three places, filled without evaluating anything in it."""

from __future__ import annotations

import json
import string
from collections.abc import Sequence

from mactuner_core.data.rows import Message

FIELDS = ("examples", "count", "instructions")
NEEDED = ("examples", "count")

DEFAULT_PROMPT = """You write training examples for a chat model. These are good examples, one JSON object a line:

{examples}

Write {count} new examples of the same kind: the same language, form, length and tone, but other people, other questions and other facts. Do not repeat or reword the examples above.
{instructions}

Answer with one JSON list and nothing else. Each element has exactly this form:
{{"messages": [{{"role": "user", "content": "..."}}, {{"role": "assistant", "content": "..."}}]}}
"""


def prompt_problem(template: str) -> str | None:
    """Return what is wrong with a template, or None when it can be filled."""
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as problem:
        return f"{problem} ({{{{ }}}})"
    names = [name for _, name, _, _ in parts if name is not None]
    for _, name, form, conversion in parts:
        if name is not None and (name not in FIELDS or form or conversion):
            return f"{{{name}{'!' + conversion if conversion else ''}{':' + form if form else ''}}}"
    missing = [f"{{{name}}}" for name in NEEDED if name not in names]
    return "–" + ", ".join(missing) if missing else None


def fill(template: str, examples: Sequence[Sequence[Message]], count: int, instructions: str) -> str:
    """Return the template with its places filled; braces inside what is put in stay as they are."""
    lines = (json.dumps({"messages": list(messages)}, ensure_ascii=False) for messages in examples)
    values = {"examples": "\n".join(lines), "count": str(count), "instructions": instructions.strip()}
    return template.format_map(values)
