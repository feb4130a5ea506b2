"""Every method on every shape of model: the loss falls, and what was trained merges into the base."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from mactuner_core.export.merge import Source, load_with_adapter, make_merged
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.run import train
from tests.core.training.conftest import ROWS, Heard
from tests.core.training.shapes import SHAPES, tiny

METHODS: dict[str, dict[str, Any]] = {
    "full": {"method": "full"},
    "lora": {"method": "lora"},
    "qlora": {"method": "qlora"},
    "dora": {"method": "lora", "use_dora": True},
    "rslora": {"method": "lora", "use_rslora": True},
    "lora_plus": {"method": "lora", "lora_plus_ratio": 16},
}


def settings(**values: Any) -> TrainingConfig:
    base = {"model": "m", "dataset": "d", "batch_size": 8, "epochs": 4, "learning_rate": 1e-3, "max_length": 128}
    return TrainingConfig.check(base | {"gradient_checkpointing": False, "lora_rank": 8, "lora_alpha": 32} | values)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("shapes")
    return {shape: tiny(shape, folder / shape) for shape in SHAPES}


def logits(model: Any) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = model(input_ids=torch.tensor([[5, 80, 300, 1, 44, 2, 17]])).logits.float()
    return found


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("method", METHODS)
def test_a_method_learns_and_its_result_merges(
    models: dict[str, Path], shape: str, method: str, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    stats = train(settings(**METHODS[method]), models[shape], ROWS, [], run, Heard())
    assert stats["train_loss"] < stats["train_loss_before"] - 0.05
    if method == "full":
        assert (run / "model" / "model.safetensors").is_file()
        return
    make_merged(Source(models[shape], run / "adapter"), tmp_path / "merged")
    merged = logits(load_with_adapter(tmp_path / "merged", None, "float32"))
    tuned = logits(load_with_adapter(models[shape], run / "adapter", "float32"))
    assert (merged - tuned).abs().max() < 1e-4
    assert (logits(load_with_adapter(models[shape], None, "float32")) - tuned).abs().max() > 1e-2
