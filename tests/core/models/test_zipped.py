"""A model folder in a ZIP: what is taken, what is left, and what ends the work before anything is written."""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mactuner_core.catalog import Catalog
from mactuner_core.errors import InputError
from mactuner_core.models import zipped
from mactuner_core.models.zipped import add_zip
from mactuner_core.workspace import Workspace

Make = Callable[..., Path]
Member = tuple[str | zipfile.ZipInfo, bytes]


@pytest.fixture
def make(folder: Path, tmp_path: Path) -> Make:
    """Return a function that zips the tiny model and more members."""

    def make_it(*more: Member, inside: str = "my-model/", without: str = "") -> Path:
        path = tmp_path / "upload.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(folder.iterdir()):
                if file.name != without:
                    archive.write(file, inside + file.name)
            for name, content in more:
                archive.writestr(name, content)
        return path

    return make_it


@pytest.mark.parametrize("inside", ["my-model/", "", "a/b/my-model/"])
def test_a_model_is_unpacked_wherever_it_lies(
    make: Make, workspace: Workspace, catalog: Catalog, inside: str, folder: Path
) -> None:
    path = make(inside=inside)
    model = add_zip(workspace, catalog, path, path.name).model
    assert model.id == ("my-model" if inside else "upload")
    assert (model.source, model.architecture) == ("zip", "Qwen3ForCausalLM")
    assert (workspace.models / model.id / "COMPLETE").is_file()
    assert (workspace.models / model.id / "model.safetensors").read_bytes() == (
        folder / "model.safetensors"
    ).read_bytes()


def test_what_is_no_model_file_stays_in_the_archive(make: Make, workspace: Workspace, catalog: Catalog) -> None:
    more = [("my-model/" + name, b"x") for name in ("README.md", "pytorch_model.bin", "tokenizer.py", "evil.sh")]
    content = io.BytesIO(make(*more, ("my-model/deep/model.safetensors", b"x")).read_bytes())
    done = add_zip(workspace, catalog, content, "upload.zip", "mine")
    assert set(done.left_out) == {name for name, _ in more} | {"my-model/deep/model.safetensors"}
    there = {file.name for file in (workspace.models / "mine").rglob("*")}
    assert not there & {"pytorch_model.bin", "tokenizer.py", "evil.sh", "deep"}


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (("../../evil.json", b"x"), "models.zip_unsafe"),
        (("/etc/evil.json", b"x"), "models.zip_unsafe"),
        (("C:/evil.json", b"x"), "models.zip_unsafe"),
        (("my-model\\..\\evil.json", b"x"), "models.zip_unsafe"),
        ((link("my-model/vocab.json"), b"/etc/passwd"), "models.zip_unsafe"),
        (("my-model/big.safetensors", bytes(30_000_000)), "models.zip_bomb"),
        (("other/config.json", b"{}"), "models.zip_not_one"),
        (("my-model/generation_config.json", b"{}"), "models.zip_broken"),  # there twice
    ],
)
def test_a_hostile_archive_leaves_nothing(
    make: Make, workspace: Workspace, catalog: Catalog, more: Member, code: str
) -> None:
    path = make(more)
    with pytest.raises(InputError) as caught:
        add_zip(workspace, catalog, path, path.name)
    assert caught.value.code == code
    assert not [*workspace.models.iterdir()]
    assert not catalog.models()


def test_an_archive_without_safetensors_says_why(make: Make, workspace: Workspace, catalog: Catalog) -> None:
    with pytest.raises(InputError) as caught:
        path = make(("my-model/pytorch_model.bin", b"x"), without="model.safetensors")
        add_zip(workspace, catalog, path, path.name)
    assert caught.value.code == "models.only_pickle"
    with pytest.raises(InputError) as caught:
        add_zip(workspace, catalog, make(without="model.safetensors"), "upload.zip")
    assert caught.value.code == "models.no_weights"
    with pytest.raises(InputError) as caught:
        add_zip(workspace, catalog, make(without="tokenizer.json"), "upload.zip")
    assert caught.value.code == "models.no_tokenizer"
    assert not [*workspace.models.iterdir()]


def test_what_is_no_archive_is_said_so(
    make: Make, workspace: Workspace, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "no.zip"
    path.write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(InputError) as caught:
        add_zip(workspace, catalog, path, path.name)
    assert caught.value.code == "models.zip_broken"
    whole = make().read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError) as caught:
        add_zip(workspace, catalog, path, path.name)
    assert caught.value.code == "models.zip_broken"
    monkeypatch.setattr(zipped, "MAXIMUM_MEMBERS", 3)
    with pytest.raises(InputError) as caught:
        add_zip(workspace, catalog, make(), "upload.zip")
    assert caught.value.code == "models.zip_many"


def test_a_name_is_used_once(make: Make, workspace: Workspace, catalog: Catalog) -> None:
    path = make()
    assert add_zip(workspace, catalog, path, path.name).model.id == "my-model"
    assert add_zip(workspace, catalog, path, path.name).model.id == "my-model-2"
    with pytest.raises(InputError) as caught:
        add_zip(workspace, catalog, path, path.name, "my-model")
    assert caught.value.code == "catalog.taken"
