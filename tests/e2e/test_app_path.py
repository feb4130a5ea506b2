"""The main job by clicks in a real browser: from a file of examples to an answer, in Korean; shorter in English."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import openai
import pytest
from playwright.sync_api import Locator, Page, expect

from mactuner_core import jobs
from mactuner_core.catalog import Catalog
from mactuner_core.workspace import Workspace
from tests.e2e.conftest import WORK_MS, Visit

pytestmark = pytest.mark.browser
BATCH = 16  # what is suggested for a starter model
# What Streamlit says in English by itself, when it is let.
STREAMLITS_OWN = ("Upload", "Browse files", "Drag and drop", "Choose an option", "Choose options", "Press Enter")


def test_from_examples_to_an_answer_in_korean(
    visit: Callable[..., Visit], workspace: Workspace, catalog: Catalog
) -> None:
    found = visit("ko-KR")
    page = found.open()
    expect(page.get_by_role("heading", name="홈", exact=True)).to_be_visible()
    press(page, "여기서 계속")
    import_sample(found)
    press(page, "다음: 모델 고르기")
    make_starter(found)
    press(page, "학습하기")
    train(found, workspace, epochs=3)
    press(page, "다음: 내보내기")
    export(found)
    press(page, "대화하기")
    chat(found)
    stop_server(found, workspace)
    page.get_by_role("link", name="홈", exact=True).click()
    expect(page.get_by_text("끝난 학습 1개")).to_be_visible()
    assert not found.strangers, "the page asked other machines"
    assert not found.errors
    assert len(catalog.export_files(catalog.exports()[0].id)) == 2


def import_sample(found: Visit) -> None:
    page = found.page
    expect(page.get_by_role("heading", name="데이터", exact=True)).to_be_visible()
    expect(page.get_by_text("파일이 없다면 샘플로 시작하세요")).to_be_visible()
    korean_only(found)
    page.get_by_role("radio", name="샘플").or_(page.get_by_text("샘플", exact=True)).first.click()
    press(page, "이 샘플 쓰기")
    expect(page.get_by_text("법률에 규정이 없는 민사 문제는 무엇을 따르나요?").first).to_be_visible()
    expect(metric(page, "쓸 수 있는 행")).to_contain_text("160")
    expect(page.get_by_role("cell", name="신의성실의 원칙이 뭔가요?")).to_be_visible()
    korean_only(found)
    for step in ("살펴보기", "다듬기", "보호하기", "나누기", "저장"):
        press(page, f"다음: {step}")
        expect(page.get_by_role("radio", name=step, exact=True)).to_be_checked()
        korean_only(found)
    press(page, "데이터셋으로 저장")
    expect(page.get_by_text("저장 완료: 학습용 128개, 검증용 32개.")).to_be_visible()


def make_starter(found: Visit, dataset: str = "civil_law_qa") -> None:
    page = found.page
    expect(page.get_by_role("heading", name="모델", exact=True)).to_be_visible()
    press(page, "스타터 모델 만들기")
    expect(page.get_by_text(f"starter-{dataset}", exact=True).first).to_be_visible()
    expect(metric(page, "구조")).to_contain_text("Qwen3", timeout=WORK_MS)
    korean_only(found)


def train(found: Visit, workspace: Workspace, epochs: int, dataset: str = "civil_law_qa", examples: int = 128) -> None:
    page = found.page
    steps = -(-examples // BATCH) * epochs
    expect(metric(page, "예제")).to_contain_text(str(examples))
    expect(page.get_by_text("스타터 모델은 아직 아무것도 모르므로")).to_be_visible()
    field = page.get_by_role("spinbutton", name="에포크 (epochs)")
    field.fill(str(epochs))
    field.press("Tab")
    expect(metric(page, "스텝")).to_contain_text(str(steps))
    korean_only(found)
    press(page, "학습 시작")
    card = page.locator("[class*=st-key-job-train]")
    expect(card.get_by_text(f"{dataset}-full-1")).to_be_visible()
    expect(card.get_by_text(re.compile(rf"\d+ / {steps} · [\d,]+ tok/s · .+ 남음"))).to_be_visible(timeout=WORK_MS)
    page.reload()
    expect(card.get_by_text(f"{dataset}-full-1")).to_be_visible()
    assert not jobs.list_jobs(workspace.jobs)[0].ended, "the reload should have come in the middle"
    expect(page.get_by_text("학습을 마쳤습니다")).to_be_visible(timeout=WORK_MS)
    expect(metric(page, "학습 손실")).to_contain_text(re.compile(r"\d\.\d{4}"))
    chart = page.locator("[data-testid=stVegaLiteChart]").first
    expect(chart).to_be_visible()
    assert chart.bounding_box()["height"] > 300  # type: ignore[index]
    korean_only(found)


def export(found: Visit) -> None:
    page = found.page
    expect(page.get_by_role("heading", name="내보내기", exact=True)).to_be_visible()
    korean_only(found)
    press(page, "내보내기")
    expect(page.get_by_text("검증됨")).to_be_visible(timeout=WORK_MS)
    expect(page.get_by_text("토큰 id가 원본 토크나이저와 같습니다").first).to_be_visible()
    expect(page.get_by_text("KL 발산 평균")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="내려받기").last.click()
    assert Path(download.value.path()).read_bytes()[:4] == b"GGUF"
    korean_only(found)


def chat(found: Visit, asked: str = "몇 살이 되면 성년인가요?", at_least: int = 4) -> None:
    page = found.page
    expect(page.get_by_role("heading", name="채팅", exact=True)).to_be_visible()
    press(page, "서버 시작")
    question = (
        page.get_by_role("textbox", name="모델에게 물어보세요")
        .or_(page.get_by_placeholder("모델에게 물어보세요"))
        .first
    )
    expect(question).to_be_visible(timeout=WORK_MS)
    expect(page.get_by_text("서버 켜짐")).to_be_visible()
    question.fill(asked)
    question.press("Enter")
    expect(page.get_by_text(re.compile(r"^\d+토큰 · [\d,]+ tok/s"))).to_be_visible(timeout=WORK_MS)
    answer = page.locator("[data-testid=stChatMessage]").last.locator("[data-testid=stMarkdownContainer]").first
    assert len(answer.inner_text().strip()) >= at_least
    found.settled()
    korean_only(found)
    page.get_by_text("다른 프로그램에서 접속하기").click()
    url = page.locator("[data-testid=stCode]").first.inner_text().strip()
    client = openai.OpenAI(base_url=url, api_key="-")
    model = client.models.list().data[0].id
    said = client.chat.completions.create(model=model, messages=[{"role": "user", "content": asked}], temperature=0)
    assert said.choices[0].message.content


def stop_server(found: Visit, workspace: Workspace) -> None:
    press(found.page, "서버 중지")
    expect(found.page.get_by_text("서버 꺼짐")).to_be_visible()
    serve = next(job for job in jobs.list_jobs(workspace.jobs) if job.kind == "serve")
    assert jobs.wait(serve.folder).ended


def test_in_english_the_language_stays_through_pages_and_a_reload(
    visit: Callable[..., Visit], catalog: Catalog, tmp_path: Path
) -> None:
    found = visit("ko-KR")
    page = found.open()
    page.get_by_text("English", exact=True).click()
    expect(page.get_by_role("heading", name="Home", exact=True)).to_be_visible()
    page.get_by_role("link", name="② Data").click()
    expect(page.get_by_role("heading", name="Data", exact=True)).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Data", exact=True)).to_be_visible()
    file = tmp_path / "faq.csv"
    file.write_text("question,answer\nWhat is this?,A test.\nAnd this?,\nWhat is this?,A test.\n", encoding="utf-8")
    page.locator("input[type=file]").set_input_files(file)
    expect(metric(page, "Usable rows")).to_contain_text("1")
    page.get_by_role("tab", name="Left out (2)").first.click()
    expect(page.get_by_role("cell", name="“answer” is empty")).to_be_visible()
    expect(page.get_by_role("cell", name="the same as line 2")).to_be_visible()
    page.get_by_text("Save", exact=True).first.click()
    press(page, "Save as a dataset")
    expect(page.get_by_text("faq@1", exact=True).first).to_be_visible()
    assert catalog.dataset("faq").train_rows == 1
    assert not found.strangers
    assert not found.errors


def test_a_page_can_be_the_first_one_opened_and_follows_the_browser(visit: Callable[..., Visit]) -> None:
    page = visit("en-US", "dark").open("/Training")
    expect(page.get_by_role("heading", name="Training", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="③ Training")).to_be_visible()
    background = page.evaluate("getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor")
    assert background == "rgb(15, 23, 42)"
    press(page, "Bring examples")
    expect(page.get_by_role("heading", name="Data", exact=True)).to_be_visible()


def press(page: Page, label: str) -> None:
    """Click the button whose label ends so (an icon's name may stand before it)."""
    page.get_by_role("button", name=re.compile(rf"(^|\s){re.escape(label)}$")).first.click()


def metric(page: Page, label: str) -> Locator:
    """Return the figure with that label."""
    return page.locator("[data-testid=stMetric]").filter(has_text=label).first


def korean_only(found: Visit) -> None:
    """Check that nothing on the page is in Streamlit's own English."""
    shown = found.page.locator("[data-testid=stApp]").inner_text()
    assert [words for words in STREAMLITS_OWN if words in shown] == []
