"""Documents to index, made of blocks, and a collection of four of them built with the offline default model."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

import pytest

from mactuner_core.rag.collection import Collection
from mactuner_core.rag.collections import create_collection
from mactuner_core.rag.config import RagConfig
from mactuner_core.rag.documents import Block, Document, make_page
from mactuner_core.workspace import Workspace

Write = Callable[..., Document]

LEAVE = (
    "연차 휴가는 1년에 15일이며 입사 3년이 지나면 2년마다 하루씩 늘어납니다. "
    "쓰지 못한 연차는 이듬해 3월 말까지 이월해서 쓸 수 있습니다. "
    "병가는 진단서를 내면 1년에 10일까지 유급으로 쓸 수 있습니다."
)
LIBRARY = (
    "도서관 회원은 책을 한 번에 7권까지 14일 동안 빌릴 수 있습니다. "
    "늦게 반납하면 늦은 날만큼 대출이 정지됩니다. "
    "잃어버린 책은 같은 책으로 변상해야 합니다."
)
BIKES = (
    "A bicycle may be kept for two hours without a charge. "
    "After that every started half hour costs one dollar. "
    "Report a flat tyre at the station terminal, and the ride is refunded."
)
KETTLE = (
    "전기 주전자 MK-200의 정격 전력은 1,850W이고 용량은 1.7L입니다. "
    "하얀 얼룩은 구연산을 넣고 끓여서 없앱니다. "
    "보증 기간은 산 날부터 2년입니다."
)


def document(name: str, *paragraphs: str, heading: str = "", language: str = "ko", pages: bool = False) -> Document:
    """Return a document of these paragraphs under one heading, each on a page of its own with `pages`."""
    title = [Block("heading", heading, 1)] if heading else []
    blocks = [Block("paragraph", text, page=at if pages else 1) for at, text in enumerate(paragraphs, start=1)]
    if pages:
        made = [make_page(at, [*title[: at == 1], block]) for at, block in enumerate(blocks, start=1)]
    else:
        made = [make_page(1, [*title, *blocks])]
    raw = "\n".join((name, heading, *paragraphs)).encode()
    return Document(name, hashlib.sha256(raw).hexdigest(), len(raw), "text", heading or name, language, made, [])


@pytest.fixture
def write() -> Write:
    return document


@pytest.fixture
def collection(workspace: Workspace) -> Iterator[Collection]:
    """Four documents: leave.txt, library.txt, kettle.txt (tag manual) in Korean and bikes.txt (tag manual) in English."""
    with create_collection(workspace, "docs", RagConfig()) as made:
        with made.writer() as writer:
            writer.put(document("leave.txt", LEAVE, heading="휴가 규정"), date="2025-03-01")
            writer.put(document("library.txt", LIBRARY, heading="대출 규정"), date="2026-01-15")
            writer.put(document("kettle.txt", KETTLE, heading="주전자 설명서"), tags=["manual"], date="2026-05-01")
            writer.put(
                document("bikes.txt", BIKES, heading="Bicycles", language="en"), tags=["manual"], date="2026-06-30"
            )
        yield made
