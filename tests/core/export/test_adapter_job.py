"""A run's LoRA adapter as a GGUF file of its own: made, held against PEFT, and served with its base."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mactuner_core import jobs
from mactuner_core.catalog import open_catalog
from mactuner_core.catalog.store import Catalog
from mactuner_core.catalog.tables import DatasetVersion, Export, ExportFile, Model, Run
from mactuner_core.errors import InputError
from mactuner_core.export import adapter_job
from mactuner_core.export.adapter_base import describe_base, find_base
from mactuner_core.export.adapter_job import make_adapter_export
from mactuner_core.export.convert import convert_adapter
from mactuner_core.export.gguf_adapter import BASE_SHA256, check_adapter
from mactuner_core.export.llama_file import LlamaFile
from mactuner_core.export.merge import Source
from mactuner_core.export.start import start_export
from mactuner_core.export.verify_adapter import compare_effect
from mactuner_core.jobs.job import Job, JobCancelled
from mactuner_core.workspace import COMPLETE, Workspace
from tests.core.export.conftest import Apart
from tests.tiny_models import lora_adapter


@pytest.fixture
def catalog(workspace: Workspace, tiny: Path, adapter: Path) -> Catalog:
    """A catalogue with the tiny model and a finished LoRA run of it."""
    found = open_catalog(workspace)
    dataset = DatasetVersion(
        id="d@1", name="d", number=1, path="d", train_rows=1, validation_rows=1, source_name="d.csv", source_sha256="0",
        recipe={}, report={},
    )  # fmt: skip
    found.add(
        dataset, Model(id="tiny", name="tiny", source="folder", path=str(tiny), architecture="Q", parameters=1, bytes=1)
    )
    shutil.copytree(adapter, add_run(found, workspace, "done", "lora", "tiny") / "adapter")
    return found


def add_run(catalog: Catalog, workspace: Workspace, name: str, method: str, base: str) -> Path:
    folder = workspace.runs / name
    folder.mkdir()
    config = {"model": base}
    catalog.add(
        Run(id=name, model_id="tiny", dataset_id="d@1", method=method, path=str(folder), config=config, job_id=name)
    )
    (folder / COMPLETE).touch()
    return folder


def spec(workspace: Workspace, apart: Apart, **values: Any) -> dict[str, Any]:
    return {
        "export": "e",
        "path": str(workspace.exports / "e"),
        "name": "m",
        "model": str(apart.source.model),
        "adapter": str(apart.source.adapter),
        "quants": ["LORA"],
        "base": {"kind": "model", "id": "tiny", "command": "-"},
    } | values


def new_job(workspace: Workspace) -> Job:
    folder = workspace.jobs / "j"
    folder.mkdir()
    return Job(folder, workspace)


def test_a_run_becomes_a_verified_adapter(workspace: Workspace, catalog: Catalog, apart: Apart, adapter: Path) -> None:
    export = start_export(workspace, catalog, run_id="done", adapter=True, name="법률-도우미")
    stages = set()
    status = jobs.wait(workspace.jobs / export.job_id, lambda status: stages.add(status.stage))
    assert status.state == "done", status.error
    assert status.result is not None
    folder, file = Path(export.path), status.result["files"][0]
    assert sorted(each.name for each in folder.iterdir()) == ["COMPLETE", "verification.json", "법률-도우미-LORA.gguf"]
    assert (file["quant"], file["verify"]["passed"]) == ("LORA", True)
    assert file["bytes"] == Path(file["path"]).stat().st_size < 10_000
    assert [entry["name"] for entry in file["verify"]["checks"]] == ["token_ids", "template", "logits", "effect"]
    assert file["verify"]["effect"]["effect"] > 0.1  # so there was something to compare
    assert "export.stage_verify" in stages
    assert [(row.quant, row.verified, row.path) for row in catalog.export_files(export.id)] == [
        ("LORA", True, file["path"])
    ]
    assert json.loads((folder / "verification.json").read_text(encoding="utf-8"))["files"][0]["path"] == (
        "법률-도우미-LORA.gguf"
    )
    facts = check_adapter(Path(file["path"]), apart.base)
    assert (facts.name, facts.metadata["general.base_model.0.name"]) == ("법률-도우미", "tiny")
    assert status.result["base"] == {
        "kind": "model",
        "id": "tiny",
        "command": "mactuner export --model tiny --quant Q4_K_M",
        "file": None,
    }


def test_the_base_of_an_adapter_is_found_when_it_was_exported(
    workspace: Workspace, catalog: Catalog, apart: Apart, tmp_path: Path
) -> None:
    base = describe_base(catalog, "done")
    assert find_base(catalog, base, apart.adapter) is None
    folder = workspace.exports / "e"
    folder.mkdir()
    catalog.add(Export(id="e", run_id=None, model_id="tiny", path=str(folder), job_id="e"))
    row = {"export_id": "e", "bytes": 1, "report": {}}
    catalog.add(
        ExportFile(quant="LORA", path=str(apart.adapter), verified=True, **row),
        ExportFile(quant="F16", path=str(tmp_path / "gone.gguf"), verified=True, **row),
        ExportFile(quant="Q8_0", path=str(apart.base), verified=False, **row),
        ExportFile(quant="Q4_K_M", path=str(apart.base), verified=True, **row),
    )
    assert find_base(catalog, base, apart.adapter) is None  # not whole yet
    (folder / COMPLETE).touch()
    assert find_base(catalog, base, apart.adapter) == str(apart.base)


def test_the_base_lies_under_every_adapter_that_was_trained_on(workspace: Workspace, catalog: Catalog) -> None:
    for name, method, base in (
        ("more", "lora", "done@3"),
        ("whole", "full", "more"),
        ("on-whole", "qlora", "whole"),
        ("on-step", "lora", "whole@7"),
        ("on-gone", "lora", "removed"),
    ):
        add_run(catalog, workspace, name, method, base)
    found = {ref: describe_base(catalog, ref) for ref in ("more", "done@3", "on-whole", "on-step", "on-gone")}
    assert {ref: (base["kind"], base["id"]) for ref, base in found.items()} == {
        "more": ("model", "tiny"),
        "done@3": ("model", "tiny"),
        "on-whole": ("run", "whole"),
        "on-step": ("run", "whole@7"),
        "on-gone": ("model", "tiny"),
    }


def test_what_has_no_adapter_is_refused_before_anything_is_written(workspace: Workspace, catalog: Catalog) -> None:
    shutil.copytree(catalog.model("tiny").path, add_run(catalog, workspace, "whole", "full", "tiny") / "model")
    refs: list[dict[str, Any]] = [{"model_id": "tiny"}, {"run_id": "whole"}]
    for ref in refs:
        with pytest.raises(InputError) as caught:
            start_export(workspace, catalog, adapter=True, **ref)
        assert caught.value.code == "export_adapter.no_adapter"
    assert not list(workspace.exports.iterdir())


def test_an_adapter_that_does_too_much_is_kept_and_marked(
    workspace: Workspace, catalog: Catalog, apart: Apart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The converter is given twice the alpha; what PEFT does with the right one is what counts."""
    louder = tmp_path / "louder"
    assert apart.source.adapter
    shutil.copytree(apart.source.adapter, louder)
    config = json.loads((louder / "adapter_config.json").read_text(encoding="utf-8"))
    (louder / "adapter_config.json").write_text(json.dumps(config | {"lora_alpha": 2 * config["lora_alpha"]}))
    wrong = Source(apart.source.model, louder)
    monkeypatch.setattr(
        adapter_job, "convert_adapter", lambda source, *rest, **more: convert_adapter(wrong, *rest, **more)
    )
    catalog.add(Export(id="e", run_id="done", model_id="tiny", path="e", job_id="e"))
    result = make_adapter_export(spec(workspace, apart), new_job(workspace))
    failed = [entry["name"] for entry in result["files"][0]["verify"]["checks"] if not entry["passed"]]
    assert "effect" in failed
    assert [row.verified for row in catalog.export_files("e")] == [False]
    assert Path(result["files"][0]["path"]).is_file()


