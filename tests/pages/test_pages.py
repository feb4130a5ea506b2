"""Every page opens in both languages, empty and full, and none of them needs torch."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from mactuner_core.catalog.tables import Export
from mactuner_core.workspace import Workspace
from tests.pages.conftest import PAGES, ROOT, Open, by_key, words

HANGUL = re.compile(r"[가-힣]")
TITLES = {
    "Home.py": ("홈", "Home"),
    "pages/1_Models.py": ("모델", "Models"),
    "pages/2_Data.py": ("데이터", "Data"),
    "pages/3_Training.py": ("학습", "Training"),
    "pages/4_Chat.py": ("채팅", "Chat"),
    "pages/5_Documents.py": ("문서 (RAG)", "Documents (RAG)"),
    "pages/6_Export.py": ("내보내기", "Export"),
    "pages/8_Serve.py": ("서비스", "Serve"),
}


def healthy(app: AppTest) -> None:
    """Check that the page has neither a traceback nor an error."""
    assert not app.exception, [error.value for error in app.exception]
    assert not app.error, [error.value for error in app.error]


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_opens_on_an_empty_workspace(open_page: Open, page: str, language: str) -> None:
    app = open_page(page, language)
    healthy(app)
    assert app.title[0].value == TITLES[page][language == "en"]
    assert len([button for button in app.button if button.proto.type == "primary"]) <= 1
    if language == "en":
        assert not HANGUL.search(words(app).replace("한국어", ""))


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_opens_on_a_full_workspace(open_page: Open, export: Export, page: str, language: str) -> None:
    app = open_page(page, language)
    healthy(app)
    assert app.title[0].value == TITLES[page][language == "en"]


@pytest.mark.parametrize(
    ("page", "button"),
    [
        ("pages/1_Models.py", "예제 가져오기"),
        ("pages/3_Training.py", "예제 가져오기"),
        ("pages/4_Chat.py", "내보내러 가기"),
        ("pages/6_Export.py", "학습하러 가기"),
    ],
)
def test_an_empty_page_leads_to_where_its_things_are_made(open_page: Open, page: str, button: str) -> None:
    app = open_page(page)
    assert [found.label for found in app.button if found.proto.type == "primary"] == [button]


def test_the_language_is_switched_and_kept_on_the_next_page(open_page: Open) -> None:
    app = open_page("Home.py", "ko")
    by_key(app.segmented_control, "language-switch").set_value("en").run()
    assert app.title[0].value == "Home"
    assert app.query_params["lang"] in ("en", ["en"])
    app.switch_page("pages/2_Data.py").run()
    assert app.title[0].value == "Data"


@pytest.mark.parametrize(
    ("locale", "asked", "title"),
    [
        ("ko-KR", None, "홈"),
        ("en-US", None, "Home"),
        ("en-US", "ko", "홈"),
        ("ko", "en", "Home"),
        ("ja-JP", None, "Home"),
    ],
)
def test_the_language_is_that_of_the_browser_unless_asked_otherwise(
    monkeypatch: pytest.MonkeyPatch, locale: str, asked: str | None, title: str
) -> None:
    if asked:
        monkeypatch.setenv("MACTUNER_LANG", asked)
    else:
        monkeypatch.delenv("MACTUNER_LANG")
    app = AppTest.from_file(str(ROOT / "Home.py"), default_timeout=180)
    app.context["locale"] = locale
    assert app.run().title[0].value == title


def test_an_unknown_language_in_the_address_is_passed_over(open_page: Open) -> None:
    assert open_page("Home.py", "xx").title[0].value == "Home"


@pytest.mark.parametrize("page", PAGES)
def test_a_broken_catalogue_is_said_and_not_thrown(open_page: Open, workspace: Workspace, page: str) -> None:
    workspace.database.write_bytes(b"this is no database" * 100)
    app = open_page(page)
    assert not app.exception
    assert "카탈로그" in app.error[0].value
    assert app.expander[-1].label == "자세히"


def test_no_page_imports_torch(export: Export, own_home: Path) -> None:
    script = """
import sys
from streamlit.testing.v1 import AppTest
app = AppTest.from_file("Home.py", default_timeout=180).run()
assert app.title[0].value == "Home" and not app.exception
heavy = {"torch", "transformers", "trl", "peft", "datasets", "llama_cpp", "sentence_transformers", "faiss"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
for page in sys.argv[1:]:
    app.switch_page(page).run()
    assert not app.exception and not app.error, page
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    pages = [page for page in PAGES if page != "Home.py"]
    done = subprocess.run([sys.executable, "-c", script, *pages], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
