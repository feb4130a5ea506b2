"""API keys: file, variable, names, hashes; and a server that asks for them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mactuner_core.errors import InputError
from serving.keys import Keys, hash_line, load_keys, new_key
from serving.settings import KEYS_VARIABLE, ServeSettings
from tests.serving.conftest import Running
from tests.serving.test_errors import raw

LONG = "a-key-of-some-length:with-a-colon"
ROOT = Path(__file__).parents[3]


def keys_of(content: str, tmp_path: Path, variable: str = "") -> Keys:
    """Return the keys of a file with this content."""
    file = tmp_path / "keys.txt"
    file.write_text(content, encoding="utf-8")
    file.chmod(0o600)
    settings = ServeSettings.check({"model": "x", "api_key_file": str(file)})
    keys, notices = load_keys(settings, {KEYS_VARIABLE: variable})
    assert notices == []
    return keys


def who(keys: Keys, key: str) -> str | None:
    """Return whose a key is."""
    found = keys.find(key.encode())
    return found.name if found else None


def test_names_hashes_and_plain_keys(tmp_path: Path) -> None:
    keys = keys_of(f"# of mine\n\nann {LONG}\nfirst:key\nbob  {hash_line('k' * 30)}\n  ann\told-key \n", tmp_path)
    found = [who(keys, key) for key in (LONG, "first:key", "k" * 30, "old-key", "nobody", "")]
    assert found == ["ann", "key-2", "bob", "ann", None, None]
    assert keys.find(hash_line("k" * 30).encode()) is None  # who steals the file has no key
    assert keys.find(f"ann {LONG}".encode()) is None


def test_keys_from_the_variable_stand_before_those_of_the_file(tmp_path: Path) -> None:
    keys = keys_of("third", tmp_path, variable="first, carl second\n")
    assert [who(keys, key) for key in ("first", "second", "third")] == ["key-1", "carl", "key-3"]
    settings = ServeSettings.check({"model": "x"})
    assert not load_keys(settings, {KEYS_VARIABLE: " ,\n"})[0]


def test_collections_that_a_key_may_ask(tmp_path: Path) -> None:
    lines = f"all-1\nann a-key collection=house collection=work\nbob {hash_line('k' * 30)} collection=-\nalone collection=x\n"
    keys = keys_of(lines, tmp_path, variable="carl env-key collection=a collection=b,next")
    found = [keys.find(key) for key in (b"all-1", b"a-key", b"k" * 30, b"alone", b"env-key", b"next")]
    allowed = [key.collections if key else "-" for key in found]
    assert [one and {*one} for one in allowed] == [None, {"house", "work"}, frozenset(), {"x"}, {"a", "b"}, None]
    assert [key.name if key else None for key in found] == ["key-3", "ann", "bob", "key-6", "carl", "key-2"]


def test_a_key_is_kept_only_as_a_hash(tmp_path: Path) -> None:
    assert LONG not in repr(vars(keys_of(LONG, tmp_path)))


@pytest.mark.parametrize("line", ["ann my secret", "a:b secret", "x" * 41 + " secret"])
def test_a_line_that_cannot_be_read_is_named_but_not_shown(line: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        keys_of(f"good\n{line}\n", tmp_path)
    assert caught.value.code == "serving_operations.bad_key_line"
    assert caught.value.values["number"] == 2
    assert "secret" not in str(caught.value)


def test_key_files_that_do_not_work(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load_keys(ServeSettings.check({"model": "x", "api_key_file": str(tmp_path / "none")}), {})
    assert caught.value.code == "serving.no_key_file"
    with pytest.raises(InputError) as caught:
        keys_of("# nothing\n\n", tmp_path)
    assert caught.value.code == "serving.empty_key_file"


def test_a_variable_without_a_key_opens_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEYS_VARIABLE, " , ")
    settings = ServeSettings.check({"model": "x", "host": "0.0.0.0"})  # noqa: S104
    with pytest.raises(InputError) as caught:
        load_keys(settings)
    assert caught.value.code == "serving.open_without_key"


@pytest.mark.skipif(sys.platform == "win32", reason="no such modes there")
def test_plain_keys_that_others_can_read_bring_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "keys.txt"
    settings = ServeSettings.check({"model": "x", "api_key_file": str(file)})
    warned = {}
    for content in (LONG, f"ann {hash_line(LONG)}"):
        for mode in (0o600, 0o644):
            file.write_text(content)
            file.chmod(mode)
            warned[content == LONG, mode] = [notice.code for notice in load_keys(settings, {})[1]]
    assert warned.pop((True, 0o644)) == ["serving_operations.warn_readable_keys"]
    assert set(map(tuple, warned.values())) == {()}


def test_new_keys_and_hashes() -> None:
    assert len({new_key() for _ in range(20)}) == 20
    assert hash_line(f" {LONG}\n") == "sha256:" + hashlib.sha256(LONG.encode()).hexdigest()
    for weak in ("short", "", "words with spaces between them"):
        with pytest.raises(InputError):
            hash_line(weak)


def test_the_program_makes_keys_and_hashes(tmp_path: Path) -> None:
    def run(flag: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "serving", flag],
            input=given,
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, "MACTUNER_LANG": "en"},
            check=False,
        )

    made = run("--new-key")
    key = made.stdout.strip()
    assert made.returncode == 0
    assert hash_line(key) in made.stderr
    assert key not in made.stderr
    hashed = run("--hash-key", key + "\n")
    assert (hashed.returncode, hashed.stdout.strip()) == (0, hash_line(key))
    assert who(keys_of(hashed.stdout, tmp_path), key) == "key-1"
    weak = run("--hash-key", "weak\n")
    assert (weak.returncode, weak.stdout) == (2, "")
    assert "--new-key" in weak.stderr


def test_a_server_with_hashed_keys(start: Callable[..., Running], tmp_path: Path) -> None:
    file = tmp_path / "keys.txt"
    file.write_text(f"ann {hash_line(LONG)}\n")
    server = start(api_key=LONG, api_key_file=str(file))
    assert server.client.models.list().data
    for path in ("/v1/models", "/metrics", "/openapi.json"):
        assert raw(server, "GET", path, headers={"Authorization": f"Bearer {hash_line(LONG)}"})[0] == 401
