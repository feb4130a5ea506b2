"""Training: the plan, the form, a run at work, a run that ended."""

from __future__ import annotations

from mactuner_core.catalog.tables import DatasetVersion, Model, Run
from mactuner_core.jobs import Job
from tests.pages.conftest import Open, by_key, press, words

PAGE = "pages/3_Training.py"


def test_the_plan_names_steps_and_memory(open_page: Open, dataset: DatasetVersion, model: Model) -> None:
    app = open_page(PAGE)
    figures = {metric.label: metric.value for metric in app.metric}
    assert figures["예제"] == "128"
    assert figures["스텝"] == "48"  # 128 rows in batches of 8, three times
    assert "필요합니다" in words(app)
    start = next(button for button in app.button if button.label == "학습 시작")
    assert not start.disabled


def test_what_does_not_fit_together_is_said_under_its_field(
    open_page: Open, dataset: DatasetVersion, model: Model
) -> None:
    app = open_page(PAGE, "en")
    next(field for field in app.number_input if field.label.startswith("LoRA alpha")).set_value(256)
    next(field for field in app.number_input if field.label.startswith("LoRA rank")).set_value(4).run()
    assert not app.exception
    assert any("lora" in words.value and ":red[" in words.value for words in app.markdown)
    assert next(button for button in app.button if button.label == "Start training").disabled


def test_lora_settings_are_gone_for_a_full_training(open_page: Open, dataset: DatasetVersion, model: Model) -> None:
    app = open_page(PAGE)
    by_key(app.segmented_control, "train-method").set_value("full").run()
    assert not any(field.label.startswith("LoRA") for field in app.number_input)
    assert "모든 가중치를 학습합니다" in words(app)


def test_a_running_training_shows_card_figures_and_stop(open_page: Open, job: Job, run: Run) -> None:
    app = open_page(PAGE)
    line = next(caption.value for caption in app.caption if "12 / 40" in caption.value)
    assert "1,940 tok/s" in line
    assert line.endswith("남음")
    figures = {metric.label: metric.value for metric in app.metric}
    assert figures["학습 손실"] == "0.6667"
    assert figures["검증 손실"] == "3.2500"
    assert "line two" in next(code.value for code in app.code if "line" in code.value)
    press(app, "네, 멈춥니다")
    assert job.stop_requested()
    assert "바로 끝내기" in [button.label for button in app.button]


def test_a_new_run_is_planned_while_another_works_but_not_started(open_page: Open, job: Job, run: Run) -> None:
    app = press(open_page(PAGE, "ko", run=run.id), "새 학습")
    start = next(button for button in app.button if button.label == "학습 시작")
    assert start.disabled


def test_the_form_takes_the_settings_of_a_run_that_is_started_anew(open_page: Open, job: Job, run: Run) -> None:
    app = open_page(PAGE, "ko", like=run.id)
    assert by_key(app.selectbox, "train-dataset").value == run.dataset_id
    assert next(field for field in app.number_input if field.label.startswith("에포크")).value == 3


def test_the_job_is_seen_on_home_and_in_the_sidebar(open_page: Open, job: Job) -> None:
    app = open_page("Home.py")
    assert any("민법-lora-1" in caption.value and "30%" in caption.value for caption in app.sidebar.caption)
    assert any("12 / 40" in caption.value for caption in app.caption)


def test_an_unknown_run_in_the_address_is_explained(open_page: Open, done_run: Run) -> None:
    app = open_page(PAGE, "ko", run="없음")
    assert not app.exception
    assert "없습니다" in app.error[0].value
