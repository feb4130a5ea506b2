"""A chat export from raw text to a model that answers, by clicks in a real browser, in Korean; no name stays behind.

With MACTUNER_SCREENSHOTS set to a folder the pictures of this way are taken, light and dark, in both languages.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from mactuner_core.catalog import Catalog
from mactuner_core.workspace import Workspace
from tests.conftest import SAMPLES
from tests.core.data.test_hiding import names_in
from tests.e2e.conftest import FOLDER, WORK_MS, Visit
from tests.e2e.test_app_path import chat, export, korean_only, make_starter, metric, press, stop_server, train
from tests.e2e.test_data_workshop import choose
from tests.e2e.test_pictures import take, take_all

LOOKS = [(language, colours) for language in ("ko", "en") for colours in ("light", "dark")]
ASK = {"ko": "모델에게 물어보세요", "en": "Ask your model"}
EPOCHS = 25 if FOLDER else 5  # five are enough to answer at all, not to answer well
ASKED = "그럼 오늘 늦어?"
pytestmark = pytest.mark.browser


def test_from_a_chat_export_to_an_answer(
    visit: Callable[..., Visit], workspace: Workspace, catalog: Catalog, tmp_path: Path
) -> None:
    talk = tmp_path / "KakaoTalk_Chat_이지은.txt"
    talk.write_bytes((SAMPLES / "kakaotalk_two_people.txt").read_bytes())
    found = visit("ko-KR")
    protect(found, talk)
    name = save(found)
    pictures(visit, "talk-saved", "/Data")
    version = catalog.dataset(name)
    press(found.page, "다음: 모델 고르기")
    make_starter(found, name)
    press(found.page, "학습하기")
    train(found, workspace, EPOCHS, dataset=name, examples=version.train_rows)
    pictures(visit, "talk-trained", f"/Training?run={catalog.runs()[0].id}")
    press(found.page, "다음: 내보내기")
    export(found)
    press(found.page, "대화하기")
    chat(found, ASKED, at_least=1)
    ask_again(visit)
    stop_server(found, workspace)
    forget_the_draft(found)
    assert names_in(workspace.root, ("김민수", "이지은", "민수야", "지은아")) == []
    assert not found.strangers
    assert not found.errors


def protect(found: Visit, talk: Path) -> None:
    """Bring the file, say who is me, and mask."""
    page = found.open("/Data")
    page.locator("input[type=file]").set_input_files(talk)
    choose(page, "이 대화에서 나는 누구인가요?", "김민수")
    expect(metric(page, "대화 쌍")).to_contain_text("242")
    press(page, "다음: 살펴보기")
    press(page, "다음: 다듬기")
    press(page, "다음: 보호하기")
    page.get_by_text("개인정보 가리기", exact=True).click()
    expect(page.get_by_text("다시 검사해도 남은 개인정보가 없습니다")).to_be_visible(timeout=WORK_MS)
    press(page, "다음: 나누기")
    press(page, "다음: 저장")


def save(found: Visit) -> str:
    """Save under the proposed name, which holds nobody's, and return it."""
    page = found.page
    name = page.get_by_role("textbox", name="이름").first
    expect(name).to_have_value("KakaoTalk_Chat")
    press(page, "데이터셋으로 저장")
    expect(page.get_by_text("저장 완료")).to_be_visible(timeout=WORK_MS)
    expect(page.get_by_text("가린 이름은 저장된 버전 어디에도 남지 않습니다")).to_be_visible()
    korean_only(found)
    return name.input_value()


def forget_the_draft(found: Visit) -> None:
    """Start with another file, which deletes the copy of this one."""
    page = found.open("/Data")
    press(page, "다른 파일로 새로 시작")
    expect(page.locator("input[type=file]")).to_be_attached()


def pictures(visit: Callable[..., Visit], name: str, path: str) -> None:
    """Take a page in every look, when pictures are wanted."""
    if FOLDER:
        take_all({look: visit(f"{look[0]}-XX", look[1], height=960) for look in LOOKS}, name, path)


def ask_again(visit: Callable[..., Visit]) -> None:
    """Take a conversation in every look, when pictures are wanted."""
    for language, colours in LOOKS if FOLDER else ():
        found = visit(f"{language}-XX", colours, height=960)
        field = found.open("/Chat").get_by_placeholder(ASK[language])
        field.fill(ASKED)
        field.press("Enter")
        figures = found.page.locator("[data-testid=stChatMessage] [data-testid=stCaptionContainer]")
        expect(figures).to_have_count(1, timeout=WORK_MS)
        found.settled()
        take(found, f"talk-chat-{language}-{colours}")
