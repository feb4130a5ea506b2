"""`python -m serving --model FILE.gguf`: the server as a program. Talks to the person on stderr only.

`--new-key` and `--hash-key` start no server: they print what belongs into a key file, on stdout.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from mactuner_core.errors import InputError, MacTunerError
from mactuner_core.messages import text


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted; return 0, 1 when the machine could not do it, 2 when the input was wrong."""
    started = time.monotonic()
    from serving.settings_sources import settings_from

    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        if _make_key_line(arguments):
            return 0
        settings = settings_from(arguments)
        from serving.logs import set_up_logging
        from serving.server import serve

        set_up_logging(settings.log_format)
        _say(text("serving.loading", model=", ".join(settings.model)))
        serve(
            settings,
            on_ready=lambda url, models: _ready(url, models, time.monotonic() - started),
            on_warning=lambda notice: _say(notice.text()),
        )
    except InputError as problem:
        _say(problem.text())
        return 2
    except MacTunerError as problem:
        _say(problem.text())
        return 1
    except KeyboardInterrupt:
        return 130
    _say(text("serving.stopped"))
    return 0


def _make_key_line(arguments: Sequence[str]) -> bool:
    """Do what --new-key or --hash-key ask for, if one of them is the only argument; raises InputError for a bad key."""
    from serving.keys import hash_line, new_key

    if list(arguments) == ["--new-key"]:
        key = new_key()
        _print(key)
        _say(text("serving_operations.new_key", line=hash_line(key)))
        return True
    if list(arguments) == ["--hash-key"]:
        _print(hash_line(sys.stdin.readline()))
        return True
    return False


def _ready(url: str, models: list[str], seconds: float) -> None:
    _say(text("serving.ready", url=url, models=", ".join(models), seconds=seconds))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
