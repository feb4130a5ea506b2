"""A collection as a file: it comes back whole, and a file made to do harm is refused."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from pathlib import Path

import pytest

from mactuner_core.errors import InputError
from mactuner_core.rag import segment as segments
from mactuner_core.rag.collection import Collection
from mactuner_core.rag.collections import list_collections
from mactuner_core.rag.config import SearchConfig
from mactuner_core.rag.transfer import export_collection, import_collection
from mactuner_core.workspace import Workspace
from tests.core.rag.conftest import LEAVE, Write

ANY = SearchConfig(min_score=0)


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def written(path: Path, content: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


def test_a_collection_comes_back_as_it_was(collection: Collection, workspace: Workspace, tmp_path: Path) -> None:
    source = tmp_path / "a.txt"
    source.write_text("월요일 회의입니다.", encoding="utf-8")
    from mactuner_core.rag.documents import read_document

    collection.add(read_document(source), source=source)
    collection.delete("library.txt")
    file = export_collection(collection, tmp_path / "docs.zip")
    with import_collection(workspace, file, "copy") as copy:
        assert copy.documents() == collection.documents()
        for query in ("연차 이월", "flat tyre", "책 대출", "월요일 회의"):
            assert copy.search(query, ANY) == collection.search(query, ANY)
        kept = copy.document_file("a.txt")
        assert kept is not None and kept.read_bytes() == source.read_bytes()
        assert copy.facts()["settings"] == collection.facts()["settings"]
    with pytest.raises(InputError) as taken:
        import_collection(workspace, file)
    assert taken.value.code == "rag.name_taken"
    with pytest.raises(InputError) as there:
        export_collection(collection, file)
    assert there.value.code == "rag.file_exists"


def test_lists_are_made_anew(
    collection: Collection, workspace: Workspace, tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "EXACT_NUMBERS", 5000)
    collection.add(write("many.txt", *[f"{number}번째 방은 {number % 7}층입니다. {LEAVE}" for number in range(60)]))
    assert collection.facts()["index"] == "ivf"
    file = export_collection(collection, tmp_path / "docs.zip")
    assert not any(name.endswith(segments.LISTS) for name in members(file))
    with import_collection(workspace, file, "copy") as copy:
        assert copy.facts()["index"] == "ivf"
        assert copy.search("3층 방", ANY)[0].document == "many.txt"


@pytest.mark.parametrize(
    "name", ["../evil.txt", "/etc/evil", "files/../../evil", "segments\\..\\evil", "evil.py", "segments/x/dense.faiss"]
)
def test_a_path_that_leads_out_is_refused(
    collection: Collection, workspace: Workspace, tmp_path: Path, name: str
) -> None:
    content = members(export_collection(collection, tmp_path / "docs.zip"))
    with pytest.raises(InputError) as raised:
        import_collection(workspace, written(tmp_path / "evil.zip", {**content, name: b"x"}), "copy")
    assert raised.value.code == "rag.not_a_collection_file"
    assert list_collections(workspace) == ["docs"]
    assert not list(tmp_path.parent.rglob("evil.txt"))


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER UPDATE ON meta BEGIN DELETE FROM documents; END",
        "CREATE VIEW v AS SELECT 1",
        "UPDATE documents SET file = '../../secret' WHERE name = 'leave.txt'",
        "UPDATE segments SET name = '../../x'",
        "DROP TABLE removed",
        "UPDATE meta SET value = '{\"embedding_model\": 3}' WHERE key = 'settings'",
        "PRAGMA user_version = 99",
    ],
)
def test_a_store_that_is_not_ours_is_refused(
    collection: Collection, workspace: Workspace, tmp_path: Path, statement: str
) -> None:
    content = members(export_collection(collection, tmp_path / "docs.zip"))
    store = tmp_path / "collection.db"
    store.write_bytes(content["collection.db"])
    with sqlite3.connect(store) as database:
        database.execute(statement)
    database.close()
    content["collection.db"] = store.read_bytes()
    with pytest.raises(InputError):
        import_collection(workspace, written(tmp_path / "evil.zip", content), "copy")
    assert list_collections(workspace) == ["docs"]


@pytest.mark.parametrize("lost", ["collection.json", "collection.db", "settings.yaml", "vectors.npy"])
def test_a_file_with_a_part_missing_is_refused(
    collection: Collection, workspace: Workspace, tmp_path: Path, lost: str
) -> None:
    content = members(export_collection(collection, tmp_path / "docs.zip"))
    less = {name: data for name, data in content.items() if not name.endswith(lost)}
    with pytest.raises(InputError):
        import_collection(workspace, written(tmp_path / "less.zip", less), "copy")
    assert list_collections(workspace) == ["docs"]


@pytest.mark.parametrize("data", [b"", b"no archive", json.dumps({"format": "x"}).encode()])
def test_another_file_is_refused(workspace: Workspace, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "other.zip"
    path.write_bytes(data)
    with pytest.raises(InputError) as raised:
        import_collection(workspace, path)
    assert raised.value.code == "rag.not_a_collection_file"
