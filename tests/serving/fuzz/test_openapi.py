"""Requests that the OpenAPI document describes, right and wrong ones: every answer is one that the document describes.

`MACTUNER_FUZZ_EXAMPLES=500` looks deeper than the gate does.
"""

from __future__ import annotations

import os
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis import Case, GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.config import SchemathesisConfig

from tests.serving.fuzz.bodies import EMBEDDER, EMBEDDINGS
from tests.serving.fuzz.conftest import Attacked

EXAMPLES = int(os.environ.get("MACTUNER_FUZZ_EXAMPLES", "40"))
LONGEST = 8  # tokens of an answer: what is looked for is not in long ones
ENDPOINTS = [
    ("GET", "/health"),
    ("GET", "/metrics"),
    ("GET", "/v1/collections"),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/{name}"),
    ("POST", "/v1/chat/completions"),
    ("POST", "/v1/completions"),
    ("POST", "/v1/embeddings"),
    ("POST", "/v1/responses"),
    ("POST", "/tokenize"),
    ("POST", "/detokenize"),
]
TOO_STRICT = ["positive_data_acceptance"]  # fields that do not go together are refused; a schema cannot say that


@pytest.fixture(scope="module")
def document(target: Attacked) -> Any:
    """The server's own document."""
    load_all_checks()
    config = SchemathesisConfig.from_dict({"seed": 1, "cache": {"enabled": False}})
    return schemathesis.openapi.from_url(f"http://127.0.0.1:{target.port}/openapi.json", config=config)


def test_no_endpoint_is_left_out(document: Any) -> None:
    told = {(found.ok().method.upper(), found.ok().path) for found in document.get_all_operations()}
    assert told == set(ENDPOINTS)


@pytest.mark.parametrize(("method", "path"), ENDPOINTS, ids=lambda part: part)
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_answers_are_as_described(
    target: Attacked, document: Any, method: str, path: str, mode: GenerationMode
) -> None:
    @hypothesis.seed(1)
    @hypothesis.settings(
        deadline=None,
        database=None,
        max_examples=EXAMPLES if method == "POST" else 5,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=document[path][method].as_strategy(generation_mode=mode))
    def ask(case: Case[Any]) -> None:
        case.body = _aimed(case.body, path, target.name)
        case.call_and_validate(timeout=60, excluded_checks=excluded)

    excluded: Any = [check for check in schemathesis.checks.CHECKS.get_all() if check.__name__ in TOO_STRICT]
    try:
        ask()
    except hypothesis.errors.Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE  # nothing about the request can be wrong
    target.check_log()


def _aimed(body: Any, path: str, model: str) -> Any:
    """Return the body with the name of a served model in place of another text, and with few tokens asked for."""
    if not isinstance(body, dict):
        return body
    made = dict(body)
    if isinstance(made.get("model"), str):
        made["model"] = EMBEDDER if path == EMBEDDINGS else model
    for name in ("max_tokens", "max_completion_tokens", "max_output_tokens"):
        if isinstance(made.get(name), int) and made[name] > LONGEST:
            made[name] = LONGEST
    return made
