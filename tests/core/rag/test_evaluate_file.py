"""Files of questions as people write them, good and bad, and how their sources are held against hits."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from mactuner_core.errors import InputError
from mactuner_core.rag.evaluate import Question, evaluate
from mactuner_core.rag.question_file import FileSource, check_documents, hit_matches, read_questions, shared


@dataclass(frozen=True)
class Found:
    document: str
    page: int = 1
    last_page: int = 1
    text: str = ""


def file(folder: Path, content: str | bytes, name: str = "questions.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def error(path: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        read_questions(path)
    assert str(path) in caught.value.text("ko") and str(path) in caught.value.text("en")
    return caught.value


def test_a_csv_with_every_column(tmp_path: Path) -> None:
    path = file(
        tmp_path, "question,document,page,text,kind\n연차는 며칠?,규정.pdf,3,15일의 연차,noun\n휴가?,규정.pdf,,,\n"
    )
    assert read_questions(path) == [
        Question("연차는 며칠?", (FileSource("규정.pdf", 3, "15일의 연차"),), "noun"),
        Question("휴가?", (FileSource("규정.pdf"),), ""),
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp949", "utf-16"])
def test_a_csv_from_excel_with_korean_column_names(tmp_path: Path, encoding: str) -> None:
    path = file(tmp_path, "질문;문서;쪽\r\n연차는 며칠인가요?;규정.pdf;3쪽\r\n".encode(encoding))
    assert read_questions(path) == [Question("연차는 며칠인가요?", (FileSource("규정.pdf", 3),))]


def test_jsonl_and_a_json_list(tmp_path: Path) -> None:
    rows = [{"question": "q", "document": "a.md", "page": 2, "chunk_id": "not used"}, {"question": "r", "source": "b"}]
    expected = [Question("q", (FileSource("a.md", 2),)), Question("r", (FileSource("b"),))]
    assert read_questions(file(tmp_path, "\n".join(map(json.dumps, rows)), "q.jsonl")) == expected
    assert read_questions(file(tmp_path, json.dumps(rows), "q.json")) == expected


def test_rows_with_the_same_question_are_one_question_with_several_sources(tmp_path: Path) -> None:
    path = file(tmp_path, "question,document\nq,a\nq,b\nq  ,a\n")
    assert read_questions(path) == [Question("q", (FileSource("a"), FileSource("b")))]


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        ("question,document\nq,a\n,b\nr,\n", "row_lacks", 3),
        ("frage,document\nq,a\n", "row_lacks", 2),
        ("question,document,page\nq,a,two\n", "row_bad_page", 2),
        ("question,document,page\nq,a,0\n", "row_bad_page", 2),
        ("question,document\nq,a,b,c\n", "row_unreadable", 2),
        ('{"question": "q", "document": "a"}\n{"question": \n', "row_unreadable", 2),
    ],
)
def test_a_bad_line_is_named_with_how_many_more_there_are(tmp_path: Path, content: str, code: str, line: int) -> None:
    problem = error(file(tmp_path, content, "q.jsonl" if content.startswith("{") else "q.csv"))
    assert (problem.code, problem.values["line"]) == (f"rag_evaluate.{code}", line)
    assert problem.values["more"] == (1 if content.endswith("r,\n") else 0)


@pytest.mark.parametrize(
    ("content", "code"), [("", "no_questions"), ("question,document\n", "no_questions"), ("Hello there", "not_a_table")]
)
def test_a_file_without_questions_says_what_is_expected(tmp_path: Path, content: str, code: str) -> None:
    assert error(file(tmp_path, content, "q.txt" if code == "not_a_table" else "q.csv")).code == f"rag_evaluate.{code}"


def test_a_missing_file(tmp_path: Path) -> None:
    assert error(tmp_path / "none.csv").code == "data.no_file"


def test_a_document_that_is_not_there_is_named_with_the_nearest() -> None:
    questions = [Question("q", (FileSource("규정집.pdf"), FileSource("handbok.md")))]
    check_documents(questions, ["문서/규정집.PDF", "handbok.md"])
    with pytest.raises(InputError) as caught:
        check_documents(questions, ["문서/규정집.pdf", "handbook.md"])
    assert caught.value.values["name"] == "handbok.md" and caught.value.values["nearest"] == "handbook.md"
    assert "handbook.md" in caught.value.text("ko")


@pytest.mark.parametrize(
    ("hit", "source", "right"),
    [
        (Found("a.pdf"), FileSource("a.pdf"), True),
        (Found("docs/A.pdf"), FileSource("a.PDF"), True),
        (Found("docs/a.pdf"), FileSource("other/a.pdf"), False),
        (Found("a.pdf", 3, 5), FileSource("a.pdf", 4), True),
        (Found("a.pdf", 3, 5), FileSource("a.pdf", 6), False),
        (
            Found("a.pdf", text="연차는 15일입니다. 3년이 지나면 늘어납니다."),
            FileSource("a.pdf", None, "연차는 15일입니다"),
            True,
        ),
        (Found("a.pdf", text="휴가 신청서는 사흘 전에 냅니다."), FileSource("a.pdf", None, "연차는 15일입니다"), False),
        (Found("b.pdf", text="연차는 15일입니다."), FileSource("a.pdf", None, "연차는 15일입니다"), False),
    ],
)
def test_a_hit_matches_by_document_page_and_text(hit: Found, source: FileSource, right: bool) -> None:
    assert hit_matches(hit, source) is right


def test_a_text_cut_between_two_chunks_matches_the_one_with_most_of_it() -> None:
    quote = "갱신 요구로 이어지는 계약에서는 보증금과 월세를 종전 금액의 5퍼센트보다 많이 올릴 수 없습니다."
    most, rest = "앞의 문장이 여기서 끝납니다. " + quote[:44], quote[44:] + " 지방자치단체가 한도를 낮출 수 있습니다."
    source = FileSource("a", None, quote)
    assert hit_matches(Found("a", text=most), source) and not hit_matches(Found("a", text=rest), source)
    assert shared("", quote) == 0 and shared(quote, f"… {quote.replace(' ', '')}") == 1


def test_a_file_measures_a_search(tmp_path: Path) -> None:
    path = file(tmp_path, "question,document,page\none,a.pdf,2\ntwo,b.pdf,1\n")
    report = evaluate(
        lambda _: [Found("a.pdf", 1, 1), Found("a.pdf", 2, 3)], read_questions(path), (1, 2), matches=hit_matches
    )
    assert report.measure("recall@1").mean == 0 and report.measure("recall@2").mean == 0.5
    assert report.as_dict()["missed"] == ["two"]
