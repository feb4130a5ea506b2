"""The Models page in a real browser against the stand-in of the Hub: search, a click on a row, facts, and a download.

With MACTUNER_SCREENSHOTS set to a folder, pictures of every view are taken in Korean and in English.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from mactuner_core import jobs
from mactuner_core.catalog import Catalog
from mactuner_core.data.importing import import_file
from mactuner_core.models.hub_download import start_download
from mactuner_core.models.starter_job import start_starter
from mactuner_core.workspace import Workspace
from tests.conftest import SAMPLES
from tests.core.models import hub_server as stand_in
from tests.core.models.conftest import folder, hub  # noqa: F401 (fixtures)
from tests.core.models.hub_server import HubServer, listed
from tests.e2e.conftest import FOLDER, Visit
from tests.e2e.test_app_path import korean_only, press

pytestmark = pytest.mark.browser
MODELS = [
    listed("Qwen/Qwen3-0.6B", 751_632_384, "apache-2.0", korean=True, downloads=8_120_331),
    listed("Qwen/Qwen3-1.7B", 2_031_739_904, "apache-2.0", korean=True, downloads=3_441_020),
    listed("google/gemma-3-1b-it", 999_885_952, "gemma", korean=False, downloads=2_210_991),
    listed("LGAI-EXAONE/EXAONE-4.0-1.2B", 1_279_391_488, "other", korean=True, downloads=210_077),
    listed("big/gated", 8_030_261_248, "llama3.1", korean=True, downloads=1_002_114),
]
WORDS = {
    "ko": {"mine": "내 모델", "recommended": "한국어 추천", "search": "Hub 검색", "disk": "디스크", "find": "검색"},
    "en": {"mine": "My models", "recommended": "Good for Korean", "search": "Search the Hub", "disk": "On the disk",
           "find": "Search"},
}  # fmt: skip


@pytest.fixture
def tiny_hub(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:  # noqa: F811
    """Let the stand-in's list look like the real one; it is there before the app starts."""
    monkeypatch.setattr(stand_in, "LIST", MODELS)
    yield hub


def view(page: Page, name: str) -> None:
    """Choose what the left side shows."""
    page.locator(".st-key-models-view").get_by_role("radio", name=name, exact=True).click()


def click_row(page: Page, number: int) -> None:
    """Click the mark at the left edge of a row of the search's table, counted from 0."""
    table = page.get_by_test_id("stDataFrame")
    expect(table).to_be_visible()
    page.wait_for_timeout(500)  # the canvas draws itself
    table.click(position={"x": 18, "y": 35 * (number + 1) + 18})


def test_a_model_is_found_looked_at_and_downloaded(
    tiny_hub: HubServer, visit: Callable[..., Visit], workspace: Workspace, catalog: Catalog
) -> None:
    found = visit("ko-KR")
    page = found.open("/Models")
    view(page, "Hub 검색")
    page.get_by_label("이름에 든 말").fill("Qwen")
    press(page, "검색")
    found.settled()
    click_row(page, 1)
    facts = page.locator(".st-key-hub-facts")
    expect(facts).to_contain_text("2.0B")
    expect(facts).to_contain_text("Qwen3ForCausalLM")
    expect(page.get_by_label("Hub 모델 ID")).to_have_value("Qwen/Qwen3-1.7B")
    korean_only(found)
    tiny_hub.faults.piece_s = 0.1
    press(page, "내려받기")
    card = page.locator("[class*=st-key-job-hub_download]")
    expect(card).to_contain_text("4.5 MB")
    expect(card).to_contain_text("남음")
    tiny_hub.faults.piece_s = 0.0
    jobs.wait(jobs.list_jobs(workspace.jobs)[0].folder)
    view(page, "내 모델")
    expect(page.get_by_text("Qwen/Qwen3-1.7B").first).to_be_visible()
    assert catalog.models()[0].name == "Qwen/Qwen3-1.7B"
    assert not found.strangers
    assert not found.errors


@pytest.mark.skipif(not FOLDER, reason="pictures are taken when MACTUNER_SCREENSHOTS names a folder")
def test_pictures(tiny_hub: HubServer, visit: Callable[..., Visit], workspace: Workspace, catalog: Catalog) -> None:
    import_file(workspace, catalog, SAMPLES / "civil_law_qa.csv", "civil_law_qa")
    jobs.wait(workspace.jobs / start_starter(workspace, catalog, "civil_law_qa"))
    jobs.wait(workspace.jobs / start_download(workspace, "Qwen/Qwen3-0.6B"))
    tiny_hub.faults.piece_s = 0.6
    folder_of_cut = workspace.jobs / start_download(workspace, "Qwen/Qwen3-1.7B")
    while jobs.read(folder_of_cut).share < 0.2:
        time.sleep(0.2)
    for language, words in WORDS.items():
        found = visit(f"{language}-XX", height=1300)
        page = found.open("/Models")
        for name in ("mine", "recommended", "disk", "search"):
            view(page, words[name])
            found.settled()
            take(page, f"models-{name}-{language}")
        press(page, words["find"])
        found.settled()
        click_row(page, 4)
        expect(page.locator(".st-key-hub-facts")).to_be_visible()
        take(page, f"models-found-{language}")


def take(page: Page, name: str) -> None:
    """Write the picture when it has come to rest."""
    page.wait_for_timeout(1200)
    Path(str(FOLDER)).mkdir(parents=True, exist_ok=True)
    page.screenshot(path=Path(str(FOLDER)) / f"{name}.png", animations="disabled")
