"""Commands as a person types them, each in a process of its own."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

COMMAND = (sys.executable, "-m", "mactuner_core")


@dataclass(frozen=True)
class Finished:
    """What a command left: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.out)


def mactuner(*arguments: object) -> Finished:
    """Run a command to its end."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Finished(done.returncode, done.stdout, done.stderr)


@contextmanager
def served(*arguments: object) -> Iterator[str]:
    """Run `mactuner serve` on a free port as long as the block lasts and give its address, up to /v1; it ends with 0."""
    process = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    assert process.stderr is not None
    said: list[str] = []
    try:
        for line in process.stderr:
            said.append(line)
            if found := re.search(r"Ready: (http://\S+/v1)", line):
                yield found[1]
                process.send_signal(signal.SIGINT)
                _, rest = process.communicate(timeout=60)
                assert process.returncode == 0, rest
                assert "Traceback" not in rest
                return
        raise AssertionError("".join(said))
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
