"""Peak memory of training as it was estimated before the start, and as it was measured, for four shapes and three methods.

    OMP_WAIT_POLICY=PASSIVE python benchmarks/memory.py [--shapes qwen3,phi] [--methods lora] [--checkpointing] [--json]

The models have the shape of real ones (width, heads, vocabulary) with fewer blocks and random weights. Every case trains
two steps in a process of its own, so that one's peak is not another's: the peak is the resident memory of the process on a
CPU, and `max_memory_allocated` on CUDA. The estimate reads what the page and the command line read: the folder's
`config.json` and the headers of its weights. Memory hardly minds other programs; the seconds beside it do.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from mactuner_core.format import human_bytes, human_count
from mactuner_core.hardware import torch_device
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.dimensions import read_dimensions
from mactuner_core.training.memory import Memory, memory_of

ROWS, BATCH, LENGTH = 8, 4, 128
LIMIT = 0.15
METHODS = ("full", "lora", "qlora")
# Half as wide as Qwen3-0.6B and TinyLlama-1.1B, a third of Phi-3's width, Gemma-3-270M as it is, all with fewer blocks.
SHAPES: dict[str, tuple[str, dict[str, Any]]] = {
    "qwen3": (
        "Qwen3Config",
        {"vocab_size": 151936, "hidden_size": 512, "intermediate_size": 1536, "num_hidden_layers": 8,
         "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 128, "tie_word_embeddings": True},
    ),
    "llama": (
        "LlamaConfig",
        {"vocab_size": 32000, "hidden_size": 1024, "intermediate_size": 2816, "num_hidden_layers": 6,
         "num_attention_heads": 16, "num_key_value_heads": 2, "tie_word_embeddings": False},
    ),
    "gemma": (
        "Gemma3TextConfig",
        {"vocab_size": 262144, "hidden_size": 640, "intermediate_size": 2048, "num_hidden_layers": 6,
         "num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 256, "query_pre_attn_scalar": 256},
    ),
    "phi": (
        "Phi3Config",
        {"vocab_size": 32064, "hidden_size": 1024, "intermediate_size": 2816, "num_hidden_layers": 6,
         "num_attention_heads": 16, "num_key_value_heads": 16, "tie_word_embeddings": False},
    ),
}  # fmt: skip


class Silent:
    """A listener that says nothing and never stops a run."""

    def progress(self, *_: Any) -> None:
        """Nobody watches."""

    def stop_requested(self) -> bool:
        """Never."""
        return False

    def needs(self, seconds: float) -> None:
        """Nobody waits."""


def build(shape: str, folder: Path) -> None:
    """Write a random model of `shape` in bfloat16, as models are published, with a small tokenizer."""
    import torch
    import transformers

    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.tiny_models import write_tokenizer

    folder.mkdir(parents=True)
    _, special = write_tokenizer(folder)
    kind, sizes = SHAPES[shape]
    ends = {"bos_token_id": special["<|endoftext|>"], "eos_token_id": special["<|im_end|>"]}
    config = getattr(transformers, kind)(
        **sizes, **ends, pad_token_id=special["<|endoftext|>"], max_position_embeddings=2048
    )
    transformers.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).save_pretrained(folder)


def settings(method: str, checkpointing: bool) -> TrainingConfig:
    """Return the settings of a case."""
    return TrainingConfig(
        model="random", dataset="words", method=method, learning_rate=1e-4, epochs=1, batch_size=BATCH,
        max_length=LENGTH, gradient_checkpointing=checkpointing, fit_automatically=False, save_best=False,
    )  # fmt: skip


def run_case(folder: Path, config: TrainingConfig) -> dict[str, float]:
    """Train in this process and return its peak memory in bytes and the seconds of its processor."""
    from mactuner_core.models.quiet import quiet_transformers
    from mactuner_core.training.run import train
    from mactuner_core.training.stats import peak_memory_bytes

    quiet_transformers()
    answer = "계약은 청약과 승낙의 의사표시가 합치함으로써 성립한다. " * 60
    rows = [
        [{"role": "user", "content": f"{number}조는?"}, {"role": "assistant", "content": answer[number:]}]
        for number in range(ROWS)
    ]
    with tempfile.TemporaryDirectory() as run_folder:
        train(config, folder, rows, [], Path(run_folder) / "run", Silent())
    return {"peak": peak_memory_bytes(), "cpu_seconds": round(time.process_time(), 1)}


def measured(folder: Path, method: str, checkpointing: bool) -> dict[str, float]:
    """Return what `run_case` says in a process of its own."""
    command = [sys.executable, __file__, "--case", str(folder), "--methods", method]
    done = subprocess.run(
        [*command, *(["--checkpointing"] if checkpointing else [])], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(shape: str, folder: Path, method: str, checkpointing: bool) -> dict[str, Any]:
    """Return estimate and measurement of one case."""
    config, dimensions = settings(method, checkpointing), read_dimensions(folder)
    needs: Memory = memory_of(dimensions, config, LENGTH, torch_device()[0])
    found = measured(folder, method, checkpointing)
    off = needs.total / found["peak"] - 1
    return {
        "shape": shape,
        "parameters": dimensions.parameters,
        "method": method,
        "checkpointing": checkpointing,
        "estimate": needs.total,
        **found,
        "off": round(off, 3),
        "parts": needs.as_dict(),
    }


def show(rows: list[dict[str, Any]]) -> None:
    """Print the table."""
    print(f"{'shape':8}{'size':>8} {'method':7}{'estimate':>10}{'measured':>10}{'off':>7}  {'CPU s':>6}  parts")
    for row in rows:
        parts = " ".join(f"{name[:4]} {human_bytes(size)}" for name, size in row["parts"].items())
        print(
            f"{row['shape']:8}{human_count(row['parameters']):>8} {row['method']:7}{human_bytes(row['estimate']):>10}"
            f"{human_bytes(row['peak']):>10}{row['off']:>+7.1%}  {row['cpu_seconds']:>6.0f}  {parts}"
        )
    worst = max(abs(row["off"]) for row in rows)
    print(f"farthest off: {worst:.1%} (at most {LIMIT:.0%} wanted) · {BATCH} rows of {LENGTH} tokens")


def main() -> None:
    """Read the flags, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--shapes", default=",".join(SHAPES))
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--checkpointing", action="store_true")
    parser.add_argument("--models", type=Path, help="where the random models are kept; else a folder that is removed")
    parser.add_argument("--case", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    flags = parser.parse_args()
    if flags.case:
        print(json.dumps(run_case(flags.case, settings(flags.methods, flags.checkpointing))))
        return
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        for shape in flags.shapes.split(","):
            folder = (flags.models or Path(temporary)) / shape
            if not folder.is_dir():
                build(shape, folder)
            for method in flags.methods.split(","):
                rows.append(compare(shape, folder, method, flags.checkpointing))
                print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    if flags.json:
        print(json.dumps(rows))
    else:
        show(rows)


if __name__ == "__main__":
    main()
