"""The workspace's file of API keys: what stands in it, who can read it, and that the server takes the keys."""

from __future__ import annotations

import stat

import pytest

from mactuner_core.errors import InputError, WorkError
from mactuner_core.server.key_file import add_key, hash_line, key_file, keys_in, new_key, remove_key
from mactuner_core.server.settings import ServeSettings
from mactuner_core.workspace import Workspace
from serving.keys import load_keys


def test_a_key_is_kept_as_a_hash_that_the_server_takes(workspace: Workspace) -> None:
    path = key_file(workspace)
    first, second = add_key(path, "지은"), add_key(path, "open-webui")
    written = path.read_text(encoding="utf-8")
    assert first not in written and second not in written
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    keys, notices = load_keys(ServeSettings(model=["m"], api_key_file=str(path)), {})
    found = [keys.find(key.encode()) for key in (first, second)]
    assert [key.name if key else None for key in found] == ["지은", "open-webui"]
    assert keys.find(b"mt-another") is None
    assert notices == []


def test_one_of_two_keys_of_a_name_can_be_removed(workspace: Workspace) -> None:
    path = key_file(workspace)
    old, new = add_key(path, "me"), add_key(path, "me")
    known = keys_in(path)
    assert [key.name for key in known] == ["me", "me"]
    remove_key(path, known[0])
    keys, _ = load_keys(ServeSettings(model=["m"], api_key_file=str(path)), {})
    assert keys.find(old.encode()) is None
    assert (left := keys.find(new.encode())) and left.name == "me"
    remove_key(path, known[1])
    assert not path.exists()
    assert keys_in(path) == []


def test_a_file_written_by_hand_is_kept_and_listed(workspace: Workspace) -> None:
    path = key_file(workspace)
    path.write_text("# ours\n\nplain-secret-key\nbob another-secret\n", encoding="utf-8")
    add_key(path, "new")
    assert [key.name for key in keys_in(path)] == ["key-1", "bob", "new"]
    assert path.read_text(encoding="utf-8").startswith("# ours\n\nplain-secret-key\nbob another-secret\nnew sha256:")
    assert not any("secret" in key.mark for key in keys_in(path))


def test_collections_of_a_key_are_no_part_of_it(workspace: Workspace) -> None:
    path = key_file(workspace)
    path.write_text("bob another-secret collection=house collection=work\n", encoding="utf-8")
    (plain,) = keys_in(path)
    path.write_text("bob another-secret\n", encoding="utf-8")
    assert keys_in(path) == [plain]
    assert plain.name == "bob"


@pytest.mark.parametrize("name", ["", "two words", "a" * 41, "a=b", "줄\n바꿈"])
def test_a_name_that_would_break_the_file_is_refused(workspace: Workspace, name: str) -> None:
    with pytest.raises(InputError) as problem:
        add_key(key_file(workspace), name)
    assert problem.value.code == "key_file.bad_name"
    assert not key_file(workspace).exists()


def test_a_folder_that_cannot_be_written_is_said(workspace: Workspace) -> None:
    with pytest.raises(WorkError) as problem:
        add_key(workspace.root / "nowhere" / "keys.txt", "me")
    assert problem.value.code == "key_file.cannot_write"


def test_keys_are_long_and_each_is_another() -> None:
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    assert all(len(key) > 40 for key in keys)


@pytest.mark.parametrize("key", ["short", "a key with spaces in it is none"])
def test_a_key_that_could_be_guessed_from_its_hash_is_refused(key: str) -> None:
    with pytest.raises(InputError):
        hash_line(key)
