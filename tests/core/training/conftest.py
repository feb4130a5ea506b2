"""A tiny Qwen3, a tiny Llama with another template, and a few rows to train them on."""

from __future__ import annotations

from pathlib import Path

import pytest

from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import DatasetVersion, Model
from mactuner_core.data.importing import import_file
from mactuner_core.models.folder import add_folder
from mactuner_core.workspace import Workspace
from tests.core.training.shapes import SHAPES, tiny
from tests.core.training.tokenizers import template
from tests.tiny_models import tiny_qwen3

ROWS = [
    [{"role": "user", "content": f"{number}번 조문은?"}, {"role": "assistant", "content": f"제{number}조입니다."}]
    for number in range(1, 25)
]


class Heard:
    """A listener that keeps what it hears and asks for a stop after `stop_after` steps."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.etas: list[float | None] = []
        self.steps: list[float] = []
        self.stages: list[str] = []
        self.stop_after = stop_after

    def progress(self, done: float, total: float, stage: str, eta_s: float | None = None) -> None:
        if stage == "training.stage_steps":
            self.steps.append(done)
            self.etas.append(eta_s)
        if stage not in self.stages:
            self.stages.append(stage)

    def needs(self, seconds: float) -> None:
        assert seconds >= 0

    def stop_requested(self) -> bool:
        return self.stop_after is not None and len(self.steps) >= self.stop_after


@pytest.fixture(scope="session")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_qwen3(tmp_path_factory.mktemp("models") / "qwen")


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A tiny model of each shape, by its name."""
    folder = tmp_path_factory.mktemp("shapes")
    return {shape: tiny(shape, folder / shape) for shape in SHAPES}


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random two-layer Llama whose template has no generation marks and ends turns with </s>."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from tests.core.training.tokenizers import tokenizer

    folder = tmp_path_factory.mktemp("models") / "llama"
    fast = tokenizer("mistral")
    fast.chat_template = template("mistral")
    fast.save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=len(fast), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=512, tie_word_embeddings=False,
        bos_token_id=fast.bos_token_id, eos_token_id=fast.eos_token_id, pad_token_id=fast.pad_token_id,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture
def dataset(workspace: Workspace, catalog: Catalog, tmp_path: Path) -> DatasetVersion:
    file = tmp_path / "law.csv"
    lines = [f"{row[0]['content']},{row[1]['content']}" for row in ROWS]
    file.write_text("\n".join(["질문,답변", *lines]), encoding="utf-8")
    return import_file(workspace, catalog, file, "law")


@pytest.fixture
def model(workspace: Workspace, catalog: Catalog, qwen: Path) -> Model:
    return add_folder(workspace, catalog, qwen, "tiny")
