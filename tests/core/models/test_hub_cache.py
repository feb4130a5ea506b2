"""What is on the disk: the Hugging Face cache as the library writes it, and the workspace; listing and deleting."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mactuner_core.catalog import Catalog
from mactuner_core.errors import InputError, NotFoundError
from mactuner_core.models import hub_cache
from mactuner_core.models.hub_cache import delete_kept, kept_models
from mactuner_core.models.hub_download import add_snapshot
from mactuner_core.workspace import Workspace

COMMIT = "b" * 40


@pytest.fixture
def cache(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a cache with one whole model, one that was cut, and a dataset."""
    place = tmp_path / "hub"
    whole = place / "models--tiny--model"
    (whole / "blobs").mkdir(parents=True)
    (whole / "snapshots" / COMMIT).mkdir(parents=True)
    for number, file in enumerate(sorted(folder.iterdir())):
        shutil.copy(file, whole / "blobs" / str(number))
        (whole / "snapshots" / COMMIT / file.name).symlink_to(whole / "blobs" / str(number))
    cut = place / "models--tiny--cut" / "blobs"
    cut.mkdir(parents=True)
    (cut / "abc.incomplete").write_bytes(bytes(1000))
    data = place / "datasets--tiny--rows" / "snapshots" / COMMIT
    data.mkdir(parents=True)
    (data / "rows.csv").write_text("a,b\n", encoding="utf-8")
    monkeypatch.setattr(hub_cache, "cache_folder", lambda: place)
    return place


def test_whole_and_cut_models_are_listed_with_size_and_users(
    cache: Path, workspace: Workspace, catalog: Catalog, folder: Path
) -> None:
    (workspace.models / "left-over").mkdir()
    (workspace.models / "left-over" / "config.json").write_text("{}", encoding="utf-8")
    add_snapshot(workspace, catalog, "tiny/model", cache / "models--tiny--model" / "snapshots" / COMMIT)
    found = {kept.name: kept for kept in kept_models(workspace, catalog)}
    assert set(found) == {"tiny/model", "tiny/cut", "left-over"}
    whole, cut = found["tiny/model"], found["tiny/cut"]
    assert whole.bytes == sum(file.stat().st_size for file in folder.iterdir())
    assert (whole.used_by, whole.partial_bytes, whole.place) == (("model",), 0, "hub")
    assert whole.path and whole.path.name == COMMIT
    assert (cut.bytes, cut.partial_bytes, cut.path, cut.used_by) == (1000, 1000, None, ())
    assert (found["left-over"].place, found["left-over"].path) == ("workspace", None)
    assert found["left-over"].as_dict()["bytes"] == 2


def test_only_what_nobody_uses_is_deleted(cache: Path, workspace: Workspace, catalog: Catalog) -> None:
    row = add_snapshot(workspace, catalog, "tiny/model", cache / "models--tiny--model" / "snapshots" / COMMIT)
    with pytest.raises(InputError) as caught:
        delete_kept(workspace, catalog, "tiny/model")
    assert caught.value.code == "models.kept_is_used"
    catalog.remove_model(row.id)
    for name in ("tiny/model", "tiny/cut"):
        delete_kept(workspace, catalog, name)
    assert [folder.name for folder in cache.iterdir() if folder.name != ".locks"] == ["datasets--tiny--rows"]
    with pytest.raises(NotFoundError):
        delete_kept(workspace, catalog, "tiny/model")


@pytest.mark.parametrize("name", ["..", "../models", "a/../../b", "/etc"])
def test_a_name_that_is_no_model_deletes_nothing(
    cache: Path, workspace: Workspace, catalog: Catalog, name: str
) -> None:
    with pytest.raises(NotFoundError):
        delete_kept(workspace, catalog, name)
    assert (cache / "models--tiny--model").is_dir()


def test_no_cache_is_no_error(workspace: Workspace, catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_cache, "cache_folder", lambda: workspace.root / "none")
    assert kept_models(workspace, catalog) == []
