"""Attacked again and again, the server takes no more memory than after the first times.

The first rounds fill caches and the allocator's pools, which then go up and down by some 30 MB; a leak grows in every round. So
the lowest of the last rounds is held against the highest of the first ones: what stays of one 10 MB body a round shows.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.serving.fuzz.bodies import Case
from tests.serving.fuzz.bodies_large import EVERYTHING
from tests.serving.fuzz.conftest import Attacked

WARM, ROUNDS, LAST = 3, 6, 3
MARGIN_BYTES = 40_000_000  # four rounds lie between the first and the last that are compared
SLOW = ("2,048 texts to embed", "a text of 1 MB to embed", "500,000 wrong prompts", "10,000 items", "10,000 messages")


def test_attacks_leave_no_memory_behind(target: Attacked) -> None:
    cases = [case for case in EVERYTHING if case.name not in SLOW]
    taken = []
    for _ in range(WARM + ROUNDS):
        attack(target, cases)
        taken.append(target.process.memory_info().rss)
    grown = min(taken[-LAST:]) - max(taken[:WARM])
    assert grown < MARGIN_BYTES, [f"{one / 1e6:.0f} MB" for one in taken]


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process can be measured anew only on Linux")
def test_a_million_mistakes_are_not_a_million_errors(target: Attacked) -> None:
    for case in [case for case in EVERYTHING if case.name.startswith(("500,000 wrong", "100,000 unknown", "too many"))]:
        Path(f"/proc/{target.process.pid}/clear_refs").write_text("5", encoding="ascii")  # forgets the peak
        before = target.process.memory_info().rss
        attack(target, [case])
        status = Path(f"/proc/{target.process.pid}/status").read_text(encoding="utf-8")
        peak = int(status.partition("VmHWM:")[2].split()[0]) * 1024 - before
        assert peak < 100 * len(case.body), f"{case.name}: {peak / 1e6:.0f} MB for {len(case.body) / 1e6:.0f}"


def attack(target: Attacked, cases: list[Case]) -> None:
    """Send every body once."""
    for case in cases:
        answer = target.send("POST", case.path, case.body.replace(b"MODEL", target.name.encode()))
        assert answer.status == case.status, case.name
