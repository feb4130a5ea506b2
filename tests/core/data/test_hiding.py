"""What is kept of a masked chat: nothing in the workspace names a person, and the recipe still works."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mactuner_core import jobs
from mactuner_core.catalog import Catalog
from mactuner_core.data.import_job import start_import
from mactuner_core.data.importing import import_file
from mactuner_core.data.kakaotalk.speakers import named_speaker, speaker_mark
from mactuner_core.data.recipe import Recipe
from mactuner_core.data.statistics.compute import statistics_of
from mactuner_core.errors import InputError
from mactuner_core.workspace import Workspace
from tests.conftest import SAMPLES

CHAT = SAMPLES / "kakaotalk_two_people.txt"
NAMES = ("김민수", "이지은", "민수", "지은", "호두")
VALUES: dict[str, Any] = {
    "kakaotalk": {"me": "김민수", "instruction": "지은이가 이렇게 말했어:", "system_prompt": "너는 {me}, 민수야."},
    "privacy": {"names": ["이지은", "김민수", "호두"]},
}


def names_in(folder: Path, names: tuple[str, ...] = NAMES) -> list[str]:
    """Return every file below `folder` that holds a name, as text of any kind, or is called by one."""
    found = []
    for file in folder.rglob("*"):
        content = file.read_bytes() if file.is_file() else b""
        for name in names:
            escaped = name.encode("unicode_escape")
            if name in file.name or any(form in content for form in (name.encode(), name.encode("cp949"), escaped)):
                found.append(f"{file.relative_to(folder)}: {name}")
    return found


def test_nothing_in_the_workspace_names_a_person(workspace: Workspace, catalog: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "KakaoTalk_이지은.txt"
    path.write_bytes(CHAT.read_bytes())
    job_id = start_import(workspace, path, "talk", Recipe.check(VALUES), source_name=path.name)
    status = jobs.wait(workspace.jobs / job_id)
    assert status.state == "done", status.error
    version = catalog.dataset("talk@1")
    statistics_of(version, words=True)
    assert names_in(workspace.root) == []
    assert version.source_name == "KakaoTalk_[이름].txt"
    assert version.report["chat"]["speakers"] == {"speaker 1": 372, "speaker 2": 331}
    assert version.recipe["kakaotalk"]["instruction"] == "[이름]이가 이렇게 말했어:"
    assert version.recipe["kakaotalk"]["system_prompt"] == "너는 {me}, [이름]야."


def test_a_failed_masked_import_names_nobody_either(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "KakaoTalk_이지은.txt"
    job_id = start_import(workspace, path, "talk", Recipe.check(VALUES), source_name=path.name)
    status = jobs.wait(workspace.jobs / job_id)
    assert status.error is not None and status.error["values"]["path"] == "KakaoTalk_[이름].txt"
    assert names_in(workspace.root) == []


def test_the_nameless_recipe_gives_the_same_rows(workspace: Workspace, catalog: Catalog) -> None:
    first = import_file(workspace, catalog, CHAT, "talk", Recipe.check(VALUES))
    saved = Path(first.path) / "recipe.yaml"
    with pytest.raises(InputError, match="1 more names"):
        import_file(workspace, catalog, CHAT, "talk", Recipe.from_yaml(saved))
    values = yaml.safe_load(saved.read_text())
    values["privacy"]["names"] = ["호두"]
    again = import_file(workspace, catalog, CHAT, "talk", Recipe.check(values))
    for split in ("train.jsonl", "validation.jsonl"):
        assert (Path(again.path) / split).read_bytes() == (Path(first.path) / split).read_bytes()
    assert again.recipe == first.recipe


def test_a_later_export_of_the_chat_knows_me_again(workspace: Workspace, catalog: Catalog, tmp_path: Path) -> None:
    """The one who wrote less in the first file writes more in the second: a place in the order would mean the other."""
    first = import_file(workspace, catalog, CHAT, "talk", Recipe.check({"kakaotalk": {"me": "김민수"}, "privacy": {}}))
    more = "".join(f"[김민수] [오후 9:{minute:02}] 그리고 하나 더\n" for minute in range(60))
    later = tmp_path / "later.txt"
    later.write_text(CHAT.read_text().rstrip("\n") + "\n" + more)
    again = import_file(workspace, catalog, later, "talk", Recipe.from_yaml(Path(first.path) / "recipe.yaml"))
    assert list(again.report["chat"]["speakers"].values()) == [391, 372]
    assert again.recipe["kakaotalk"]["me"] == first.recipe["kakaotalk"]["me"]


def test_names_stay_where_nobody_asked_to_mask_them(workspace: Workspace, catalog: Catalog) -> None:
    for privacy in (None, {"name": "keep"}):
        values = {"kakaotalk": {"me": "김민수"}, "privacy": privacy}
        version = import_file(workspace, catalog, CHAT, "talk", Recipe.check(values))
        assert version.recipe["kakaotalk"]["me"] == "김민수"
        assert "이지은" in version.report["chat"]["speakers"]


def test_marks_tell_the_speakers_of_a_chat_apart() -> None:
    speakers = [f"사람{number}" for number in range(300)]
    marks = {speaker_mark(name, speakers) for name in speakers}
    assert len(marks) == len(speakers)
    assert all(named_speaker(speaker_mark(name, speakers), speakers) == name for name in speakers)
    assert named_speaker("speaker:0000-fff", ["가", "나"]) is None
    assert named_speaker("누구", speakers) is None
