"""Export against the three tools called one after the other: seconds and peak memory, on the same model.

    python benchmarks/export.py [--millions 60] [--rounds 3] [--json]

Ours is one process that merges and converts in a worker and quantises itself. The peer is what a person does by hand: a
script with peft's `merge_and_unload`, llama.cpp's own converter, and a bare `llama_model_quantize`, each a process of its
own. Both start from the same random Qwen3 and LoRA adapter and end with F16 and Q4_K_M files, which must be identical. The
order alternates and medians are printed; processor time is the fair figure on a busy machine. Peak memory is the largest sum of resident bytes over all processes alive at a
time (shared libraries count once for each process). Verification is not timed: the peer has none.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[1]
SAMPLE_S = 0.02
QUANT = "Q4_K_M"

OURS = """
import sys
from pathlib import Path
from mactuner_core.export.convert import merge_and_convert
from mactuner_core.export.merge import Source
from mactuner_core.export.quantize import quantize
base, adapter, out = map(Path, sys.argv[1:4])
merge_and_convert(Source(base, adapter), out / "m-F16.gguf", scratch=out / "scratch", name="m")
quantize(out / "m-F16.gguf", out / "m-Q4_K_M.gguf", "Q4_K_M")
"""
MERGE = """
import sys
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
base, adapter, out = sys.argv[1:4]
model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
PeftModel.from_pretrained(model, adapter).merge_and_unload().save_pretrained(out + "/merged")
AutoTokenizer.from_pretrained(adapter).save_pretrained(out + "/merged")
"""
# The official converter, with the one answer it lacks for a tokenizer that was never published.
CONVERT = """
import runpy, sys
converter, out = sys.argv[3:0:-1][:2]
sys.path[:0] = [converter, converter + "/gguf-py"]
from conversion.base import TextModel
TextModel.get_vocab_base_pre = lambda self, tokenizer: "qwen2"
sys.argv = ["convert", out + "/merged", "--outfile", out + "/m-F16.gguf", "--outtype", "f16", "--model-name", "m"]
runpy.run_path(converter + "/convert_hf_to_gguf.py", run_name="__main__")
"""
QUANTIZE = """
import sys
import llama_cpp
out = sys.argv[1]
settings = llama_cpp.llama_model_quantize_default_params()
settings.ftype = llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_K_M
files = (f"{out}/m-F16.gguf".encode(), f"{out}/m-Q4_K_M.gguf".encode())
sys.exit(llama_cpp.llama_model_quantize(*files, settings))
"""


def main() -> None:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--millions", type=int, default=60, help="parameters of the model, in millions")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="export-benchmark-") as name:
        folder = Path(name)
        parameters = make_model(folder, given.millions * 1_000_000)
        rounds = [one_round(folder, i) for i in range(given.rounds)]
    report = summary(parameters, rounds)
    if given.json:
        print(json.dumps(report, indent=2))
        return
    print(f"merge + convert + quantise of {parameters / 1e6:.0f}M parameters, median of {given.rounds} rounds")
    for side in ("ours", "tools"):
        figures = report[side]
        seconds, cpu_s, peak = figures["seconds"], figures["cpu_seconds"], figures["peak_memory_bytes"]
        print(f"  {side:6} {seconds:7.2f} s   {cpu_s:7.2f} s of processor time   {peak / 1e6:7.0f} MB")
    ratios = (report["time_ratio"], report["cpu_ratio"], report["memory_ratio"])
    print("  ours / tools: time {:.2f}, processor time {:.2f}, peak memory {:.2f}".format(*ratios))
    print(f"  same files: {report['same_files']}")


def make_model(folder: Path, wanted: int) -> int:
    """Write `base` and `adapter` into `folder` and return the parameters of the base."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    sys.path.insert(0, str(ROOT))
    from tests.tiny_models import lora_adapter, write_tokenizer

    base = folder / "base"
    base.mkdir()
    write_tokenizer(base)
    hidden, middle, vocabulary = 512, 1536, 16_384
    of_a_layer = hidden * hidden * 3 + 3 * hidden * middle
    config = Qwen3Config(
        vocab_size=vocabulary,
        hidden_size=hidden,
        intermediate_size=middle,
        num_hidden_layers=max(1, round((wanted - vocabulary * hidden) / of_a_layer)),
        num_attention_heads=8,
        num_key_value_heads=4,
        head_dim=64,
        tie_word_embeddings=True,
        dtype="float32",
    )
    torch.manual_seed(1)
    model = Qwen3ForCausalLM(config)
    model.save_pretrained(base)
    lora_adapter(base, folder / "adapter")
    return int(model.num_parameters())


