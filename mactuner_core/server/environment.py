"""What must stand in the environment of the server's process before it starts, or it computes more slowly.

Whatever is set already stays as it is.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

# Waiting threads look again a thousand times, then sleep. OpenMP's own way (300,000 times) stops everything where another
# program computes too, and sleeping at once (OMP_WAIT_POLICY=PASSIVE) halves the speed of a single answer.
SPINNING = {"GOMP_SPINCOUNT": "1000"}
# Large blocks of memory, so the weights, are asked for in pages of 2 MB where Linux gives them only to those who ask: a
# token reads all weights, and with pages of 4 KB it takes a tenth longer. From glibc 2.35 on; read when a process starts.
# https://www.gnu.org/software/libc/manual/html_node/Memory-Allocation-Tunables.html
LARGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}


def missing_environment(given: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables that the process of a server needs and that `given` (this process's own) lacks."""
    given = os.environ if given is None else given
    wanted = SPINNING | (LARGE_PAGES if sys.platform == "linux" else {})
    return {name: value for name, value in wanted.items() if name not in given}