def test_a_stop_leaves_nothing(
    workspace: Workspace, catalog: Catalog, apart: Apart, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = new_job(workspace)

    def progress(done: float, total: float, stage: str) -> None:
        (job.folder / "stop.json").write_text('{"requested_at": 0, "grace_s": 1e12}', encoding="utf-8")

    monkeypatch.setattr(job, "progress", progress)
    with pytest.raises(JobCancelled):
        make_adapter_export(spec(workspace, apart), job)
    assert not list(workspace.exports.iterdir())


def test_a_weak_effect_is_told_from_none_and_from_another() -> None:
    change = [np.random.default_rng(3).normal(size=(50, 40)).astype(np.float32) * 0.02]
    nothing = [np.zeros_like(change[0])]
    assert compare_effect(change, change, 1.0)["passed"]
    assert compare_effect(nothing, nothing, 1.0)["passed"]
    assert not compare_effect(change, nothing, 1.0)["passed"]
    assert not compare_effect(nothing, change, 1.0)["passed"]
    assert not compare_effect(change, [change[0] * 1.2], 1.0)["passed"]


def test_rslora_keeps_its_own_factor(tiny: Path, tmp_path: Path, convert_apart: Any) -> None:
    made = convert_apart(lora_adapter(tiny, tmp_path / "rs", r=16, use_rslora=True, target_modules="all-linear"))
    assert check_adapter(made.adapter, made.base).metadata["adapter.lora.alpha"] == 8 * 4
    assert made.report["passed"], made.report["checks"]


def test_the_base_without_the_adapter_is_the_base(apart: Apart) -> None:
    assert check_adapter(apart.adapter, apart.base).metadata[BASE_SHA256]
    ids = [5, 6, 7, 8]
    with LlamaFile(apart.base) as bare, LlamaFile(apart.base, adapter=apart.adapter) as tuned:
        assert np.abs(bare.logits(ids) - tuned.logits(ids)).max() > 0.1
