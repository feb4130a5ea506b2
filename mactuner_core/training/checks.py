"""What the settings of a run ask of this model, this dataset and this machine that they cannot give; needs no torch.

What the settings say against one another is in `TrainingConfig.problems`. What only shows on the loaded model (packing
that leaks, a type of numbers the card lacks) is refused by the job before its first step.
"""

from __future__ import annotations

from pathlib import Path

from mactuner_core.catalog.tables import DatasetVersion
from mactuner_core.errors import SettingProblem
from mactuner_core.hardware import Hardware, detect
from mactuner_core.models.check import read_json
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.prepare import objective_for
from mactuner_core.training.targets import layer_names, matrices_of, target_problem
from mactuner_core.training.trackers import tracker_problem


def problems_with(
    config: TrainingConfig, model_folder: Path, dataset: DatasetVersion, hardware: Hardware | None = None
) -> list[SettingProblem]:
    """Return every problem at once, each with what would work; `hardware` is this machine's when it is not given."""
    found = [
        _quantised_problem(config, model_folder),
        _objective_problem(config, dataset),
        _target_problem(config, model_folder),
        _early_stopping_problem(config, dataset),
        tracker_problem(config),
        *_hardware_problems(config, hardware or detect()),
    ]
    return [problem for problem in found if problem]


def _quantised_problem(config: TrainingConfig, model_folder: Path) -> SettingProblem | None:
    """Weights that were rounded already can be neither trained nor merged into."""
    kind = read_json(model_folder / "config.json").get("quantization_config")
    if not kind:
        return None
    name = kind.get("quant_method", "?") if isinstance(kind, dict) else "?"
    return SettingProblem("training.base_quantised", {"name": "model", "value": config.model, "kind": name})


def _objective_problem(config: TrainingConfig, dataset: DatasetVersion) -> SettingProblem | None:
    shape = str(dataset.report.get("shape", "chat"))
    fits = objective_for(shape)
    if config.objective == fits:
        return None
    values: dict[str, object] = {
        "name": "objective",
        "value": config.objective,
        "dataset": dataset.id,
        "shape": shape,
        "fits": fits,
    }
    return SettingProblem("training.objective_mismatch", values)


def _target_problem(config: TrainingConfig, model_folder: Path) -> SettingProblem | None:
    if config.method == "full" or config.target_modules == "all-linear":
        return None
    return target_problem(config.target_modules, layer_names(matrices_of(model_folder)))


def _early_stopping_problem(config: TrainingConfig, dataset: DatasetVersion) -> SettingProblem | None:
    if config.early_stopping_patience is None or dataset.validation_rows:
        return None
    return SettingProblem(
        "training.early_stopping_needs_validation", {"name": "early_stopping_patience", "dataset": dataset.id}
    )


def _hardware_problems(config: TrainingConfig, hardware: Hardware) -> list[SettingProblem]:
    found = []
    if config.precision == "fp16" and hardware.device == "cpu":
        found.append(SettingProblem("training.fp16_needs_gpu", {"name": "precision"}))
    if config.optimizer == "adamw_8bit" and hardware.device == "mps":
        found.append(SettingProblem("training.no_8bit_on_mps", {"name": "optimizer"}))
    return found
