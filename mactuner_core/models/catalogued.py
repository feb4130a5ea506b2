"""The models of the catalogue: what is known of each, whether this machine can train it, and how to be rid of one."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import Model
from mactuner_core.hardware import available_memory_bytes, detect
from mactuner_core.models.check import check_model_folder
from mactuner_core.workspace import Workspace

FIXED_BYTES = 700_000_000  # Python, torch and the libraries around them


def list_models(catalog: Catalog) -> list[dict[str, Any]]:
    """Return the facts of every model as `model_info` gives them, newest first."""
    return [model_info(model) for model in catalog.models()]


def model_info(model: Model) -> dict[str, Any]:
    """Return what the catalogue knows of `model`, with `fits`: the rough memory need of each method, in bytes."""
    return {
        "id": model.id,
        "name": model.name,
        "source": model.source,
        "architecture": model.architecture,
        "parameters": model.parameters,
        "bytes": model.bytes,
        "path": model.path,
        "dataset": model.dataset_id,
        "created_at": model.created_at.isoformat(),
        "present": Path(model.path).is_dir(),
        "commit": Path(model.path).name if model.source == "hub" else None,  # the Hub's cache names folders so
        "fits": fits(model.parameters),
    }


def model_details(model: Model) -> dict[str, Any]:
    """Return `model_info` and what the folder itself says: vocabulary, context length, template, type of the weights.

    Raises InputError when the folder is no longer a usable model.
    """
    facts = check_model_folder(Path(model.path))
    return model_info(model) | {
        "vocabulary": facts.vocabulary,
        "context_length": facts.context_length,
        "has_chat_template": facts.has_chat_template,
        "dtype": facts.dtype,
    }


def fits(parameters: int) -> dict[str, dict[str, Any]]:
    """Return for each method its rough memory need in bytes and whether this machine has that much.

    Full training keeps weights, gradients and two Adam moments in float32: 16 bytes a parameter. LoRA keeps the frozen
    weights (4 bytes on a CPU, 2 elsewhere) and trains about a fiftieth. QLoRA keeps four fifths of the weights in four
    bits (NF4: 4.13 with its constants) and the embeddings, taken for a fifth, as LoRA does. Activations come on top: a
    fifth is added.
    """
    hardware = detect()
    weight_bytes = 4 if hardware.device == "cpu" else 2
    trained = parameters * 16 // 50
    needs = {
        "full": parameters * 16,
        "lora": parameters * weight_bytes + trained,
        "qlora": round(parameters * (0.8 * 4.13 / 8 + 0.2 * weight_bytes)) + trained,
    }
    room = available_memory_bytes() if hardware.device == "cpu" else hardware.memory_bytes
    answers = {}
    for method, need in needs.items():
        memory_bytes = need * 6 // 5 + FIXED_BYTES
        answers[method] = {"memory_bytes": memory_bytes, "fits": memory_bytes <= room}
    return answers


def remove_model(workspace: Workspace, catalog: Catalog, ref: str) -> Model:
    """Forget a model and delete its folder when MacTuner made it; a folder of the person's and the Hub cache stay.

    Raises NotFoundError for an unknown model, InputError while runs or exports were made from it.
    """
    model = catalog.remove_model(ref)
    folder = Path(model.path)
    if folder.parent == workspace.models:
        shutil.rmtree(folder, ignore_errors=True)
    return model


def fresh_id(workspace: Workspace, catalog: Catalog, wish: str) -> str:
    """Return `wish`, or `wish-2`, `wish-3`, … when a model or a left-over folder has that name."""
    wish = wish[:56]
    taken = {model.id for model in catalog.models()}
    number, found = 1, wish
    while found in taken or (workspace.models / found).exists():
        number += 1
        found = f"{wish}-{number}"
    return found
