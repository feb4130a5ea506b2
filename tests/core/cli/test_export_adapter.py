"""`mactuner export --adapter`: the run's LoRA adapter, and the way to the base it is served with."""

from __future__ import annotations

from pathlib import Path

import pytest

from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import DatasetVersion, Model
from mactuner_core.catalog.tables import Run as RunRow
from mactuner_core.workspace import COMPLETE, Workspace
from tests.core.cli.conftest import Run
from tests.tiny_models import lora_adapter, tiny_qwen3


@pytest.fixture(autouse=True)
def finished_run(workspace: Workspace, catalog: Catalog, tmp_path: Path) -> None:
    """A finished LoRA run of a tiny model, as training leaves it."""
    folder, model = workspace.runs / "law-1", tiny_qwen3(tmp_path / "tiny")
    dataset = DatasetVersion(
        id="law@1", name="law", number=1, path="law", train_rows=1, validation_rows=1, source_name="law.csv",
        source_sha256="0", recipe={}, report={},
    )  # fmt: skip
    catalog.add(
        dataset,
        Model(id="tiny", name="tiny", source="folder", path=str(model), architecture="Q", parameters=1, bytes=1),
        RunRow(
            id="law-1", model_id="tiny", dataset_id="law@1", method="lora", path=str(folder), config={"model": "tiny"},
            job_id="law-1",
        ),
    )  # fmt: skip
    lora_adapter(model, folder / "adapter")
    (folder / COMPLETE).touch()


def test_an_adapter_and_then_its_base(run: Run, workspace: Workspace) -> None:
    first = run("export", "--run", "law-1", "--adapter")
    assert first.code == 0, first.err
    assert "law-1-LORA.gguf" in first.out
    assert "Next: mactuner export --model tiny --quant Q4_K_M" in " ".join(first.out.split())
    based = run("export", "--model", "tiny", "--quant", "Q8_0", "--json")
    assert based.code == 0, based.err
    again = run("export", "--run", "law-1", "--adapter", "--json")
    assert again.code == 0, again.err
    file = again.json["files"][0]
    assert (file["quant"], file["verify"]["passed"], Path(file["path"]).is_file()) == ("LORA", True, True)
    assert again.json["base"]["file"] == based.json["files"][0]["path"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--run", "law-1", "--quant", "Q8_0"), "--adapter and --quant = Q8_0 do not go together"),
        (("--model", "tiny"), "“tiny” has no LoRA adapter"),
        (("--run", "no"), "There is no training run “no”"),
        ((), "either --run RUN or --model MODEL"),
    ],
)
def test_what_cannot_be_is_said(run: Run, arguments: tuple[str, ...], words: str) -> None:
    outcome = run("export", "--adapter", *arguments)
    assert outcome.code == 2
    assert words in " ".join(outcome.err.split())
