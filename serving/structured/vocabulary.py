"""A model's vocabulary as the grammar library sees it, made once for each loaded model."""

from __future__ import annotations

import ctypes
import threading
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import llama_cpp.llama_cpp as cpp
from llguidance import LLTokenizer

from serving.engine.llama import Model

_NOT_TEXT = cpp.LLAMA_TOKEN_ATTR_CONTROL | cpp.LLAMA_TOKEN_ATTR_UNKNOWN | cpp.LLAMA_TOKEN_ATTR_UNUSED
_MARK = b"\xff"  # no text holds this byte: a token that begins with it only follows where a grammar names it
_known: WeakKeyDictionary[Model, Vocabulary] = WeakKeyDictionary()
_lock = threading.Lock()


@dataclass(frozen=True)
class Vocabulary:
    """The tokens for the grammar library, and the control tokens by their text."""

    tokenizer: LLTokenizer
    controls: dict[str, int]
    size: int


def vocabulary_of(model: Model) -> Vocabulary:
    """Return the vocabulary of `model`, which must stay loaded; the first call takes about a second for 150,000 tokens."""
    with _lock:
        if model not in _known:
            with model.reading():
                _known[model] = _read(model)
        return _known[model]


def _read(model: Model) -> Vocabulary:
    handle = model._vocabulary
    tokens: list[bytes] = []
    ends: list[int] = []
    controls: dict[str, int] = {}
    room = 4096
    buffer = ctypes.create_string_buffer(room)
    for token in range(model.size):
        length = cpp.llama_token_to_piece(handle, token, buffer, room, 0, True)
        piece = buffer.raw[:length] if length > 0 else b""  # a longer piece is no token worth writing
        if model.is_end(token):
            ends.append(token)
        if model.is_end(token) or cpp.llama_vocab_get_attr(handle, token) & _NOT_TEXT:
            if piece[:1] in (b"<", b"["):  # the way all markers are written; nothing else is named in a grammar
                controls.setdefault(piece.decode("utf-8", "replace"), token)
            piece = _MARK + (piece or str(token).encode())
        tokens.append(piece)
    tokenizer = LLTokenizer.from_llamacpp(  # type: ignore[attr-defined]
        tokens=tokens,
        vocab_ptr=ctypes.cast(handle, ctypes.c_void_p).value,
        tokenize_fptr=ctypes.cast(cpp._lib.llama_tokenize, ctypes.c_void_p).value,
        eos_token=ends or [model.size - 1],
    )
    return Vocabulary(tokenizer, controls, model.size)
