"""From an empty workspace to a cited answer: two commands, a server as a process, and the openai client."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import openai
import pymupdf
import pytest

from tests.commands import mactuner, served
from tests.serving.conftest import Taught, ask
from tests.serving.rag.conftest import saying

ROOT = Path(__file__).parents[3]
GUIDES = {"en": ROOT / "docs" / "documents.md", "ko": ROOT / "docs" / "documents.ko.md"}
QUESTION = "쓰지 못한 연차를 내년에 쓸 수 있나요?"
SAID = "네, 이듬해 3월 말까지 쓸 수 있습니다 [1]."
LEAVE = """# 휴가 규정

쓰지 못한 연차는 이듬해 3월 말까지 이월해서 쓸 수 있습니다. 병가는 1년에 10일입니다.
"""
NOTES = "회의실은 하루 전까지 예약합니다.\n\n연차를 쓰는 날에는 회의실 예약을 취소합니다.\n"
PAGES = (
    "A bicycle may be kept for two hours without a charge.",
    "Report a flat tyre at the station terminal, and the ride is refunded.",
)


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    """A folder with a Markdown file, a text file and a PDF of two pages."""
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "leave.md").write_text(LEAVE, encoding="utf-8")
    (folder / "notes.txt").write_text(NOTES, encoding="utf-8")
    pdf: Any = pymupdf.open()
    for words in PAGES:
        pdf.new_page().insert_text((72, 200), words)
    pdf.save(folder / "bikes.pdf")
    return folder


def hits_of(sources: list[dict[str, Any]]) -> dict[str, float]:
    """The chunks that the search found, as a reply tells them, with their scores."""
    chunks = (chunk for source in sources for chunk in source["chunks"])
    return {chunk["chunk_id"]: chunk["score"] for chunk in chunks if chunk["score"] is not None}


def test_a_cited_answer_whole_and_streamed_with_the_chunks_of_the_search(taught: Taught, papers: Path) -> None:
    indexed = mactuner("rag", "index", papers, "--collection", "work", "--json")
    assert (indexed.code, indexed.json["documents"], indexed.json["failed"]) == (0, 3, [])
    found = mactuner("rag", "search", "--collection", "work", QUESTION, "--json").json["results"]
    assert found[0]["source"] == "papers/leave.md"
    wanted = {one["chunk_id"]: one["score"] for one in found}

    with (
        served("--model", taught.gguf, "--collection", "work", "--n-threads", "1") as url,
        openai.OpenAI(base_url=url, api_key="-", max_retries=0, timeout=300) as client,
    ):
        name = f"{taught.gguf.stem}+work"
        assert name in [model.id for model in client.models.list()]
        asked: dict[str, Any] = {"model": name, "messages": ask(QUESTION), "response_format": saying(SAID)}
        whole: Any = client.chat.completions.create(**asked, max_tokens=400)
        chunks: list[Any] = list(client.chat.completions.create(**asked, max_tokens=400, stream=True))
        printed = {language: run_guide(language, url, name) for language in GUIDES}
    message = whole.choices[0].message
    assert message.content == f'"{SAID}"'
    (citation,) = message.annotations
    assert (citation.number, citation.document, citation.page) == (1, "papers/leave.md", 1)
    assert citation.chunk_id == found[0]["chunk_id"] == whole.sources[0]["chunk_id"]
    assert citation.quote in LEAVE and "3월 말" in citation.quote
    assert hits_of(whole.sources) == wanted

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == message.content
    last = next(chunk for chunk in chunks if chunk.choices and chunk.choices[0].finish_reason)
    assert [one["chunk_id"] for one in last.choices[0].delta.annotations] == [citation.chunk_id]
    assert last.sources == whole.sources
    assert all("papers/leave.md" in said for said in printed["ko"])


def run_guide(language: str, url: str, name: str) -> list[str]:
    """Run the Python of the guide as it stands, in order, and return what each block prints."""
    printed: list[str] = []
    known: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", GUIDES[language].read_text(encoding="utf-8"), re.DOTALL):
        lines: list[str] = []
        known["print"] = lambda *words, lines=lines, **_: lines.append(" ".join(map(str, words)))
        code = block.replace("http://127.0.0.1:8000/v1", url).replace("EXPORT+work", name).replace("EXPORT", name[:-5])
        exec(code, known)  # noqa: S102 (our own guide)
        printed.append("\n".join(lines))
    assert printed
    return printed
