"""What the guide to the server says is held to the code: settings, addresses, metrics, the texts to copy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mactuner_core.config import Setting, settings_of
from mactuner_core.messages import text
from mactuner_core.server.settings import ServeSettings
from serving.app import create_app
from serving.engine.pool import Pool
from serving.models import ServedModel
from tests.test_docs import allowed, value

ROOT = Path(__file__).parents[1]
GUIDES = {"en": ROOT / "docs" / "serving.md", "ko": ROOT / "docs" / "serving.ko.md"}
HEADINGS = {
    "en": ("\n## The settings\n", "\n## Addresses\n", "\n## Metrics\n"),
    "ko": ("\n## 설정\n", "\n## 주소\n", "\n## 지표\n"),
}
REQUIRED = {"en": "required", "ko": "필수"}
NOT_IN_THE_DOCUMENT = {"/openapi.json"}  # the document itself


def section(language: str, number: int) -> list[str]:
    """Return the lines of the table in a section of the guide."""
    whole = GUIDES[language].read_text(encoding="utf-8").split(HEADINGS[language][number])[1].split("\n## ")[0]
    return [line for line in whole.splitlines() if line.startswith("| `")]


@pytest.mark.parametrize("language", GUIDES)
def test_the_guide_names_every_setting_with_its_default_and_range(language: str) -> None:
    assert section(language, 0) == [row(one, language) for one in settings_of(ServeSettings)]


@pytest.mark.parametrize("language", GUIDES)
def test_the_guide_names_every_address(language: str) -> None:
    settings = ServeSettings(model=["m"])
    app = create_app(settings, Pool([ServedModel(Path("m.gguf"), "m")], settings))
    declared = {
        (path.replace("{name}", "{id}"), method.upper()) for path, of in app.openapi()["paths"].items() for method in of
    }
    named = {(line.split("`")[1].split()[1], line.split("`")[1].split()[0]) for line in section(language, 1)}
    assert {one for one in named if one[0] not in NOT_IN_THE_DOCUMENT} == declared


@pytest.mark.parametrize("language", GUIDES)
def test_the_guide_names_every_metric(language: str) -> None:
    settings = ServeSettings(model=["m"])
    app = create_app(settings, Pool([ServedModel(Path("m.gguf"), "m")], settings))
    families = re.findall(r"^# TYPE (\S+) (?!gauge$)\S+$|^# TYPE (\S+) gauge$", app.state.metrics.text().decode(), re.M)
    declared = {first or second for first, second in families if not (first or second).endswith("_created")}
    assert {name for line in section(language, 2) for name in re.findall(r"`(mactuner_\w+)`", line)} == declared


@pytest.mark.parametrize("language", GUIDES)
def test_the_guide_gives_the_same_lines_as_the_page(language: str) -> None:
    guide = GUIDES[language].read_text(encoding="utf-8")
    for program in ("openai", "curl", "langchain", "continue"):
        wanted = text(
            f"serve_page.snippet_{program}", language, url="http://127.0.0.1:8000/v1", model="mine", api_key="-"
        )
        assert wanted in guide, program


def row(setting: Setting, language: str) -> str:
    """Return the line of the table for a setting."""
    default = (
        REQUIRED[language]
        if setting.required
        else value(setting.default or None)
        if setting.many
        else value(setting.default)
    )
    return f"| `{setting.name}` | {default} | {allowed(setting)} | {setting.help[language]} |"
