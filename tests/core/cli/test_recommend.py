"""`mactuner recommend`: the contract of its JSON, its table, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from mactuner_core.training.config import TrainingConfig
from mactuner_core.workspace import Workspace
from tests.conftest import SAMPLES
from tests.core.cli.conftest import Run
from tests.tiny_models import tiny_qwen3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_qwen3(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def ready(run: Run, workspace: Workspace, folder: Path) -> Run:
    """Return a command line over a workspace with the dataset `law` and the model `tiny`."""
    assert run("data", "import", SAMPLES / "civil_law_qa.csv", "--name", "law").code == 0
    assert run("models", "add", folder, "--name", "tiny").code == 0
    return run


def test_json_holds_settings_reasons_memory_and_time(ready: Run) -> None:
    found = ready("recommend", "--model", "tiny", "--dataset", "law", "--json")
    assert found.code == 0, found.err
    config = TrainingConfig.check(found.json["config"])
    assert (config.model, config.dataset, config.method) == ("tiny", "law@1", "lora")
    assert set(found.json["reasons"]) <= set(TrainingConfig.model_fields)
    assert found.json["reasons"]["learning_rate"]["text"]
    assert found.json["memory_bytes"] == sum(found.json["memory"].values()) > 500_000_000
    assert found.json["seconds"] > 0 and found.json["seconds_from"] == "processor"
    assert found.json["fits"] is True and found.json["warnings"] == []


def test_what_is_recommended_is_what_train_takes(ready: Run, tmp_path: Path) -> None:
    found = ready("recommend", "--model", "tiny", "--dataset", "law", "--method", "full", "--json").json
    file = tmp_path / "run.yaml"
    file.write_text(TrainingConfig.check(found["config"]).to_yaml(), encoding="utf-8")
    assert TrainingConfig.from_yaml(file).method == "full"


def test_a_preset_plans_for_another_machine(ready: Run) -> None:
    found = ready("recommend", "--model", "tiny", "--dataset", "law", "--preset", "vram_8gb", "--json").json
    assert found["config"]["method"] == "qlora"
    assert found["seconds"] is None  # nothing is known of that machine's speed


def test_the_table_names_values_and_reasons(ready: Run) -> None:
    found = ready("recommend", "--model", "tiny", "--dataset", "law")
    words = " ".join(found.out.split())
    assert "learning_rate" in words and "0.0005" in words and "Fits: needs about" in words


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        (("--model", "tiny", "--dataset", "law", "--preset", "x"), "vram_8gb"),
        (("--model", "tiny", "--dataset", "law", "--method", "x"), "qlora"),
        (("--model", "none", "--dataset", "law"), "tiny"),
        (("--model", "tiny", "--dataset", "none"), "law"),
    ],
)
def test_wrong_input_is_refused_with_what_is_there(ready: Run, flags: tuple[str, ...], name: str) -> None:
    found = ready("recommend", *flags)
    assert found.code == 2 and name in found.err and "Traceback" not in found.err
