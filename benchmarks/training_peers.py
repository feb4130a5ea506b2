"""Tokens a second of our trainer against plain TRL, and of length-grouped and packed rows against plain padding.

    OMP_WAIT_POLICY=PASSIVE python -m benchmarks.training_peers [--rounds 2] [--epochs 4] [--threads N] [--json]

Everything trains the starter model of the civil-law sample from the same weights, one after the other, alternating.
`trl` is TRL's own SFTTrainer with the arguments of ours and none of our code. The rows of the second part are short chats
among a few long ones, so that a batch in random order is mostly padding; there the loss after the same examples is printed
too. Wall clock means nothing while other programs use the cores; processor seconds hardly mind them.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoTokenizer, PrinterCallback
from trl import SFTTrainer

from benchmarks.training import Silent, inspect_rows
from mactuner_core.hardware import detect
from mactuner_core.models.quiet import quiet_transformers
from mactuner_core.models.starter import build_starter
from mactuner_core.training.arguments import sft_arguments
from mactuner_core.training.assemble import make_trainer
from mactuner_core.training.callback import RunCallback
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.load import load_model
from mactuner_core.training.loss_mask import Example
from mactuner_core.training.rows import prepare_rows

Figures = dict[str, float]


def timed(trainer: Any, tokens: int, check: list[Example]) -> Figures:
    """Train and return tokens a wall second, tokens a processor second, and the loss on `check` at the end."""
    wall, processor = time.perf_counter(), time.process_time()
    trainer.train()
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    with torch.no_grad():
        model = trainer.model.eval()
        losses = [
            float(model(input_ids=torch.tensor([one.input_ids]), labels=torch.tensor([one.labels])).loss)
            for one in check
        ]
    return {"per_second": tokens / wall, "per_cpu_second": tokens / processor, "loss": statistics.mean(losses)}


def ours(folder: Path, tokenizer: Any, examples: list[Example], config: TrainingConfig) -> Figures:
    """Our trainer as a run uses it, with its callback."""
    with tempfile.TemporaryDirectory() as run:
        callback = RunCallback(config, Path(run), Silent())
        trainer = make_trainer(config, load_model(folder, config), tokenizer, examples, [], Path(run), callback)
        tokens = sum(len(example.input_ids) for example in examples) * config.epochs
        return timed(trainer, tokens, examples[:32])


def plain_trl(
    folder: Path, tokenizer: Any, examples: list[Example], config: TrainingConfig, *, grouped: bool = True
) -> Figures:
    """TRL's trainer with our arguments; not `grouped` it takes the rows in random order and pads."""
    with tempfile.TemporaryDirectory() as run:
        arguments = sft_arguments(config, len(examples), False, Path(run))
        if not grouped:
            arguments.train_sampling_strategy = "random"
        columns = {"input_ids": [e.input_ids for e in examples], "labels": [e.labels for e in examples]}
        trainer = SFTTrainer(
            model=load_model(folder, config), args=arguments, train_dataset=Dataset.from_dict(columns),
            processing_class=tokenizer,
        )  # fmt: skip
        trainer.remove_callback(PrinterCallback)
        tokens = sum(len(example.input_ids) for example in examples) * config.epochs
        return timed(trainer, tokens, examples[:32])


def uneven(examples: list[Example], copies: int) -> list[Example]:
    """Return short chats with one of eight joined to six times its length: the lengths that people's data has."""
    found = []
    for number, example in enumerate(examples * copies):
        times = 6 if number % 8 == 0 else 1
        found.append(Example(example.input_ids * times, example.labels * times))
    random.Random(0).shuffle(found)
    return found


def medians(paths: dict[str, Callable[[], Figures]], rounds: int) -> dict[str, Figures]:
    """Run every path in turn, `rounds` times after one to warm up, and return the medians of their figures."""
    found: dict[str, list[Figures]] = {name: [] for name in paths}
    for number in range(rounds + 1):
        for name, path in paths.items():
            figures = path()
            if number:
                found[name].append(figures)
    return {
        name: {key: round(statistics.median(one[key] for one in runs), 4) for key in runs[0]}
        for name, runs in found.items()
    }


def measure(rounds: int, epochs: int) -> dict[str, Any]:
    """Return the figures of both parts."""
    rows = inspect_rows()
    base = {"model": "starter", "dataset": "civil", "method": "full", "learning_rate": 1e-3, "epochs": epochs}
    base |= {"batch_size": 16, "warmup_ratio": 0.1, "gradient_checkpointing": False}
    config = TrainingConfig.check(base)
    packed = TrainingConfig.check(base | {"packing": True, "max_length": 256, "batch_size": 4})
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        build_starter(folder, rows, detect())
        tokenizer = AutoTokenizer.from_pretrained(folder)
        examples = prepare_rows(tokenizer, rows, config.max_length).examples
        mixed = uneven(examples, 1)
        given = (folder, tokenizer)
        same = {
            "ours": lambda: ours(*given, examples, config),
            "trl": lambda: plain_trl(*given, examples, config),
        }
        short = {
            "padded": lambda: plain_trl(*given, mixed, config, grouped=False),
            "grouped": lambda: ours(*given, mixed, config),
            "packed": lambda: ours(*given, mixed, packed),
        }
        return {"same_rows": medians(same, rounds), "uneven_rows": medians(short, rounds)}


def main() -> None:
    """Read the flags, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=4)
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
    for part, paths in found.items():
        print(part)
        for name, figures in paths.items():
            print(f"  {name:8}" + "".join(f"  {key} {value:,.3f}" for key, value in figures.items()))


if __name__ == "__main__":
    main()
