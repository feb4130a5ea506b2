"""A loaded GGUF file, as the engine and the endpoints need it. The memory for sequences is in `context.py`.

Safe from several threads at once are the methods that only read the vocabulary: `tokenize`, `piece`, `is_end`.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import threading
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import llama_cpp.llama_cpp as cpp
import numpy as np

from mactuner_core.errors import InputError, WorkError
from mactuner_core.export.gguf_file import check_gguf
from serving.engine.generation import Tokens
from serving.engine.long_words import LONGEST, LONGEST_SAFE, SAFE, cut

_LARGE = 1_000_000  # bytes; llama.cpp takes up to a hundred times as many to split them, so one such text at a time
_large = threading.Lock()
_log_lines: deque[str] = deque(maxlen=20)


class ModelClosedError(WorkError):
    """The model was unloaded while somebody wanted to read it: HTTP 503."""


class Model:
    """A loaded GGUF file: its weights, vocabulary and chat template. Raises InputError when it cannot be served.

    Loading a large file takes a while; it ends early, with an InputError, when `wanted` says False.
    """

    def __init__(self, path: Path, wanted: Callable[[], bool] = lambda: True) -> None:
        header = check_gguf(path)  # the library may crash on a damaged file
        _start_backend()
        _log_lines.clear()
        self.path = path
        params = cpp.llama_model_default_params()
        params.progress_callback = cpp.llama_progress_callback(lambda progress, _: wanted())
        self._model = cpp.llama_model_load_from_file(str(path).encode(), params)
        if not self._model:
            raise InputError("serving.load_failed", path=path, reason=last_log_line())
        self._unread = threading.Condition()
        self._readers = 0
        self._vocabulary = cpp.llama_model_get_vocab(self._model)
        self._longest_word = self._longest_word_bytes()
        self.size = int(cpp.llama_vocab_n_tokens(self._vocabulary))
        self.trained_context = int(cpp.llama_model_n_ctx_train(self._model))
        self.chat_template = _text(cpp.llama_model_chat_template(self._model, None))
        self.bos_token = self._token_text(cpp.llama_vocab_bos(self._vocabulary))
        self.eos_token = self._token_text(cpp.llama_vocab_eos(self._vocabulary))
        begin = int(cpp.llama_vocab_bos(self._vocabulary)) if cpp.llama_vocab_get_add_bos(self._vocabulary) else -1
        self.beginning = (
            () if begin < 0 else (begin,)
        )  # what a plain prompt begins with; a chat template writes its own
        self.sampling = self._sampling_defaults()
        # A recurrent state (Mamba, RWKV, and the hybrids with attention) cannot be taken back to an earlier token.
        recurrent = cpp.llama_model_is_recurrent(self._model) or cpp.llama_model_is_hybrid(self._model)
        self.can_rewind = not recurrent
        self.bytes = int(cpp.llama_model_size(self._model))
        self._cell_bytes = self._bytes_of_a_cell()  # read now: others ask for it even after the model is closed
        self.infill = self._infill_tokens()
        self._pieces: list[bytes | None] = [None] * self.size
        self._special_pieces: list[bytes | None] = [None] * self.size
        self.ends = frozenset(token for token in range(self.size) if cpp.llama_vocab_is_eog(self._vocabulary, token))
        one_way = cpp.llama_model_has_decoder(self._model) and not cpp.llama_model_has_encoder(self._model)
        if not one_way or cpp.llama_model_is_diffusion(self._model):
            self.close()
            raise InputError("serving.not_a_chat_model", path=path, architecture=header.architecture)

    @property
    def pointer(self) -> Any:
        """What llama.cpp calls the model, for `Context`."""
        return self._model

    @property
    def vocabulary(self) -> Any:
        """What llama.cpp calls the vocabulary, for libraries that read it."""
        return self._vocabulary

    def tokenize(self, text: str, special: bool = True) -> Tokens:
        """Return the token ids of `text`, none added; shape (tokens,). Not `special`: control tokens are plain text."""
        data = text.encode("utf-8")
        tokens = np.empty(len(data) + 16, dtype=np.int32)
        parts = cut(data, self._longest_word) if self._longest_word else [data]
        count = 0
        with self.reading(), _large if len(data) > _LARGE else contextlib.nullcontext():
            for part in parts:
                rest = tokens[count:]
                pointer = rest.ctypes.data_as(ctypes.POINTER(ctypes.c_int32))
                made = cpp.llama_tokenize(self._vocabulary, part, len(part), pointer, len(rest), False, special)
                if made < 0:
                    raise WorkError("serving.tokenize_failed", characters=len(text))
                count += made
        return tokens[:count].copy()

    def piece(self, token: int, special: bool = False) -> bytes:
        """Return the bytes of `token`; those of control tokens are empty unless `special`."""
        pieces = self._special_pieces if special else self._pieces
        known = pieces[token]
        if known is None:
            known = pieces[token] = self._read_piece(token, special)
        return known

    def is_end(self, token: int) -> bool:
        """Tell whether `token` ends an answer."""
        return token in self.ends

    def memory_bytes(self, n_ctx: int) -> int:
        """Return about how much the keys and values of `n_ctx` tokens take in 16 bits."""
        return n_ctx * self._cell_bytes

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Keep the model in memory for a thread that reads it, whatever becomes of its request; raises ModelClosedError."""
        with self._unread:
            if not self._model:
                raise ModelClosedError("serving.not_ready", state="stopped")
            self._readers += 1
        try:
            yield
        finally:
            with self._unread:
                self._readers -= 1
                self._unread.notify_all()

    def close(self) -> None:
        """Free the model once nobody reads it; its contexts must be closed before."""
        with self._unread:
            self._unread.wait_for(lambda: not self._readers)
            if self._model:
                cpp.llama_model_free(self._model)
                self._model = None

    def _longest_word_bytes(self) -> int:
        """Return from which length on words are cut; 0: never, as the tokenizer knows no words."""
        if cpp.llama_vocab_type(self._vocabulary) != cpp.LLAMA_VOCAB_TYPE_BPE:
            return 0
        buffer = ctypes.create_string_buffer(64)
        cpp.llama_model_meta_val_str(self._model, b"tokenizer.ggml.pre", buffer, len(buffer))
        return LONGEST_SAFE if buffer.value.decode("utf-8", "replace") in SAFE else LONGEST

    def _read_piece(self, token: int, special: bool) -> bytes:
        room = 64
        while True:
            buffer = ctypes.create_string_buffer(room)
            with self.reading():
                length = cpp.llama_token_to_piece(self._vocabulary, token, buffer, room, 0, special)
            if length >= 0:
                return buffer.raw[:length]
            room = -length

    def _bytes_of_a_cell(self) -> int:
        heads = max(1, int(cpp.llama_model_n_head(self._model)))
        width = int(cpp.llama_model_n_embd(self._model)) * max(1, int(cpp.llama_model_n_head_kv(self._model))) // heads
        return int(cpp.llama_model_n_layer(self._model)) * width * 2 * 2  # keys and values, 16 bits each

    def _infill_tokens(self) -> tuple[int, int, int] | None:
        """Return the tokens before a prefix, a suffix and the middle, where the model was trained to fill in."""
        kinds = (cpp.llama_vocab_fim_pre, cpp.llama_vocab_fim_suf, cpp.llama_vocab_fim_mid)
        prefix, suffix, middle = (int(kind(self._vocabulary)) for kind in kinds)
        return None if min(prefix, suffix, middle) < 0 else (prefix, suffix, middle)

    def _token_text(self, token: int) -> str | None:
        return None if token < 0 else _text(cpp.llama_vocab_get_text(self._vocabulary, token))

    def _sampling_defaults(self) -> dict[str, float]:
        """Return what the model's makers recommend, where the file says so (from generation_config.json)."""
        names = {
            "temperature": cpp.LLAMA_MODEL_META_KEY_SAMPLING_TEMP,
            "top_p": cpp.LLAMA_MODEL_META_KEY_SAMPLING_TOP_P,
            "top_k": cpp.LLAMA_MODEL_META_KEY_SAMPLING_TOP_K,
            "min_p": cpp.LLAMA_MODEL_META_KEY_SAMPLING_MIN_P,
            "repeat_penalty": cpp.LLAMA_MODEL_META_KEY_SAMPLING_PENALTY_REPEAT,
        }
        found: dict[str, float] = {}
        buffer = ctypes.create_string_buffer(64)
        for name, key in names.items():
            length = cpp.llama_model_meta_val_str(self._model, cpp.llama_model_meta_key_str(key), buffer, len(buffer))
            if length > 0:
                found[name] = float(buffer.value)
        return found


def last_log_line() -> str:
    """Return the library's last warning or error, for a message."""
    return _log_lines[-1] if _log_lines else "no reason given"


@functools.cache
def _start_backend() -> Any:
    """Start the library once and keep its log to ourselves; the callback must stay alive as long as the process."""

    @cpp.llama_log_callback  # type: ignore[untyped-decorator]
    def keep(level: int, text: bytes, _: Any) -> None:
        line = text.decode("utf-8", "replace").strip()
        if level in (3, 4) and line:  # warnings and errors
            _log_lines.append(line)

    cpp.llama_log_set(keep, ctypes.c_void_p(0))
    cpp.llama_backend_init()
    return keep


def _text(data: bytes | None) -> str | None:
    return None if data is None else data.decode("utf-8", "replace")
