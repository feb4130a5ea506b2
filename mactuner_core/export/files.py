"""What every export says of its files: the row of the catalogue, the report on one that did not open, the memory it took."""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from typing import Any

from mactuner_core.catalog.tables import ExportFile


def failed_report(code: str, values: object) -> dict[str, Any]:
    """Return the report on a file that could not be compared at all; `code` and `values` say why."""
    checks = [{"name": "loads", "passed": False, "code": code, "values": values}]
    return {"passed": False, "checks": checks, "token_ids": None, "template": None}


def file_row(export_id: str, final: Path, file: dict[str, Any]) -> ExportFile:
    """Return the catalogue's row of one file, which lies in the folder `final`."""
    return ExportFile(
        export_id=export_id,
        quant=file["quant"],
        path=str(final / file["path"]),
        bytes=file["bytes"],
        verified=file["verify"]["passed"],
        report=file["verify"],
    )


def peak_memory_bytes() -> int:
    """Return the most memory that this process or the one that merged and converted ever held, in bytes.

    The two do not hold a model at the same time, so the larger of them is what the export needs.
    """
    peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return max(peaks) * (1 if sys.platform == "darwin" else 1024)
