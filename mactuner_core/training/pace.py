"""How fast a run is: tokens and seconds of training, and the time that is left with validation, answers and saving in it."""

from __future__ import annotations

import time


class Pace:
    """The clock of a run in one process; `tokens` and `seconds` (training only) go on from those of the process before."""

    def __init__(self, tokens: int = 0, seconds: float = 0.0) -> None:
        self.tokens = self.tokens_before = tokens
        self.seconds = seconds
        self.steps = 0
        self.saving_s = 0.0  # the longest save
        self._first_step_s = self._steps_s = self._saves_s = 0.0
        self._validation_s: list[float] = []
        self._mark = self._begin = time.perf_counter()
        self._paused = True
        self._logged = (tokens, seconds, 0)

    def step_begins(self) -> None:
        """After a pause the step counts from here, else from the end of the step before."""
        self._begin = time.perf_counter() if self._paused else self._mark
        self._paused = False

    def step_ends(self) -> None:
        """Add the step's seconds; the first of a process warms up and is kept apart."""
        self.lap()
        self._paused = False
        took = self._mark - self._begin
        self.seconds += took
        self.steps += 1
        if self.steps == 1:
            self._first_step_s = took
        else:
            self._steps_s += took

    def validated(self) -> None:
        """Since the last step, or since `restart`, a validation took place."""
        self._validation_s.append(self.lap())

    def saved(self) -> None:
        """Since the last step or validation a checkpoint was written."""
        took = self.lap()
        self._saves_s += took
        self.saving_s = max(self.saving_s, took)

    def restart(self) -> None:
        """What took place until now is none of the run's own work."""
        self.lap()

    def logged(self) -> tuple[float, float]:
        """Return tokens a second and seconds a step since the last call."""
        tokens, seconds, steps = self._logged
        self._logged = (self.tokens, self.seconds, self.steps)
        took, made = self.seconds - seconds, self.steps - steps
        return (self.tokens - tokens) / took if took else 0.0, took / made if made else 0.0

    def left(self, steps: int, validations: int, closing_s: float) -> float | None:
        """Return the seconds until the end of a run with so many steps and validations to go; None before two steps."""
        if self.steps < 2:
            return None
        validation_s = self._validation_s[1:] or self._validation_s  # the first is that before the training
        each = sum(validation_s) / len(validation_s) if validation_s else 0.0
        return steps * (self.step_s + self._saves_s / self.steps) + validations * each + closing_s

    @property
    def step_s(self) -> float:
        """Mean seconds of a step."""
        return self._steps_s / (self.steps - 1) if self.steps > 1 else self._first_step_s

    @property
    def tokens_per_second(self) -> float:
        """Tokens a second of training, padding not counted."""
        return self.tokens / self.seconds if self.seconds else 0.0

    def lap(self) -> float:
        """Return the seconds since something last ended; the next step counts from when it begins."""
        now = time.perf_counter()
        took, self._mark, self._paused = now - self._mark, now, True
        return took
