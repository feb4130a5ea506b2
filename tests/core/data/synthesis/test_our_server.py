"""Synthesis through our own server: a tiny model that was taught to write rows, and one that answers with nonsense."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mactuner_core import jobs
from mactuner_core.catalog import Catalog
from mactuner_core.data.rows import Message
from mactuner_core.data.synthesis.prompt import fill
from mactuner_core.data.synthesis.start import start_synthesis
from mactuner_core.workspace import Workspace
from tests.core.data.synthesis.conftest import MakeRecipe
from tests.serving.conftest import Running, running
from tests.serving.test_process import program, wait_for_url
from tests.tiny_models import teach, tiny_qwen3

WRITING = "{examples}\nWrite {count}."
GOLD = {"계약이란?": "합의다.", "채권이란?": "청구권이다.", "Who jumps?": "The fox.", "임대차란?": "빌리는 일이다."}
WRITTEN = {"상속이란?": "권리를 잇는 일이다.", "시효란?": "10년이 지나는 일이다.", "Who is lazy?": "It is the dog."}
SHOWS_EACH_ONCE = 6  # with this seed the first four requests show the rows 1, 4, 2 and 3


def turns(question: str, answer: str) -> list[Message]:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def make(folder: Path, lesson: dict[str, str]) -> Path:
    """Return the GGUF file of a tiny model that knows `lesson`."""
    from mactuner_core.export.convert import merge_and_convert
    from mactuner_core.export.merge import Source

    tiny_qwen3(folder, vocabulary=500)
    if lesson:
        teach(folder, lesson, until_loss=0.008)  # long and much alike: 0.03 leaves them mixed up
    gguf = folder.with_name("tiny-F16.gguf")
    merge_and_convert(Source(folder), gguf, scratch=folder.with_name("scratch"), name="tiny")
    return gguf


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server whose model knows nothing."""
    gguf = make(tmp_path_factory.mktemp("tiny") / "model", {})
    with running({"model": str(gguf), "port": 0, "n_threads": 1}) as one:
        yield one


@pytest.fixture(scope="module")
def writer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`python -m serving` over the model `writer`: shown one of the first three rows it writes a new one, it repeats the fourth."""
    shown = [turns(*one) for one in GOLD.items()]
    written = [*(turns(*one) for one in WRITTEN.items()), shown[-1]]
    replies = [json.dumps([{"messages": one}], ensure_ascii=False) for one in written]
    prompts = [fill(WRITING, [one], 1, "") for one in shown]
    gguf = make(tmp_path_factory.mktemp("writer") / "model", dict(zip(prompts, replies, strict=True)))
    with program("--model", str(gguf), "--port", "0", "--name", "writer", "--n-threads", "1") as process:
        yield wait_for_url(process)


def test_rows_of_our_own_model_are_checked_marked_and_kept(
    writer: str, recipe: MakeRecipe, workspace: Workspace, catalog: Catalog, tmp_path: Path
) -> None:
    gold = tmp_path / "gold.jsonl"
    gold.write_text("".join(json.dumps({"messages": turns(*one)}) + "\n" for one in GOLD.items()))
    used = recipe(
        writer,
        model="writer",
        gold=str(gold),
        prompt=WRITING,
        count=3,
        rows_per_request=1,
        examples_per_request=1,
        concurrency=1,
        temperature=0,
        seed=SHOWS_EACH_ONCE,
        max_tokens=150,
    )
    status = jobs.wait(workspace.jobs / start_synthesis(workspace, catalog, used))
    assert status.state == "done", (status.folder / "log.txt").read_text()
    result = status.result
    rows = [json.loads(line) for line in Path(result["path"]).read_text("utf-8").splitlines()]
    assert {row["messages"][0]["content"]: row["messages"][1]["content"] for row in rows} == WRITTEN
    assert all(row["synthetic"] is True and row["source_model"] == "writer" for row in rows)
    assert result["accepted"] == 3 and result["stopped_by"] == "count"
    assert result["refused"] == {"synthesis.row_same": 1}


def test_nonsense_is_counted_and_the_budget_kept(
    server: Running, recipe: MakeRecipe, workspace: Workspace, catalog: Catalog, tmp_path: Path
) -> None:
    gold = tmp_path / "short.jsonl"
    gold.write_text(json.dumps({"messages": turns("Hi?", "Hello.")}))
    used = recipe(
        f"{server.url}/v1",
        model=server.name,
        gold=str(gold),
        prompt="{examples} {count}",
        max_tokens=20,
        token_budget=600,
    )
    status = jobs.wait(workspace.jobs / start_synthesis(workspace, catalog, used))
    result = status.result
    assert status.state == "done", (status.folder / "log.txt").read_text()
    assert result["accepted"] == 0 and result["requests"] >= 1
    assert sum(result["refused"].values()) == result["requests"]
    assert result["stopped_by"] in ("budget", "fruitless")
    assert 0 < result["tokens"] <= 600


def test_a_model_the_server_does_not_have(
    server: Running, recipe: MakeRecipe, workspace: Workspace, catalog: Catalog
) -> None:
    status = jobs.wait(
        workspace.jobs / start_synthesis(workspace, catalog, recipe(f"{server.url}/v1", model="unknown"))
    )
    assert status.state == "failed" and status.error and status.error["code"] == "synthesis.not_found"
