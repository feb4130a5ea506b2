"""`python -m serving --model FILE.gguf`: the server as a program. Talks to the person on stderr only."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from mactuner_core.errors import InputError, MacTunerError
from mactuner_core.messages import text


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted; return 0, 1 when the machine could not do it, 2 when the input was wrong."""
    from serving.settings_sources import settings_from

    try:
        settings = settings_from(sys.argv[1:] if arguments is None else arguments)
        from serving.server import serve, set_up_logging

        set_up_logging()
        _say(text("serving.loading", model=", ".join(settings.model)))
        serve(settings, on_ready=_ready, on_warning=lambda notice: _say(notice.text()))
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


def _ready(url: str, models: list[str]) -> None:
    _say(text("serving.ready", url=url, models=", ".join(models)))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
