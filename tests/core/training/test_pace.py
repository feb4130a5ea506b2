"""How fast a run is and how long it takes yet, on a clock that only moves when the test says so."""

from __future__ import annotations

import pytest

from mactuner_core.training.pace import Pace


class Clock:
    """A clock for one test; `wait` lets time pass."""

    def __init__(self) -> None:
        self.now = 100.0

    def wait(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr("mactuner_core.training.pace.time.perf_counter", lambda: found.now)
    return found


def step(pace: Pace, clock: Clock, seconds: float) -> None:
    pace.step_begins()
    clock.wait(seconds)
    pace.step_ends()


def test_what_is_left_counts_steps_validations_and_saves(clock: Clock) -> None:
    """A run of 100 steps with a validation and a save every ten: after a tenth all of it has been seen once."""
    pace = Pace()
    clock.wait(30.0)  # loading
    pace.restart()
    clock.wait(2.0)
    pace.validated()
    assert pace.left(100, 10, 3.0) is None, "nothing is known yet"
    step(pace, clock, 4.0)  # the first warms up
    for _ in range(9):
        step(pace, clock, 1.0)
    clock.wait(2.0)
    pace.validated()
    clock.wait(0.5)
    pace.saved()
    left = pace.left(90, 9, closing_s=3.0)
    assert left == pytest.approx(90 * 1.0 + 9 * 2.0 + 9 * 0.5 + 3.0)
    assert pace.seconds == pytest.approx(13.0), "validation and saving are no training"


def test_speed_is_that_since_the_last_report_and_goes_on_over_jobs(clock: Clock) -> None:
    pace = Pace(tokens=1000, seconds=10.0)
    for _ in range(4):
        step(pace, clock, 0.5)
    pace.tokens += 300
    assert pace.logged() == pytest.approx((150.0, 0.5))
    clock.wait(60.0)
    pace.saved()
    step(pace, clock, 1.0)
    pace.tokens += 50
    assert pace.logged() == pytest.approx((50.0, 1.0))
    assert pace.tokens_per_second == pytest.approx(1350 / 13.0)
    assert pace.logged() == (0.0, 0.0)
