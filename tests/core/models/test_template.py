"""Chat templates: the same text as transformers makes, and nothing a hostile template can do to the machine."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from mactuner_core.errors import InputError
from mactuner_core.models.template import render

TEMPLATES = sorted((Path(__file__).parent / "templates").glob("*.jinja"))
SYSTEM = {"role": "system", "content": "You answer <b>briefly</b> & in 한국어."}
FIRST = {"role": "user", "content": "  Is it “safe” to say\n\n<tag> 😀?  "}
ANSWER = {"role": "assistant", "content": "<think>\nwell\n</think>\n\nYes."}
SECOND = {"role": "user", "content": "And then?"}
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a town, e.g. “서울” <now>",
        "parameters": {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]},
    },
}
CHATS: dict[str, list[dict[str, Any]]] = {
    "one": [FIRST],
    "turns": [FIRST, ANSWER, SECOND],
    "system": [SYSTEM, FIRST, ANSWER, SECOND],
    "open": [FIRST, ANSWER],
    "none": [{**FIRST, "name": None}, {**ANSWER, "tool_calls": None, "reasoning": "because"}, SECOND],
}


def same_or_refused(template: str, chat: list[dict[str, Any]], **options: Any) -> tuple[str | None, str | None]:
    """Return transformers' text and ours; None where the template refuses the chat."""
    from transformers import PreTrainedTokenizerFast
    from transformers.utils.chat_template_utils import render_jinja_template

    assert PreTrainedTokenizerFast.apply_chat_template  # the function below is what it calls
    plain = [{key: value for key, value in message.items() if value is not None} for message in chat]
    expected: str | None
    try:
        expected = render_jinja_template([plain], chat_template=template, bos_token="<s>", eos_token="</s>", **options)[
            0
        ][0]
    except Exception:
        expected = None
    ours: str | None
    try:
        ours = render(template, chat, bos_token="<s>", eos_token="</s>", **options)
    except InputError:
        ours = None
    return expected, ours


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
@pytest.mark.parametrize("chat", CHATS)
@pytest.mark.parametrize("tools", [None, [TOOL]], ids=["plain", "tools"])
@pytest.mark.parametrize("add_generation_prompt", [True, False])
def test_equals_transformers(
    path: Path, chat: str, tools: list[dict[str, Any]] | None, add_generation_prompt: bool
) -> None:
    expected, ours = same_or_refused(
        path.read_text(encoding="utf-8"), CHATS[chat], tools=tools, add_generation_prompt=add_generation_prompt
    )
    assert ours == expected


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
@pytest.mark.parametrize("thinking", [True, False])
def test_further_values_are_read_as_by_transformers(path: Path, thinking: bool) -> None:
    from transformers.utils.chat_template_utils import render_jinja_template

    template, options = path.read_text(encoding="utf-8"), {"bos_token": "<s>", "eos_token": "</s>"}
    further = {"enable_thinking": thinking, "reasoning_effort": "high"}
    expected = render_jinja_template(
        [CHATS["turns"]], chat_template=template, add_generation_prompt=True, **options, **further
    )[0][0]
    assert (
        render(template, CHATS["turns"], add_generation_prompt=True, values=further, bos_token="<s>", eos_token="</s>")
        == expected
    )


def test_further_values_take_no_place_of_the_template_s_own() -> None:
    template = "{{ messages | length }}{{ add_generation_prompt }}{{ mood }}"
    values = {"messages": [], "add_generation_prompt": False, "mood": "!"}
    assert (
        render(template, [FIRST], add_generation_prompt=True, bos_token=None, eos_token=None, values=values) == "1True!"
    )


def test_the_samples_are_not_all_refused() -> None:
    rendered = [
        same_or_refused(path.read_text(encoding="utf-8"), CHATS["turns"], add_generation_prompt=True)[1]
        for path in TEMPLATES
    ]
    assert len(rendered) >= 6
    assert all(rendered)


