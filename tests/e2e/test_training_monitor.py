"""A real run watched in a real browser: killed at work, found again after a reload and in a new server, and gone on with.

With MACTUNER_SCREENSHOTS set to a folder the pictures of a run are taken, of a starter model, in every look.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from mactuner_core import jobs
from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import Run
from mactuner_core.data.importing import import_file
from mactuner_core.models.folder import add_folder
from mactuner_core.models.starter_job import start_starter
from mactuner_core.training import checkpoints, metrics
from mactuner_core.training.recommend import recommend
from mactuner_core.training.resume import resume_training
from mactuner_core.training.start import start_training
from mactuner_core.workspace import Workspace, is_complete
from tests.conftest import SAMPLES
from tests.e2e.conftest import FOLDER, WORK_MS, Visit, running_app
from tests.e2e.test_app_path import korean_only, metric, press
from tests.e2e.test_pictures import LOOKS, take_all
from tests.tiny_models import tiny_qwen3

PROMPTS = ("몇 살이 되면 성년인가요?", "신의성실의 원칙이 뭔가요?", "채권의 소멸시효는 몇 년인가요?")
pytestmark = pytest.mark.browser
SAVE_EVERY, VALIDATE_EVERY, EPOCHS = 20, 20, 30


@pytest.mark.skipif(bool(FOLDER), reason="pictures are being taken")
def test_a_killed_run_is_seen_and_gone_on_with(
    visit: Callable[..., Visit], workspace: Workspace, catalog: Catalog, tmp_path: Path
) -> None:
    import_file(workspace, catalog, SAMPLES / "civil_law_qa.csv", "civil_law_qa")
    add_folder(workspace, catalog, tiny_qwen3(tmp_path / "tiny"))
    found = visit("ko-KR")
    start(found)
    run = watch(found, catalog)
    second = visit("ko-KR").open("/Training")  # another browser: nothing but the disk knows of the run
    expect(second.get_by_text(re.compile(rf"학습 · {run.id}")).first).to_be_visible()
    kill(workspace, run)
    expect(found.page.get_by_text("학습이 갑자기 끊겼습니다")).to_be_visible()
    expect(found.page.get_by_text(re.compile("마지막 온전한 체크포인트는"))).to_be_visible()
    korean_only(found)
    last = checkpoints.all_of(Path(run.path))[-1].step
    with running_app(tmp_path / "second.log") as url:
        found.page.goto(f"{url}/Training?run={run.id}")
        expect(found.page.get_by_text("학습이 갑자기 끊겼습니다")).to_be_visible()
        assert catalog.run(run.id).job_id == run.job_id, "nobody asked for a restart"
        press(found.page, "이어서 학습")
        expect(found.page.get_by_text(re.compile(f"^.*{last}스텝: 이 스텝의 체크포인트에서 이어서"))).to_be_visible()
        korean_only(found)
        expect(found.page.get_by_text("학습을 마쳤습니다")).to_be_visible(timeout=WORK_MS)
    check_whole(catalog.run(run.id), last)
    assert not found.errors


def start(found: Visit) -> None:
    """Fill the form so that the run lasts a while, saves often and answers two questions, and start it."""
    page = found.open("/Training")
    fill(page, "에포크 (epochs)", EPOCHS)
    page.get_by_text("고급 설정", exact=True).click()
    fill(page, "검증 간격", VALIDATE_EVERY)
    fill(page, "체크포인트 간격", SAVE_EVERY)
    prompts = page.get_by_role("textbox", name=re.compile("시험 질문")).first
    prompts.fill(PROMPTS[0])
    prompts.press("Tab")
    found.settled()
    press(page, "학습 시작")


def fill(page: Page, label: str, value: int) -> None:
    """Write a number into the field with that label."""
    field = page.get_by_role("spinbutton", name=re.compile(f"^{re.escape(label)}")).first
    field.fill(str(value))
    field.press("Tab")


def watch(found: Visit, catalog: Catalog) -> Run:
    """Watch the run live, in one and the same chart, through a reload, until something is worth losing."""
    page = found.page
    expect(metric(page, "학습 손실")).to_contain_text(re.compile(r"\d\.\d{4}"), timeout=WORK_MS)
    expect(metric(page, "남은 시간")).to_contain_text(re.compile(r"\d"))
    expect(page.get_by_text("지금 사용 중")).to_be_visible()
    run = catalog.runs()[0]
    wait_for_step(run, VALIDATE_EVERY)
    expect(page.get_by_role("cell", name=PROMPTS[0]).first).to_be_visible()
    drawing = "document.querySelector('[data-testid=stVegaLiteChart] :is(canvas, svg)')"
    page.evaluate(f"{drawing}.dataset.seen = 'yes'")
    wait_for_step(run, 2 * SAVE_EVERY + 5)
    expect(page.get_by_role("cell", name=re.compile(rf"\b{2 * SAVE_EVERY}\b")).first).to_be_visible()
    assert page.evaluate(f"{drawing}.dataset.seen") == "yes", "the chart was drawn anew, which flickers"
    page.reload()
    expect(metric(page, "학습 손실")).to_contain_text(re.compile(r"\d\.\d{4}"))
    page.get_by_text("학습률", exact=True).last.click()
    korean_only(found)
    return run


def wait_for_step(run: Run, step: int) -> None:
    """Wait until the run has reported that step."""
    limit = time.monotonic() + WORK_MS / 1000
    while max((event.get("step", 0) for event in metrics.read(Path(run.path))), default=0) < step:
        assert time.monotonic() < limit
        time.sleep(0.1)


def kill(workspace: Workspace, run: Run) -> None:
    """End the job's process as a machine that runs out of memory does."""
    job = jobs.read(workspace.jobs / run.job_id)
    assert not job.ended, "the run should be at work"
    os.kill(int(job.pid or 0), signal.SIGKILL)


