"""Settings of a run: ranges, what does not fit together, and good first values."""

from __future__ import annotations

import pytest

from mactuner_core.catalog.tables import DatasetVersion, Model
from mactuner_core.config import settings_of
from mactuner_core.errors import ConfigError
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.defaults import suggest


def test_every_setting_has_both_languages_and_a_default_in_range() -> None:
    found = settings_of(TrainingConfig)
    assert len(found) == len(TrainingConfig.model_fields)
    for one in found:
        assert one.label["ko"] and one.label["en"] and one.help["ko"] and one.help["en"]
        if isinstance(one.default, int | float) and one.minimum is not None and one.maximum is not None:
            assert one.minimum <= one.default <= one.maximum


def test_all_problems_come_at_once() -> None:
    values = {"model": "m", "dataset": "d", "learning_rate": 5, "batch_size": 0, "method": "magic", "epoch": 3}
    with pytest.raises(ConfigError) as raised:
        TrainingConfig.check(values)
    assert {problem.values["name"] for problem in raised.value.problems} == {
        "learning_rate", "batch_size", "method", "epoch",
    }  # fmt: skip


@pytest.mark.parametrize(("rank", "alpha", "code"), [(64, 1, "alpha_small"), (4, 256, "alpha_large")])
def test_rank_and_alpha_must_fit_together(rank: int, alpha: int, code: str) -> None:
    values = {"model": "m", "dataset": "d", "method": "lora", "lora_rank": rank, "lora_alpha": alpha}
    with pytest.raises(ConfigError) as raised:
        TrainingConfig.check(values)
    assert [problem.code for problem in raised.value.problems] == [f"training.{code}"]
    assert TrainingConfig.check(values | {"method": "full"})


def test_settings_survive_yaml_and_the_catalogue() -> None:
    config = TrainingConfig(model="m", dataset="d", lr_scheduler="constant")
    assert TrainingConfig.check(config.model_dump(mode="json")) == config


@pytest.mark.parametrize("rows", [1, 2, 40, 144, 5000])
def test_a_starter_model_is_taught_by_heart(rows: int) -> None:
    config = suggest(_model("starter", 3_600_000), _dataset(rows))
    assert (config.method, config.learning_rate) == ("full", 1e-3)
    assert config.batch_size == min(16, rows) and 10 <= config.epochs <= 35
    assert TrainingConfig.check(config.model_dump()) == config


@pytest.mark.parametrize("parameters", [600_000_000, 3_000_000_000, 8_000_000_000])
@pytest.mark.parametrize("rows", [1, 30, 1000])
def test_other_models_are_tuned_with_lora(parameters: int, rows: int) -> None:
    config = suggest(_model("hub", parameters), _dataset(rows))
    assert config.method == "lora" and config.gradient_checkpointing
    assert suggest(_model("hub", parameters), _dataset(rows), "full").learning_rate < config.learning_rate
    assert TrainingConfig.check(config.model_dump()) == config


def _model(source: str, parameters: int) -> Model:
    return Model(id="m", name="m", source=source, parameters=parameters)


def _dataset(rows: int) -> DatasetVersion:
    return DatasetVersion(id="d@1", name="d", number=1, train_rows=rows)
