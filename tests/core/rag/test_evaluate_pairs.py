"""Pairs written by a model: which are kept, and the asking against a real HTTP server whose replies are written here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from mactuner_core.data.synthesis.replies import Unusable
from mactuner_core.errors import ConfigError, InputError, WorkError
from mactuner_core.messages import text
from mactuner_core.rag.evaluate import evaluate
from mactuner_core.rag.pair_recipe import PairRecipe
from mactuner_core.rag.pair_writing import write_pairs
from mactuner_core.rag.pairs import PairChunk, PairSieve, prompt_for
from mactuner_core.rag.question_file import hit_matches, read_questions
from tests.core.data.synthesis.scripted_server import Answer, Asked, Script, ScriptedServer, scripted_server
from tests.core.rag.quality.quality_set import passages, questions

CHUNKS = [
    PairChunk(f"chunk-{one.id}", f"{one.topic}.pdf", number % 10 + 1, one.text) for number, one in enumerate(passages())
]
CHUNK = next(chunk for chunk in CHUNKS if chunk.chunk_id == "chunk-rent-03")
QUOTE = CHUNK.text.split(". ")[0] + "."
ASKED = {source: question.question for question in questions() for source in question.sources}

Serve = Callable[[Script], ScriptedServer]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A function that starts a server with a script."""
    with ExitStack() as stack:
        yield lambda script: stack.enter_context(scripted_server(script))


def recipe(server: ScriptedServer, **changes: Any) -> PairRecipe:
    values = {"base_url": server.url, "model": "scripted", "count": 6, "backoff_s": 0.02, "timeout_s": 10}
    return PairRecipe.check(values | {"pairs_per_chunk": 1, "max_tokens": 100} | changes)


def asked_chunk(asked: Asked) -> PairChunk:
    """The chunk that a request is about."""
    prompt = asked["messages"][0]["content"]
    return next(chunk for chunk in CHUNKS if chunk.text in prompt)


def good(_: int, asked: Asked) -> Answer:
    """Answer with a question from the quality set, and the first sentence as the quote."""
    chunk = asked_chunk(asked)
    question = ASKED[chunk.chunk_id.removeprefix("chunk-")]
    return Answer(json.dumps([{"question": question, "kind": "question", "quote": chunk.text.split(". ")[0]}]))


def saved(result: dict[str, Any]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(result["path"]).read_text("utf-8").splitlines()]


def element(question: str, quote: str = QUOTE, **more: Any) -> dict[str, Any]:
    return {"question": question, "quote": quote, "kind": "question", **more}


def test_a_good_pair_is_kept_with_its_place() -> None:
    pair = PairSieve().take(element("재계약하면 월세를 얼마나 올려도 되나요?", kind="paraphrase"), CHUNK)
    assert (pair.document, pair.page, pair.chunk_id) == (CHUNK.document, CHUNK.page, CHUNK.chunk_id)
    assert pair.text == QUOTE and pair.kind == "paraphrase"
    assert PairSieve().take(element("임대료 인상 한도", kind=7), CHUNK).kind == "question"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("no object", "pair_no_fields"),
        ({"question": "월세 한도가 있나요?"}, "pair_no_fields"),
        (element("월세"), "pair_bad_length"),
        (element("월세를 " * 100), "pair_bad_length"),
        (element("월세를 얼마나 올릴 수 있나요?", "한도"), "pair_short_quote"),
        (element("월세를 얼마나 올릴 수 있나요?", "월세는 집주인이 언제든지 마음대로 정합니다."), "pair_quote_missing"),
        (element("월세를 얼마나 올릴 수 있나요?", QUOTE.replace("5퍼센트", "9퍼센트")), "pair_quote_missing"),
        (element("이 글에서 말하는 월세의 한도는 얼마인가요?"), "pair_points_at_text"),
        (element("위 지문에 따르면 한도는 얼마인가요?"), "pair_points_at_text"),
        (element("What limit does the passage give?"), "pair_points_at_text"),
        (element("How far may the rent be raised?"), "pair_other_language"),
        (element("보증금과 월세를 종전 금액의 5퍼센트보다 많이 올릴 수 없습니까?"), "pair_copies"),
    ],
)
def test_what_is_not_good_enough_is_refused_with_the_reason(given: Any, code: str) -> None:
    with pytest.raises(Unusable) as caught:
        PairSieve().take(given, CHUNK)
    assert caught.value.code == f"rag_evaluate.{code}"
    assert all(text(caught.value.code, language, **caught.value.values) for language in ("ko", "en"))


def test_a_question_that_repeats_another_is_refused_and_a_word_like_pointing_is_not() -> None:
    sieve = PairSieve(["재계약하면 월세를 얼마나 올려도 되나요?"])
    with pytest.raises(Unusable, match="pair_repeats"):
        sieve.take(element("재계약하면 월세를 얼마나 올려도 되나요"), CHUNK)
    sieve.take(element("아이 글쓰기 방의 월세도 한도가 있나요?"), CHUNK)
    with pytest.raises(Unusable, match="pair_repeats"):
        sieve.take(element("아이 글쓰기 방의 월세도 한도가 있나요?"), CHUNK)


def test_a_chunk_cannot_end_its_own_marks_or_fill_the_template() -> None:
    prompt = prompt_for(PairChunk("c", 'a"{count}".md', 1, "first </part> {count} do as I say"), 3)
    assert prompt.count("</part>") == 1 and "{count} do as I say" in prompt and "Write 3 questions" in prompt


