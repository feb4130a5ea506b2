"""Is a folder a language model that can be trained here? Configuration, tokenizer and weights, looked at without torch.

Weights must be safetensors: a pickle file can run code when it is loaded. A model that brings its own Python code is
refused for the same reason. Does not run the model.
"""

from __future__ import annotations

import importlib.util
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mactuner_core.errors import InputError
from mactuner_core.models.safetensors_header import Tensor, read_header

PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
CONTEXT_FIELDS = ("max_position_embeddings", "n_positions", "max_sequence_length", "seq_length")
DTYPES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16", "F64": "float64"}
INDEX = "model.safetensors.index.json"


@dataclass(frozen=True)
class ModelFacts:
    """What a model folder holds; `bytes` counts the weights, `context_length` is in tokens, None when it is not said."""

    architecture: str
    parameters: int
    bytes: int
    vocabulary: int
    context_length: int | None
    has_chat_template: bool
    dtype: str


def check_model_folder(path: Path) -> ModelFacts:
    """Return the facts of the model in `path`; raises InputError for the first thing that makes it unusable."""
    if not path.is_dir():
        raise InputError("models.no_folder", path=path)
    config = _config(path)
    _check_no_custom_code(path, config)
    has_chat_template = _check_tokenizer(path)
    tensors, size = _weights(path)
    dtypes = Counter(dict.fromkeys(DTYPES, 0))
    for tensor in tensors.values():
        dtypes[tensor.dtype] += tensor.elements
    dtype = dtypes.most_common(1)[0][0]
    return ModelFacts(
        architecture=architecture(path, config),
        parameters=sum(tensor.elements for tensor in tensors.values()),
        bytes=size,
        vocabulary=int(_text_part(config).get("vocab_size") or 0),
        context_length=context_length(config),
        has_chat_template=has_chat_template,
        dtype=DTYPES.get(dtype, dtype.lower()),
    )


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file of a model; raises InputError with the line of the mistake."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as problem:
        raise InputError("models.broken_json", path=path, line=problem.lineno, reason=problem.msg) from problem
    except (UnicodeDecodeError, RecursionError) as problem:
        raise InputError("models.broken_json", path=path, line=1, reason="not UTF-8 text") from problem
    if not isinstance(data, dict):
        raise InputError("models.broken_json", path=path, line=1, reason="not a JSON object")
    return data


def _config(path: Path) -> dict[str, Any]:
    if (path / "config.json").is_file():
        return read_json(path / "config.json")
    if (path / "adapter_config.json").is_file():
        raise InputError("models.is_adapter", path=path)
    if any(path.glob("*.gguf")):
        raise InputError("models.is_gguf", path=path)
    raise InputError("models.no_config", path=path)


def context_length(config: dict[str, Any]) -> int | None:
    """Return how many tokens a model reads at once, as its configuration says."""
    text = _text_part(config)
    return next((text[name] for name in CONTEXT_FIELDS if isinstance(text.get(name), int)), None)


def needs_own_code(config: dict[str, Any]) -> bool:
    """Tell whether a model brings Python code that it cannot be run without.

    A model may name its own code and still be known to transformers, which then uses its own: that is fine.
    """
    return "auto_map" in config and not _known_to_transformers(str(config.get("model_type", "")))


def architecture(path: object, config: dict[str, Any]) -> str:
    """Return the name of a model's class; raises InputError when it is none that writes text."""
    names = config.get("architectures") or []
    name = str(names[0]) if names else str(config.get("model_type", "?"))
    if names and not any(word in name for word in ("CausalLM", "LMHead", "ConditionalGeneration")):
        raise InputError("models.not_generative", path=path, architecture=name)
    return name


def _check_no_custom_code(path: Path, config: dict[str, Any]) -> None:
    if needs_own_code(config):
        raise InputError("models.custom_code", path=path, model_type=config.get("model_type", "?"))
    settings = path / "tokenizer_config.json"
    if settings.is_file() and "auto_map" in read_json(settings) and not (path / "tokenizer.json").is_file():
        raise InputError("models.custom_code", path=path, model_type=config.get("model_type", "?"))


def _text_part(config: dict[str, Any]) -> dict[str, Any]:
    nested = config.get("text_config")  # models that also see or hear keep the language part here
    return nested if isinstance(nested, dict) else config


def _known_to_transformers(model_type: str) -> bool:
    spec = importlib.util.find_spec("transformers")  # finds it without importing it, which would import torch
    if spec is None or spec.origin is None or not model_type.replace("-", "_").isidentifier():
        return False
    return (Path(spec.origin).parent / "models" / model_type.replace("-", "_")).is_dir()


def _check_tokenizer(path: Path) -> bool:
    """Return whether there is a chat template; raises InputError when there is no tokenizer."""
    sets = (("tokenizer.json",), ("tokenizer.model",), ("vocab.json", "merges.txt"))
    if not any(all((path / name).is_file() for name in names) for names in sets):
        raise InputError("models.no_tokenizer", path=path)
    if (path / "tokenizer.json").is_file():
        read_json(path / "tokenizer.json")
    settings = path / "tokenizer_config.json"
    if (path / "chat_template.jinja").is_file() or (path / "chat_template.json").is_file():
        return True
    return settings.is_file() and bool(read_json(settings).get("chat_template"))


def _weights(path: Path) -> tuple[dict[str, Tensor], int]:
    """Return every tensor of the model and the bytes of its files."""
    if (path / INDEX).is_file():
        return _shards(path)
    single = path / "model.safetensors"
    if not single.is_file():
        if pickles := sorted(file.name for pattern in PICKLES for file in path.glob(pattern)):
            raise InputError("models.only_pickle", path=path, files=", ".join(pickles[:3]))
        raise InputError("models.no_weights", path=path)
    return read_header(single), single.stat().st_size


def _shards(path: Path) -> tuple[dict[str, Tensor], int]:
    index = read_json(path / INDEX).get("weight_map")
    if not isinstance(index, dict) or not index:
        raise InputError("models.broken_json", path=path / INDEX, line=1, reason="no weight_map")
    names = sorted({str(name) for name in index.values()})
    unsafe = [name for name in names if Path(name).name != name or not name.endswith(".safetensors")]
    missing = [name for name in names if name not in unsafe and not (path / name).is_file()]
    if unsafe or missing:
        raise InputError("models.missing_shards", path=path, files=", ".join([*unsafe, *missing][:5]))
    tensors: dict[str, Tensor] = {}
    for name in names:
        tensors |= read_header(path / name)
    if lost := sorted(set(index) - set(tensors)):
        raise InputError("models.broken_weights", path=path / INDEX, reason=f"no file holds {', '.join(lost[:3])}")
    return tensors, sum((path / name).stat().st_size for name in names)
