"""Weights move to pages of 2 MB where the system lets them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from serving.engine.large_pages import large_pages

SWITCH = Path("/sys/kernel/mm/transparent_hugepage/enabled")
BYTES = 64_000_000


def test_large_blocks_move_to_large_pages_and_keep_what_is_in_them() -> None:
    if not SWITCH.exists() or "[never]" in SWITCH.read_text():
        pytest.skip("this system has no large pages")
    with large_pages():
        block = np.arange(BYTES, dtype=np.uint8)
        before = large_bytes()
    if large_bytes() == before == 0:
        pytest.skip("this system gives no large pages on demand")
    assert large_bytes() >= BYTES / 2
    assert np.array_equal(block, np.arange(BYTES, dtype=np.uint8))


def large_bytes() -> int:
    found = re.search(r"AnonHugePages:\s+(\d+) kB", Path("/proc/self/smaps_rollup").read_text())
    return int(found[1]) * 1024 if found else 0
