"""What validation rows share with training rows: each kind once, the right partner, and counted once for a version."""

from __future__ import annotations

from pathlib import Path

import pytest

from mactuner_core.catalog import Catalog
from mactuner_core.data.importing import import_file
from mactuner_core.data.recipe import Recipe
from mactuner_core.data.rows import Example
from mactuner_core.data.splitting import SplitRecipe
from mactuner_core.data.statistics import overlap as overlap_module
from mactuner_core.data.statistics.compute import compute
from mactuner_core.data.statistics.overlap import overlap_of, with_overlap
from mactuner_core.data.statistics.part import Statistics
from mactuner_core.data.statistics.select import rows_in
from mactuner_core.workspace import Workspace
from tests.conftest import SAMPLES

LONG = "신의성실의 원칙은 권리의 행사와 의무의 이행을 신의에 좇아 성실히 하여야 한다는 원칙입니다"


def rows(*answers: str) -> list[Example]:
    return [
        Example(line, [{"role": "user", "content": "무엇인가요?"}, {"role": "assistant", "content": answer}])
        for line, answer in enumerate(answers, start=1)
    ]


def found_in(train: list[Example], validation: list[Example]) -> Statistics:
    return with_overlap(compute(train, validation), train, validation, 0.8)


def test_each_row_counts_once_and_has_its_partner() -> None:
    train = rows(
        "소유권은 물건을 지배하는 권리입니다", f"{LONG}.", "전혀 다른 이야기를 하는 행", LONG.replace("성실히", "곧게")
    )
    validation = rows(
        "소유권은 물건을 지배하는 권리입니다",
        f"{LONG} !",
        LONG.replace("원칙입니다", "원칙이에요"),
        "여기에만 있는 말",
    )
    found = found_in(train, validation)
    assert found.parts["overlap"].figures == {"exact": 1, "normalised": 1, "near": 1, "rows": 4}
    assert [rows_in(found, "overlap", kind) for kind in range(3)] == [[4, 0], [5, 1], [6, 1]]


def test_copies_within_training_are_no_overlap() -> None:
    found = found_in(rows(LONG, LONG, f"{LONG}요"), rows("다른 말"))
    assert found.parts["overlap"].figures == {"exact": 0, "normalised": 0, "near": 0, "rows": 1}


@pytest.mark.parametrize("validation", [0, 3])
def test_few_rows(validation: int) -> None:
    figures = found_in(rows("가"), rows(*"나다라"[:validation])).parts["overlap"].figures
    assert figures == {"exact": 0, "normalised": 0, "near": 0, "rows": validation}


@pytest.mark.parametrize("together", [True, False])
def test_a_version_is_counted_once(
    workspace: Workspace, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, together: bool
) -> None:
    content = (SAMPLES / "civil_law_qa.csv").read_text(encoding="utf-8-sig").splitlines()
    path = tmp_path / "law.csv"
    doubled = [line.replace("요?", "요??") for line in content[1:]]
    path.write_text("\n".join([*content, *doubled]) + "\n", encoding="utf-8")
    recipe = Recipe(split=SplitRecipe(keep_near_duplicates_together=together))
    version = import_file(workspace, catalog, path, "law", recipe)
    first = overlap_of(version, 0.8)
    counts = {kind: first.parts["overlap"].figures[kind] for kind in overlap_module.KINDS}
    assert (sum(counts.values()) == 0) is together, counts
    monkeypatch.setattr(overlap_module, "with_overlap", None)
    assert overlap_of(version, 0.8).parts["overlap"].figures == first.parts["overlap"].figures
