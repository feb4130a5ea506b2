"""Tokens a second of our training path against a hand-written PyTorch loop: same model, rows, order, padding, threads.

    OMP_WAIT_POLICY=PASSIVE python benchmarks/training.py [--rounds 3] [--epochs 6] [--threads N] [--json]

Both train the starter model of the civil-law sample from the same weights, one after the other, alternating; the medians
and their ratio are printed. Our path is timed as `training.run` runs it: the whole of the trainer's `train()`, metrics
included. The loop is timed over its steps, collating included. Wall clock means nothing while other programs use the
cores; the ratio of processor seconds beside it hardly minds them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mactuner_core.data.inspect import inspect_file
from mactuner_core.hardware import detect
from mactuner_core.models.quiet import quiet_transformers
from mactuner_core.models.starter import build_starter
from mactuner_core.training import metrics
from mactuner_core.training.assemble import make_trainer
from mactuner_core.training.callback import RunCallback
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.load import load_model
from mactuner_core.training.loss_mask import IGNORED, Example
from mactuner_core.training.rows import prepare_rows
from mactuner_core.training.run import run_trainer
from mactuner_core.training.steps import warmup_steps

SAMPLE = Path(__file__).parents[1] / "samples" / "civil_law_qa.csv"


@dataclass
class Timing:
    """One training: real tokens, seconds, and the mean loss of its last ten steps."""

    tokens: int
    seconds: float
    cpu_seconds: float
    last_loss: float

    @property
    def speed(self) -> float:
        """Tokens a second, padding not counted."""
        return self.tokens / self.seconds


class Silent:
    """A listener that says nothing."""

    def progress(self, done: float, total: float, stage: str, eta_s: float | None = None) -> None:
        """Nobody watches."""

    def needs(self, seconds: float) -> None:
        """Nobody waits."""

    def stop_requested(self) -> bool:
        """Never."""
        return False


def ours(folder: Path, tokenizer: Any, examples: list[Example], config: TrainingConfig) -> tuple[Timing, list[Any]]:
    """Train with our path; also return the rows of every batch in the order in which it saw them."""
    with tempfile.TemporaryDirectory() as run_folder:
        callback = RunCallback(config, Path(run_folder), Silent())
        trainer = make_trainer(config, load_model(folder, config), tokenizer, examples, [], Path(run_folder), callback)
        seen: list[list[Example]] = []
        collate = trainer.data_collator

        def remember(rows: list[dict[str, Any]]) -> Any:
            seen.append([Example(row["input_ids"], row["labels"]) for row in rows])
            return collate(rows)

        trainer.data_collator = remember
        cpu_started = time.process_time()
        seconds = run_trainer(trainer, callback)
        cpu_seconds = time.process_time() - cpu_started
        losses = [event["loss"] for event in metrics.read(Path(run_folder)) if "loss" in event]
    tokens = sum(len(example.input_ids) for batch in seen for example in batch)
    return Timing(tokens, seconds, cpu_seconds, statistics.mean(losses[-10:])), seen


def loop(folder: Path, pad: int, batches: list[list[Example]], config: TrainingConfig) -> Timing:
    """Train with a plain loop over the same batches: fused AdamW, clipping, a warm-up and a cosine."""
    from transformers import get_cosine_schedule_with_warmup

    model = load_model(folder, config).train()
    decay = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": decay, "weight_decay": config.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    started, cpu_started = time.perf_counter(), time.process_time()
    optimizer = torch.optim.AdamW(groups, lr=config.learning_rate, fused=True)
    warm = warmup_steps(config, len(batches))
    schedule = get_cosine_schedule_with_warmup(optimizer, warm, len(batches))
    losses = []
    for batch in batches:
        ids, labels = collated(batch, pad)
        result = model(input_ids=ids, attention_mask=(ids != pad).long(), labels=labels, use_cache=False)
        result.loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(result.loss.detach())
    last = float(torch.stack(losses[-10:]).mean())
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
    tokens = sum(len(example.input_ids) for batch in batches for example in batch)
    return Timing(tokens, seconds, cpu_seconds, last)


def collated(batch: list[Example], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ids and labels, both (batch, tokens), padded on the right."""
    width = max(len(example.input_ids) for example in batch)
    ids = [example.input_ids + [pad] * (width - len(example.input_ids)) for example in batch]
    labels = [example.labels + [IGNORED] * (width - len(example.labels)) for example in batch]
    return torch.tensor(ids), torch.tensor(labels)


def measure(rounds: int, epochs: int) -> dict[str, Any]:
    """Return the medians of both paths in tokens a second and their ratio."""
    from transformers import AutoTokenizer

    rows = inspect_rows()
    config = TrainingConfig(
        model="starter", dataset="civil", method="full", learning_rate=1e-3, epochs=epochs, batch_size=16,
        warmup_ratio=0.1, gradient_checkpointing=False,
    )  # fmt: skip
    pairs: list[tuple[Timing, Timing]] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        build_starter(folder, rows, detect())
        tokenizer = AutoTokenizer.from_pretrained(folder)
        examples = prepare_rows(tokenizer, rows, config.max_length).examples
        for number in range(rounds + 1):
            mine, batches = ours(folder, tokenizer, examples, config)
            theirs = loop(folder, tokenizer.pad_token_id, batches, config)
            if number:  # the first round warms up
                pairs.append((mine, theirs))
    our_speed = statistics.median(mine.speed for mine, _ in pairs)
    loop_speed = statistics.median(theirs.speed for _, theirs in pairs)
    return {
        "ours_tokens_per_second": round(our_speed),
        "loop_tokens_per_second": round(loop_speed),
        "ratio": round(statistics.median(mine.speed / theirs.speed for mine, theirs in pairs), 3),
        "ratio_cpu": round(statistics.median(b.cpu_seconds / a.cpu_seconds for a, b in pairs), 3),
        "ours_last_loss": round(pairs[-1][0].last_loss, 4),
        "loop_last_loss": round(pairs[-1][1].last_loss, 4),
        "rounds": rounds,
        "threads": torch.get_num_threads(),
        "device": detect().device,
    }


def inspect_rows() -> list[Any]:
    """Return the conversations of the civil-law sample."""
    return [example.messages for example in inspect_file(SAMPLE).examples]


def main() -> None:
    """Read the flags, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--threads", type=int, default=0, help="torch threads; 0 leaves torch's own choice")
    parser.add_argument("--json", action="store_true")
    flags = parser.parse_args()
    if flags.threads:
        torch.set_num_threads(flags.threads)
    quiet_transformers()
    found = measure(flags.rounds, flags.epochs)
    if flags.json:
        print(json.dumps(found))
        return
    print(f"our path   {found['ours_tokens_per_second']:>7} tokens/s  (loss at the end {found['ours_last_loss']})")
    print(f"plain loop {found['loop_tokens_per_second']:>7} tokens/s  (loss at the end {found['loop_last_loss']})")
    print(f"ratio      {found['ratio']:>7}  on {found['device']}, {found['threads']} threads, {found['rounds']} rounds")
    print(f"ratio      {found['ratio_cpu']:>7}  in processor seconds")


if __name__ == "__main__":
    main()
