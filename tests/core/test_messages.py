"""Every text exists in both languages with the same values, and every code that is raised has a text."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

from mactuner_core.messages import LANGUAGES, catalogue, current_language, text

ROOT = Path(__file__).parents[2]
CODE = re.compile(r"""["']([a-z_]+\.[a-z0-9_]+)["']""")
NOT_TEXTS = {
    "serving.access",
    "chat.completion",
    "models.id",
    "rag.collection",
}  # a logger, an object, a column, a field
FILE_ENDINGS = (".db", ".json", ".yaml", ".py")
FOLDERS = ("mactuner_core", "serving", "ui", "pages", "Home.py")


def sources() -> list[Path]:
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    return [*files, ROOT / "Home.py"]


def placeholders(sentence: str) -> set[str]:
    return {field for _, field, _, _ in string.Formatter().parse(sentence) if field}


@pytest.mark.parametrize("key", sorted(catalogue()))
def test_both_languages_say_the_same(key: str) -> None:
    entry = catalogue()[key]
    assert set(entry) == set(LANGUAGES), f"{key} needs exactly {LANGUAGES}"
    assert all(isinstance(sentence, str) and sentence.strip() for sentence in entry.values())
    assert placeholders(entry["ko"]) == placeholders(entry["en"])


def test_every_code_in_the_sources_has_a_text() -> None:
    areas = {key.split(".")[0] for key in catalogue()}
    missing = set()
    for path in sources():
        codes = set(CODE.findall(path.read_text(encoding="utf-8"))) - NOT_TEXTS - set(catalogue())
        known = {code for code in codes if code.endswith("_") and any(key.startswith(code) for key in catalogue())}
        wrong = {code for code in codes - known if code.split(".")[0] in areas and not code.endswith(FILE_ENDINGS)}
        missing |= {f"{path.name}: {code}" for code in wrong}
    assert not missing


def test_every_text_is_used() -> None:
    everything = "\n".join(path.read_text(encoding="utf-8") for path in sources())
    made_up = [re.escape(found).replace(r"\{\}", "[a-z0-9_]+") for found in built_keys(everything)]
    used = re.compile("|".join(made_up)) if made_up else None
    codes = set(CODE.findall(everything))
    unused = [key for key in catalogue() if key not in codes and not (used and used.fullmatch(key))]
    assert not unused


def built_keys(content: str) -> set[str]:
    """Return the patterns of keys put together, such as `jobs.state_{}`: by f-strings, or by a prefix ending in `_`."""
    found = re.findall(r"""f["']([a-z_]+\.(?:[a-z0-9_]|\{[^{}]+\})+)["']""", content)
    prefixes = {f"{code}{{}}" for code in CODE.findall(content) if code.endswith("_")}
    return prefixes | {re.sub(r"\{[^{}]+\}", "{}", pattern) for pattern in found if "{" in pattern}


@pytest.mark.parametrize(("wish", "language"), [("ko", "ko"), ("ko_KR.UTF-8", "ko"), ("en_US", "en"), ("de_DE", "en")])
def test_the_language_follows_the_environment(monkeypatch: pytest.MonkeyPatch, wish: str, language: str) -> None:
    monkeypatch.setenv("MACTUNER_LANG", wish)
    assert current_language() == language


def test_values_fill_the_sentence() -> None:
    assert text("data.no_file", "ko", path="/tmp/없음.csv").startswith("파일 /tmp/없음.csv")
