"""The small model of the server's tests, loaded alone, with templates and a random writer."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from serving.engine.llama import Model
from serving.structured.constraint import GrammarConstraint
from serving.structured.vocabulary import Vocabulary, vocabulary_of
from tests.serving.conftest import Taught

Write = Callable[..., tuple[str, bool]]


@pytest.fixture(scope="session")
def model(taught: Taught) -> Iterator[Model]:
    loaded = Model(taught.gguf)
    yield loaded
    loaded.close()


@pytest.fixture(scope="session")
def vocabulary(model: Model) -> Vocabulary:
    return vocabulary_of(model)


@pytest.fixture
def with_template(model: Model) -> Iterator[Callable[[str], Model]]:
    """A function that gives the model another chat template until the test's end."""
    original = model.chat_template

    def change(template: str) -> Model:
        model.chat_template = template
        return model

    yield change
    model.chat_template = original


@pytest.fixture(scope="session")
def write(model: Model) -> Write:
    """A function that writes what a constraint allows: `start` first, then at random; (text, whether it is whole)."""

    def one(constraint: GrammarConstraint, seed: int, *, start: str = "", most: int = 600) -> tuple[str, bool]:
        random = np.random.default_rng(seed)
        made = b""
        for token in model.tokenize(start):
            assert constraint.mask()[token], (made, model.piece(int(token)))
            constraint.accept(int(token))
            made += model.piece(int(token), True)
        for _ in range(most):
            if constraint.complete():
                return made.decode("utf-8"), True
            allowed = np.flatnonzero(constraint.mask())
            # Prefer what leads on: a uniform choice would stay in strings for ever.
            closing = [
                token
                for token in allowed
                if model.piece(int(token))[:1] in b'"}],0123456789\n' or model.is_end(int(token))
            ]
            token = int(random.choice(closing if closing and random.random() < 0.5 else allowed))
            constraint.accept(token)
            if model.is_end(token):
                return made.decode("utf-8"), True
            made += model.piece(token, True)
        return made.decode("utf-8", "ignore"), False

    return one
