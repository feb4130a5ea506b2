"""What happens between the steps of a run: metrics go out, a wish to stop comes in, a broken loss ends it.

The trainer knows nothing of jobs: it is given a `Listener`, which the job fills with its own methods. Nothing here draws.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any, Protocol

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from mactuner_core.errors import WorkError

SAVE_EVERY_S = 60.0
NAMES = {
    "loss": "loss",
    "learning_rate": "learning_rate",
    "grad_norm": "grad_norm",
    "mean_token_accuracy": "token_accuracy",
    "eval_loss": "eval_loss",
    "eval_mean_token_accuracy": "eval_token_accuracy",
}


class Listener(Protocol):
    """Who hears of a run and may stop it; `jobs.Job` is one."""

    def progress(self, done: float, total: float, stage: str) -> None:
        """`done` of `total` units of `stage` are finished."""

    def event(self, **values: Any) -> None:
        """One line of metrics."""

    def stop_requested(self) -> bool:
        """Whether the run should save and leave."""


@dataclass
class Pace:
    """Tokens and the seconds spent on training them, without validation and saving."""

    tokens: float = 0.0
    seconds: float = 0.0
    _last_end: float | None = field(default=None, repr=False)
    _begin: float = field(default=0.0, repr=False)

    def step_begins(self) -> None:
        """Note the time; after a pause the step counts from here, else from the end of the step before."""
        self._begin = time.perf_counter() if self._last_end is None else self._last_end

    def step_ends(self) -> None:
        """Add the step's seconds."""
        self._last_end = time.perf_counter()
        self.seconds += self._last_end - self._begin

    def pause(self) -> None:
        """Something other than training took place since the last step."""
        self._last_end = None

    @property
    def tokens_per_second(self) -> float:
        """Tokens a second of training, padding not counted."""
        return self.tokens / self.seconds if self.seconds else 0.0


class RunCallback(TrainerCallback):  # type: ignore[misc]
    """Passes metrics to the listener and its wish to stop to the trainer; asks for checkpoints when they are due."""

    def __init__(self, listener: Listener, *, save_by_time: bool) -> None:
        self.listener = listener
        self.save_by_time = save_by_time
        self.stopped = False
        self.pace = Pace()
        self._saved_at = time.monotonic()
        self._tokens_logged = 0.0
        self._seconds_logged = 0.0

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Start the clock of a step."""
        self.pace.step_begins()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        """Report progress; when a stop is asked for, save and leave after this step."""
        self.pace.step_ends()
        self.listener.progress(state.global_step, state.max_steps, "training.stage_steps")
        if self.listener.stop_requested():
            self.stopped = control.should_save = control.should_training_stop = True
        return control

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        """Ask for a checkpoint when the last one is a minute old; the end of the run is saved anyway."""
        due = time.monotonic() - self._saved_at > SAVE_EVERY_S
        if self.save_by_time and due and state.global_step < state.max_steps:
            control.should_save = True
        return control

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Note when the last checkpoint was written."""
        self._saved_at = time.monotonic()
        self.pace.pause()
        self.listener.event(kind="checkpoint", step=state.global_step)

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Validation does not count as training time."""
        self.pace.pause()

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Pass the metrics on under plain names; raises WorkError when the loss is no number any more."""
        logs = logs or {}
        found = {name: float(logs[key]) for key, name in NAMES.items() if key in logs}
        if not found.keys() & {"loss", "eval_loss"}:  # the measuring before and after reports for itself
            return
        loss = found.get("loss", 0.0)
        if not math.isfinite(loss):
            raise WorkError("training.loss_not_finite", step=state.global_step, loss=loss)
        if "loss" in found and "num_tokens" in logs:
            found["tokens_per_second"] = self._speed(float(logs["num_tokens"]))
        self.listener.event(kind="metrics", step=state.global_step, epoch=round(state.epoch or 0.0, 4), **found)

    def _speed(self, tokens: float) -> float:
        self.pace.tokens = tokens
        seconds = self.pace.seconds - self._seconds_logged
        speed = (tokens - self._tokens_logged) / seconds if seconds else 0.0
        self._tokens_logged, self._seconds_logged = tokens, self.pace.seconds
        return round(speed, 1)