def check_whole(run: Run, resumed_from: int) -> None:
    """Check that the run has every step once, from the first job or the second."""
    assert is_complete(Path(run.path))
    events = metrics.read(Path(run.path))
    assert [event["step"] for event in events if event["kind"] == "resumed"] == [resumed_from]
    steps = [event["step"] for event in events if event["kind"] == "metrics" and "loss" in event]
    assert steps == sorted(set(steps))
    assert min(steps) < resumed_from < max(steps)


@pytest.mark.skipif(not FOLDER, reason="pictures are taken when MACTUNER_SCREENSHOTS names a folder")
def test_pictures_of_a_run(
    visit: Callable[..., Visit],
    workspace: Workspace,
    catalog: Catalog,
) -> None:
    looks = {(language, colours): visit(f"{language}-XX", colours, height=1500) for language, colours in LOOKS}
    import_file(workspace, catalog, SAMPLES / "civil_law_qa.csv", "civil_law_qa")
    jobs.wait(workspace.jobs / start_starter(workspace, catalog, "civil_law_qa"))
    config = recommend(catalog.models()[0], catalog.dataset("civil_law_qa")).config
    watched = {"test_prompts": "\n".join(PROMPTS), "save_steps": 40, "eval_steps": 40, "keep_checkpoints": 5}
    run = start_training(workspace, catalog, config.model_copy(update=watched))
    wait_for_step(run, 130)
    take_all(looks, "training", f"/Training?run={run.id}")
    kill(workspace, run)
    take_all(looks, "training-lost", f"/Training?run={run.id}")
    run = resume_training(workspace, catalog, run.id)
    assert jobs.wait(workspace.jobs / run.job_id).state == "done"
    other = start_training(workspace, catalog, config.model_copy(update={"epochs": 12, "learning_rate": 5e-4}))
    assert jobs.wait(workspace.jobs / other.job_id).state == "done"
    take_all(looks, "training-done", f"/Training?run={run.id}")
    for found in looks.values():
        compare(found, run, other)
    for (language, colours), found in looks.items():
        found.page.screenshot(path=Path(str(FOLDER)) / f"training-runs-{language}-{colours}.png", animations="disabled")


def compare(found: Visit, run: Run, other: Run) -> None:
    """Choose two runs to compare and bring them into sight."""
    page = found.open(f"/Training?run={run.id}")
    page.get_by_role("button", name=other.id, exact=True).last.click()
    expect(page.locator("[data-testid=stVegaLiteChart]")).to_have_count(2)
    page.mouse.move(0, 0)
    time.sleep(1.5)
    page.locator("[data-testid=stVegaLiteChart]").last.scroll_into_view_if_needed()
    page.locator("[data-testid=stTable]").last.scroll_into_view_if_needed()
    time.sleep(1)
