"""What happens between the steps of a run: figures go out, checkpoints are made whole, a wish to stop comes in.

The trainer knows nothing of jobs: it is given a `Listener`, which the job fills with its own methods. Nothing here draws.
"""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from mactuner_core.training import checkpoints, metrics
from mactuner_core.training.broken_loss import check_loss
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.pace import Pace
from mactuner_core.training.samples import sample_answers
from mactuner_core.training.stats import SystemUse

SAVE_EVERY_S = 60.0
SAVING_SHARE = 20  # of the time at most one part in so many goes into checkpoints that come by time
NAMES = {
    "loss": "loss",
    "learning_rate": "learning_rate",
    "grad_norm": "grad_norm",
    "mean_token_accuracy": "token_accuracy",
    "eval_loss": "eval_loss",
    "eval_mean_token_accuracy": "eval_token_accuracy",
    "rewards/accuracies": "preferred_share",  # of DPO: how often the chosen answer gained more than the rejected one
    "eval_rewards/accuracies": "eval_preferred_share",
}


class Listener(Protocol):
    """Who hears of a run and may stop it; `jobs.Job` is one."""

    def progress(self, done: float, total: float, stage: str, eta_s: float | None = None) -> None:
        """`done` of `total` units of `stage` are finished; `eta_s` seconds are left where the run knows better."""

    def stop_requested(self) -> bool:
        """Whether the run should save and leave."""

    def needs(self, seconds: float) -> None:
        """Saving and leaving takes about `seconds`."""


@dataclass
class Standing:
    """What a run has to know when it goes on from a checkpoint, besides what the trainer itself keeps there."""

    tokens: int = 0
    seconds: float = 0.0  # of training alone
    wall_seconds: float = 0.0  # with validation, answers and saving
    losses_before: dict[str, float] = field(default_factory=dict)
    train_loss: float | None = None
    best_loss: float | None = None
    waited: int = 0  # validations since the best one
    batch_size: int = 0
    gradient_accumulation: int = 0


