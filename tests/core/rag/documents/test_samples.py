"""The sample documents, a long one, and many at once."""

from __future__ import annotations

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mactuner_core.rag.documents import Document, find_documents, read_document
from tests.conftest import SAMPLES

from .make_pdf import Maker

FOLDER = SAMPLES / "documents"


def _headings(document: Document) -> list[tuple[int, str]]:
    return [(block.level, block.text) for block in document.blocks if block.kind == "heading"]


def test_the_korean_rules_keep_chapters_tables_and_whole_words() -> None:
    document = read_document(FOLDER / "library_rules_ko.pdf")
    headings = _headings(document)
    assert headings[:4] == [
        (1, "별빛 공공도서관 이용 규정"),
        (2, "제1장 총칙"),
        (3, "제1조(목적)"),
        (3, "제2조(이용 시간)"),
    ]
    assert [text for level, text in headings if level == 2] == [
        "제1장 총칙",
        "제2장 자료의 대출",
        "제3장 시설의 이용",
        "제4장 보칙",
        "부칙",
    ]
    text = "\n".join(page.text for page in document.pages)
    assert "어린이자료실은 요일과" in text and "신분증을 보이면" in text and "오전 10시에" in text
    assert "| 잡지 지난 호 | 3권 | 7일 | 없음 |" in text
    assert "연습용 예시 문서" not in text and "/ 3" not in text  # the running head and the page number


def test_the_english_manual_is_read_column_by_column() -> None:
    document = read_document(FOLDER / "bike_share_manual_en.pdf")
    numbers = [text.split()[0] for level, text in _headings(document)[1:]]
    assert numbers == ["1.", "1.1", "1.2", "2.", "2.1", "2.2", "3.", "3.1", "4.", "4.1", "5.", "5.1", "5.2"]
    assert sum(block.kind == "table" for block in document.blocks) == 2
    assert document.language == "en"
    lists = [block.text for block in document.blocks if block.kind == "list"]
    assert len(lists) == 1 and lists[0].count("\n") == 3


def test_the_pdf_and_the_html_of_one_text_say_the_same() -> None:
    pdf, html = (read_document(FOLDER / f"lease_guide_ko.{kind}") for kind in ("pdf", "html"))
    assert [text for _, text in _headings(pdf)] == [text for _, text in _headings(html)]
    tables = [[block.text for block in one.blocks if block.kind == "table"] for one in (pdf, html)]
    assert tables[0] == tables[1]
    bare = ["".join(filter(str.isalnum, "".join(page.text for page in one.pages))) for one in (pdf, html)]
    assert bare[0] == bare[1]


def test_every_sample_is_found_and_read() -> None:
    found = find_documents([FOLDER])
    assert all(one.problem is None for one in found)
    for one in found:
        document = read_document(one)
        assert document.characters > 1000 and document.warnings == []


def test_the_samples_are_made_by_their_script(tmp_path: Path) -> None:
    script = Path(__file__).parents[4] / "scripts" / "make_sample_documents.py"
    spec = importlib.util.spec_from_file_location("make_sample_documents", script)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for source in module.SOURCES.glob("*.html"):
        module.make(source, tmp_path / "made.pdf")
        made, kept = read_document(tmp_path / "made.pdf"), read_document(FOLDER / f"{source.stem}.pdf")
        assert made.pages == kept.pages


def test_a_document_of_300_pages(tmp_path: Path) -> None:
    maker = Maker()
    for number in range(1, 301):
        maker.new_page().write(60, 40, "The long report")
        maker.write(290, 815, str(number))
        if number % 30 == 1:
            maker.write(60, 100, f"Chapter {number // 30 + 1}", 18)
        maker.lines(60, 150, [f"Line {line} of page {number} says something of its own." for line in range(30)])
    seen: list[tuple[int, int]] = []
    document = read_document(maker.save(tmp_path / "long.pdf"), progress=lambda *step: seen.append(step))
    assert [page.number for page in document.pages] == list(range(1, 301))
    assert len(_headings(document)) == 10
    assert "Line 29 of page 300 says" in document.pages[299].text
    assert not any("The long report" in page.text for page in document.pages)
    assert seen[0] == (1, 300) and seen[-1] == (300, 300)


def test_several_threads_may_read_at_once() -> None:
    paths = [one for one in sorted(FOLDER.iterdir()) if one.is_file()] * 3
    with ThreadPoolExecutor(6) as pool:
        documents = list(pool.map(read_document, paths))
    assert [document.name for document in documents] == [path.name for path in paths]
    third = len(paths) // 3
    assert documents[:third] == documents[third : 2 * third] == documents[2 * third :]
