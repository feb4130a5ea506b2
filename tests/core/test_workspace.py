"""The workspace: whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from mactuner_core.errors import InputError, WorkError
from mactuner_core.workspace import (
    Workspace,
    check_free_space,
    check_name,
    disk_full_is_clear,
    is_complete,
    new_folder,
    open_workspace,
    write_json,
    write_text,
)


def test_a_failed_folder_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), new_folder(tmp_path / "a") as folder:
        (folder / "half").write_text("x")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_finished_folder_is_complete(tmp_path: Path) -> None:
    with new_folder(tmp_path / "a") as folder:
        (folder / "file").write_text("x")
        assert not (tmp_path / "a").exists()
    assert is_complete(tmp_path / "a")
    assert (tmp_path / "a" / "file").read_text() == "x"


def test_a_failed_write_keeps_the_old_text(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "\ud800")
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_no_space_left_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(WorkError) as caught, disk_full_is_clear(tmp_path / "x"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert "MACTUNER_HOME" in str(caught.value)
    assert "free" in str(caught.value)


def test_too_little_space_is_found_before_the_work(tmp_path: Path) -> None:
    check_free_space(tmp_path, 1)
    with pytest.raises(WorkError, match="disk is full"):
        check_free_space(tmp_path, 2**60)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_really_full_device_is_reported() -> None:
    full = Path("/dev/full")
    with pytest.raises(WorkError, match="disk is full"), disk_full_is_clear(full), full.open("w") as file:
        file.write("x" * 100_000)


@pytest.mark.parametrize("name", ["a", "civil-law", "민법_2", "v1.0"])
def test_good_names(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "a\\b", ".hidden", "a b", "x" * 65, "a\n", "a."])
def test_names_that_would_leave_the_workspace_are_refused(name: str) -> None:
    with pytest.raises(InputError):
        check_name(name)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_of_somebody_else_is_reported(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(WorkError, match="MACTUNER_HOME"):
        open_workspace(tmp_path / "x")


def test_a_file_in_the_place_of_the_workspace_is_reported(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(WorkError, match="MACTUNER_HOME"):
        open_workspace(tmp_path / "x")


def test_json_is_readable_korean(workspace: Workspace) -> None:
    write_json(workspace.root / "a.json", {"이름": "값"})
    assert "이름" in (workspace.root / "a.json").read_text(encoding="utf-8")
