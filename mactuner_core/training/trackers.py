"""Other tools that draw a run: whether one is there, and where it writes. Only W&B sends anything off this machine."""

from __future__ import annotations

import logging
import os
from importlib.util import find_spec
from pathlib import Path

from mactuner_core.errors import SettingProblem
from mactuner_core.messages import text
from mactuner_core.training.config import TrainingConfig


def tracker_problem(config: TrainingConfig) -> SettingProblem | None:
    """Return that the tool of `report_to` is not installed, with the command that installs it."""
    if config.report_to == "none" or find_spec(config.report_to):
        return None
    return SettingProblem("training.no_tracker", {"name": "report_to", "value": config.report_to})


def prepare_tracker(config: TrainingConfig, run_folder: Path) -> None:
    """Tell the tool of `report_to`, through its environment, to keep what it writes in `run_folder` and its usage to itself.

    What the person set there already (a W&B project, an MLflow server) stands.
    """
    folder = str(run_folder / config.report_to)
    if config.report_to == "tensorboard":
        os.environ["TENSORBOARD_LOGGING_DIR"] = folder
    elif config.report_to == "wandb":
        logging.getLogger(__name__).warning(text("training.wandb_sends"))
        os.environ["WANDB_DIR"] = str(run_folder)
        os.environ.setdefault("WANDB_PROJECT", "mactuner")
    elif config.report_to == "trackio":
        os.environ |= {"TRACKIO_DIR": folder, "GRADIO_ANALYTICS_ENABLED": "False"}
    elif config.report_to == "mlflow":
        os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
        os.environ.setdefault("MLFLOW_TRACKING_URI", f"sqlite:///{run_folder / 'mlflow.db'}")
