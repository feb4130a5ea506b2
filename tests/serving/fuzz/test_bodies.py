"""Every hostile body gets the answer it deserves, by name, and leaves nothing behind."""

from __future__ import annotations

from typing import Any

import pytest

from tests.serving.fuzz.bodies import Case
from tests.serving.fuzz.bodies_large import EVERYTHING, FORMS
from tests.serving.fuzz.conftest import Attacked


@pytest.mark.parametrize("case", EVERYTHING, ids=lambda case: case.name)
def test_a_hostile_body(target: Attacked, case: Case) -> None:
    answer = target.send("POST", case.path, case.body.replace(b"MODEL", target.name.encode()))
    assert answer.status == case.status, str(answer.body)[:500]
    assert answer.headers["content-type"].startswith("application/json")
    if case.status != 200:
        check_error(answer.body, case)
    target.check_log()


def check_error(body: dict[str, Any], case: Case) -> None:
    """Fail unless the body is OpenAI's error, names the field, and is short enough to be read."""
    assert body.keys() == {"error"}
    error = body["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    if case.param is not None:
        assert error["param"] == case.param, error
    if case.code is not None:
        assert error["code"] == case.code, error
    assert 0 < len(error["message"]) <= 2000


def test_a_schema_that_was_refused_is_refused_again(target: Attacked) -> None:
    for case in FORMS:
        answer = target.send("POST", case.path, case.body.replace(b"MODEL", target.name.encode()))
        assert answer.status == case.status, case.name
