"""Suggested settings: by size, rows, lengths and memory, each with a reason, and what is said of settings that may fail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import DatasetVersion, Model
from mactuner_core.data.importing import import_file
from mactuner_core.data.statistics.compute import statistics_of
from mactuner_core.errors import InputError
from mactuner_core.hardware import Hardware
from mactuner_core.models.folder_template import folder_renderer
from mactuner_core.training.config import Method, TrainingConfig
from mactuner_core.training.estimate import estimate
from mactuner_core.training.lengths import SAMPLE_ROWS, lengths_of
from mactuner_core.training.presets import PRESETS, Preset
from mactuner_core.training.recommend import Recommendation, recommend
from mactuner_core.training.speed import Speed
from mactuner_core.training.warnings import warnings_for
from mactuner_core.workspace import Workspace
from tests.hollow_models import LLAMA_8B, QWEN3_06B, QWEN3_32B, hollow_model

GB = 2**30
MAC = Hardware("mps", "hardware.reason_mps", "Apple", 64 * GB, 64 * GB, 8)
SMALL_CPU = Hardware("cpu", "hardware.reason_cpu", "laptop", 4 * GB, 4 * GB, 4)


def rows(tmp_path: Path, count: int, words: int = 8, long: int = 0) -> Path:
    """Write `count` questions with answers of `words` words, the first `long` of them fifty times longer."""
    file = tmp_path / f"rows{count}-{words}-{long}.jsonl"
    lines = []
    for number in range(count):
        answer = f"제{number}조 " + "계약은 성립한다 " * (words // 2 * (50 if number < long else 1))
        pair = [{"role": "user", "content": f"{number}번?"}, {"role": "assistant", "content": answer}]
        lines.append(json.dumps({"messages": pair}, ensure_ascii=False))
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


@pytest.fixture
def many(workspace: Workspace, catalog: Catalog, tmp_path: Path) -> DatasetVersion:
    """Return a dataset of 500 rows, 400 of them for training."""
    return import_file(workspace, catalog, rows(tmp_path, 500), "many")


def hollow(tmp_path: Path, sizes: dict[str, int], source: str = "hub") -> Model:
    folder = tmp_path / f"hollow-{sizes['hidden']}"
    parameters = hollow_model(folder, sizes, tied=sizes is QWEN3_06B)
    return Model(id=folder.name, name=folder.name, source=source, path=str(folder), parameters=parameters)


def codes(found: Recommendation) -> set[str]:
    return {warning.code.removeprefix("recommend.") for warning in found.warnings}


@pytest.mark.parametrize(
    ("sizes", "method", "batches", "rates", "ranks"),
    [
        (QWEN3_06B, "lora", (8, 16), (5e-4, 1e-3), (16, 32)),
        (QWEN3_32B | {"layers": 8}, "lora", (4, 8), (1e-4, 5e-4), (8, 16)),  # 5.5 billion
        (LLAMA_8B, "qlora", (1, 4), (1e-5, 1e-4), (4, 8)),
    ],
)
def test_size_decides_method_batch_rate_and_rank(
    tmp_path: Path,
    many: DatasetVersion,
    sizes: dict[str, int],
    method: Method,
    batches: tuple[int, int],
    rates: tuple[float, float],
    ranks: tuple[int, int],
) -> None:
    found = recommend(hollow(tmp_path, sizes), many, hardware=MAC)
    config = found.config
    assert config.method == method
    assert batches[0] <= config.batch_size * config.gradient_accumulation <= batches[1]
    assert rates[0] <= config.learning_rate <= rates[1]
    assert ranks[0] <= config.lora_rank <= ranks[1] and config.lora_alpha == 2 * config.lora_rank
    assert found.estimate.fits
    assert TrainingConfig.check(config.model_dump()) == config


def test_everything_suggested_has_its_reason_in_both_languages(tmp_path: Path, many: DatasetVersion) -> None:
    found = recommend(hollow(tmp_path, QWEN3_06B), many, hardware=MAC)
    plain = TrainingConfig(model="m", dataset="d")
    changed = {name for name, value in found.config if value != getattr(plain, name)} - {"model", "dataset"}
    assert changed <= found.reasons.keys()
    assert {"method", "learning_rate", "batch_size", "epochs", "max_length"} <= found.reasons.keys()
    for reason in found.reasons.values():
        assert reason.text("ko") != reason.text("en")


@pytest.mark.parametrize("count", [2, 30, 180, 6000])
def test_a_starter_model_is_taught_by_heart(
    workspace: Workspace, catalog: Catalog, tmp_path: Path, qwen: Path, count: int
) -> None:
    dataset = import_file(workspace, catalog, rows(tmp_path, count), "few")
    model = Model(id="s", name="s", source="starter", path=str(qwen), parameters=3_600_000)
    config = recommend(model, dataset).config
    assert (config.method, config.learning_rate, config.gradient_checkpointing) == ("full", 1e-3, False)
    assert config.batch_size == min(16, dataset.train_rows) and 10 <= config.epochs <= 44
    assert TrainingConfig.check(config.model_dump()) == config
    adapter = recommend(model, dataset, method="lora")
    assert "warn_starter_adapter" in codes(adapter)


def test_full_training_of_a_taught_model_is_slower(model: Model, many: DatasetVersion) -> None:
    full, lora = (recommend(model, many, method=method).config for method in ("full", "lora"))
    assert full.learning_rate == pytest.approx(lora.learning_rate / 10)
    high = full.model_copy(update={"learning_rate": 1e-3})
    assert [one.code for one in warnings_for(model, many, high)] == ["recommend.warn_rate"]


@pytest.mark.parametrize(("count", "epochs"), [(40, 3), (8000, 2)])
def test_more_rows_are_seen_less_often(
    workspace: Workspace, catalog: Catalog, tmp_path: Path, model: Model, count: int, epochs: int
) -> None:
    dataset = import_file(workspace, catalog, rows(tmp_path, count), "rows")
    assert recommend(model, dataset).config.epochs == epochs


def test_plain_text_and_pairs_have_their_own_objective(
    workspace: Workspace, catalog: Catalog, tmp_path: Path, model: Model
) -> None:
    text_file, pair_file = tmp_path / "text.jsonl", tmp_path / "pairs.jsonl"
    texts = [json.dumps({"text": f"{number}: " + "계약은 성립한다. " * 30}) for number in range(40)]
    text_file.write_text("\n".join(texts), encoding="utf-8")
    turns: list[dict[str, Any]] = []
    for number in range(40):
        ask = {"role": "user", "content": f"{number}번?"}
        sides = {side: [ask, {"role": "assistant", "content": f"{side} {number}"}] for side in ("chosen", "rejected")}
        turns.append(sides)
    pair_file.write_text("\n".join(json.dumps(one) for one in turns), encoding="utf-8")
    text = recommend(model, import_file(workspace, catalog, text_file, "text"))
    pairs = recommend(model, import_file(workspace, catalog, pair_file, "pairs"))
    assert text.config.objective == "pretraining"
    assert (pairs.config.objective, pairs.config.epochs, pairs.config.learning_rate) == ("dpo", 1, 5e-5)


def test_the_batch_is_cut_up_until_it_fits(tmp_path: Path, many: DatasetVersion) -> None:
    model = hollow(tmp_path, QWEN3_06B)
    roomy, tight = recommend(model, many, hardware=MAC), recommend(model, many, hardware=SMALL_CPU)
    assert roomy.config.batch_size > tight.config.batch_size
    assert roomy.config.batch_size * roomy.config.gradient_accumulation == (
        tight.config.batch_size * tight.config.gradient_accumulation
    )
    assert tight.reasons["batch_size"].code == "recommend.batch_memory"
    assert tight.estimate.memory.total < roomy.estimate.memory.total * 2


def test_what_fits_nowhere_is_said_with_what_would(tmp_path: Path, many: DatasetVersion) -> None:
    found = recommend(hollow(tmp_path, QWEN3_32B), many, preset="vram_8gb")
    assert not found.estimate.fits
    assert found.warnings[0].code == "recommend.warn_memory_model"
    assert "B parameters would fit" in found.warnings[0].text("en")


def test_a_method_that_was_asked_for_stays(tmp_path: Path, many: DatasetVersion) -> None:
    model = hollow(tmp_path, LLAMA_8B)
    free, asked = (recommend(model, many, method=method, preset="vram_8gb") for method in (None, "lora"))
    assert free.config.method == "qlora" and free.estimate.fits
    assert asked.config.method == "lora" and asked.warnings[0].code == "recommend.warn_memory_method"


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_changes_what_is_suggested(tmp_path: Path, many: DatasetVersion, preset: Preset) -> None:
    found = recommend(hollow(tmp_path, QWEN3_06B), many, preset=preset, hardware=MAC)
    if preset == "vram_8gb":
        assert (found.config.method, found.config.batch_size, found.config.gradient_accumulation) == ("qlora", 2, 4)
    assert found.estimate.fits
    assert found.estimate.room < 64 * GB


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"epochs": 10}, "warn_overfit"),
        ({"max_length": 16}, "warn_cut"),
        ({"batch_size": 32, "gradient_accumulation": 16}, "warn_batch"),
        ({"batch_size": 32, "gradient_accumulation": 2, "epochs": 1}, "warn_few_steps"),
        ({"max_length": 4096}, "warn_context"),
    ],
)
def test_changed_settings_are_warned_about(
    model: Model, many: DatasetVersion, changes: dict[str, Any], code: str
) -> None:
    config = recommend(model, many).config
    assert warnings_for(model, many, config) == []
    found = warnings_for(model, many, config.model_copy(update=changes))
    assert [one.code for one in found] == [f"recommend.{code}"]
    assert found[0].text("ko") and found[0].text("en")


def test_the_warning_about_cut_rows_says_how_many(
    workspace: Workspace, catalog: Catalog, tmp_path: Path, model: Model
) -> None:
    dataset = import_file(workspace, catalog, rows(tmp_path, 100, long=60), "long")
    lengths = lengths_of(model, dataset)
    config = recommend(model, dataset).config.model_copy(update={"max_length": 64})
    share = (np.asarray(lengths.tokens) > 64).mean()
    warning = next(one for one in warnings_for(model, dataset, config) if one.code == "recommend.warn_cut")
    assert 0.5 < share < 0.7 and warning.values["share"] == f"{share:.0%}"


def test_no_validation_rows_are_noted(tmp_path: Path, model: Model, many: DatasetVersion) -> None:
    many.validation_rows = 0
    assert codes(recommend(model, many)) == {"warn_no_validation"}


def test_lengths_of_a_sample_come_close_to_counted_ones(
    workspace: Workspace, catalog: Catalog, tmp_path: Path, model: Model
) -> None:
    dataset = import_file(workspace, catalog, rows(tmp_path, 5 * SAMPLE_ROWS, long=200), "sampled")
    judged = lengths_of(model, dataset)
    folder = Path(model.path)
    statistics_of(dataset, tokenizer_folder=folder, render=folder_renderer(folder))
    counted = lengths_of(model, dataset)
    assert (judged.source, counted.source) == ("sample", "counted")
    assert len(judged.tokens) == len(counted.tokens) == dataset.train_rows
    assert judged.tokens.sum() == pytest.approx(counted.tokens.sum(), rel=0.05)
    assert judged.longest == pytest.approx(counted.longest, rel=0.1)
    assert recommend(model, dataset).config.max_length == 512  # the context: rows are longer


def test_seconds_follow_from_the_speed(model: Model, many: DatasetVersion) -> None:
    config = recommend(model, many).config
    slow = estimate(model, many, config, speed=Speed(1e9, "runs", 2))
    fast = estimate(model, many, config, speed=Speed(4e9, "runs", 2))
    assert estimate(model, many, config).seconds is None
    assert slow.seconds and fast.seconds and slow.seconds == pytest.approx(4 * fast.seconds)
    twice = estimate(model, many, config.model_copy(update={"epochs": 2 * config.epochs}), speed=slow.speed)
    assert twice.seconds == pytest.approx(2 * slow.seconds) and twice.steps == 2 * slow.steps


def test_a_dataset_that_is_gone_is_refused(model: Model, many: DatasetVersion) -> None:
    many.path = "/nowhere"
    with pytest.raises(InputError) as raised:
        recommend(model, many)
    assert raised.value.code == "data.dataset_gone"
