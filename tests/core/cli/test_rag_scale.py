"""`mactuner rag index` on much: a PDF of 300 pages and a folder of 200 files, two of them bad; every page found is the right one."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pymupdf
import pytest

from tests.core.cli.conftest import Run

PAGES = 300
FILES = 200  # with one that is broken and one that is empty
KINDS = ("txt", "md", "html", "pdf")
THINGS = ("umbrella", "violin", "tent", "microscope", "kettle", "saddle", "telescope", "drum", "anvil", "canoe")
SONGS = ("우산", "바이올린", "천막", "현미경", "주전자", "안장", "망원경", "북", "모루", "카누")


def code(number: int, of: str = "KX") -> str:
    """A mark that stands in one place only."""
    return f"{of}-{number:04d}"


def told(number: int, of: str = "KX") -> str:
    """A paragraph of about a hundred tokens, Korean for every third number, with facts of its own."""
    thing, song = THINGS[number % len(THINGS)], SONGS[number * 7 % len(SONGS)]
    if number % 3 == 0:
        return (
            f"보관함 {code(number, of)}번은 지하 {number % 5 + 1}층 복도 끝에 있습니다. 이 보관함에는 {song} 한 개를 넣어 두었습니다. "
            f"열쇠는 관리실 {number % 40 + 3}번 고리에 걸려 있으며 신분증을 맡기면 빌려줍니다. 보관료는 하루에 {number * 10 + 500}원입니다. "
            "석 달이 지나도록 찾아가지 않은 물건은 창고로 옮기고 주인에게 편지로 알립니다."
        )
    return (
        f"Locker {code(number, of)} stands at the end of the corridor on floor {number % 5 + 1}. It holds one {thing}. "
        f"Its key hangs on hook {number % 40 + 3} in the office and is lent against a card. A day costs {number * 10 + 500} won. "
        "What nobody has fetched after three months is taken to the store, and its owner is told by letter. "
        "Water, food and anything that burns must not be kept here, and the porter looks into every locker once a week."
    )


def write_pdf(path: Path, texts: list[str]) -> None:
    """Write a PDF with a page for each text, with a title, a running head and a page number."""
    pdf: Any = pymupdf.open()
    for number, text in enumerate(texts, start=1):
        page = pdf.new_page()
        korean = not text.isascii()
        font = "korea" if korean else "helv"
        page.insert_text((72, 40), "The book of lockers", fontsize=9)
        page.insert_text((290, 810), str(number), fontsize=9)
        page.insert_text((72, 150), f"Page of {text.split('.')[0][:24]}", fontsize=16, fontname=font)
        for line, words in enumerate(textwrap.wrap(text, 42 if korean else 80)):
            page.insert_text((72, 190 + 14 * line), words, fontsize=10, fontname=font)
    pdf.save(path)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The PDF of 300 pages; page n tells of locker n."""
    path = tmp_path_factory.mktemp("book") / "lockers.pdf"
    write_pdf(path, [told(number) for number in range(1, PAGES + 1)])
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 files in two folders; the PDFs have their fact on the second page."""
    place = tmp_path_factory.mktemp("many") / "lockers"
    for number in range(FILES - 2):
        kind = KINDS[number % len(KINDS)]
        path = place / f"hall{number % 2}" / f"{number:03d}.{kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = told(number, "FX")
        if kind == "pdf":
            write_pdf(path, [f"This is about hall {number}, and the facts are overleaf.", text])
        elif kind == "html":
            path.write_text(f"<!doctype html><h1>Hall {number}</h1><p>{text}</p><script>no</script>", encoding="utf-8")
        else:
            path.write_text(f"{'# ' if kind == 'md' else ''}Hall {number}\n\n{text}\n", encoding="utf-8")
    (place / "broken.pdf").write_bytes(b"%PDF-1.7\n" + bytes(range(256)) * 8)
    (place / "empty.txt").write_bytes(b"")
    return place


def test_three_hundred_pages_and_two_hundred_files(run: Run, book: Path, folder: Path) -> None:
    indexed = run("rag", "index", book, folder, "-c", "lockers", "--json")
    assert indexed.code == 0
    assert len(indexed.json["added"]) == indexed.json["documents"] == 1 + FILES - 2
    assert not indexed.json["updated"] and not indexed.json["duplicate"]
    bad = {one["name"]: (one["code"], one["message"]) for one in indexed.json["failed"]}
    assert {name: why for name, (why, _) in bad.items()} == {
        "lockers/broken.pdf": "rag_documents.pdf_broken",
        "lockers/empty.txt": "rag_documents.empty_file",
    }
    assert all(name.rpartition("/")[2] in message for name, (_, message) in bad.items())

    about = {one["name"]: one for one in run("rag", "info", "lockers", "--json").json["documents"]}
    assert about["lockers.pdf"]["pages"] == PAGES <= about["lockers.pdf"]["chunks"]
    pdfs = [number for number in range(FILES - 2) if KINDS[number % len(KINDS)] == "pdf"]
    assert {about[f"lockers/hall{number % 2}/{number:03d}.pdf"]["pages"] for number in pdfs} == {2}

    for number in (1, 2, 3, 149, 150, 151, 298, 299, 300):
        best = found(run, f"보관함 {code(number)}" if number % 3 == 0 else f"Where is locker {code(number)}?")
        assert (best["source"], best["page"], best["last_page"]) == ("lockers.pdf", number, number)
        assert code(number) in best["text"]
        assert "The book of lockers" not in best["text"]
    for number in (0, 1, 2, 3, 99, 195, 196, 197):
        best = found(run, f"{'보관함' if number % 3 == 0 else 'locker'} {code(number, 'FX')}")
        assert best["source"] == f"lockers/hall{number % 2}/{number:03d}.{KINDS[number % len(KINDS)]}"
        assert best["last_page"] == (2 if number in pdfs else 1) and code(number, "FX") in best["text"]

    again = run("rag", "index", book, folder, "-c", "lockers", "--json").json
    assert len(again["unchanged"]) == 1 + FILES - 2 and not again["added"]
    assert {one["name"] for one in again["failed"]} == bad.keys()


def found(run: Run, question: str) -> dict[str, Any]:
    """Return the best hit for a question."""
    best: dict[str, Any] = run("rag", "search", "-c", "lockers", question, "--top-k", "1", "--json").json["results"][0]
    return best
