"""The reading process: `python -m mactuner_core.rag.documents.worker MEMORY_BYTES`, started and watched by `process.py`.

It takes one request a line on its input, as JSON, and answers with lines: `{"step": 3, "of": 300}` while it works and then
`{"result": …}` or `{"error": …}`. A file that crashes, hangs or fills the memory ends this process and nothing else.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mactuner_core.errors import InputError, MacTunerError
from mactuner_core.rag.documents.limits import Limits

Say = Callable[[dict[str, Any]], None]


def main() -> None:
    """Answer requests until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # what a library prints is no answer
    _limit_memory(int(sys.argv[1]))
    sys.modules["pymupdf.layout"] = None  # type: ignore[assignment]  # its networks take seconds and 300 MB; rules do here
    import pymupdf

    pymupdf.no_recommend_layout()
    pymupdf.TOOLS.mupdf_display_errors(False)
    pymupdf.TOOLS.mupdf_display_warnings(False)

    def say(answer: dict[str, Any]) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    for line in sys.stdin:
        say(_answer(json.loads(line), say))


def _answer(request: dict[str, Any], say: Say) -> dict[str, Any]:
    limits = Limits(**request["limits"])
    path, name = Path(request["path"]), request["name"]
    say({"step": 0, "of": 0})  # the start of this process is over: from here on the time counts
    try:
        if request["do"] == "picture":
            from mactuner_core.rag.documents.pdf_picture import picture

            png = picture(path, name, request["page"], request["marked"], limits)
            return {"result": base64.b64encode(png).decode("ascii")}
        from mactuner_core.rag.documents.formats import read_file

        document = read_file(path, name, request["ocr"], limits, lambda step, of: say({"step": step, "of": of}))
        return {"result": asdict(document)}
    except MacTunerError as problem:
        return {"error": problem.as_dict()}
    except MemoryError:
        return {"error": InputError("rag_documents.much_memory", name=name).as_dict()}
    except RecursionError:
        return {"error": InputError("rag_documents.nested", name=name).as_dict()}
    except Exception as problem:  # a damaged file meets errors in libraries that nobody foresaw
        reason = f"{type(problem).__name__}: {' '.join(str(problem).split())[:200]}"
        return {"error": InputError("rag_documents.failed", name=name, reason=reason).as_dict()}


def _limit_memory(limit: int) -> None:
    if sys.platform == "linux":  # elsewhere the limit is not kept by the system; `process.py` watches there and here
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
