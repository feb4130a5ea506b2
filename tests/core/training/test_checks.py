"""What settings ask of a model, a dataset and a machine in vain: all at once, each with what would work."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from mactuner_core.catalog.tables import DatasetVersion
from mactuner_core.errors import ConfigError, InputError, SettingProblem
from mactuner_core.hardware import Hardware
from mactuner_core.training import checks, precision
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.load import adapter_config, load_model
from mactuner_core.training.precision import frozen_dtype, mixed_precision
from mactuner_core.training.targets import layer_names, matrices_of, targets
from tests.core.training.shapes import SHAPES, settings

CPU = Hardware("cpu", "hardware.reason_cpu", "", 2**33, 2**33, 4)
APPLE = Hardware("mps", "hardware.reason_mps", "Apple Silicon", 2**34, 2**34, 8)
LINEAR = ["down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"]


def dataset(shape: str = "question_answer", validation_rows: int = 4) -> DatasetVersion:
    return DatasetVersion(id="d@1", name="d", number=1, validation_rows=validation_rows, report={"shape": shape})


def problems(config: TrainingConfig, folder: Path, hardware: Hardware = CPU, **given: Any) -> list[SettingProblem]:
    return checks.problems_with(config, folder, dataset(**given), hardware)


def test_every_problem_comes_at_once_with_its_fix(models: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr("mactuner_core.training.trackers.find_spec", lambda name: None)
    config = settings(
        objective="dpo", target_modules="q_proj, banana", early_stopping_patience=2, report_to="wandb", precision="fp16"
    )
    found = {problem.code: problem for problem in problems(config, models["qwen3"], validation_rows=0)}
    assert set(found) == {
        "training.objective_mismatch", "training.unknown_target", "training.early_stopping_needs_validation",
        "training.no_tracker", "training.fp16_needs_gpu",
    }  # fmt: skip
    assert "objective = sft" in found["training.objective_mismatch"].text("en")
    assert "banana" in found["training.unknown_target"].text("ko")
    assert "q_proj" in found["training.unknown_target"].text("en").split("It has")[1]
    assert "pip install wandb" in found["training.no_tracker"].text("ko")
    assert all(problem.text("ko") != problem.text("en") for problem in found.values())


def test_settings_that_fit_have_no_problem(models: dict[str, Path]) -> None:
    for config in (settings(), settings(method="qlora", target_modules="q/v", optimizer="adamw_8bit")):
        assert problems(config, models["phi3"]) == []
    assert [one.code for one in problems(settings(optimizer="adamw_8bit"), models["phi3"], APPLE)] == [
        "training.no_8bit_on_mps"
    ]


def test_weights_that_are_quantised_already_are_refused(models: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "four"
    load_model(models["qwen3"], settings(method="qlora")).save_pretrained(folder)
    found = problems(settings(method="qlora"), folder)
    assert [one.code for one in found] == ["training.base_quantised"] and "bitsandbytes" in found[0].text("ko")


def test_wrong_values_and_values_at_odds_come_together() -> None:
    values = {"model": "m", "dataset": "d", "epochs": 0, "optimizer": "muon", "packing": True, "objective": "dpo"}
    with pytest.raises(ConfigError) as raised:
        TrainingConfig.check(values)
    assert {problem.code for problem in raised.value.problems} == {
        "config.out_of_range", "training.muon_needs_full", "training.packing_not_for_pairs",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "names", "query_and_value"),
    [
        ("qwen3", LINEAR, ["q_proj", "v_proj"]),
        ("llama", LINEAR, ["q_proj", "v_proj"]),
        ("gemma3", LINEAR, ["q_proj", "v_proj"]),
        ("phi3", ["down_proj", "gate_up_proj", "o_proj", "qkv_proj"], ["qkv_proj"]),
    ],
)
def test_layers_are_found_in_the_files_and_in_the_model_alike(
    models: dict[str, Path], shape: str, names: list[str], query_and_value: list[str]
) -> None:
    assert layer_names(matrices_of(models[shape])) == names
    model = load_model(models[shape], settings(method="qlora"))
    assert layer_names({name: tuple(one.shape) for name, one in model.named_parameters()}) == names
    assert targets("q/v", names) == query_and_value
    assert set(SHAPES) >= {shape}


def test_other_families_name_their_projections_otherwise() -> None:
    neox = {"gpt_neox.layers.0.attention.query_key_value.weight": (96, 32), "embed_out.weight": (9, 32)}
    assert layer_names(neox) == ["query_key_value"] == targets("q/v", layer_names(neox))
    assert targets("q/v", layer_names({"transformer.h.0.attn.c_attn.weight": (32, 96)})) == ["c_attn"]


def test_the_job_refuses_a_layer_that_is_not_in_the_model_too(models: dict[str, Path]) -> None:
    from transformers import AutoTokenizer

    config = settings(target_modules="banana")
    with pytest.raises(ConfigError) as raised:
        adapter_config(config, load_model(models["llama"], config), AutoTokenizer.from_pretrained(models["llama"]))
    assert raised.value.problems[0].code == "training.unknown_target"


def test_precision_follows_the_hardware(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(precision, "torch_device", lambda: ("cpu", ""))
    assert (mixed_precision(settings()), frozen_dtype(settings())) == ("fp32", torch.float32)
    assert mixed_precision(settings(precision="bf16")) == "bf16"
    with pytest.raises(InputError, match="GPU"):
        mixed_precision(settings(precision="fp16"))
    monkeypatch.setattr(precision, "torch_device", lambda: ("cuda", ""))
    for new_card, best in ((True, "bf16"), (False, "fp16")):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation, new=new_card: new)
        assert mixed_precision(settings()) == best
        assert frozen_dtype(settings()) == precision.DTYPES[best]
        assert frozen_dtype(settings(precision="fp32")) == torch.float32
    with pytest.raises(InputError) as raised:
        mixed_precision(settings(precision="bf16"))
    assert raised.value.code == "training.no_bf16"


def test_four_bits_that_a_machine_cannot_make_say_what_would_work(
    models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise NotImplementedError("bitsandbytes::quantize_4bit for the 'MPS' device")

    monkeypatch.setattr("mactuner_core.training.load.AutoModelForCausalLM.from_pretrained", fail)
    with pytest.raises(InputError) as raised:
        load_model(models["qwen3"], settings(method="qlora"))
    assert raised.value.code == "training.no_four_bits" and "lora" in raised.value.text("en")