def test_equals_a_tokenizer(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    from tests.tiny_models import CHATML_TEMPLATE, write_tokenizer

    write_tokenizer(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    expected = tokenizer.apply_chat_template(CHATS["system"], tokenize=False, add_generation_prompt=True)
    ours = render(
        CHATML_TEMPLATE,
        CHATS["system"],
        add_generation_prompt=True,
        bos_token=tokenizer.bos_token,
        eos_token=tokenizer.eos_token,
    )
    assert ours == expected


def test_a_missing_token_is_undefined_as_in_transformers() -> None:
    template = "[{{ bos_token }}{% if bos_token is defined %}yes{% endif %}]"
    assert render(template, [FIRST], add_generation_prompt=True, bos_token=None, eos_token=None) == "[]"


def test_what_the_template_says_reaches_the_person() -> None:
    with pytest.raises(InputError, match="alternate") as caught:
        render(
            "{{ raise_exception('roles must alternate') }}",
            [FIRST],
            add_generation_prompt=True,
            bos_token=None,
            eos_token=None,
        )
    assert caught.value.code == "template.refused"


@pytest.mark.parametrize("template", ["{% for x in %}", "{{ 'open' ", "{% endif %}", "{% generation %}"])
def test_a_broken_template_is_an_input_error(template: str) -> None:
    with pytest.raises(InputError) as caught:
        render(template, [FIRST], add_generation_prompt=True, bos_token=None, eos_token=None)
    assert caught.value.code == "template.broken"


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ messages.append(1) }}",
        "{{ messages[0].__init__.__globals__ }}",
        "{% set n = namespace(_x=1) %}",
        "{{ cycler.__init__.__globals__.os.system('true') }}",
        "{{ 1 // 0 }}",
    ],
)
def test_the_sandbox_holds(template: str) -> None:
    with pytest.raises(InputError):
        text = render(template, [FIRST], add_generation_prompt=True, bos_token=None, eos_token=None)
        assert text == "", text
        raise InputError("template.failed", reason="nothing shown")


@pytest.mark.parametrize(
    "template",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% for a in range(99999) %}{% for b in range(99999) %}some text{% endfor %}{% endfor %}",
        "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% set ns = namespace(s='ab') %}{% for a in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
        "{% set ns = namespace(s='ab') %}{% for a in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
        "{{ 'a' * 9999999999 }}",
        "{{ [0] * 9999999999 }}",
        "{{ 9 ** 9999999 }}",
        "{{ '%999999999d' % 1 }}",
        "{{ '{:999999999}'.format(1) }}",
        "{{ '{:{}}'.format(1, 999999999) }}",
        "{{ 'a'.ljust(999999999) }}",
        "{{ 'a' | center(999999999) }}",
        "{{ 'a' | indent(999999999, true) }}",
        "{% set s = 'a' * 1000000 %}{{ s.replace('a', s) }}",
        "{% set s = 'a' * 1000000 %}{{ s | replace('a', s) }}",
        "{% set s = 'a' * 1000000 %}{{ ([s] * 100000) | join('') }}",
        "{% set s = 'a' * 1000000 %}{{ ''.join([s] * 100000) }}",
    ],
)
def test_a_hostile_template_is_stopped(template: str) -> None:
    start = time.monotonic()
    with pytest.raises(InputError) as caught:
        render(template, [FIRST], add_generation_prompt=True, bos_token=None, eos_token=None, max_seconds=1.0)
    assert caught.value.code == "template.too_much"
    assert time.monotonic() - start < 60  # without the limit it would take hours


def test_a_long_honest_chat_passes() -> None:
    template = (Path(__file__).parent / "templates" / "qwen3.jinja").read_text(encoding="utf-8")
    chat = [SYSTEM, *[FIRST, ANSWER] * 2000, SECOND]
    text = render(template, chat, add_generation_prompt=True, bos_token=None, eos_token=None)
    assert text.endswith("<|im_start|>assistant\n")
