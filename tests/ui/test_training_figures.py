"""The figures of a run that a page keeps: read once, then only what is new."""

from __future__ import annotations

from pathlib import Path

from mactuner_core.training import metrics
from ui.training_figures import read_on


def test_only_what_is_new_is_read(tmp_path: Path) -> None:
    metrics.append(tmp_path, kind="metrics", step=1, loss=3.0)
    figures = read_on(tmp_path, None)
    assert figures.place == (tmp_path / metrics.FILE).stat().st_size
    metrics.append(tmp_path, kind="metrics", step=2, loss=2.0, eval_loss=float("nan"))
    again = read_on(tmp_path, figures)
    assert again is figures
    assert list(again.curve("loss").values) == [3.0, 2.0]
    assert again.last("eval_loss") is None


def test_a_half_written_line_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / metrics.FILE
    path.write_bytes(b'{"kind": "metrics", "step": 1, "loss": 3.0}\n{"kind": "met')
    figures = read_on(tmp_path, None)
    assert list(figures.curve("loss").steps) == [1.0]
    with path.open("ab") as file:
        file.write(b'rics", "step": 2, "loss": 2.0}\n')
    assert list(read_on(tmp_path, figures).curve("loss").steps) == [1.0, 2.0]


def test_a_run_that_was_cut_back_is_read_anew(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        metrics.append(tmp_path, kind="metrics", step=step, loss=3.0 / step)
    figures = read_on(tmp_path, None)
    metrics.cut_after(tmp_path, 2)
    metrics.append(tmp_path, kind="resumed", step=2)
    metrics.append(tmp_path, kind="metrics", step=3, loss=0.9)
    again = read_on(tmp_path, figures)
    assert list(again.curve("loss").values) == [3.0, 1.5, 0.9]
    assert [event["step"] for event in again.happened] == [2]


def test_a_run_without_figures_has_none(tmp_path: Path) -> None:
    assert read_on(tmp_path, None).last("loss") is None
