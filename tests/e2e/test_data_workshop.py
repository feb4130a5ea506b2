"""The data workshop in a real browser: a chat export from raw text to a saved dataset without personal data, in Korean.

With MACTUNER_SCREENSHOTS set to a folder, a second test takes the pictures of every step, light and dark, in both languages.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from mactuner_core.catalog import Catalog
from mactuner_core.data.importing import import_file
from mactuner_core.workspace import Workspace
from tests.conftest import SAMPLES
from tests.e2e.conftest import FOLDER, WORK_MS, Visit
from tests.e2e.test_app_path import korean_only, metric, press

STEPS = {
    "ko": ("불러오기", "살펴보기", "다듬기", "보호하기", "나누기", "저장"),
    "en": ("Load", "Understand", "Clean", "Protect", "Split", "Save"),
}
NAMES = ("", "-understand", "-clean", "-protect", "-split", "-save")  # of the pictures
LOOKS = [(language, colours) for language in ("ko", "en") for colours in ("light", "dark")]
TEXTS = {
    "ko": {
        "me": "이 대화에서 나는 누구인가요?",
        "step": "단계",
        "repeated": "반복 글자 줄이기",
        "mask": "개인정보 가리기",
        "finds": "찾은 것과 바꾼 것",
        "week": "요일·시간대",
    },
    "en": {
        "me": "Who are you in this chat?",
        "step": "Step",
        "repeated": "Repeated characters",
        "mask": "Mask personal data",
        "finds": "Found and replaced",
        "week": "When",
    },
}
pytestmark = pytest.mark.browser


def chat_export(folder: Path) -> Path:
    """Write the sample chat with a phone number and an e-mail address said in it."""
    lines = (SAMPLES / "kakaotalk_two_people.txt").read_text(encoding="utf-8").splitlines()
    lines += [
        "[이지은] [오후 9:40] 철수 번호 뭐였지?",
        "[김민수] [오후 9:41] 010-2345-6789 이거야 메일은 minsu.kim@example.com",
        "[이지은] [오후 9:42] 민수야 고마워ㅋㅋㅋㅋㅋㅋ",
        "[김민수] [오후 9:43] 지은아 천만에ㅋㅋㅋㅋㅋㅋㅋ",
    ]
    path = folder / "카톡.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_chat_export_becomes_a_masked_dataset(visit: Callable[..., Visit], catalog: Catalog, tmp_path: Path) -> None:
    found = visit("ko-KR")
    page = found.open("/Data")
    page.locator("input[type=file]").set_input_files(chat_export(tmp_path))
    expect(page.get_by_text("카톡.txt").first).to_be_visible()
    expect(metric(page, "형식")).to_contain_text("카카오톡")
    choose(page, "이 대화에서 나는 누구인가요?", "김민수")
    expect(metric(page, "대화 쌍")).to_contain_text(re.compile(r"\d{3}"))
    korean_only(found)
    press(page, "다음: 살펴보기")
    click_a_bar(found)
    press(page, "다음: 다듬기")
    choose(page, "단계", "반복 글자 줄이기")
    expect(page.get_by_text("반복 글자 줄이기: 이렇게 달라집니다")).to_be_visible()
    press(page, "이 단계 적용")
    expect(page.get_by_text(re.compile(r"\d+행 바뀜, 0행 제외"))).to_be_visible()
    page.reload()
    expect(page.get_by_text(re.compile(r"\d+행 바뀜, 0행 제외"))).to_be_visible()
    korean_only(found)
    press(page, "다음: 보호하기")
    page.get_by_text("개인정보 가리기", exact=True).click()
    expect(page.get_by_text("다시 검사해도 남은 개인정보가 없습니다")).to_be_visible(timeout=WORK_MS)
    page.get_by_role("tab", name="찾은 것과 바꾼 것").click()
    expect(page.get_by_text("[전화번호]").first).to_be_visible()
    korean_only(found)
    press(page, "다음: 나누기")
    expect(metric(page, "검증용")).to_contain_text(re.compile(r"\d+"))
    other_tab_and_back(found)
    press(page, "다음: 저장")
    press(page, "데이터셋으로 저장")
    expect(page.get_by_text("저장 완료")).to_be_visible(timeout=WORK_MS)
    korean_only(found)
    check_saved(catalog)
    assert not found.strangers
    assert not found.errors


def click_a_bar(found: Visit) -> None:
    """Click the tallest bar of the lengths: the table below shows its rows only."""
    page = found.page
    chart = page.locator("[data-testid=stVegaLiteChart]").first
    expect(chart).to_be_visible()
    found.settled()
    chart.locator("g.mark-rect path").nth(2).click()
    expect(page.get_by_text(re.compile(r"\d+행 중 \d+행")).first).to_be_visible()


def other_tab_and_back(found: Visit) -> None:
    """Go to another page and come back to the same step."""
    page = found.page
    page.get_by_role("link", name="홈", exact=True).click()
    expect(page.get_by_role("heading", name="홈", exact=True)).to_be_visible()
    page.get_by_role("link", name="② 데이터").click()
    expect(metric(page, "검증용")).to_be_visible()


def check_saved(catalog: Catalog) -> None:
    """Hold the saved rows against what was in the chat."""
    version = catalog.dataset("카톡")
    saved = "".join(
        (Path(version.path) / f"{split}.jsonl").read_text(encoding="utf-8") for split in ("train", "validation")
    )
    assert "[전화번호]" in saved
    assert "[이메일]" in saved
    assert "[이름]" in saved
    gone = ("010-2345-6789", "minsu.kim", "김민수", "이지은", "민수야", "지은아", "ㅋㅋㅋㅋㅋ")
    assert [words for words in gone if words in saved] == []
    assert json.loads(saved.splitlines()[0])["messages"][-1]["role"] == "assistant"


def choose(page: Page, label: str, option: str) -> None:
    """Choose an option of a select box."""
    field = page.get_by_role("combobox", name=re.compile(re.escape(label))).first
    field.click()
    page.get_by_role("option", name=option, exact=True).click()


@pytest.mark.skipif(not FOLDER, reason="pictures are taken when MACTUNER_SCREENSHOTS names a folder")
def test_pictures_of_every_step(
    own_home: Path,
    visit: Callable[..., Visit],
    workspace: Workspace,
    catalog: Catalog,
    tmp_path: Path,
) -> None:
    export = chat_export(tmp_path)
    import_file(workspace, catalog, SAMPLES / "civil_law_qa_messy.csv", "civil_law_qa")
    import_file(workspace, catalog, SAMPLES / "civil_law_qa.csv", "civil_law_qa")
    assert workspace.root == own_home
    prepare(visit("ko-KR"), export)
    for language, colours in LOOKS:
        found = visit(f"{language}-XX", colours, height=1100)
        for name, label in zip(NAMES, STEPS[language], strict=True):
            page = found.open("/Data")
            page.get_by_text(label, exact=True).first.click()
            found.settled()
            show_more(page, name, TEXTS[language])
            found.settled()
            take(found, f"data{name}-{language}-{colours}")


def prepare(found: Visit, export: Path) -> None:
    """Bring a draft that has something to show in every step."""
    page = found.open("/Data")
    page.locator("input[type=file]").set_input_files(export)
    choose(page, TEXTS["ko"]["me"], "김민수")
    expect(metric(page, "대화 쌍")).to_contain_text(re.compile(r"\d{3}"))
    page.get_by_text("보호하기", exact=True).first.click()
    page.get_by_text(TEXTS["ko"]["mask"], exact=True).click()
    expect(page.get_by_text("다시 검사해도")).to_be_visible()
    found.settled()


def show_more(page: Page, name: str, texts: dict[str, str]) -> None:
    """Open what a step has to show."""
    if name == "-understand":
        page.get_by_text(texts["week"], exact=True).click()
    if name == "-clean":
        choose(page, texts["step"], texts["repeated"])
    if name == "-protect":
        page.get_by_role("tab", name=texts["finds"]).click()


def take(found: Visit, name: str) -> None:
    """Write the picture when everything has come to rest."""
    expect(found.page.locator("[data-testid=stSkeleton]")).to_have_count(0)
    time.sleep(1.5)
    found.settled()
    folder = Path(str(FOLDER))
    folder.mkdir(parents=True, exist_ok=True)
    found.page.mouse.move(0, 0)
    found.page.screenshot(path=folder / f"{name}.png", animations="disabled")