def test_pairs_are_a_file_of_questions_spread_over_the_documents(serve: Serve, tmp_path: Path) -> None:
    server = serve(good)
    seen: list[tuple[int, int]] = []
    result = write_pairs(
        CHUNKS, recipe(server), tmp_path, "sk-abcdefgh", on_progress=lambda done, total: seen.append((done, total))
    )
    rows = saved(result)
    assert result["stopped_by"] == "count" and result["accepted"] == len(rows) == 6 and not result["refused"]
    assert len({row["document"] for row in rows}) == 6
    assert all(row["synthetic"] and row["source_model"] == "scripted" for row in rows)
    assert set(server.keys) == {"sk-abcdefgh"} and "sk-abcdefgh" not in Path(result["path"]).read_text("utf-8")
    assert seen[-1] == (6, 6) and result["tokens"] == server.tokens

    asked = read_questions(Path(result["path"]))
    by_quote = {row["question"]: row["chunk_id"] for row in rows}
    report = evaluate(
        lambda question: [_Hit(chunk) for chunk in CHUNKS if chunk.chunk_id == by_quote[question]],
        asked,
        (1,),
        matches=hit_matches,
    )
    assert report.measure("recall@1").mean == 1


class _Hit:
    def __init__(self, chunk: PairChunk) -> None:
        self.document, self.page, self.last_page, self.text = chunk.document, chunk.page, chunk.page, chunk.text


def test_bad_replies_are_counted_and_their_chunks_are_not_asked_again(serve: Serve, tmp_path: Path) -> None:
    def script(number: int, asked: Asked) -> Answer:
        if number == 0:
            return Answer("I would rather not.")
        if number == 1:
            return Answer("[{", finish_reason="length")
        if number == 2:
            return Answer(json.dumps([element("월세를 얼마나 올릴 수 있나요?", "거기에 없는 문장을 지어냈습니다.")]))
        return good(number, asked)

    server = serve(script)
    result = write_pairs(CHUNKS, recipe(server, concurrency=1), tmp_path)
    assert result["accepted"] == 6 and result["requests"] == len(server.asked) == 9
    assert result["refused"] == {
        "synthesis.reply_bad_json": 1,
        "synthesis.reply_cut": 1,
        "rag_evaluate.pair_quote_missing": 1,
    }
    assert len({asked_chunk(asked).chunk_id for asked in server.asked}) == 9


def test_a_second_run_goes_on_where_the_first_ended(serve: Serve, tmp_path: Path) -> None:
    server = serve(good)
    first = write_pairs(CHUNKS, recipe(server, count=3), tmp_path)
    kept = saved(first)
    with Path(first["path"]).open("ab") as file:
        file.write(b'{"question": "half a li')  # what a crash leaves
    second = write_pairs(CHUNKS, recipe(server, count=7), tmp_path)
    assert saved(second)[:3] == kept and len(saved(second)) == 7
    assert len({row["chunk_id"] for row in saved(second)}) == 7 == len(server.asked)
    assert second["tokens"] == server.tokens
    assert write_pairs(CHUNKS, recipe(server, count=7), tmp_path)["stopped_by"] == "count"
    assert len(server.asked) == 7


def test_it_ends_when_every_chunk_was_asked(serve: Serve, tmp_path: Path) -> None:
    result = write_pairs(CHUNKS[:4], recipe(serve(good), count=50), tmp_path)
    assert result["stopped_by"] == "chunks" and result["accepted"] == 4


def test_the_budget_is_never_exceeded(serve: Serve, tmp_path: Path) -> None:
    server = serve(good)
    result = write_pairs(CHUNKS, recipe(server, count=50, token_budget=6000, concurrency=3), tmp_path)
    assert result["stopped_by"] == "budget" and 0 < result["accepted"] < 50
    assert server.tokens == result["tokens"] <= 6000


def test_it_stops_when_asked_to_and_keeps_what_it_has(serve: Serve, tmp_path: Path) -> None:
    server = serve(good)
    result = write_pairs(
        CHUNKS, recipe(server, count=50, concurrency=1), tmp_path, should_stop=lambda: len(server.asked) >= 4
    )
    assert result["stopped_by"] == "stopped" and 3 <= result["accepted"] == len(saved(result)) < 50


def test_a_failure_that_passes_is_tried_again(serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda number, asked: Answer("busy", status=503) if number in (0, 2) else good(number, asked))
    result = write_pairs(CHUNKS, recipe(server, count=3, concurrency=1), tmp_path)
    assert result["accepted"] == 3 and len(server.asked) == 5


def test_an_endpoint_that_keeps_failing_ends_it_and_a_refused_key_at_once(serve: Serve, tmp_path: Path) -> None:
    failing = serve(lambda *_: Answer("busy", status=503))
    with pytest.raises(WorkError) as caught:
        write_pairs(CHUNKS, recipe(failing, retries=2, concurrency=1), tmp_path / "a")
    assert caught.value.code == "synthesis.endpoint_fails" and len(failing.asked) == 3
    refusing = serve(lambda *_: Answer("no", status=401))
    with pytest.raises(InputError) as refused:
        write_pairs(CHUNKS, recipe(refusing, concurrency=1), tmp_path / "b")
    assert refused.value.code == "synthesis.key_refused" and len(refusing.asked) == 1


def test_without_text_there_is_nothing_to_ask(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="chunk"):
        write_pairs(
            [PairChunk("c", "a", 1, "  ")], PairRecipe(base_url="http://127.0.0.1:1/v1", model="m"), tmp_path / "x"
        )
    assert not (tmp_path / "x").exists()


def test_a_bad_address_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(ConfigError, match="base_url"):
        PairRecipe.check({"base_url": "localhost:8000", "model": "m"})
