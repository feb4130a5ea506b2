"""Real runs of real tiny models: the loss falls, the result loads, and whatever breaks says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from mactuner_core.errors import InputError, WorkError
from mactuner_core.jobs import JobCancelled
from mactuner_core.models.check import check_model_folder
from mactuner_core.models.generate import answer, answers, load
from mactuner_core.training import checkpoints, metrics
from mactuner_core.training.assemble import make_trainer
from mactuner_core.training.callback import RunCallback
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.load import load_model
from mactuner_core.training.rows import prepare_rows
from mactuner_core.training.run import measure_after, measure_before, train
from mactuner_core.workspace import is_complete
from tests.core.training.conftest import ROWS, Heard


def settings(**values: Any) -> TrainingConfig:
    base = {"model": "m", "dataset": "d", "batch_size": 8, "epochs": 3, "gradient_checkpointing": False}
    return TrainingConfig.check(base | {"method": "full", "learning_rate": 1e-3} | values)


@pytest.mark.parametrize("family", ["qwen", "llama"])
def test_a_full_run_learns_and_its_folder_loads(family: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    heard = Heard()
    stats = train(settings(), request.getfixturevalue(family), ROWS[:20], ROWS[20:], tmp_path / "run", heard)
    assert stats["train_loss"] < stats["train_loss_before"] - 0.5
    assert stats["eval_loss"] < stats["eval_loss_before"]
    assert (stats["steps"], stats["rows_used"], stats["rows_left_out"]) == (9, 20, [])
    assert stats["tokens"] > 0 and stats["tokens_per_second"] > 0 and stats["peak_memory_bytes"] > 10**7
    assert is_complete(tmp_path / "run")
    assert json.loads((tmp_path / "run" / "training_stats.json").read_text(encoding="utf-8")) == stats
    assert TrainingConfig.from_yaml(tmp_path / "run" / "config.yaml") == settings()
    assert check_model_folder(tmp_path / "run" / "model").has_chat_template
    assert heard.steps == list(range(1, 10))
    assert heard.stages[-1] == "training.stage_saving"
    events = metrics.read(tmp_path / "run")
    losses = [event["loss"] for event in events if "loss" in event]
    assert len(losses) == 9 and losses[-1] < losses[0]
    figures = {"learning_rate", "grad_norm", "token_accuracy", "tokens_per_second", "seconds_per_step", "epoch", "time"}
    assert all(figures <= event.keys() for event in events if "loss" in event)
    assert [event["step"] for event in events if "eval_loss" in event] == list(range(10))
    assert all(e["memory_bytes"] > 10**7 and 0 <= e["cpu_percent"] <= 100 for e in events if e["kind"] == "system")


@pytest.mark.parametrize("family", ["qwen", "llama"])
def test_a_lora_run_saves_an_adapter_that_changes_the_answers(
    family: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    folder = request.getfixturevalue(family)
    stats = train(settings(method="lora", learning_rate=1e-3), folder, ROWS, [], tmp_path / "run", Heard())
    assert stats["train_loss"] < stats["train_loss_before"]
    assert stats["eval_loss"] is None
    adapter = tmp_path / "run" / "adapter"
    assert (adapter / "adapter_model.safetensors").is_file() and (adapter / "tokenizer.json").is_file()
    targets = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))["target_modules"]
    every_linear = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
    assert {name.rsplit(".", 1)[-1] for name in targets} == every_linear
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.no_grad():
        tuned, base = load(folder, adapter).model(ids).logits, load(folder).model(ids).logits
    assert (tuned - base).abs().max() > 1e-3


def test_a_small_lesson_is_learned_by_heart_and_the_model_stops(qwen: Path, tmp_path: Path) -> None:
    train(settings(epochs=60, learning_rate=1e-3), qwen, ROWS[:4], [], tmp_path / "run", Heard())
    loaded = load(tmp_path / "run" / "model")
    found = answers(loaded, [row[:1] for row in ROWS[:4]], max_tokens=40)
    assert [one.text for one in found] == [row[1]["content"] for row in ROWS[:4]]
    assert found[0] == type(found[0])(found[0].text, found[0].tokens, found[0].seconds)
    assert answer(loaded, ROWS[0][:1], 40).text == found[0].text
    assert answer(loaded, ROWS[0][:1], 3).tokens == 3


def test_sampling_with_a_seed_is_repeatable(qwen: Path) -> None:
    loaded = load(qwen)
    once, again = (answer(loaded, ROWS[0][:1], 20, temperature=1.0, seed=5).text for _ in range(2))
    assert once == again
    assert once != answer(loaded, ROWS[0][:1], 20, temperature=1.0, seed=6).text


def test_one_row_is_enough(qwen: Path, tmp_path: Path) -> None:
    assert train(settings(epochs=1), qwen, ROWS[:1], [], tmp_path / "run", Heard())["steps"] == 1


@pytest.mark.parametrize("method", ["full", "lora"])
def test_saving_memory_does_not_change_what_is_learned(qwen: Path, tmp_path: Path, method: str) -> None:
    found = []
    for saving in (False, True):
        config = settings(method=method, gradient_checkpointing=saving, lora_dropout=0.0, epochs=1)
        found.append(train(config, qwen, ROWS, [], tmp_path / f"{saving}", Heard())["train_loss"])
    assert found[0] == pytest.approx(found[1], rel=1e-4)


def test_a_stop_saves_a_checkpoint_and_leaves_no_finished_run(qwen: Path, tmp_path: Path) -> None:
    with pytest.raises(JobCancelled):
        train(settings(epochs=50), qwen, ROWS, [], tmp_path / "run", Heard(stop_after=2))
    assert not is_complete(tmp_path / "run")
    assert [checkpoint.step for checkpoint in checkpoints.all_of(tmp_path / "run")] == [2]


def test_rows_left_out_are_listed_and_rows_cut_are_counted(qwen: Path, tmp_path: Path) -> None:
    long_question = [{"role": "user", "content": "왜 " * 300}, ROWS[0][1]]
    long_answer = [ROWS[0][0], {"role": "assistant", "content": "왜냐하면 " * 300}]
    rows = [ROWS[0], long_question, ROWS[1][:1], long_answer]
    stats = train(settings(max_length=64, epochs=1), qwen, rows, [], tmp_path / "run", Heard())
    assert (stats["rows_used"], stats["rows_cut"]) == (2, 1)
    assert [(left["row"], left["reason"]) for left in stats["rows_left_out"]] == [
        (2, "training.row_too_long"),
        (3, "training.row_no_assistant"),
    ]


@pytest.mark.parametrize(("rows", "code"), [([], "no_rows"), ([ROWS[0][:1]] * 2, "all_rows_left_out")])
def test_nothing_to_learn_is_refused(qwen: Path, tmp_path: Path, rows: list[Any], code: str) -> None:
    with pytest.raises(InputError) as raised:
        train(settings(), qwen, rows, [], tmp_path / "run", Heard())
    assert raised.value.code == f"training.{code}"
    assert raised.value.text("ko") and raised.value.text("en")


def test_a_template_that_drops_the_system_prompt_is_refused(qwen: Path) -> None:
    from tests.core.training.tokenizers import tokenizer

    with pytest.raises(InputError, match="system prompt"):
        prepare_rows(tokenizer("no_system"), [[{"role": "system", "content": "Be brief."}, *ROWS[0]]], 100)


@pytest.mark.filterwarnings("ignore")
def test_a_loss_that_is_no_number_ends_the_run(qwen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(folder: Path, config: TrainingConfig) -> Any:
        model = load_model(folder, config)
        torch.nn.init.constant_(model.model.norm.weight, float("nan"))
        return model

    monkeypatch.setattr("mactuner_core.training.run.load_model", broken)
    with pytest.raises(WorkError) as raised:
        train(settings(), qwen, ROWS, [], tmp_path / "run", Heard())
    assert (raised.value.code, raised.value.values["step"]) == ("training.loss_broken_weights", 1)
    assert "weights of the base model are broken" in raised.value.text("en")
    assert not checkpoints.all_of(tmp_path / "run")


@pytest.mark.parametrize(
    "problem",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("MPS backend out of memory (MPS allocated: 8.00 GB)"),
    ],
)
def test_out_of_memory_says_what_to_change(
    qwen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    def fail(*_: Any) -> Any:
        raise problem

    monkeypatch.setattr("mactuner_core.training.run.load_model", fail)
    with pytest.raises(WorkError) as raised:
        train(settings(), qwen, ROWS, [], tmp_path / "run", Heard())
    assert raised.value.code == "training.out_of_memory"
    assert "batch_size 8" in raised.value.text("en")


def test_a_full_disk_at_the_end_is_clear(qwen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("transformers.PreTrainedModel.save_pretrained", full)
    with pytest.raises(WorkError) as raised:
        train(settings(epochs=1), qwen, ROWS, [], tmp_path / "run", Heard())
    assert raised.value.code == "workspace.disk_full"
    assert not is_complete(tmp_path / "run")
    assert not list((tmp_path / "run").glob("*model*"))


def test_the_quicker_loss_is_trls_loss(qwen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(qwen)
    examples = prepare_rows(tokenizer, ROWS, 100).examples
    found = []
    for limit in (2**30, 0):
        monkeypatch.setattr("mactuner_core.training.trainer.SMALL_LOGITS_BYTES", limit)
        config = settings(gradient_accumulation=2)
        callback = RunCallback(config, tmp_path / f"{limit}", Heard())
        callback.run_folder.mkdir()
        model = load_model(qwen, config)
        trainer = make_trainer(config, model, tokenizer, examples, examples[:5], tmp_path / f"{limit}", callback)
        before = measure_before(trainer, callback)
        trainer.train()
        figures = [entry for entry in trainer.state.log_history if "mean_token_accuracy" in entry]
        found.append(
            (before, measure_after(trainer, callback, -1), [entry["mean_token_accuracy"] for entry in figures])
        )
        assert figures[-1]["num_tokens"] == 3 * sum(len(example.input_ids) for example in examples)
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-5)
    assert found[0][1] == pytest.approx(found[1][1], rel=1e-3)
    assert found[0][2] == pytest.approx(found[1][2], abs=0.02)