class RunCallback(TrainerCallback):  # type: ignore[misc]
    """Writes the figures of a run into its folder, says when to save, and passes the wish to stop on."""

    def __init__(
        self,
        config: TrainingConfig,
        run_folder: Path,
        listener: Listener,
        *,
        standing: Standing | None = None,
        system: str | None = None,
    ) -> None:
        self.config = config
        self.run_folder = run_folder
        self.listener = listener
        self.standing = standing or Standing()
        self.standing.batch_size = config.batch_size
        self.standing.gradient_accumulation = config.gradient_accumulation
        self.system = system
        self.phase: Literal["before", "training", "after"] = "before"
        self.stopped = self.stopped_early = False
        self.pace = Pace(self.standing.tokens, self.standing.seconds)
        self.closing_s = 0.0  # measuring and saving after the last step
        self.last_validation: tuple[int, float] | None = None
        self._use = SystemUse()
        self._good_step = 0
        self._started = time.perf_counter()
        self._saved_at = time.monotonic()

    def started(self, moment: float) -> None:
        """Remember when the training began, in seconds of `time.perf_counter`."""
        self._started = moment

    @property
    def wall_seconds(self) -> float:
        """Seconds from the beginning of the training to now, with those of the jobs before this one."""
        return self.standing.wall_seconds + time.perf_counter() - self._started

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """From here on figures are those of the training."""
        self.phase = "training"
        self._good_step = state.global_step
        self._saved_at = time.monotonic()
        self.pace.restart()

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Start the clock of a step."""
        self.pace.step_begins()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: Any
    ) -> TrainerControl:
        """Report progress; save when it is time or a stop is asked for; report losses wherever something is saved."""
        self.pace.step_ends()
        step, last = state.global_step, state.max_steps
        left = self.pace.left(last - step, validations_left(args, step, last), self.closing_s)
        self.listener.progress(step, last, "training.stage_steps", left)
        if self.listener.stop_requested() and step < last:
            self.stopped = control.should_save = control.should_training_stop = True
        elif self._checkpoint_is_due(step, last):
            control.should_save = True
        if control.should_save or control.should_evaluate:
            control.should_log = (
                True  # a run that goes on from here reports the same losses as one that was not stopped
            )
        if not control.should_evaluate and args.eval_strategy == "no" and validation_is_due(args, step, last):
            self.answer(state, given["model"], given["processing_class"])
            self.pace.validated()
        return control

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: Any
    ) -> TrainerControl:
        """Save the best so far, stop when it gets no better, and ask the test prompts."""
        if self.phase != "training" or "eval_loss" not in given["metrics"]:
            return control
        loss = float(given["metrics"]["eval_loss"])
        self.last_validation = (state.global_step, loss)
        standing = self.standing
        if math.isfinite(loss) and (standing.best_loss is None or loss < standing.best_loss):
            standing.best_loss, standing.waited = loss, 0
            control.should_save = control.should_save or self.keeps_best
        else:
            standing.waited += 1
        patience = self.config.early_stopping_patience
        if patience is not None and standing.waited >= patience and state.global_step < state.max_steps:
            self.stopped_early = control.should_training_stop = True
        self.answer(state, given["model"], given["processing_class"])
        self.pace.validated()
        return control

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Make the checkpoint whole, and only then delete older ones."""
        self.pace.saved()
        self._saved_at = time.monotonic()
        self.listener.needs(2 * self.pace.step_s + 3 * self.pace.saving_s)
        step = state.global_step
        measured = self.last_validation[1] if self.last_validation and self.last_validation[0] == step else None
        self.standing.tokens, self.standing.seconds = self.pace.tokens, self.pace.seconds
        checkpoints.mark_whole(
            checkpoints.folder_of(self.run_folder, step),
            step=step,
            epoch=round(state.epoch or 0.0, 4),
            train_loss=self.standing.train_loss,
            eval_loss=measured,
            more=asdict(self.standing) | {"wall_seconds": self.wall_seconds},
        )
        checkpoints.keep_last(self.run_folder, self.config.keep_checkpoints)
        is_best = measured is not None and measured == self.standing.best_loss
        metrics.append(self.run_folder, kind="checkpoint", step=step, best=is_best)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **given: Any,
    ) -> None:
        """Write the figures under plain names; raises WorkError when the loss is no number any more."""
        logs = logs or {}
        found = {name: float(logs[key]) for key, name in NAMES.items() if key in logs}
        if self.phase == "after" or not found.keys() & {"loss", "eval_loss"}:  # the measuring reports for itself
            return
        step = state.global_step
        if "loss" in found:
            rows = getattr(given.get("train_dataloader"), "dataset", None)
            check_loss(self.config, step, self._good_step, found["loss"], found.get("grad_norm"), rows)
            self._good_step, self.standing.train_loss = step, found["loss"]
            self.pace.tokens = self.pace.tokens_before + int(logs.get("num_tokens", 0))
            speed, each = self.pace.logged()
            found |= {"tokens_per_second": round(speed, 1), "seconds_per_step": round(each, 4)}
            self.listener.needs(2 * each + 3 * self.pace.saving_s)
        finite = {name: value for name, value in found.items() if math.isfinite(value)}
        metrics.append(self.run_folder, kind="metrics", step=step, epoch=round(state.epoch or 0.0, 4), **finite)
        if "loss" in found:
            metrics.append(self.run_folder, kind="system", step=step, **self._use.now())

    def answer(self, state: TrainerState, model: Any, tokenizer: Any) -> None:
        """Ask the test prompts and write down what the model says at this step."""
        if not self.config.prompts:
            return
        plain = self.config.objective == "pretraining"
        answers = sample_answers(model, tokenizer, self.config.prompts, system=self.system, plain=plain)
        metrics.append(self.run_folder, kind="samples", step=state.global_step, answers=answers)

    @property
    def keeps_best(self) -> bool:
        """Whether the best checkpoint is saved: asked for, or needed to end with."""
        return self.config.save_best or self.config.early_stopping_patience is not None

    def _checkpoint_is_due(self, step: int, last: int) -> bool:
        if step >= last:  # what is learned is written anyway
            return False
        if self.config.save_steps:
            return step % self.config.save_steps == 0
        return time.monotonic() - self._saved_at > max(SAVE_EVERY_S, SAVING_SHARE * self.pace.saving_s)


def validation_is_due(args: TrainingArguments, step: int, last: int) -> bool:
    """Tell whether the trainer validates after `step`, or would if there were rows for it."""
    return step % int(args.eval_steps) == 0 or step == last


def validations_left(args: TrainingArguments, step: int, last: int) -> int:
    """Return how many validations come after `step`, that at the end of it included."""
    every = int(args.eval_steps)
    before = (step - 1) // every
    return last // every - before + (1 if last % every else 0)
