"""The pictures of the guides, of every page, light and dark, in Korean and in English.

    MACTUNER_SCREENSHOTS=docs/screenshots python -m pytest tests/e2e/test_pictures.py

trains a starter model for real and takes about five minutes. Without that variable it is skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from mactuner_core import jobs
from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import Run
from mactuner_core.chat.server_process import start_server, wait_for_server
from mactuner_core.data.importing import import_file
from mactuner_core.export.start import start_export
from mactuner_core.models.starter_job import start_starter
from mactuner_core.training.recommend import recommend
from mactuner_core.training.start import start_training
from mactuner_core.workspace import Workspace
from tests.conftest import SAMPLES
from tests.e2e.conftest import FOLDER, WORK_MS, Visit

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not FOLDER, reason="pictures are taken when MACTUNER_SCREENSHOTS names a folder"),
]
LOOKS = [(language, colours) for language in ("ko", "en") for colours in ("light", "dark")]
QUESTIONS = ("몇 살이 되면 성년인가요?", "신의성실의 원칙이 뭔가요?")
ASK = {"ko": "모델에게 물어보세요", "en": "Ask your model"}
Looks = dict[tuple[str, str], Visit]


def test_pictures(visit: Callable[..., Visit], workspace: Workspace, catalog: Catalog) -> None:
    looks = {(language, colours): visit(f"{language}-XX", colours, height=960) for language, colours in LOOKS}
    take_all(looks, "home-empty", "/")
    for name in ("civil_law_qa", "big_five_chatml"):
        file = next(SAMPLES.glob(f"{name}.*"))
        import_file(workspace, catalog, file, name)
    jobs.wait(workspace.jobs / start_starter(workspace, catalog, "civil_law_qa"))
    take_all(looks, "models", "/Models")
    take_all(looks, "training-plan", "/Training")
    run = train(workspace, catalog)
    export = start_export(workspace, catalog, run_id=run.id, quants=["F16", "Q8_0", "Q4_K_M"])
    assert jobs.wait(workspace.jobs / export.job_id).state == "done"
    take_all(looks, "export", "/Export")
    wait_for_server(workspace.jobs / start_server(workspace, f"{export.id}:Q4_K_M"))
    take_chat(looks)
    take_all(looks, "home", "/")
    narrow = visit("ko-KR", "light", width=420, height=900)
    narrow.page.goto(narrow.url + "/")
    expect(narrow.page.get_by_role("heading", name="홈", exact=True)).to_be_visible()
    take(narrow, "home-phone-ko-light")


def train(workspace: Workspace, catalog: Catalog) -> Run:
    """Train as suggested and return the finished run; test_training_monitor.py takes its pictures."""
    config = recommend(catalog.models()[0], catalog.dataset("civil_law_qa")).config
    run = start_training(workspace, catalog, config)
    assert jobs.wait(workspace.jobs / run.job_id).state == "done"
    return run


def take_chat(looks: Looks) -> None:
    """Take a conversation."""
    for (language, colours), found in looks.items():
        page = found.open("/Chat")
        for number, question in enumerate(QUESTIONS, start=1):
            field = page.get_by_placeholder(ASK[language])
            field.fill(question)
            field.press("Enter")
            figures = page.locator("[data-testid=stChatMessage] [data-testid=stCaptionContainer]")
            expect(figures).to_have_count(number, timeout=WORK_MS)
            found.settled()
        take(found, f"chat-{language}-{colours}")


def take_all(looks: Looks, name: str, path: str) -> None:
    """Take one page in every look."""
    for (language, colours), found in looks.items():
        found.open(path)
        take(found, f"{name}-{language}-{colours}")


def take(found: Visit, name: str) -> None:
    """Write the picture when charts and fonts have come to rest."""
    expect(found.page.locator("[data-testid=stSkeleton]")).to_have_count(0)
    found.page.wait_for_timeout(1500)
    folder = Path(str(FOLDER))
    folder.mkdir(parents=True, exist_ok=True)
    found.page.mouse.move(0, 0)
    found.page.screenshot(path=folder / f"{name}.png", animations="disabled")
