"""The job's own process: `python -m mactuner_core.jobs FOLDER` does what `FOLDER/spec.json` says."""

from __future__ import annotations

import importlib
import json
import signal
import sys
import traceback
from pathlib import Path

from mactuner_core.errors import MacTunerError, WorkError
from mactuner_core.jobs.control import request_stop
from mactuner_core.jobs.job import Job, JobCancelled
from mactuner_core.jobs.kinds import HANDLERS
from mactuner_core.workspace import disk_full_is_clear, open_workspace


def main(folder: Path) -> int:
    """Run the job in `folder` to its end and return the exit code."""
    spec = json.loads((folder / "spec.json").read_text(encoding="utf-8"))
    job = Job(folder, open_workspace())
    job.watch()
    signal.signal(signal.SIGTERM, lambda *_: request_stop(folder))
    try:
        module, function = HANDLERS[spec["kind"]].split(":")
        with disk_full_is_clear(job.workspace.root):
            result = getattr(importlib.import_module(module), function)(spec["spec"], job)
    except JobCancelled:
        job.finish("cancelled")
        return 1
    except MacTunerError as problem:
        traceback.print_exc()
        job.finish("failed", error=problem.as_dict())
        return 1
    except MemoryError:
        traceback.print_exc()
        job.finish("failed", error=WorkError("jobs.out_of_memory").as_dict())
        return 1
    except Exception as problem:
        traceback.print_exc()
        name = f"{type(problem).__name__}: {problem}"
        job.finish("failed", error=WorkError("jobs.unexpected", reason=name, log=folder / "log.txt").as_dict())
        return 1
    job.finish("done", result=result)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
