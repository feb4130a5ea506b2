"""The process that merges and converts: `python -P -m mactuner_core.export.worker TASK.json`.

It is a process of its own so that torch's memory goes back to the system with it, so that it can be stopped at any moment,
and so that the converter finds its own `conversion` and `gguf` first. torch is loaded once for both steps. Writes
`stage` and `result.json` beside the task; the converter's log goes to stderr.
"""

from __future__ import annotations

import contextlib
import json
import os
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mactuner_core.errors import MacTunerError
from mactuner_core.export.adapter_source import fingerprint, write_adapter_folder
from mactuner_core.export.gguf_adapter import BASE_SHA256
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
            apart = source.adapter if "adapter_gguf" in task else None
            write_text(folder / "stage", "base" if apart else "merge")
            made_of = Source(source.model) if apart else source
            dtype = make_merged(made_of, merged)
            write_text(folder / "stage", "convert")
            converter, marks = Path(task["converter"]), {BASE_SHA256: fingerprint(made_of)}
            with adds_marks(converter, marks):
                convert(converter, merged, gguf, task["name"])
            if apart:
                write_text(folder / "stage", "adapter")
                plain = write_adapter_folder(apart, folder / "adapter", task["adapter_name"])
                with adds_marks(converter, marks, base_name=task["name"]):
                    convert_adapter(converter, plain, merged, Path(task["adapter_gguf"]))
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
    _find_converter(converter)
    _answer_unknown_hash()
    script = str(converter / "convert_hf_to_gguf.py")
    sys.argv = [script, str(model), "--outfile", str(gguf), "--outtype", "f16", "--model-name", name]
    runpy.run_path(script, run_name="__main__")


def convert_adapter(converter: Path, adapter: Path, model: Path, gguf: Path) -> None:
    """Run the official converter on the folder `adapter` of PEFT, whose base is `model`, writing F16 to `gguf`."""
    _find_converter(converter)
    script = str(converter / "convert_lora_to_gguf.py")
    sys.argv = [script, str(adapter), "--base", str(model), "--outfile", str(gguf), "--outtype", "f16"]
    runpy.run_path(script, run_name="__main__")


@contextlib.contextmanager
def adds_marks(converter: Path, marks: dict[str, str], base_name: str | None = None) -> Iterator[None]:
    """Let the converter write `marks`, and the name of an adapter's base, into the header as well."""
    _find_converter(converter)
    from conversion.base import ModelBase

    as_made = ModelBase.prepare_metadata

    def with_marks(self: Any, vocab_only: bool) -> None:
        as_made(self, vocab_only)
        for key, value in marks.items():
            self.gguf_writer.add_string(key, value)
        if base_name is not None:
            self.gguf_writer.add_base_model_count(1)
            self.gguf_writer.add_base_model_name(0, base_name)

    ModelBase.prepare_metadata = with_marks
    try:
        yield
    finally:
        ModelBase.prepare_metadata = as_made


def _find_converter(converter: Path) -> None:
    if str(converter) not in sys.path:
        sys.path[:0] = [str(converter), str(converter / "gguf-py")]
    os.environ["NO_LOCAL_GGUF"] = "1"  # the path is set already


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
