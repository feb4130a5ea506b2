"""What a name stands for when a model is wanted: a model of the catalogue, what a run learned, or one of its checkpoints.

One place for everybody who starts from weights: a new run, a chat, an export. Needs no torch.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import Model, Run
from mactuner_core.errors import InputError, NotFoundError
from mactuner_core.training import checkpoints
from mactuner_core.workspace import is_complete

OWN_BASE = "base"  # in the folder of a run that began from another one
WEIGHTS_AND_WORDS = ("*.json", "*.safetensors", "*.jinja", "*.model", "merges.txt")
NOT_OF_A_MODEL = (checkpoints.MARK, "trainer_state.json")


@dataclass(frozen=True)
class Base:
    """Weights to start from: the catalogue's model they come from, the folder of whole weights, and an adapter over them.

    `run` and `step` say which run and checkpoint it is, where it is one.
    """

    model: Model
    folder: Path
    adapter: Path | None = None
    run: Run | None = None
    step: int | None = None


def base_of(catalog: Catalog, ref: str) -> Base:
    """Return what `ref` stands for: a model id, RUN (finished) or RUN@STEP.

    Raises NotFoundError for an unknown name or step, InputError for a run that is not finished.
    """
    models = {model.id: model for model in catalog.models()}
    if ref in models:
        return Base(models[ref], Path(models[ref].path))
    runs = [run.id for run in catalog.runs()]
    if ref.partition("@")[0] not in runs:
        raise NotFoundError("base.unknown", ref=ref, models=_list(models), runs=_list(runs))
    return run_base(catalog, ref)


def run_base(catalog: Catalog, ref: str) -> Base:
    """Return the result of the run RUN, or what the checkpoint RUN@STEP holds; raises as `base_of` does."""
    name, at, step = ref.partition("@")
    run = catalog.run(name)
    if not at:
        return _result(catalog, run)
    if not step.isdecimal():
        known = [str(checkpoint.step) for checkpoint in checkpoints.all_of(Path(run.path))]
        raise NotFoundError("checkpoints.unknown", run=run.id, step=step, known=", ".join(known) or "–")
    path = checkpoints.find(Path(run.path), int(step)).path
    return _over(catalog, run, path, path, int(step))


def keep_base(base: Base, run_folder: Path) -> Base:
    """Keep the weights of another run beside the new run in `run_folder`, and return them from there.

    What the new run learns may be an adapter over them, and the other run may delete its checkpoints at any time. The files
    are linked where the disk can, so that they take no room.
    """
    if base.run is None:
        return base
    own = run_folder / OWN_BASE
    kept = replace(
        base, folder=_link(base.folder, own / "model") if base.folder != Path(base.model.path) else base.folder
    )
    return replace(kept, adapter=_link(base.adapter, own / "adapter")) if base.adapter else kept


def own_base(run: Run, model: Model) -> Base:
    """Return what `run` started from, as `keep_base` left it."""
    own = Path(run.path) / OWN_BASE
    folder = own / "model" if (own / "model").is_dir() else Path(model.path)
    return Base(model, folder, own / "adapter" if (own / "adapter").is_dir() else None)


def _result(catalog: Catalog, run: Run) -> Base:
    folder = Path(run.path)
    if not is_complete(folder):
        steps = [str(checkpoint.step) for checkpoint in checkpoints.all_of(folder)]
        raise InputError("base.run_not_done", run=run.id, steps=", ".join(steps) or "–")
    return _over(catalog, run, folder / "model", folder / "adapter", None)


def _over(catalog: Catalog, run: Run, model: Path, adapter: Path, step: int | None) -> Base:
    row = catalog.model(run.model_id)
    if (adapter / "adapter_config.json").is_file():
        return Base(row, own_base(run, row).folder, adapter, run, step)
    return Base(row, model, None, run, step)


def _link(source: Path, target: Path) -> Path:
    target.mkdir(parents=True)
    files = {file for pattern in WEIGHTS_AND_WORDS for file in source.glob(pattern)}
    for file in sorted(file for file in files if file.name not in NOT_OF_A_MODEL):
        try:
            os.link(file.resolve(), target / file.name)
        except OSError:  # another disk, or one that knows no links
            shutil.copyfile(file, target / file.name)
    return target


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "–"
