"""Asking a checkpoint through its job: a real tiny model, trained here, answers and forgets."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mactuner_core import jobs
from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import Run
from mactuner_core.chat import ask_job
from mactuner_core.chat.ask import ask, forget, start_asking, stop_asking, take_answer
from mactuner_core.chat.talk import Answer
from mactuner_core.data.importing import import_file
from mactuner_core.errors import InputError, MacTunerError, NotFoundError, WorkError
from mactuner_core.models.folder import add_folder
from mactuner_core.models.generate import answer, load
from mactuner_core.training import checkpoints
from mactuner_core.training.base import base_of
from mactuner_core.training.config import TrainingConfig
from mactuner_core.workspace import Workspace
from tests.core.training.test_checkpoints import trained
from tests.tiny_models import tiny_qwen3

WAIT_S = 60.0
SECRET = "비밀번호는 무지개사탕입니다"
FIRST = [{"role": "user", "content": SECRET}]


@pytest.fixture
def run(workspace: Workspace, catalog: Catalog, tmp_path: Path) -> Run:
    """A LoRA run that was stopped after four steps, with checkpoints of the steps 2 and 4."""
    file = tmp_path / "law.csv"
    file.write_text("\n".join(["질문,답변", *(f"{n}번 조문은?,제{n}조입니다." for n in range(24))]), encoding="utf-8")
    dataset = import_file(workspace, catalog, file, "law")
    model = add_folder(workspace, catalog, tiny_qwen3(tmp_path / "tiny"), "tiny")
    config = TrainingConfig(
        model=model.id, dataset=dataset.id, save_steps=2, learning_rate=1e-3, gradient_checkpointing=False
    )
    return trained(workspace, catalog, config, "law-lora-1", stop_after=4)


def wait_for(folder: Path, number: int) -> Answer:
    limit = time.monotonic() + WAIT_S
    while time.monotonic() < limit:
        if found := take_answer(folder, number):
            return found
        assert not jobs.read(folder).ended, (folder / "log.txt").read_text(encoding="utf-8")
        time.sleep(0.05)
    raise AssertionError("no answer in a minute")


def said_in(folder: Path) -> list[str]:
    """Return the files of a job that still hold what was asked."""
    return [file.name for file in folder.iterdir() if "무지개" in file.read_text(encoding="utf-8")]


def test_a_checkpoint_answers_one_question_after_another_and_forgets_them(
    workspace: Workspace, catalog: Catalog, run: Run
) -> None:
    base = base_of(catalog, f"{run.id}@2")
    folder = workspace.jobs / start_asking(workspace, catalog, f"{run.id}@2", idle_s=4.0)
    ask(folder, 1, FIRST, max_tokens=12)
    first = wait_for(folder, 1)
    expected = answer(load(base.folder, base.adapter), FIRST, 12)
    assert (first.text, first.tokens) == (expected.text, expected.tokens)
    assert not said_in(folder)

    checkpoints.delete(Path(run.path), 2)  # what is loaded goes on answering
    ask(folder, 2, [*FIRST, {"role": "assistant", "content": first.text}, *FIRST], max_tokens=3)
    assert wait_for(folder, 2).tokens <= 3
    ask(folder, 3, [{"role": "user", "content": "긴 글 " * 4000}])
    with pytest.raises(MacTunerError) as raised:
        wait_for(folder, 3)
    assert raised.value.code == "chat.too_long"

    ended = jobs.wait(folder)
    assert (ended.state, ended.result) == ("done", {"questions": 3})
    assert take_answer(folder, 3) is None
    assert not said_in(folder)
    with pytest.raises(NotFoundError, match="has no whole checkpoint of step 2"):
        start_asking(workspace, catalog, f"{run.id}@2")
    assert len(jobs.list_jobs(workspace.jobs)) == 1


def test_a_conversation_that_is_closed_leaves_nothing_behind(workspace: Workspace, catalog: Catalog, run: Run) -> None:
    folder = workspace.jobs / start_asking(workspace, catalog, f"{run.id}@4")
    ask(folder, 1, FIRST)
    assert said_in(folder) == ["question.json"]
    stop_asking(folder)
    assert not said_in(folder)
    assert jobs.wait(folder).state in ("done", "cancelled")
    assert not said_in(folder)
    ask(folder, 2, FIRST)  # too late for this job: the next conversation clears it away
    again = workspace.jobs / start_asking(workspace, catalog, f"{run.id}@4")
    assert not said_in(folder)
    jobs.kill(again)
    forget(again)


def test_what_cannot_answer_says_why(
    workspace: Workspace, catalog: Catalog, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="not finished"):
        start_asking(workspace, catalog, run.id)
    with pytest.raises(InputError):
        ask(workspace.jobs, 1, [{"role": "user", "content": " "}])
    with monkeypatch.context() as small:
        small.setattr("mactuner_core.chat.ask.available_memory_bytes", lambda: 300_000_000)
        with pytest.raises(WorkError, match="300 MB is free"):
            start_asking(workspace, catalog, f"{run.id}@4")

    def runs_out(*_: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(ask_job, "load", runs_out)
    with pytest.raises(WorkError, match="Memory ran out"):
        ask_job.speaker_of(catalog, f"{run.id}@4")

    def goes_meanwhile(*_: object) -> None:
        checkpoints.delete(Path(run.path), 4)
        raise FileNotFoundError("adapter_model.safetensors")

    monkeypatch.setattr(ask_job, "load", goes_meanwhile)
    with pytest.raises(NotFoundError, match="no whole checkpoint of step 4"):
        ask_job.speaker_of(catalog, f"{run.id}@4")
    assert not jobs.list_jobs(workspace.jobs)
