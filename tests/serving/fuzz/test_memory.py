"""Attacked again and again, the server takes no more memory than after the first time.

The first rounds fill caches and the allocator's pools, whose size is bounded; a leak grows in every round. Allowed in the
later rounds together: what the allocator's own pools may still shift about.
"""

from __future__ import annotations

from tests.serving.fuzz.bodies import Case
from tests.serving.fuzz.bodies_large import EVERYTHING
from tests.serving.fuzz.conftest import Attacked

WARM, ROUNDS = 2, 4
MARGIN_BYTES = (
    24_000_000  # less than one body of 10 MB as text and as what was read from it, in each of the later rounds
)
SLOW = ("2,048 texts to embed", "a text of 1 MB to embed", "500,000 wrong prompts", "10,000 items", "10,000 messages")


def test_attacks_leave_no_memory_behind(target: Attacked) -> None:
    cases = [case for case in EVERYTHING if case.name not in SLOW]
    for _ in range(WARM):
        attack(target, cases)
    before = target.process.memory_info().rss
    for _ in range(ROUNDS):
        attack(target, cases)
    grown = target.process.memory_info().rss - before
    assert grown < MARGIN_BYTES, f"{grown / 1e6:.1f} MB more after {ROUNDS} rounds"


def attack(target: Attacked, cases: list[Case]) -> None:
    """Send every body once."""
    for case in cases:
        answer = target.send("POST", case.path, case.body.replace(b"MODEL", target.name.encode()))
        assert answer.status == case.status, case.name
