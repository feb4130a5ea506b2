"""Settings of a run: ranges, what does not fit together, and good first values."""

from __future__ import annotations

import pytest

from mactuner_core.config import settings_of
from mactuner_core.errors import ConfigError
from mactuner_core.training.config import TrainingConfig


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
