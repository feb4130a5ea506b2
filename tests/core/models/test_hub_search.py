"""The real huggingface_hub client against a stand-in of the Hub: searching, and what is known of a model beforehand."""

from __future__ import annotations

import time

import pytest

from mactuner_core.errors import InputError, error_from_dict
from mactuner_core.models.hub import check_repo_id, offline_by_choice
from mactuner_core.models.hub_search import count_from_text, weight_bytes
from tests.core.models.conftest import Ask
from tests.core.models.hub_server import SHA, HubServer

SEARCH = "from mactuner_core.models.hub_search import search"
DETAILS = "from mactuner_core.models.hub_details import hub_details"


def ids(ask: Ask, *searches: str) -> list[list[str]]:
    """Return the ids that each of the searches finds."""
    calls = ", ".join(f"search({arguments})" for arguments in searches)
    found: list[list[str]] = ask(SEARCH, f"[[each.id for each in found] for found in ({calls},)]")
    return found


def test_search_tells_size_terms_and_what_fits(hub: HubServer, ask: Ask) -> None:
    [found] = ask(SEARCH, "[each.as_dict() for each in search('tiny/model')]")
    fits = found.pop("fits")
    assert found == {
        "id": "tiny/model", "downloads": 12, "likes": 3, "parameters": 99, "bytes": 198, "gated": False,
        "architecture": "Qwen3ForCausalLM", "license": "apache-2.0", "korean": True,
        "updated": "2026-01-02T03:04:05+00:00",
    }  # fmt: skip
    assert set(fits) == {"full", "lora", "qlora"}


def test_every_filter_of_the_search_counts(hub: HubServer, ask: Ask) -> None:
    searches = ("''", "'none such'", "'', korean=True", "'tiny', license='mit'", "'', maximum_parameters=10**9")
    assert ids(ask, *searches) == [
        ["tiny/model", "tiny/english", "tiny/unknown", "big/gated"],
        [],
        ["tiny/model", "tiny/unknown", "big/gated"],
        ["tiny/english"],
        ["tiny/model", "tiny/english"],  # of unknown size: left out
    ]
    assert hub.searched["num_parameters"] == ["max:1000M"]
    assert {"text-generation", "safetensors"} <= set(hub.searched["filter"])


def test_the_details_count_only_what_would_be_fetched(hub: HubServer, ask: Ask) -> None:
    found = ask(DETAILS, "hub_details('tiny/model').as_dict()")
    wanted = {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    assert wanted <= set(found["files"])
    assert not [name for name in found["files"] if name.endswith((".bin", ".py", ".md"))]
    assert found["bytes"] == sum((hub.folder / name).stat().st_size for name in found["files"])
    assert found["commit"] == SHA
    assert (found["architecture"], found["context_length"]) == ("Qwen3ForCausalLM", 512)
    assert (found["license"], found["license_name"], found["gated"]) == ("apache-2.0", "its-own", False)
    assert not found["needs_own_code"]
    assert found["asked_for"] is None
    assert not hub.ranges  # no byte of the weights


def test_the_details_warn_of_a_gate_of_code_and_of_pickle(hub: HubServer, ask: Ask) -> None:
    names = ("big/gated", "with/code", "some/pickle")
    gated, code, pickle = ask(DETAILS, f"[hub_details(name).as_dict() for name in {names}]")
    assert gated["gated"] == "auto"
    assert code["needs_own_code"]
    assert not pickle["has_safetensors"]


def test_a_renamed_model_is_found_under_its_old_name(hub: HubServer, ask: Ask) -> None:
    found = ask(DETAILS, "hub_details('old/name').as_dict()")
    assert (found["id"], found["asked_for"]) == ("tiny/model", "old/name")


@pytest.mark.parametrize(
    ("repo", "token", "code"),
    [
        ("some/missing", None, "models.hub_not_found"),
        ("some/private", None, "models.hub_not_found"),
        ("some/private", "hf_x", "models.hub_token"),
        ("some/gated", None, "models.hub_gated"),
        ("some/forbidden", "hf_x", "models.hub_token"),
        ("some/broken", None, "models.hub_failed"),
        ("some/busy", None, "models.hub_too_many"),
    ],
)
def test_each_refusal_says_what_to_do(hub: HubServer, ask: Ask, repo: str, token: str | None, code: str) -> None:
    problem = ask(DETAILS, f"hub_details({repo!r}, {token!r})")
    assert problem["code"] == code
    for language in ("ko", "en"):
        assert error_from_dict(problem).text(language)
    if code == "models.hub_gated":
        assert f"https://huggingface.co/{repo}" in error_from_dict(problem).text("en")


def test_without_a_network_it_says_so_soon(hub: HubServer, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    begun = time.monotonic()
    assert ask(SEARCH, "search('tiny')")["code"] == "models.hub_unreachable"
    assert ask(DETAILS, "hub_details('tiny/model')")["code"] == "models.hub_unreachable"
    assert time.monotonic() - begun < 20
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert ask(SEARCH, "search('tiny')")["code"] == "models.hub_offline_mode"


def test_offline_is_known_without_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    assert offline_by_choice()  # as all tests are
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    assert not offline_by_choice()


@pytest.mark.parametrize("repo", ["", "Qwen", "a/b/c", "../../etc", "http://x/y", "a b/c"])
def test_what_is_no_id_is_refused(repo: str) -> None:
    with pytest.raises(InputError, match="owner/name"):
        check_repo_id(repo)


def test_counts_are_read_as_people_write_them() -> None:
    assert [count_from_text(each) for each in ("500M", "1.7b", "3000000", "20k")] == [5e8, 1.7e9, 3e6, 2e4]
    for wrong in ("", "many", "-1", "0", "1.7 billion"):
        with pytest.raises(InputError):
            count_from_text(wrong)


def test_bytes_follow_the_types() -> None:
    assert weight_bytes({"BF16": 10, "F32": 1, "U8": 3, "F8_E4M3": 2}) == 20 + 4 + 3 + 2
