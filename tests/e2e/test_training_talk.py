"""A checkpoint of a run at work is asked in a real browser, while the monitor beside it goes on drawing."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from mactuner_core import jobs
from mactuner_core.catalog import Catalog
from mactuner_core.data.importing import import_file
from mactuner_core.models.folder import add_folder
from mactuner_core.training import checkpoints
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.start import start_training
from mactuner_core.workspace import Workspace
from tests.conftest import SAMPLES
from tests.e2e.conftest import WORK_MS, Visit
from tests.e2e.test_app_path import korean_only, press
from tests.tiny_models import tiny_qwen3

pytestmark = pytest.mark.browser
QUESTION = "무지개는 몇 살에 성년이 되나요?"


def test_a_checkpoint_of_a_run_at_work_is_asked(
    visit: Callable[..., Visit], workspace: Workspace, catalog: Catalog, tmp_path: Path
) -> None:
    dataset = import_file(workspace, catalog, SAMPLES / "civil_law_qa.csv", "civil_law_qa")
    model = add_folder(workspace, catalog, tiny_qwen3(tmp_path / "tiny"))
    config = TrainingConfig(
        model=model.id, dataset=dataset.id, epochs=60, save_steps=50, keep_checkpoints=20, gradient_checkpointing=False
    )
    run = start_training(workspace, catalog, config)
    found = visit("ko-KR")
    page = found.open(f"/Training?run={run.id}")
    expect(page.get_by_role("button", name="대화해 보기")).to_be_visible(timeout=WORK_MS)
    press(page, "대화해 보기")
    question = page.get_by_placeholder("이 체크포인트에게 물어보세요")
    question.press_sequentially(QUESTION, delay=100)  # the monitor is drawn again meanwhile, the question stays
    question.press("Enter")
    expect(page.get_by_text(re.compile(r"토큰 · .* tok/s · ")).last).to_be_visible(timeout=WORK_MS)
    expect(page.get_by_test_id("stChatMessage")).to_have_count(2)
    expect(page.get_by_test_id("stChatMessage").first).to_contain_text(QUESTION)
    korean_only(found)
    press(page, "닫기")
    expect(page.get_by_test_id("stChatMessage")).to_have_count(0)
    (job,) = [job for job in jobs.list_jobs(workspace.jobs) if job.kind == "ask"]
    assert jobs.wait(job.folder).ended
    assert not any("무지개" in file.read_text(encoding="utf-8") for file in job.folder.iterdir())
    assert not found.errors and checkpoints.all_of(Path(run.path))
