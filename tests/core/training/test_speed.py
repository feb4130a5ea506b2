"""How fast this machine trains: from its last runs, else from a try of the processor."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import DatasetVersion, Model, Run
from mactuner_core.hardware import Hardware
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.dimensions import read_dimensions
from mactuner_core.training.estimate import estimate
from mactuner_core.training.recommend import recommend
from mactuner_core.training.speed import flops_per_token, known_speed
from mactuner_core.workspace import write_json

CPU = Hardware("cpu", "hardware.reason_cpu", "laptop", 8 * 2**30, 8 * 2**30, 2)


def done(catalog: Catalog, folder: Path, config: TrainingConfig, **stats: Any) -> None:
    """Put a finished run with these figures into the catalogue."""
    folder.mkdir(parents=True)
    write_json(
        folder / "training_stats.json", {"device": "cpu", "seconds": 30.0, "rows_used": 19, "tokens": 570} | stats
    )
    catalog.add(
        Run(
            id=folder.name, model_id=config.model, dataset_id=config.dataset, method=config.method, path=str(folder),
            config=config.model_dump(mode="json"), job_id=folder.name,
        )
    )  # fmt: skip


def test_the_speed_of_earlier_runs_tells_the_time_of_the_same_run_again(
    catalog: Catalog, tmp_path: Path, model: Model, dataset: DatasetVersion
) -> None:
    config = recommend(model, dataset).config
    needs = estimate(model, dataset, config)
    for number, speed in enumerate((900.0, 1000.0, 5000.0)):
        stats = {"tokens_per_second": speed, "tokens": needs.tokens, "rows_used": dataset.train_rows}
        done(catalog, tmp_path / f"run-{number}", config, **stats)
    known = known_speed(catalog, CPU)
    assert known is not None and (known.source, known.runs) == ("runs", 3)
    again = estimate(model, dataset, config, speed=known)
    assert again.seconds == pytest.approx(needs.tokens / 1000, rel=0.01)  # the median


@pytest.mark.parametrize("wrong", [{"device": "cuda"}, {"seconds": 0.5}, {"tokens_per_second": 0}])
def test_runs_that_say_nothing_are_left_out(
    catalog: Catalog, tmp_path: Path, model: Model, dataset: DatasetVersion, wrong: dict[str, Any]
) -> None:
    config = recommend(model, dataset).config
    done(catalog, tmp_path / "run", config, **({"tokens_per_second": 1000.0} | wrong))
    known = known_speed(catalog, CPU)
    assert known is not None and known.source == "processor" and known.flops > 1e8


def test_a_gpu_is_not_judged_before_it_has_trained(catalog: Catalog) -> None:
    assert known_speed(catalog, replace(CPU, device="cuda")) is None


def test_operations_follow_the_weights_that_are_trained(qwen: Path) -> None:
    sizes = read_dimensions(qwen)

    def cost(**values: Any) -> float:
        return flops_per_token(sizes, TrainingConfig.check({"model": "m", "dataset": "d"} | values), 0)

    blocks, head = 2 * sizes.in_matrices, 2 * sizes.vocabulary * sizes.hidden
    assert cost(method="full", gradient_checkpointing=False) == 3 * blocks + 4 * head
    assert cost(method="full") == 4 * blocks + 4 * head
    assert 2 * blocks + 3 * head < cost(method="lora", gradient_checkpointing=False) < cost(method="lora")
