"""Trying a checkpoint and a finished run on the Training page, with a real tiny run and its real job."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from mactuner_core import jobs
from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import DatasetVersion, Model, Run
from mactuner_core.training import checkpoints
from mactuner_core.training.config import TrainingConfig
from mactuner_core.workspace import COMPLETE, Workspace
from tests.core.training.test_checkpoints import trained
from tests.pages.conftest import Open, press, words

PAGE = "pages/3_Training.py"
WAIT_S = 60.0
SHORT = 8  # tokens: what an untrained model says fills its small context soon
QUESTION = "무지개는 몇 살에 성년이 되나요?"


@pytest.fixture(autouse=True)
def short_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.training_talk.MAX_TOKENS", SHORT)


@pytest.fixture
def stopped(workspace: Workspace, catalog: Catalog, model: Model, dataset: DatasetVersion) -> Run:
    """A run that was stopped after two steps, each with a checkpoint."""
    config = TrainingConfig(
        model=model.id, dataset=dataset.id, save_steps=1, max_length=64, gradient_checkpointing=False
    )
    return trained(workspace, catalog, config, "law-lora-1", stop_after=2)


def until_answered(app: AppTest) -> AppTest:
    limit = time.monotonic() + WAIT_S
    while app.session_state["training-talk"].waits:
        assert time.monotonic() < limit, words(app)
        time.sleep(0.2)
        app.run()
    return app


def asks_of(workspace: Workspace) -> list[jobs.JobStatus]:
    return [job for job in jobs.list_jobs(workspace.jobs) if job.kind == "ask"]


def test_a_checkpoint_answers_on_the_page(open_page: Open, workspace: Workspace, stopped: Run) -> None:
    app = open_page(PAGE, "ko", run=stopped.id)
    assert not app.chat_input
    press(app, "대화해 보기")
    assert f"{stopped.id}@2 대화해 보기" in words(app).replace("\\", "")
    assert not asks_of(workspace), "a model is loaded for a question, not before"
    app.chat_input[0].set_value(QUESTION).run()
    assert not app.exception
    assert app.chat_input[0].disabled
    assert [message.name for message in until_answered(app).chat_message] == ["user", "assistant"]
    assert "tok/s" in words(app) and app.session_state["training-talk"].problem is None
    (job,) = asks_of(workspace)
    assert (job.title, job.ended) == (f"{stopped.id}@2", False)

    app.chat_input[0].set_value("그리고?").run()
    assert len(until_answered(app).chat_message) == 4
    assert [job.id for job in asks_of(workspace)] == [job.id], "the loaded model answers what follows"
    assert job.pid
    os.kill(job.pid, signal.SIGSTOP)
    app.chat_input[0].set_value("또?").run()
    jobs.kill(job.folder)  # as if it had left at rest, just before the question came
    assert len(until_answered(app).chat_message) == 6
    again = asks_of(workspace)[0]
    assert again.id != job.id
    press(app, "닫기")
    assert not app.chat_message and not app.chat_input
    assert jobs.wait(again.folder).ended
    left = [file for one in (job, again) for file in one.folder.iterdir()]
    assert not any("무지개" in file.read_text(encoding="utf-8") for file in left)


def test_a_checkpoint_that_is_gone_says_so_and_the_question_is_taken_back(
    open_page: Open, workspace: Workspace, stopped: Run
) -> None:
    app = open_page(PAGE, "en", run=stopped.id)
    press(app, "Try it")
    checkpoints.delete(Path(stopped.path), 2)
    app.chat_input[0].set_value(QUESTION).run()
    assert not app.exception
    assert any("has no whole checkpoint of step 2" in error.value for error in app.error)
    assert not app.chat_message and not asks_of(workspace)


def test_a_finished_run_can_be_tried(open_page: Open, workspace: Workspace, stopped: Run) -> None:
    folder = Path(stopped.path)
    shutil.copytree(checkpoints.find(folder, 2).path, folder / "adapter")
    (folder / COMPLETE).touch()
    app = open_page(PAGE, "ko", run=stopped.id)
    app.button("talk-run").click().run()
    assert f"**{stopped.id} 대화해 보기**" in words(app).replace("\\", "")
    app.chat_input[0].set_value(QUESTION).run()
    assert len(until_answered(app).chat_message) == 2, words(app)
    press(app, "닫기")
    (job,) = asks_of(workspace)
    assert job.title == stopped.id and jobs.wait(job.folder).ended
