"""The workspace: the one folder MacTuner writes to, `~/.mactuner` or MACTUNER_HOME.

Everything is written under a temporary name and renamed, and a folder's COMPLETE marker is written last, so a crash at
any moment leaves the last good state. Temporary names begin with `.new-`.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mactuner_core.errors import InputError, WorkError
from mactuner_core.format import human_bytes

COMPLETE = "COMPLETE"
_NAME = re.compile(r"[^\W_][\w.\-]{0,63}")


@dataclass(frozen=True)
class Workspace:
    """The folders of one workspace."""

    root: Path

    @property
    def models(self) -> Path:
        """Starter models, one folder each."""
        return self.root / "models"

    @property
    def datasets(self) -> Path:
        """Dataset versions: `<name>/v<number>/`."""
        return self.root / "datasets"

    @property
    def runs(self) -> Path:
        """Training runs, one folder each."""
        return self.root / "runs"

    @property
    def exports(self) -> Path:
        """GGUF exports, one folder each."""
        return self.root / "exports"

    @property
    def collections(self) -> Path:
        """Collections of documents, one folder each."""
        return self.root / "collections"

    @property
    def cache(self) -> Path:
        """What was computed once and can be computed again; may be removed when nothing runs."""
        return self.root / "cache"

    @property
    def jobs(self) -> Path:
        """Jobs, one folder each."""
        return self.root / "jobs"

    @property
    def database(self) -> Path:
        """The catalogue's SQLite file."""
        return self.root / "catalog.db"


def open_workspace(root: Path | None = None) -> Workspace:
    """Return the workspace at `root`, MACTUNER_HOME or `~/.mactuner`, with its folders made.

    Raises WorkError when it cannot be written.
    """
    folder = root or Path(os.environ.get("MACTUNER_HOME") or Path.home() / ".mactuner")
    workspace = Workspace(folder.expanduser().resolve())
    try:
        for part in (
            workspace.models,
            workspace.datasets,
            workspace.runs,
            workspace.exports,
            workspace.collections,
            workspace.jobs,
        ):
            part.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        if problem.errno == errno.ENOSPC:
            raise _disk_full(workspace.root, 1_000_000) from problem
        raise WorkError("workspace.not_writable", path=workspace.root, reason=problem.strerror) from problem
    return workspace


def check_name(name: str) -> str:
    """Return `name` when it can be a file name inside the workspace; raises InputError when it cannot."""
    if not _NAME.fullmatch(name) or name.endswith("."):
        raise InputError("workspace.bad_name", name=name)
    return name


def write_text(path: Path, content: str) -> None:
    """Write `content` to `path` so that a reader sees the old text or the new one, never half."""
    temporary = path.with_name(f".new-{path.name}-{secrets.token_hex(4)}")
    try:
        with disk_full_is_clear(path):
            temporary.write_text(content, encoding="utf-8")
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, data: object) -> None:
    """Write `data` as JSON to `path`, whole or not at all."""
    write_text(path, json.dumps(data, ensure_ascii=False, indent=2) + "\n")


@contextlib.contextmanager
def new_folder(final: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `final`; on success mark it complete and rename it, else remove it."""
    temporary = final.with_name(f".new-{final.name}-{secrets.token_hex(4)}")
    try:
        with disk_full_is_clear(final):
            temporary.mkdir(parents=True)
            yield temporary
            (temporary / COMPLETE).write_text("", encoding="utf-8")
            temporary.replace(final)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def is_complete(folder: Path) -> bool:
    """Tell whether `folder` was written to its end."""
    return (folder / COMPLETE).is_file()


def check_free_space(folder: Path, needed_bytes: int) -> None:
    """Raise WorkError when the disk of `folder` has less than `needed_bytes` free."""
    if shutil.disk_usage(folder).free < needed_bytes:
        raise _disk_full(folder, needed_bytes)


@contextlib.contextmanager
def disk_full_is_clear(path: Path) -> Iterator[None]:
    """Turn the system's "no space left" into a WorkError that says what to do."""
    try:
        yield
    except OSError as problem:
        if problem.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _disk_full(path, 0) from problem
        raise


def _disk_full(path: Path, needed_bytes: int) -> WorkError:
    existing = next(folder for folder in [path, *path.parents] if folder.exists())
    free = human_bytes(shutil.disk_usage(existing).free)
    return WorkError(
        "workspace.disk_full", path=path, needed=human_bytes(needed_bytes) if needed_bytes else "?", free=free
    )
