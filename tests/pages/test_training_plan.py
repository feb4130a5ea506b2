"""The plan on the training page: reasons, warnings, memory, time, machine, and settings taken from a run."""

from __future__ import annotations

import json
from pathlib import Path

from streamlit.testing.v1 import AppTest

from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import DatasetVersion, Model, Run
from mactuner_core.data.importing import import_file
from mactuner_core.training.config import TrainingConfig
from mactuner_core.workspace import Workspace
from tests.pages.conftest import Open, by_key, words

PAGE = "pages/3_Training.py"


def field(app: AppTest, label: str) -> object:
    """Return the value of the number whose label begins so."""
    return next(one.value for one in app.number_input if one.label.startswith(label))


def test_each_suggested_value_has_its_reason(open_page: Open, dataset: DatasetVersion, model: Model) -> None:
    app = open_page(PAGE)
    assert not app.exception
    said = words(app)
    assert "이 설정을 고른 이유" in said
    assert "128행은 세 번씩 봅니다" in said and "작은 어댑터가 예제를 배웁니다" in said
    figures = {metric.label: metric.value for metric in app.metric}
    assert figures["예상 시간"].endswith(("초", "분"))
    assert "프로세서를 잠깐 재어" in said and "모든 행의 토큰을 셌습니다" in said
    assert not app.warning


def test_changed_settings_are_marked_and_warned_about(open_page: Open, dataset: DatasetVersion, model: Model) -> None:
    app = open_page(PAGE, "en")
    next(one for one in app.number_input if one.label.startswith("Epochs")).set_value(10).run()
    assert any("128 rows and 10 epochs: over-fitting is likely" in warning.value for warning in app.warning)
    epochs = next(line.value for line in app.markdown if line.value.startswith("**Epochs**"))
    assert "`3`" in epochs and "`10`" in epochs and "changed" in epochs
    assert {metric.label: metric.value for metric in app.metric}["Steps"] == "160"


def test_another_machine_changes_what_is_suggested(open_page: Open, dataset: DatasetVersion, model: Model) -> None:
    app = open_page(PAGE, "en")
    by_key(app.selectbox, "train-preset").set_value("vram_8gb").run()
    assert not app.exception
    assert by_key(app.segmented_control, "train-method").value == "qlora"
    assert (field(app, "Batch size"), field(app, "Gradient accumulation")) == (2, 4)
    assert "not known before this machine has trained" in words(app)


def test_a_dataset_of_texts_brings_its_objective(
    open_page: Open, workspace: Workspace, catalog: Catalog, model: Model, tmp_path: Path
) -> None:
    file = tmp_path / "texts.jsonl"
    file.write_text(
        "\n".join(json.dumps({"text": f"계약은 {number}번 성립한다."}) for number in range(60)), encoding="utf-8"
    )
    import_file(workspace, catalog, file, "texts")
    app = open_page(PAGE, "en")
    objective = next(one for one in app.selectbox if one.label == "Objective")
    assert objective.value == "pretraining"
    assert "every word of it is learned" in words(app)


def test_settings_are_taken_from_a_run(
    open_page: Open, catalog: Catalog, dataset: DatasetVersion, model: Model, done_run: Run
) -> None:
    config = TrainingConfig(model=model.id, dataset=dataset.id, method="lora", epochs=7, lora_rank=32, lora_alpha=64)
    other = Run(
        id="other", model_id=model.id, dataset_id=dataset.id, method="lora", path=done_run.path,
        config=config.model_dump(mode="json"), job_id="other",
    )  # fmt: skip
    catalog.add(other)
    app = open_page(PAGE, "en", like="other")
    assert not app.exception
    assert (field(app, "Epochs"), field(app, "LoRA rank"), field(app, "LoRA alpha")) == (7, 32, 64)


def test_an_unknown_start_is_said_and_the_models_are_offered(
    open_page: Open, dataset: DatasetVersion, model: Model
) -> None:
    app = open_page(PAGE, "en", model="no-such-run@5")
    assert not app.exception
    assert "no-such-run@5" in app.error[0].value
    assert by_key(app.selectbox, "train-model").value == model.id
