import json
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from mactuner_core import jobs
from mactuner_core.catalog import open_catalog
from mactuner_core.catalog.store import Catalog
from mactuner_core.catalog.tables import DatasetVersion, Export, Model, Run
from mactuner_core.errors import InputError, NotFoundError, WorkError
from mactuner_core.export import job as export_job
from mactuner_core.export.merge import Source
from mactuner_core.export.start import needed_bytes, start_export
from mactuner_core.jobs.job import Job, JobCancelled
from mactuner_core.training import checkpoints
from mactuner_core.workspace import COMPLETE, Workspace
from tests.core.export.conftest import Exported


@pytest.fixture
def catalog(workspace: Workspace, tiny: Path, adapter: Path) -> Catalog:
    """A catalogue with the tiny model, a finished LoRA run of it and an unfinished run."""
    found = open_catalog(workspace)
    dataset = DatasetVersion(
        id="d@1", name="d", number=1, path="d", train_rows=1, validation_rows=1, source_name="d.csv", source_sha256="0",
        recipe={}, report={},
    )  # fmt: skip
    found.add(
        dataset, Model(id="tiny", name="tiny", source="folder", path=str(tiny), architecture="Q", parameters=1, bytes=1)
    )
    for name in ("done", "half"):
        folder = workspace.runs / name
        folder.mkdir()
        found.add(
            Run(id=name, model_id="tiny", dataset_id="d@1", method="lora", path=str(folder), config={}, job_id=name)
        )
    shutil.copytree(adapter, workspace.runs / "done" / "adapter")
    (workspace.runs / "done" / COMPLETE).touch()
    return found


def new_job(workspace: Workspace, name: str = "j") -> Job:
    folder = workspace.jobs / name
    folder.mkdir()
    return Job(folder, workspace)


def spec(workspace: Workspace, tiny: Path, **values: Any) -> dict[str, Any]:
    path = str(workspace.exports / "e")
    return {"export": "e", "path": path, "name": "m", "model": str(tiny), "adapter": None, "quants": ["F16"]} | values


def test_a_run_becomes_verified_files(workspace: Workspace, catalog: Catalog) -> None:
    export = start_export(workspace, catalog, run_id="done", quants=["q4_k_m", "Q8_0"], name="법률-도우미")
    stages = set()
    status = jobs.wait(workspace.jobs / export.job_id, lambda status: stages.add(status.stage))
    assert status.state == "done", status.error
    assert status.result is not None
    folder = Path(export.path)
    assert sorted(file.name for file in folder.iterdir()) == [
        "COMPLETE",
        "verification.json",
        "법률-도우미-Q4_K_M.gguf",
        "법률-도우미-Q8_0.gguf",
    ]  # F16 was made on the way, but not asked for
    files = status.result["files"]
    assert [file["quant"] for file in files] == ["Q4_K_M", "Q8_0"]
    assert all(file["verify"]["passed"] and Path(file["path"]).stat().st_size == file["bytes"] for file in files)
    assert files[0]["note"]["code"] == "export.note_fallback"
    assert status.result["peak_memory_bytes"] > 100_000_000
    assert "export.stage_verify" in stages
    rows = catalog.export_files(export.id)
    assert [(row.quant, row.verified, row.path) for row in rows] == [(f["quant"], True, f["path"]) for f in files]
    written = json.loads((folder / "verification.json").read_text(encoding="utf-8"))["files"]
    assert [file["path"] for file in written] == ["법률-도우미-Q4_K_M.gguf", "법률-도우미-Q8_0.gguf"]
    assert (workspace.jobs / export.job_id / "converter.log").read_text(encoding="utf-8")
    assert catalog.export(export.id).run_id == "done"


def test_what_cannot_be_exported_is_refused_before_anything_is_written(workspace: Workspace, catalog: Catalog) -> None:
    with pytest.raises(InputError, match=r"Q4_K_M"):
        start_export(workspace, catalog, run_id="done", quants=["Q5"])
    with pytest.raises(InputError) as caught:
        start_export(workspace, catalog, run_id="half")
    assert caught.value.code == "base.run_not_done"
    wrongs: list[dict[str, Any]] = [{}, {"run_id": "done", "model_id": "tiny"}]
    for wrong in wrongs:
        with pytest.raises(InputError) as caught:
            start_export(workspace, catalog, **wrong)
        assert caught.value.code == "export.run_or_model"
    with pytest.raises(NotFoundError):
        start_export(workspace, catalog, model_id="nobody")
    with pytest.raises(InputError):
        start_export(workspace, catalog, model_id="tiny", name="../out")
    assert not catalog.exports()
    assert not list(workspace.exports.iterdir())
    assert not list(workspace.jobs.iterdir())


