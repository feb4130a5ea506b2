"""The server's log: lines for people or JSON for programs, one a request, and notices; to stderr.

What an endpoint knows it leaves in the request's scope, and `access.py` writes it when the response is over:

    scope["finished"]    list of Finished: what the engine says at the end of each answer; also feeds the metrics
    scope["status"]      a status for the log that differs from the one sent, such as 499: the client left
    scope["log"]         a dict: "model", the name that was served; "prompt_tokens", where no Finished tells it;
                         "prompt" and "answer", texts that are written only with the setting log_texts
    scope["request_id"], scope["client_name"]   set before the endpoint: the request's id and its key's name

Neither keys nor, without log_texts, what people write stands in the log.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from mactuner_core.messages import text

_LIBRARIES = ("uvicorn",)  # their warnings go the same way; their own lines about requests are off
_MOST_FIELDS = 500  # names to remember: they come from clients, and memory must not grow with them
log = logging.getLogger("serving")


@dataclass(frozen=True)
class Notice:
    """Something the person who runs the server should know: `code` names the sentence, `values` fill it."""

    code: str
    values: dict[str, Any]

    def text(self) -> str:
        """Return the sentence in the current language."""
        return text(self.code, **self.values)

    def plain(self) -> dict[str, str]:
        """Return the values as words, for a file that another process reads."""
        return {name: str(value) for name, value in self.values.items()}


def set_up_logging(form: Literal["text", "json"] = "text") -> None:
    """Write the requests and the warnings to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonLines() if form == "json" else logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S")
    )
    for name, level in {"serving": logging.INFO, **dict.fromkeys(_LIBRARIES, logging.WARNING)}.items():
        one = logging.getLogger(name)
        one.handlers = [handler]
        one.setLevel(level)
        one.propagate = False


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, and the fields of the request or the message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON; a record's own `fields` stand in the place of its message."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z"
        line: dict[str, Any] = {"time": moment, "level": record.levelname.lower()}
        line |= getattr(record, "fields", None) or {"message": record.getMessage()}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class UnknownFields:
    """Tells once of each field that clients send and an endpoint passes over."""

    def __init__(self) -> None:
        self._told: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def tell(self, endpoint: str, names: Iterable[str]) -> None:
        """Write those of `names` to the log that were not told of before."""
        with self._lock:
            new = sorted({one[:60] for one in names} - {name for place, name in self._told if place == endpoint})
            new = new[: _MOST_FIELDS - len(self._told)]
            self._told.update((endpoint, name) for name in new)
        if new:
            fields = ", ".join(ascii(name) for name in new)  # a client's words: they must not forge a line
            log.info(text("serving_operations.fields_passed_over", endpoint=endpoint, fields=fields))
