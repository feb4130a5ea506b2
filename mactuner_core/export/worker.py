"""The process that merges and converts: `python -P -m mactuner_core.export.worker TASK.json`.

It is a process of its own so that torch's memory goes back to the system with it, so that it can be stopped at any moment,
and so that the converter finds its own `conversion` and `gguf` first. torch is loaded once for both steps. Writes
`stage` and `result.json` beside the task; the converter's log goes to stderr.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from pathlib import Path
from typing import Any

from mactuner_core.errors import MacTunerError
from mactuner_core.export.merge import Source, make_merged
from mactuner_core.export.pretokenizer import family_of
from mactuner_core.workspace import disk_full_is_clear, write_json, write_text


def main(task_file: Path) -> int:
    """Do the task and return the exit code; a clear error is left in `result.json`."""
    task = json.loads(task_file.read_text(encoding="utf-8"))
    folder = task_file.parent
    source = Source(Path(task["model"]), Path(task["adapter"]) if task["adapter"] else None)
    merged, gguf = Path(task["merged"]), Path(task["gguf"])
    try:
        with disk_full_is_clear(gguf):
            write_text(folder / "stage", "merge")
            dtype = make_merged(source, merged)
            write_text(folder / "stage", "convert")
            convert(Path(task["converter"]), merged, gguf, task["name"])
    except MacTunerError as problem:
        write_json(folder / "result.json", {"error": problem.as_dict(), "kind": type(problem).__name__})
        return 1
    write_json(folder / "result.json", {"dtype": dtype})
    return 0


def convert(converter: Path, model: Path, gguf: Path, name: str) -> None:
    """Run the official converter on the folder `model`, writing F16 to `gguf`.

    Raises InputError when the tokenizer's splitting is of no family that llama.cpp knows. For a model it does not support
    the converter says so and leaves with SystemExit.
    """
    sys.path[:0] = [str(converter), str(converter / "gguf-py")]
    os.environ["NO_LOCAL_GGUF"] = "1"  # the path is set already
    _answer_unknown_hash()
    script = str(converter / "convert_hf_to_gguf.py")
    sys.argv = [script, str(model), "--outfile", str(gguf), "--outtype", "f16", "--model-name", name]
    runpy.run_path(script, run_name="__main__")


def _answer_unknown_hash() -> None:
    """Where the converter does not know a tokenizer by its hash, say its family from tokenizer.json."""
    from conversion.base import TextModel

    by_hash = TextModel.get_vocab_base_pre

    def by_hash_or_regex(self: Any, tokenizer: Any) -> str:
        try:
            return str(by_hash(self, tokenizer))
        except NotImplementedError:
            family = family_of(Path(self.dir_model) / "tokenizer.json")
            sys.stderr.write(f"pre-tokenizer: {family}, by the regular expression in tokenizer.json\n")
            return family

    TextModel.get_vocab_base_pre = by_hash_or_regex


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
