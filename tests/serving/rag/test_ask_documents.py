"""What the Documents page asks a server: the answer grows, and its sources and citations come with it."""

from __future__ import annotations

import pytest

from mactuner_core.chat.ask_documents import ask_documents, names_of
from mactuner_core.chat.server_process import Server
from mactuner_core.chat.talk import Sampling
from mactuner_core.errors import InputError
from tests.serving.conftest import Running
from tests.serving.rag.conftest import QUESTION, WORK


def test_the_answer_grows_and_its_sources_come_with_it(rag_server: Running) -> None:
    models = [model.id for model in rag_server.client.models.list()]
    server = Server("serve-1", "tiny", f"{rag_server.url}/v1", models, {"collection": [WORK]})
    name = names_of(server, WORK)[0]
    pieces: list[str] = []
    found = ask_documents(server, name, [{"role": "user", "content": QUESTION}], Sampling(max_tokens=24), pieces.append)
    assert found.text == "".join(pieces)
    assert [source["number"] for source in found.sources] == list(range(1, len(found.sources) + 1))
    assert found.sources[0]["document"]
    assert {one["number"] for one in found.citations} <= {source["number"] for source in found.sources}
    with pytest.raises(InputError):
        ask_documents(server, "nobody+nothing", [{"role": "user", "content": QUESTION}], Sampling(max_tokens=4))


def test_only_servers_of_the_collection_have_names_for_it() -> None:
    def names(models: list[str], asked: list[str]) -> list[str]:
        return names_of(Server("a", "m", "http://127.0.0.1:1/v1", models, {"collection": asked}), "work")

    assert names(["m", "m+work"], ["work"]) == ["m+work"]
    assert names(["m"], ["all"]) == ["m+work"]
    assert names(["m"], ["other"]) == []
    assert names(["m"], []) == []
