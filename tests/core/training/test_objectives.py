"""Continued pre-training on plain text, and DPO on pairs: the rows, and runs that learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from mactuner_core import jobs
from mactuner_core.catalog import Catalog
from mactuner_core.data.importing import import_file
from mactuner_core.errors import ConfigError, InputError
from mactuner_core.models.folder import add_folder
from mactuner_core.training import metrics
from mactuner_core.training.plain_text import prepare_texts
from mactuner_core.training.preferences import prepare_pairs
from mactuner_core.training.prepare import objective_for, read_rows
from mactuner_core.training.run import train
from mactuner_core.training.start import start_training
from mactuner_core.workspace import Workspace
from tests.core.training.conftest import Heard
from tests.core.training.shapes import settings
from tests.core.training.tokenizers import tokenizer as tokenizer_of

TEXTS = [f"제{number}조 계약은 청약과 승낙의 의사표시가 합치함으로써 성립한다." for number in range(1, 33)]
ASK = {"role": "user", "content": "계약은 언제 성립하나요?"}


def answer(words: str) -> dict[str, str]:
    return {"role": "assistant", "content": words}


PAIRS = [
    (
        [{"role": "user", "content": f"{n}번?"}, answer("합치할 때입니다.")],
        [{"role": "user", "content": f"{n}번?"}, answer("몰라요.")],
    )
    for n in range(16)
]


def test_texts_follow_one_another_with_an_end_between_and_nothing_is_lost(models: dict[str, Path]) -> None:
    tokenizer = AutoTokenizer.from_pretrained(models["qwen3"])
    prepared = prepare_texts(tokenizer, ["가나다라", " ", "마바사", "긴 글 " * 30], 17)
    joined = [token for example in prepared.examples for token in example.input_ids]
    parts = [tokenizer(text)["input_ids"] for text in ("가나다라", "마바사", ("긴 글 " * 30).strip())]
    assert joined == [token for part in parts for token in [*part, tokenizer.eos_token_id]]
    assert all(len(example.input_ids) == 17 for example in prepared.examples[:-1])
    assert all(example.labels == example.input_ids for example in prepared.examples)
    assert (prepared.rows_used, prepared.rows_cut) == (3, 1)
    assert [(left.row, left.problem.code) for left in prepared.left_out] == [(2, "training.row_empty_text")]


def test_a_tokenizer_that_begins_texts_with_bos_keeps_doing_so() -> None:
    fast = tokenizer_of("mistral", adds_bos=True)
    prepared = prepare_texts(fast, ["the answer", "is"], 64, join=False)
    for example in prepared.examples:
        assert example.input_ids[0] == fast.bos_token_id and example.input_ids[-1] == fast.eos_token_id


def test_a_pair_shares_its_prompt_and_both_answers_end_their_turn(models: dict[str, Path]) -> None:
    tokenizer = AutoTokenizer.from_pretrained(models["qwen3"])
    prepared = prepare_pairs(tokenizer, [([ASK, answer("합치할 때")], [ASK, answer("합치 전에")])], 128)
    pair = prepared.examples[0]
    assert tokenizer.decode(pair.prompt) + tokenizer.decode(pair.chosen) == (
        "<|im_start|>user\n계약은 언제 성립하나요?<|im_end|>\n<|im_start|>assistant\n합치할 때<|im_end|>"
    )
    assert tokenizer.decode(pair.chosen).endswith("할 때<|im_end|>")
    assert tokenizer.decode(pair.rejected).endswith("전에<|im_end|>")


def test_pairs_that_cannot_be_used_are_left_out_with_the_reason(models: dict[str, Path]) -> None:
    tokenizer = AutoTokenizer.from_pretrained(models["qwen3"])
    other = {"role": "user", "content": "다른 질문"}
    long = {"role": "user", "content": "긴 질문 " * 60}
    rows = [([ASK, answer("a")], [other, answer("b")]), ([long, answer("a")], [long, answer("b")]), PAIRS[0]]
    rows.append(([ASK, answer("긴 답 " * 60)], [ASK, answer("b")]))
    prepared = prepare_pairs(tokenizer, rows, 96)
    assert [(left.row, left.problem.code) for left in prepared.left_out] == [
        (1, "training.row_pair_differs_early"), (2, "training.row_too_long"),
    ]  # fmt: skip
    assert (prepared.rows_used, prepared.rows_cut) == (2, 1)
    assert all(len(pair.prompt) + len(pair.chosen) <= 96 for pair in prepared.examples)


def test_a_template_that_drops_the_system_prompt_of_a_pair_is_refused() -> None:
    system = {"role": "system", "content": "Be brief."}
    with pytest.raises(InputError) as raised:
        prepare_pairs(tokenizer_of("no_system"), [([system, ASK, answer("a")], [system, ASK, answer("b")])], 100)
    assert raised.value.code == "training.template_drops_system"


@pytest.mark.parametrize("method", ["full", "qlora"])
@pytest.mark.parametrize("packing", [False, True])
def test_plain_text_is_learned(models: dict[str, Path], method: str, packing: bool, tmp_path: Path) -> None:
    config = settings(method=method, objective="pretraining", packing=packing, batch_size=4, epochs=3)
    stats = train(config, models["llama"], TEXTS, TEXTS[:4], tmp_path / "run", Heard())
    assert stats["train_loss"] < stats["train_loss_before"] - 0.5
    assert stats["eval_loss"] < stats["eval_loss_before"]


@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
def test_the_preferred_answer_becomes_likelier(models: dict[str, Path], method: str, tmp_path: Path) -> None:
    config = settings(method=method, objective="dpo", epochs=6, label_smoothing=0.0)
    stats = train(config, models["qwen3"], PAIRS[:12], PAIRS[12:], tmp_path / "run", Heard())
    assert stats["train_loss_before"] == pytest.approx(0.6931, abs=0.01)  # ln 2: nothing moved from the reference yet
    assert stats["train_loss"] < 0.6
    assert stats["eval_loss"] < 0.65
    events = metrics.read(tmp_path / "run")
    for name in ("preferred_share", "eval_preferred_share"):
        shares = [event[name] for event in events if name in event]
        assert shares and all(0 <= share <= 1 for share in shares) and shares[-1] > 0.9


def test_the_rows_of_a_dataset_are_read_for_their_objective(
    workspace: Workspace, catalog: Catalog, models: dict[str, Path], tmp_path: Path
) -> None:
    texts, pairs = tmp_path / "texts.jsonl", tmp_path / "pairs.jsonl"
    texts.write_text("\n".join(f'{{"text": "{text}"}}' for text in TEXTS), encoding="utf-8")
    pairs.write_text(
        "\n".join(f'{{"prompt": "{n}번?", "chosen": "네 {n}.", "rejected": "아니요 {n}."}}' for n in range(12)),
        encoding="utf-8",
    )
    plain, preferred = (import_file(workspace, catalog, file, file.stem) for file in (texts, pairs))
    assert [objective_for(version.report["shape"]) for version in (plain, preferred)] == ["pretraining", "dpo"]
    assert set(read_rows(plain, "train", "pretraining")) <= set(TEXTS)
    chosen, rejected = read_rows(preferred, "train", "dpo")[0]
    assert (chosen[0], chosen[1]["content"][:1], rejected[1]["content"][:3]) == (rejected[0], "네", "아니요")
    with pytest.raises(InputError):
        read_rows(plain, "train", "dpo")

    model = add_folder(workspace, catalog, models["qwen3"], "tiny")
    wrong: dict[str, Any] = {"model": model.id, "dataset": preferred.id, "objective": "pretraining"}
    with pytest.raises(ConfigError) as raised:
        start_training(workspace, catalog, settings(**wrong))
    assert [problem.values["fits"] for problem in raised.value.problems] == ["dpo"]
    run = start_training(workspace, catalog, settings(**wrong | {"objective": "dpo", "epochs": 1}))
    status = jobs.wait(workspace.jobs / run.job_id)
    assert status.state == "done", (status.folder / "log.txt").read_text(encoding="utf-8")
    assert (Path(run.path) / "adapter" / "adapter_model.safetensors").is_file()
