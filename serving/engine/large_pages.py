"""Weights in pages of 2 MB: a token reads all of them, and with pages of 4 KB that takes about a tenth longer.

Only Linux has to be asked; where it refuses (before 6.1 it does this later and slowly, or not at all), nothing is lost.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Iterator
from pathlib import Path

_WORTH_BYTES = 16_000_000
# https://man7.org/linux/man-pages/man2/madvise.2.html
_MADV_HUGEPAGE = 14
_MADV_COLLAPSE = 25


@contextlib.contextmanager
def large_pages() -> Iterator[None]:
    """Move the large blocks of memory that come in the block of this `with`, not files, to large pages at its end."""
    if sys.platform != "linux":
        yield
        return
    before = _large_blocks()
    yield
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    for begin, size in _large_blocks() - before:  # not the memory of other models, which may be at work
        madvise(begin, size, _MADV_HUGEPAGE)
        madvise(begin, size, _MADV_COLLAPSE)


def _large_blocks() -> set[tuple[int, int]]:
    """Return where the large writable blocks without a file begin, and their bytes."""
    blocks = set()
    with contextlib.suppress(OSError):  # no /proc here
        for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
            place, rights, _, _, inode = line.split()[:5]
            begin, end = (int(part, 16) for part in place.split("-"))
            if rights.startswith("rw") and inode == "0" and end - begin >= _WORTH_BYTES:
                blocks.add((begin, end - begin))
    return blocks
