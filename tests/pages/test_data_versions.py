"""Data, saved versions: the overlap of both sides, removal, and what one looked at last."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import DatasetVersion, Run
from mactuner_core.data.importing import import_file
from mactuner_core.data.recipe import Recipe
from mactuner_core.data.splitting import SplitRecipe
from mactuner_core.jobs import Job
from mactuner_core.workspace import Workspace
from tests.pages.conftest import SAMPLES, Open, by_key, press, words
from tests.pages.test_data_page import PAGE, fine, save, step, view, with_sample


@pytest.fixture
def doubled(workspace: Workspace, catalog: Catalog, tmp_path: Path) -> DatasetVersion:
    """Return a version in which rows of both sides say the same."""
    header, *lines = (SAMPLES / "civil_law_qa.csv").read_text(encoding="utf-8-sig").splitlines()
    path = tmp_path / "law.csv"
    path.write_text("\n".join([header, *lines, *(line.replace("요?", "요??") for line in lines)]) + "\n", "utf-8")
    recipe = Recipe(split=SplitRecipe(keep_near_duplicates_together=False))
    return import_file(workspace, catalog, path, "민법", recipe)


def remove_box(app: AppTest, version: DatasetVersion) -> AppTest:
    """Open the box of the removal."""
    app.session_state[f"version-remove-{version.id}"] = True
    return app.run()


def test_the_overlap_is_drawn_with_its_pairs(open_page: Open, doubled: DatasetVersion) -> None:
    app = view(open_page(PAGE), "figures")
    assert "학습용에도 있습니다" in app.warning[0].value
    pairs = app.table[0].value
    assert len(pairs) > 10
    assert set(pairs["종류"]) == {"띄어쓰기·부호만 다름"}
    for one, other in zip(pairs["검증용"], pairs["학습용"], strict=True):
        same = [words.partition(" · ")[2].replace("?", "") for words in (one, other)]
        assert same[0] == same[1]


def test_no_overlap_is_said_in_words(open_page: Open, dataset: DatasetVersion) -> None:
    app = view(open_page(PAGE), "figures")
    assert "검증용 32행 가운데 학습용과 같거나 거의 같은 행이 없습니다" in app.success[0].value
    for name in ("characters", "turns", "parts", "missing", "longest", "shortest"):
        by_key(app.segmented_control, "version-chart").set_value(name).run()
        assert name == "missing" or fine(app).table


def test_the_draft_says_it_before_saving(open_page: Open) -> None:
    app = step(with_sample(open_page, "civil_law_qa.csv"), "split")
    assert "거의 같은 행이 없습니다" in app.success[0].value


def test_version_and_view_are_there_again(open_page: Open, workspace: Workspace, catalog: Catalog) -> None:
    for name in ("first", "second"):
        import_file(workspace, catalog, SAMPLES / "civil_law_unseen.csv", name)
    app = fine(open_page(PAGE))
    assert by_key(app.selectbox, "data-version").value == "second@1"
    by_key(app.selectbox, "data-version").set_value("first@1").run()
    view(app, "rows")
    again = fine(open_page(PAGE))
    assert by_key(again.selectbox, "data-version").value == "first@1"
    assert by_key(again.segmented_control, "data-view").value == "rows"
    import_file(workspace, catalog, SAMPLES / "civil_law_unseen.csv", "third")
    assert by_key(fine(open_page(PAGE)).selectbox, "data-version").value == "third@1"


def test_a_version_is_removed_after_a_question(
    open_page: Open, catalog: Catalog, done_run: Run, dataset: DatasetVersion
) -> None:
    app = remove_box(fine(open_page(PAGE)), dataset)
    assert "되돌릴 수 없습니다" in words(fine(app))
    assert "민법-lora-1" in words(app)
    assert Path(dataset.path).exists()
    press(app, "네, 삭제합니다")
    assert not fine(app).selectbox
    assert not Path(dataset.path).exists()
    assert not catalog.dataset_versions()
    for page in ("pages/3_Training.py", "pages/1_Models.py", "Home.py"):
        assert not open_page(page, run=done_run.id).exception


def test_a_draft_can_be_saved_again_after_its_version_was_removed(
    open_page: Open, workspace: Workspace, catalog: Catalog
) -> None:
    app = step(with_sample(open_page, "civil_law_unseen.csv"), "save")
    version = save(app, workspace, catalog)
    press(remove_box(view(app, "synthesis"), version), "네, 삭제합니다")
    assert not fine(app).success
    assert [button.label for button in app.button if button.proto.type == "primary"] == ["데이터셋으로 저장"]
    assert save(app, workspace, catalog).id == "civil_law_unseen@2"


def test_a_version_in_use_is_not_removed(open_page: Open, dataset: DatasetVersion, run: Run, job: Job) -> None:
    job.folder.joinpath("spec.json").write_text('{"kind": "train", "spec": {"run": "민법-lora-1"}}', encoding="utf-8")
    app = remove_box(fine(open_page(PAGE)), dataset)
    assert "train-1" in app.warning[0].value
    assert next(button for button in app.button if button.label == "네, 삭제합니다").disabled
    assert Path(dataset.path).exists()
