"""A server started, watched, asked and stopped by clicks in a real browser.

With MACTUNER_SCREENSHOTS set to a folder its pictures are taken, light and dark, in both languages.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import threading
from collections.abc import Callable, Iterator

import openai
import pytest
from playwright.sync_api import Page, expect

from mactuner_core import jobs
from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import Export, ExportFile
from mactuner_core.models.folder import add_folder
from mactuner_core.workspace import COMPLETE, Workspace
from tests.e2e.conftest import FOLDER, WORK_MS, Visit
from tests.e2e.test_app_path import korean_only, metric, press
from tests.e2e.test_pictures import LOOKS, Looks, take
from tests.serving.conftest import Taught, ask, taught  # noqa: F401 (a fixture)

ASKERS = 6  # more than are answered at once, so that some wait
pytestmark = pytest.mark.browser


@pytest.fixture
def export(workspace: Workspace, catalog: Catalog, taught: Taught) -> Export:  # noqa: F811
    return exported(workspace, catalog, taught)


def exported(workspace: Workspace, catalog: Catalog, taught: Taught) -> Export:  # noqa: F811
    """Return an export with one good file, the model that was taught a few answers."""
    model = add_folder(workspace, catalog, taught.folder)
    folder = workspace.exports / "civil-law"
    folder.mkdir()
    path = folder / "civil-law-F16.gguf"
    shutil.copy(taught.gguf, path)
    (folder / COMPLETE).write_text("", encoding="utf-8")
    row = Export(id=folder.name, run_id=None, model_id=model.id, path=str(folder), job_id="export-1")
    file = ExportFile(
        export_id=row.id, quant="F16", path=str(path), bytes=path.stat().st_size, verified=True, report={"checks": []}
    )
    catalog.add(row)
    catalog.add(file)
    return row


def test_a_server_is_started_watched_asked_and_stopped(
    visit: Callable[..., Visit],
    workspace: Workspace,
    export: Export,
    taught: Taught,  # noqa: F811
) -> None:
    looks = {look: visit(f"{look[0]}-XX", look[1], height=1250) for look in LOOKS} if FOLDER else {}
    found = visit("ko-KR")
    page = found.open("/Serve")
    expect(page.get_by_role("heading", name="서비스", exact=True)).to_be_visible()
    expect(page.get_by_text("서버 꺼짐")).to_be_visible()
    pictures(looks, "serve-form")
    korean_only(found)
    press(page, "서버 시작")
    card = page.locator("[class*=st-key-server-serve]")
    expect(card.get_by_text("켜짐", exact=True)).to_be_visible(timeout=WORK_MS)
    expect(page.get_by_text("지금은 요청이 없습니다.")).to_be_visible()
    url = card.locator("[data-testid=stCode]").first.inner_text().strip()
    with openai.OpenAI(base_url=url, api_key="-", max_retries=0) as client:
        name = client.models.list().data[0].id
        assert name == "civil-law:F16"
        said = client.chat.completions.create(model=name, messages=ask("Say hello"), temperature=0)
        assert said.choices[0].message.content == taught.pairs["Say hello"]
        with busy(client, name, end_tokens(taught)):
            row = page.locator(".st-key-serve-requests [data-testid=stTable] tbody tr").first
            expect(row).to_contain_text(name)
            expect(metric(page, "답하는 중")).to_contain_text("4")
            expect(metric(page, "초당 토큰")).not_to_contain_text(re.compile(r"초당 토큰\s*0\s"))
            page.reload()  # all of it is on the disk
            expect(row).to_contain_text("답하는 중")
            korean_only(found)
            pictures(looks, "serve", settle_ms=20_000)
            pictures(looks, "serve-connect", tab="Open WebUI")
            stop_while_busy(page)
        expect(page.get_by_text("서버 꺼짐")).to_be_visible(timeout=WORK_MS)
    expect(page.get_by_role("button", name="서버 시작")).to_be_visible()
    (job,) = [job for job in jobs.list_jobs(workspace.jobs) if job.kind == "serve"]
    assert jobs.wait(job.folder).state in ("done", "cancelled")
    korean_only(found)
    assert not found.strangers
    assert not found.errors


def stop_while_busy(page: Page) -> None:
    """Ask for the end; the page says what is running and asks back."""
    press(page, "서버 중지")
    expect(page.get_by_text(re.compile(r"진행 중인 답변이 \d+개"))).to_be_visible()
    press(page, "네, 중지합니다")
    expect(page.get_by_text("중지하는 중").or_(page.get_by_text("서버 꺼짐")).first).to_be_visible()


@contextlib.contextmanager
def busy(client: openai.OpenAI, name: str, ends: list[int]) -> Iterator[None]:
    """Keep the server at work until the end of the block: long answers, one after the other, by several askers."""
    over = threading.Event()

    def keep_asking() -> None:
        while not over.is_set():
            with contextlib.suppress(openai.OpenAIError):  # the server is stopped meanwhile
                stream = client.chat.completions.create(
                    model=name, messages=ask("Count"), max_tokens=1500, stream=True,
                    logit_bias={str(token): -100 for token in ends},
                )  # fmt: skip
                for _ in stream:
                    if over.is_set():
                        break
                stream.close()
            over.wait(0.05)

    threads = [threading.Thread(target=keep_asking, daemon=True) for _ in range(ASKERS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(timeout=60)


def end_tokens(taught: Taught) -> list[int]:  # noqa: F811
    """Return the tokens that would end an answer."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(taught.folder)
    return sorted({tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids("<|im_end|>")})


def pictures(looks: Looks, name: str, *, settle_ms: int = 0, tab: str = "") -> None:
    """Take the page in every look, when pictures are wanted."""
    for (language, colours), found in looks.items():
        page = found.open("/Serve")
        page.wait_for_timeout(settle_ms)  # the charts fill
        settle_ms = 0
        if tab:
            page.get_by_role("tab", name=tab).click()
            page.get_by_role("tab", name=tab).evaluate("element => element.scrollIntoView({block: 'center'})")
        take(found, f"{name}-{language}-{colours}")