def test_a_disk_too_small_is_said_before_the_start(
    workspace: Workspace, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 1000

    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage)
    with pytest.raises(WorkError) as caught:
        start_export(workspace, catalog, model_id="tiny")
    assert caught.value.code == "workspace.disk_full"
    assert not catalog.exports()


def test_the_disk_estimate_grows_with_what_is_asked_for() -> None:
    assert needed_bytes(10**9, ["F16"], merged=False) == pytest.approx(2e9, rel=0.05)
    assert needed_bytes(10**9, ["F16", "Q4_K_M"], merged=True) == pytest.approx(6.7e9, rel=0.05)


def ready_f16(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the job take the F16 file that the session made already: converting takes seconds."""

    def copy(source: Source, f16: Path, *, scratch: Path, **_: object) -> None:
        shutil.copyfile(exported.f16, f16)

    monkeypatch.setattr(export_job, "merge_and_convert", copy)


@pytest.mark.parametrize("after", ["merge", "quantize", "verify"])
def test_a_stop_in_any_stage_leaves_nothing(
    workspace: Workspace, tiny: Path, exported: Exported, after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if after != "merge":
        ready_f16(exported, monkeypatch)
    job = new_job(workspace)

    def progress(done: float, total: float, stage: str) -> None:
        if stage == f"export.stage_{after}":
            (job.folder / "stop.json").write_text('{"requested_at": 0, "grace_s": 1e12}', encoding="utf-8")

    monkeypatch.setattr(job, "progress", progress)
    with pytest.raises(JobCancelled):
        export_job.run(spec(workspace, tiny, quants=["Q8_0", "F16"]), job)
    assert not list(workspace.exports.iterdir())


def test_a_killed_export_leaves_no_export_and_the_next_one_tidies_up(
    workspace: Workspace, catalog: Catalog, tiny: Path
) -> None:
    export = start_export(workspace, catalog, model_id="tiny", quants=["F16"])
    folder = workspace.jobs / export.job_id
    while not list(workspace.exports.glob(".new-*")):
        assert not jobs.read(folder).ended
        time.sleep(0.02)
    pid = jobs.read(folder).pid
    assert pid
    os.killpg(pid, signal.SIGKILL)
    assert jobs.wait(folder).state == "lost"
    assert not Path(export.path).exists()
    again = start_export(workspace, catalog, model_id="tiny", quants=["F16"])
    assert not list(workspace.exports.glob(f".new-{export.id}-*"))
    assert jobs.wait(workspace.jobs / again.job_id).state == "done"
    assert catalog.export_files(again.id)[0].verified
    assert not catalog.export_files(export.id)


def test_a_checkpoint_may_go_while_it_is_exported(workspace: Workspace, catalog: Catalog, adapter: Path) -> None:
    run_folder = workspace.runs / "half"
    checkpoint = checkpoints.folder_of(run_folder, 3)
    shutil.copytree(adapter, checkpoint)
    checkpoints.mark_whole(checkpoint, step=3, epoch=1.0, train_loss=1.0, eval_loss=None, more={})
    export = start_export(workspace, catalog, run_id="half@3", quants=["F16"])
    checkpoints.delete(run_folder, 3)
    status = jobs.wait(workspace.jobs / export.job_id)
    assert status.state == "done", (status.folder / "log.txt").read_text(encoding="utf-8")
    assert catalog.export_files(export.id)[0].verified
    assert [folder.name for folder in workspace.exports.iterdir()] == [export.id]
    with pytest.raises(InputError):
        start_export(workspace, catalog, run_id="half@3", quants=["F16"])
    assert [folder.name for folder in workspace.exports.iterdir()] == [export.id]


def test_a_file_that_fails_is_kept_and_marked(
    workspace: Workspace, catalog: Catalog, tiny: Path, exported: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog.add(Export(id="e", run_id="done", model_id="tiny", path="e", job_id="e"))
    ready_f16(exported, monkeypatch)  # made with the adapter, and held against the model without it
    result = export_job.run(spec(workspace, tiny, quants=["F16", "Q8_0"]), new_job(workspace))
    assert [file["verify"]["passed"] for file in result["files"]] == [False, False]
    assert [row.verified for row in catalog.export_files("e")] == [False, False]
    assert all(Path(file["path"]).is_file() for file in result["files"])
    f16, q8 = (file["verify"]["checks"] for file in result["files"])
    assert [entry["name"] for entry in f16 if not entry["passed"]] == ["logits"]
    assert [entry["name"] for entry in q8 if not entry["passed"]] == ["f16_source"]
