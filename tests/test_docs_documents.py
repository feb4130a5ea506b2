"""What the guide to documents says is held to the code: commands, flags, settings, models, limits."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from mactuner_core.cli.main import build_app
from mactuner_core.config import Config, settings_of
from mactuner_core.format import human_bytes
from mactuner_core.messages import text
from mactuner_core.rag.config import RagConfig, SearchConfig
from mactuner_core.rag.documents.find import ENDINGS, MOST_DOCUMENTS
from mactuner_core.rag.documents.limits import LIMITS
from mactuner_core.rag.known_models import KNOWN
from mactuner_core.server.settings import ServeSettings
from tests.test_docs import allowed, value

ROOT = Path(__file__).parents[1]
GUIDES = {"en": ROOT / "docs" / "documents.md", "ko": ROOT / "docs" / "documents.ko.md"}
HEADINGS = {
    "en": {"models": "Embedding models", "collection": "Settings of a collection", "search": "Search"},
    "ko": {"models": "임베딩 모델", "collection": "모음의 설정", "search": "검색"},
}
LANGUAGES = pytest.mark.parametrize("language", GUIDES)


def guide(language: str) -> str:
    return GUIDES[language].read_text(encoding="utf-8")


def table(language: str, section: str) -> list[str]:
    """Return the lines of the table in a section of the guide."""
    whole = guide(language).split(f"\n## {HEADINGS[language][section]}\n")[1].split("\n## ")[0]
    return [line for line in whole.splitlines() if line.startswith("| `")]


def commands(language: str) -> list[list[str]]:
    """Return the commands of the guide, each without `mactuner` and without its comment."""
    blocks = re.findall(r"```sh\n(.*?)```", guide(language), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.strip()]
    lines += re.findall(r"`(mactuner [^`]+)`", guide(language))
    split = [shlex.split(line, comments=True) for line in lines]
    assert all(words[0] == "mactuner" for words in split)
    return [words[1:] for words in split]


def flags_of(command: Any) -> set[str]:
    return {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}


def known_flags() -> dict[str, set[str]]:
    """Return the flags of each command that the guide may name; those of `serve` are the server's settings."""
    group: Any = typer.main.get_command(build_app())
    found = {f"rag {name}": flags_of(one) for name, one in group.commands["rag"].commands.items()}
    serve = {f"--{one.name.replace('_', '-')}" for one in settings_of(ServeSettings)}
    return found | {"ask": flags_of(group.commands["ask"]), "serve": serve}


@LANGUAGES
def test_every_command_and_flag_exists_and_every_command_is_named(language: str) -> None:
    known = known_flags()
    named = set()
    for words in commands(language):
        name = " ".join(words[:2]) if words[0] == "rag" else words[0]
        named.add(name)
        assert name in known, words
        assert {word for word in words if re.match(r"--?[a-z]", word)} <= known[name], words
    assert named == known.keys()
    mentioned = set(re.findall(r"`(--[a-z-]+)[^`]*`", guide(language)))
    assert mentioned <= set().union(*known.values())


@LANGUAGES
@pytest.mark.parametrize(("section", "config"), [("collection", RagConfig), ("search", SearchConfig)])
def test_the_tables_name_every_setting_with_its_default_and_range(
    language: str, section: str, config: type[Config]
) -> None:
    assert table(language, section) == [
        f"| `{one.name}` | {value(one.default)} | {allowed(one)} | {one.help[language]} |"
        for one in settings_of(config)
    ]


@LANGUAGES
def test_the_models_are_those_that_are_known(language: str) -> None:
    assert table(language, "models") == [
        f"| `{one.name}` | {', '.join(one.languages)} | {one.size:,} | {one.longest:,} "
        f"| {human_bytes(one.download_bytes) if one.download_bytes else '–'} | {text(one.note, language)} |"
        for one in KNOWN
    ]


@LANGUAGES
def test_the_limits_and_endings_are_those_of_the_code(language: str) -> None:
    said = " ".join(guide(language).split())
    for size in (LIMITS.file_bytes, LIMITS.text_bytes):
        assert f"{size // 10**6} MB" in said
    assert f"{LIMITS.memory_bytes // 10**9} GB" in said
    assert re.search(rf"\b{LIMITS.pages:,}( pages|쪽)", said)
    assert re.search(rf"\b{LIMITS.step_seconds:.0f}( seconds|초)", said)
    assert re.search(rf"\b{MOST_DOCUMENTS:,}( documents|개)", said)
    assert all(f"`{ending}`" in said for ending in (*ENDINGS, ".zip"))


def test_both_languages_have_the_same_parts() -> None:
    def parts(language: str) -> list[str]:
        lines = guide(language).splitlines()
        return [line[:3] for line in lines if line.startswith(("##", "```"))]

    assert parts("en") == parts("ko")
    assert len(commands("en")) == len(commands("ko"))
