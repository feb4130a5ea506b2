"""What README and guides say is held to the code: commands, settings with default and range, links."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from mactuner_core.cli.main import build_app
from mactuner_core.config import Setting, settings_of
from mactuner_core.training.config import TrainingConfig

ROOT = Path(__file__).parents[1]
GUIDES = {"en": ROOT / "docs" / "training.md", "ko": ROOT / "docs" / "training.ko.md"}
HEADINGS = {"en": "\n## The settings\n", "ko": "\n## 설정\n"}
REQUIRED = {"en": "required", "ko": "필수"}
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


@pytest.mark.parametrize("language", GUIDES)
def test_the_guide_names_every_setting_with_its_default_and_range(language: str) -> None:
    section = GUIDES[language].read_text(encoding="utf-8").split(HEADINGS[language])[1].split("\n## ")[0]
    assert [line for line in section.splitlines() if line.startswith("| `")] == rows(language)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_link_leads_nowhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    assert [one for one in targets if "://" not in one and not (page.parent / one).exists()] == []


@pytest.mark.parametrize("name", ["README.md", "README.ko.md"])
def test_the_readme_names_every_command(name: str) -> None:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    named = [re.findall(r"`([^` ]+)`", line.split("|")[1]) for line in lines if line.startswith("| `")]
    group: Any = typer.main.get_command(build_app())
    groups = {name: set(one.commands) for name, one in group.commands.items() if hasattr(one, "commands")}
    assert {line[0]: set(line[1:]) for line in named if line[0] in groups} == groups
    assert {command for line in named if line[0] not in groups for command in line} == group.commands.keys() - groups
    without_json = {"chat", "serve", "app"}
    for command, one in group.commands.items():
        for each in getattr(one, "commands", {command: one}).values():
            assert any("--json" in parameter.opts for parameter in each.params) == (command not in without_json), (
                command
            )


def rows(language: str) -> list[str]:
    """Return the lines of the tables, a setting each, as the guide of `language` has to say them."""
    return [
        f"| `{one.name}` | {REQUIRED[language] if one.required else value(one.default)} | {allowed(one)} "
        f"| {one.help[language]} |"
        for one in settings_of(TrainingConfig)
    ]


def allowed(setting: Setting) -> str:
    """Return the words or the range that a setting allows."""
    if setting.choices:
        return ", ".join(setting.choices)
    if setting.minimum is not None:
        return f"{value(setting.minimum)} – {value(setting.maximum)}"
    return "true, false" if setting.kind is bool else "–"


def value(of: Any) -> str:
    """Return a value as it is written in the YAML file of a run; a dash for none."""
    if isinstance(of, bool):
        return str(of).lower()
    return "–" if of in (None, "") else f"{of:g}" if isinstance(of, float) else str(of)
