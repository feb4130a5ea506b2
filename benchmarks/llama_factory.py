"""Tokens a second of our trainer against LLaMA-Factory, each with its own libraries.

    python -m benchmarks.llama_factory --cli FOLDER/bin/llamafactory-cli [--epochs 8] [--rounds 2] [--json]

LLaMA-Factory pins older libraries, so it is installed into an environment of its own, and `--cli` says where its command is.
Both train the starter model of the civil-law sample from the same weights, on the same conversations, in batches of 16, all
weights in float32, one after the other. Seconds are those of the training alone, as each of them reports it. What is
compared is the whole trainer, so it holds the libraries' versions too.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import yaml
from transformers import AutoTokenizer

from benchmarks.training import inspect_rows
from benchmarks.training_peers import ours
from mactuner_core.hardware import detect
from mactuner_core.models.quiet import quiet_transformers
from mactuner_core.models.starter import build_starter
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.loss_mask import Example
from mactuner_core.training.rows import prepare_rows

BATCH, RATE = 16, 1e-3


def llama_factory(cli: Path, model: Path, rows: list[Any], work: Path, epochs: int) -> float:
    """Train with LLaMA-Factory and return the seconds that it reports; raises RuntimeError with its last lines."""
    columns = {"messages": "messages"}
    tags = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}
    data = {"file_name": "rows.json", "formatting": "sharegpt", "columns": columns, "tags": tags}
    (work / "rows.json").write_text(json.dumps([{"messages": row} for row in rows]), encoding="utf-8")
    (work / "dataset_info.json").write_text(json.dumps({"rows": data}), encoding="utf-8")
    settings = {
        "model_name_or_path": str(model), "stage": "sft", "do_train": True, "finetuning_type": "full",
        "dataset": "rows", "dataset_dir": str(work), "template": "chatml", "cutoff_len": 1024,
        "output_dir": str(work / "out"), "overwrite_output_dir": True, "save_strategy": "no", "report_to": "none",
        "per_device_train_batch_size": BATCH, "gradient_accumulation_steps": 1, "learning_rate": RATE,
        "num_train_epochs": epochs, "lr_scheduler_type": "cosine", "warmup_ratio": 0.1, "weight_decay": 0.01,
        "disable_gradient_checkpointing": True, "logging_steps": 10, "use_cpu": True, "overwrite_cache": True,
    }  # fmt: skip
    (work / "train.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "DISABLE_VERSION_CHECK": "1"}
    done = subprocess.run(
        [str(cli), "train", str(work / "train.yaml")], capture_output=True, text=True, env=environment, check=False
    )
    results = work / "out" / "train_results.json"
    if done.returncode or not results.exists():
        raise RuntimeError(f"LLaMA-Factory ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return float(json.loads(results.read_text(encoding="utf-8"))["train_runtime"])


def measure(cli: Path, rounds: int, epochs: int) -> dict[str, Any]:
    """Return the medians of tokens a second of both and of their ratio."""
    rows = inspect_rows()
    config = TrainingConfig(
        model="starter", dataset="civil", method="full", learning_rate=RATE, epochs=epochs, batch_size=BATCH,
        warmup_ratio=0.1, gradient_checkpointing=False,
    )  # fmt: skip
    pairs = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "model"
        folder.mkdir()
        build_starter(folder, rows, detect())
        tokenizer = AutoTokenizer.from_pretrained(folder)
        examples: list[Example] = prepare_rows(tokenizer, rows, config.max_length).examples
        tokens = sum(len(example.input_ids) for example in examples) * epochs
        for number in range(rounds + 1):
            work = Path(temporary) / f"{number}"
            work.mkdir()
            theirs = tokens / llama_factory(cli, folder, rows, work, epochs)
            mine = ours(folder, tokenizer, examples, config)["per_second"]
            if number:  # the first round warms up
                pairs.append((mine, theirs))
    return {
        "ours_tokens_per_second": round(statistics.median(mine for mine, _ in pairs)),
        "llama_factory_tokens_per_second": round(statistics.median(theirs for _, theirs in pairs)),
        "ratio": round(statistics.median(mine / theirs for mine, theirs in pairs), 3),
        "rounds": rounds,
    }


def main() -> None:
    """Read the flags, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--cli", type=Path, required=True, help="llamafactory-cli of its own environment")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--json", action="store_true")
    flags = parser.parse_args()
    quiet_transformers()
    found = measure(flags.cli, flags.rounds, flags.epochs)
    if flags.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:32} {value:,}")


if __name__ == "__main__":
    main()