def one_round(folder: Path, number: int) -> dict[str, dict[str, Any]]:
    """Run both sides once, ours first in even rounds."""
    sides = ("ours", "tools") if number % 2 == 0 else ("tools", "ours")
    return {side: run_side(side, folder) for side in sides}


def run_side(side: str, folder: Path) -> dict[str, Any]:
    """Run one side in an empty folder and return its seconds, peak memory and the hashes of its files."""
    sys.path.insert(0, str(ROOT))
    from mactuner_core.export.converter import converter_folder

    out = folder / side
    out.mkdir()
    inputs = [str(folder / "base"), str(folder / "adapter"), str(out)]
    steps = {
        "ours": [(OURS, inputs)],
        "tools": [(MERGE, inputs), (CONVERT, ["", str(out), str(converter_folder())]), (QUANTIZE, [str(out)])],
    }
    measured = [measure(code, arguments) for code, arguments in steps[side]]
    files = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(out.glob("*.gguf"))}
    shutil.rmtree(out)
    return {
        "seconds": sum(step["seconds"] for step in measured),
        "cpu_seconds": sum(step["cpu_seconds"] for step in measured),
        "peak_memory_bytes": max(step["peak_memory_bytes"] for step in measured),
        "steps_s": [round(step["seconds"], 2) for step in measured],
        "files": files,
    }


def measure(code: str, arguments: list[str]) -> dict[str, float]:
    """Run `code` in a fresh Python; return its seconds, its processor seconds and its peak of resident bytes."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    began, peak = time.monotonic(), 0
    with tempfile.TemporaryFile() as log:
        command = [sys.executable, "-c", code, *arguments]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        watched = psutil.Process(process.pid)
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            peak = max(peak, resident_bytes(watched))
            time.sleep(SAMPLE_S)
        if ended[1]:
            log.seek(0)
            sys.exit(log.read().decode(errors="replace")[-2000:])
    cpu_s = ended[2].ru_utime + ended[2].ru_stime  # with the children it waited for
    return {"seconds": time.monotonic() - began, "cpu_seconds": cpu_s, "peak_memory_bytes": peak}


def resident_bytes(process: psutil.Process) -> int:
    """Return the resident bytes of a process and all it started."""
    total = 0
    try:
        for one in (process, *process.children(recursive=True)):
            total += one.memory_info().rss
    except psutil.Error:
        pass
    return total


def summary(parameters: int, rounds: list[dict[str, dict[str, Any]]]) -> dict[str, Any]:
    """Return medians and ratios; `same_files` tells whether both sides wrote the same bytes in every round."""
    report: dict[str, Any] = {"parameters": parameters, "rounds": rounds}
    for side in ("ours", "tools"):
        keys = ("seconds", "cpu_seconds", "peak_memory_bytes")
        report[side] = {key: statistics.median(one[side][key] for one in rounds) for key in keys}
    report["time_ratio"] = report["ours"]["seconds"] / report["tools"]["seconds"]
    report["cpu_ratio"] = report["ours"]["cpu_seconds"] / report["tools"]["cpu_seconds"]
    report["memory_ratio"] = report["ours"]["peak_memory_bytes"] / report["tools"]["peak_memory_bytes"]
    report["same_files"] = all(one["ours"]["files"] == one["tools"]["files"] for one in rounds)
    return report


if __name__ == "__main__":
    main()
