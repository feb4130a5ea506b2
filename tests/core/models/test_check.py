"""A model folder is usable or says exactly what is wrong with it."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mactuner_core.errors import InputError
from mactuner_core.models.check import INDEX, ModelFacts, check_model_folder
from mactuner_core.models.safetensors_header import read_header
from tests.tiny_models import tiny_qwen3


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_qwen3(tmp_path_factory.mktemp("check") / "model")


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "model"))


def edit(path: Path, **values: Any) -> None:
    """Set `values` in a JSON file; None removes."""
    data = json.loads(path.read_text(encoding="utf-8")) | values
    path.write_text(json.dumps({k: v for k, v in data.items() if v is not None}), encoding="utf-8")


def write_tensors(path: Path, header: object, data: bytes = b"") -> None:
    raw = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(raw)) + raw + data)


def shard(folder: Path) -> None:
    """Split the weights in two files with an index."""
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(tensors)
    parts = {"model-1.safetensors": names[:5], "model-2.safetensors": names[5:]}
    for file, inside in parts.items():
        save_file({name: tensors[name] for name in inside}, folder / file)
    weight_map = {name: file for file, inside in parts.items() for name in inside}
    (folder / INDEX).write_text(json.dumps({"weight_map": weight_map}), encoding="utf-8")


def test_a_sound_folder_tells_its_facts_without_torch(sound: Path) -> None:
    facts = check_model_folder(sound)
    config = json.loads((sound / "config.json").read_text(encoding="utf-8"))
    assert facts == ModelFacts(
        architecture="Qwen3ForCausalLM",
        parameters=facts.parameters,
        bytes=(sound / "model.safetensors").stat().st_size,
        vocabulary=config["vocab_size"],
        context_length=512,
        has_chat_template=True,
        dtype="float32",
    )
    from transformers import AutoModelForCausalLM

    assert facts.parameters == AutoModelForCausalLM.from_pretrained(sound).num_parameters()
    code = (
        "import sys; from pathlib import Path; from mactuner_core.models.check import check_model_folder;"
        f"check_model_folder(Path({str(sound)!r})); assert not {{'torch', 'transformers'}} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_shards_are_counted_together(folder: Path, sound: Path) -> None:
    shard(folder)
    assert check_model_folder(folder).parameters == check_model_folder(sound).parameters


def test_a_known_architecture_with_code_of_its_own_is_used_without_it(folder: Path) -> None:
    edit(folder / "config.json", auto_map={"AutoModelForCausalLM": "modeling.Model"})
    assert check_model_folder(folder).architecture == "Qwen3ForCausalLM"


def _only_pickle(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def _truncated(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def _too_long(folder: Path) -> None:
    with (folder / "model.safetensors").open("ab") as file:
        file.write(b"more")


def _missing_shard(folder: Path) -> None:
    shard(folder)
    (folder / "model-2.safetensors").unlink()


def _shard_elsewhere(folder: Path) -> None:
    shard(folder)
    (folder / INDEX).write_text(json.dumps({"weight_map": {"a": "../../etc/passwd"}}), encoding="utf-8")


def _shard_without_tensor(folder: Path) -> None:
    shard(folder)
    weight_map = json.loads((folder / INDEX).read_text(encoding="utf-8"))["weight_map"]
    (folder / INDEX).write_text(json.dumps({"weight_map": weight_map | {"x": "model-1.safetensors"}}), encoding="utf-8")


def _adapter(folder: Path) -> None:
    (folder / "config.json").rename(folder / "adapter_config.json")


def _gguf(folder: Path) -> None:
    (folder / "config.json").rename(folder / "model.gguf")


@pytest.mark.parametrize(
    ("spoil", "code", "says"),
    [
        (shutil.rmtree, "no_folder", "not a folder"),
        (lambda f: (f / "config.json").unlink(), "no_config", "no config.json"),
        (lambda f: (f / "config.json").write_text("{\n 'a': 1}"), "broken_json", "line 2"),
        (lambda f: (f / "config.json").write_bytes(b"\xff\xfe"), "broken_json", "UTF-8"),
        (lambda f: (f / "config.json").write_text("[]"), "broken_json", "not a JSON object"),
        (_adapter, "is_adapter", "adapter"),
        (_gguf, "is_gguf", "GGUF"),
        (lambda f: (f / "tokenizer.json").unlink(), "no_tokenizer", "tokenizer.json"),
        (lambda f: (f / "tokenizer.json").write_text("{"), "broken_json", "tokenizer.json"),
        (_only_pickle, "only_pickle", "safe_serialization=True"),
        (lambda f: (f / "model.safetensors").unlink(), "no_weights", "model.safetensors"),
        (_truncated, "broken_weights", "bytes expected"),
        (_too_long, "broken_weights", "bytes expected"),
        (lambda f: (f / "model.safetensors").write_bytes(b""), "broken_weights", "shorter"),
        (lambda f: (f / "model.safetensors").write_bytes(b"\xff" * 64), "broken_weights", "shorter"),
        (_missing_shard, "missing_shards", "model-2.safetensors"),
        (_shard_elsewhere, "missing_shards", "passwd"),
        (_shard_without_tensor, "broken_weights", "no file holds x"),
        (lambda f: edit(f / "config.json", auto_map={}, model_type="mine"), "custom_code", "trust_remote_code"),
        (lambda f: edit(f / "config.json", auto_map={}, model_type="../x"), "custom_code", "trust_remote_code"),
        (lambda f: edit(f / "config.json", architectures=["BertModel"]), "not_generative", "BertModel"),
    ],
)
def test_each_fault_is_named(folder: Path, spoil: Callable[[Path], Any], code: str, says: str) -> None:
    spoil(folder)
    with pytest.raises(InputError) as raised:
        check_model_folder(folder)
    assert raised.value.code == f"models.{code}"
    assert says in raised.value.text("en")
    assert str(folder) in raised.value.text("ko")


F32 = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    "header",
    [
        [],
        {},
        {"__metadata__": {}},
        {"a": 1},
        {"a": {"dtype": "F32", "shape": [2]}},
        {"a": F32 | {"dtype": "F99"}},
        {"a": F32 | {"shape": [3]}},
        {"a": F32 | {"shape": [-1, -2]}},
        {"a": F32 | {"shape": "ab"}},
        {"a": F32 | {"data_offsets": [0, 9]}},
        {"a": F32 | {"data_offsets": [8, 0]}},
        {"a": F32, "b": F32},
        {"a": F32, "b": F32 | {"data_offsets": [4, 12]}},
    ],
)
def test_a_header_that_lies_is_refused(tmp_path: Path, header: object) -> None:
    write_tensors(tmp_path / "x.safetensors", header, b"\0" * 8)
    with pytest.raises(InputError):
        read_header(tmp_path / "x.safetensors")


def test_a_sound_header_is_read(tmp_path: Path) -> None:
    write_tensors(tmp_path / "x.safetensors", {"a": F32, "__metadata__": {"format": "pt"}}, b"\0" * 8)
    assert read_header(tmp_path / "x.safetensors")["a"].elements == 2
