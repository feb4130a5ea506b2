"""A workspace with something in it, and pages opened as a browser would, without one."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from streamlit.testing.v1 import AppTest

from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import DatasetVersion, Export, ExportFile, Model, Run
from mactuner_core.data.importing import import_file
from mactuner_core.jobs import Job
from mactuner_core.jobs.job import REPORT_EVERY_S
from mactuner_core.models.folder import add_folder
from mactuner_core.training import metrics
from mactuner_core.training.config import TrainingConfig
from mactuner_core.workspace import COMPLETE, Workspace, write_json
from tests.tiny_models import tiny_qwen3

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "samples"
PAGES = ("Home.py", *sorted(f"pages/{file.name}" for file in (ROOT / "pages").glob("*.py")))
Open = Callable[..., AppTest]


@pytest.fixture
def open_page() -> Open:
    """Return a function that opens a page in a language and runs it."""

    def open_it(page: str = "Home.py", language: str | None = "ko", **params: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "Home.py"), default_timeout=180)
        if language:
            app.query_params["lang"] = language
        app.run()
        if page == "Home.py":
            return app
        app.switch_page(page)
        for name, value in (params | ({"lang": language} if language else {})).items():
            app.query_params[name] = value
        return app.run()

    return open_it


@pytest.fixture
def dataset(workspace: Workspace, catalog: Catalog) -> DatasetVersion:
    return import_file(workspace, catalog, SAMPLES / "civil_law_qa.csv", "민법")


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_qwen3(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def model(workspace: Workspace, catalog: Catalog, tiny_folder: Path) -> Model:
    return add_folder(workspace, catalog, tiny_folder)


@pytest.fixture
def run(workspace: Workspace, catalog: Catalog, model: Model, dataset: DatasetVersion) -> Run:
    """Return a run whose job has just begun, in this process."""
    config = TrainingConfig(model=model.id, dataset=dataset.id, method="lora")
    folder = workspace.runs / "민법-lora-1"
    (folder / "adapter").mkdir(parents=True)
    row = Run(
        id=folder.name,
        model_id=model.id,
        dataset_id=dataset.id,
        method="lora",
        path=str(folder),
        config=config.model_dump(mode="json"),
        job_id="train-1",
    )
    catalog.add(row)
    return row


@pytest.fixture
def job(workspace: Workspace, run: Run) -> Job:
    """Return the job of the run, at work in this process: step 12 of 40."""
    found = begin_job(workspace, "train", run.job_id, run.id)
    for step in (1, 6, 12):
        metrics.append(
            Path(run.path), kind="metrics", step=step, loss=8 / step, learning_rate=2e-4, tokens_per_second=1940.0
        )
    metrics.append(Path(run.path), kind="metrics", step=12, eval_loss=3.25)
    found.progress(6, 40, "training.stage_steps")
    time.sleep(REPORT_EVERY_S + 0.05)
    found.progress(12, 40, "training.stage_steps")
    return found


def begin_job(workspace: Workspace, kind: str, job_id: str, title: str) -> Job:
    """Return a job whose process is this one."""
    folder = workspace.jobs / job_id
    folder.mkdir(parents=True)
    write_json(folder / "spec.json", {"kind": kind, "title": title, "created_at": time.time(), "spec": {}})
    write_json(folder / "process.json", {"pid": os.getpid(), "create_time": psutil.Process().create_time()})
    (folder / "log.txt").write_text("line one\nline two\n", encoding="utf-8")
    return Job(folder, workspace)


STATS: dict[str, Any] = {
    "train_loss_before": 8.1,
    "train_loss": 0.42,
    "eval_loss": 3.25,
    "seconds": 75.0,
    "peak_memory_bytes": 1_200_000_000,
    "rows_left_out": [],
}


@pytest.fixture
def done_run(run: Run, job: Job) -> Run:
    """Return the run after its end."""
    job.finish("done", result=STATS)
    write_json(Path(run.path) / "training_stats.json", STATS)
    (Path(run.path) / COMPLETE).write_text("", encoding="utf-8")
    return run


@pytest.fixture
def export(workspace: Workspace, catalog: Catalog, done_run: Run) -> Export:
    """Return an export of one good file and one that failed a check."""
    folder = workspace.exports / "export-1"
    folder.mkdir(parents=True)
    row = Export(id="export-1", run_id=done_run.id, model_id=done_run.model_id, path=str(folder), job_id="export-1")
    tokens = {
        "name": "token_ids",
        "passed": True,
        "code": "export.check_token_ids",
        "values": {"texts": 40, "tokens": 900},
    }
    figures = {
        "mean": 1.2,
        "limit": 0.3,
        "variance_changed": 0.5,
        "variance_limit": 0.25,
        "top1_agreement": 0.4,
        "positions": 90,
    }
    close = {"name": "kl", "passed": False, "code": "export.check_kl_failed", "values": figures}
    files = []
    for quant, checks in (("F16", [tokens]), ("Q4_K_M", [tokens, close])):
        path = folder / f"law-{quant}.gguf"
        path.write_bytes(b"GGUF" + bytes(1000))
        passed = all(check["passed"] for check in checks)
        report = {"passed": passed, "checks": checks}
        files.append(
            ExportFile(export_id=row.id, quant=quant, path=str(path), bytes=1004, verified=passed, report=report)
        )
    (folder / COMPLETE).write_text("", encoding="utf-8")
    catalog.add(row)
    catalog.add(*files)
    return row


def words(app: AppTest) -> str:
    """Return every text on the page and in the sidebar."""
    found = []
    for kind in ("title", "subheader", "markdown", "caption", "text", "info", "warning", "error", "success", "code"):
        found += [str(element.value) for element in getattr(app, kind)]
    found += [f"{metric.label} {metric.value}" for metric in app.metric]
    for kind in ("button", "selectbox", "text_input", "text_area", "number_input", "segmented_control", "slider"):
        found += [str(widget.label) for widget in getattr(app, kind)]
    found += [link.value for link in app.page_link]
    found += [tab.label for tab in app.tabs] + [expander.label for expander in app.expander]
    return "\n".join(found)


def press(app: AppTest, label: str) -> AppTest:
    """Click the button with that label and run the page."""
    found = [button for button in app.button if button.label == label]
    assert found, f"no button {label!r} among {[button.label for button in app.button]}"
    return found[0].click().run()


def by_key(widgets: Any, key: str) -> Any:
    """Return the widget whose key begins with `key`."""
    return next(widget for widget in widgets if str(widget.key).startswith(key))
