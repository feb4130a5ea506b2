"""llama.cpp, as little of it as the engine needs: a model, a context with its batch, and samplers.

Pointers and memory stay in here. Nothing in here is safe from several threads at once except `Model.tokenize`,
`Model.piece` and `Model.is_end`, which only read the vocabulary.
"""

from __future__ import annotations

import ctypes
import functools
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llama_cpp.llama_cpp as cpp
import numpy as np

from mactuner_core.errors import InputError, WorkError
from mactuner_core.export.gguf_file import check_gguf
from serving.engine.generation import Sampling, Tokens

_PENALTY_TOKENS = 256  # how far back the repetition penalties look
_log_lines: deque[str] = deque(maxlen=20)


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
        self._vocabulary = cpp.llama_model_get_vocab(self._model)
        self.size = int(cpp.llama_vocab_n_tokens(self._vocabulary))
        self.trained_context = int(cpp.llama_model_n_ctx_train(self._model))
        self.chat_template = _text(cpp.llama_model_chat_template(self._model, None))
        self.bos_token = self._token_text(cpp.llama_vocab_bos(self._vocabulary))
        self.eos_token = self._token_text(cpp.llama_vocab_eos(self._vocabulary))
        self.sampling = self._sampling_defaults()
        self._pieces: list[bytes | None] = [None] * self.size
        self._ends = {token for token in range(self.size) if cpp.llama_vocab_is_eog(self._vocabulary, token)}
        if not cpp.llama_model_has_decoder(self._model) or cpp.llama_model_has_encoder(self._model):
            self.close()
            raise InputError("serving.not_a_chat_model", path=path, architecture=header.architecture)

    def tokenize(self, text: str) -> Tokens:
        """Return the token ids of `text`, special tokens recognised, none added; shape (tokens,)."""
        data = text.encode("utf-8")
        room = len(data) + 16
        tokens = np.empty(room, dtype=np.int32)
        pointer = tokens.ctypes.data_as(ctypes.POINTER(ctypes.c_int32))
        count = cpp.llama_tokenize(self._vocabulary, data, len(data), pointer, room, False, True)
        if count < 0:
            raise WorkError("serving.tokenize_failed", characters=len(text))
        return tokens[:count].copy()

    def piece(self, token: int) -> bytes:
        """Return the bytes of `token`; empty for control tokens."""
        known = self._pieces[token]
        if known is None:
            known = self._pieces[token] = self._read_piece(token)
        return known

    def is_end(self, token: int) -> bool:
        """Tell whether `token` ends an answer."""
        return token in self._ends

    def close(self) -> None:
        """Free the model; its contexts must be closed before."""
        if self._model:
            cpp.llama_model_free(self._model)
            self._model = None

    def _read_piece(self, token: int) -> bytes:
        room = 64
        while True:
            buffer = ctypes.create_string_buffer(room)
            length = cpp.llama_token_to_piece(self._vocabulary, token, buffer, room, 0, False)
            if length >= 0:
                return buffer.raw[:length]
            room = -length

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


class Context:
    """The memory of all running sequences, and the one batch that is filled and decoded each turn."""

    def __init__(self, model: Model, *, n_ctx: int, n_parallel: int, n_batch: int, n_threads: int) -> None:
        params = cpp.llama_context_default_params()
        params.n_ctx = n_ctx
        params.n_batch = n_batch
        params.n_ubatch = n_batch
        params.n_seq_max = n_parallel
        params.n_outputs_max = n_parallel  # one row to sample for each sequence: keeps the logits buffer small
        params.n_threads = n_threads
        params.n_threads_batch = n_threads
        params.kv_unified = True  # sequences share all n_ctx cells, so one request alone may use them all
        params.no_perf = True
        self._context = cpp.llama_init_from_model(model._model, params)
        if not self._context:
            raise WorkError("serving.context_failed", n_ctx=n_ctx, n_parallel=n_parallel, reason=last_log_line())
        self._memory = cpp.llama_get_memory(self._context)
        self.cells = int(cpp.llama_n_ctx(self._context))
        self.batch = Batch(n_batch)

    def decode(self) -> int:
        """Run the batch through the model; 0 is success, 1 no room in memory, anything else a failure."""
        return int(cpp.llama_decode(self._context, self.batch.struct))

    def sample(self, sampler: Any, row: int) -> int:
        """Choose the next token from the logits of batch row `row`."""
        return int(cpp.llama_sampler_sample(sampler, self._context, row))

    def forget(self, sequence: int) -> None:
        """Free the memory of one sequence."""
        cpp.llama_memory_seq_rm(self._memory, sequence, -1, -1)

    def forget_all(self) -> None:
        """Free the memory of every sequence."""
        cpp.llama_memory_clear(self._memory, True)

    def close(self) -> None:
        """Free the context."""
        if self._context:
            cpp.llama_free(self._context)
            self._context = None


class Batch:
    """Rows of (token, position, sequence, wanted) in arrays that are made once and filled again each turn."""

    def __init__(self, room: int) -> None:
        self.room = room
        self._token = np.zeros(room, dtype=np.int32)
        self._position = np.zeros(room, dtype=np.int32)
        self._sequence = np.zeros(room, dtype=np.int32)
        self._wanted = np.zeros(room, dtype=np.int8)
        self._one = np.ones(room, dtype=np.int32)
        address, size = self._sequence.ctypes.data, self._sequence.itemsize
        self._sequence_pointers = np.arange(address, address + room * size, size, dtype=np.uintp)
        int32 = ctypes.POINTER(ctypes.c_int32)
        self.struct = cpp.llama_batch(
            n_tokens=0,
            token=self._token.ctypes.data_as(int32),
            embd=None,
            pos=self._position.ctypes.data_as(int32),
            n_seq_id=self._one.ctypes.data_as(int32),
            seq_id=self._sequence_pointers.ctypes.data_as(ctypes.POINTER(int32)),
            logits=self._wanted.ctypes.data_as(ctypes.POINTER(ctypes.c_int8)),
        )

    def clear(self) -> None:
        """Forget the rows."""
        self.struct.n_tokens = 0

    def add(self, sequence: int, position: int, token: int) -> int:
        """Add one token whose logits are wanted; return its row."""
        row = int(self.struct.n_tokens)
        self._token[row] = token
        self._position[row] = position
        self._sequence[row] = sequence
        self._wanted[row] = 1
        self.struct.n_tokens = row + 1
        return row

    def add_chunk(self, sequence: int, position: int, tokens: Tokens, want_last: bool) -> int:
        """Add part of a prompt; return the row of its last token, whose logits are computed when `want_last`."""
        start = int(self.struct.n_tokens)
        end = start + len(tokens)
        self._token[start:end] = tokens
        self._position[start:end] = np.arange(position, position + len(tokens), dtype=np.int32)
        self._sequence[start:end] = sequence
        self._wanted[start:end] = 0
        self._wanted[end - 1] = want_last
        self.struct.n_tokens = end
        return end - 1


def make_sampler(model: Model, sampling: Sampling) -> Any:
    """Return a sampler chain for one request, in llama.cpp's own order; free it with `free_sampler`."""
    chain = cpp.llama_sampler_chain_init(cpp.llama_sampler_chain_default_params())
    penalties = (sampling.repeat_penalty, sampling.frequency_penalty, sampling.presence_penalty)
    if penalties != (1.0, 0.0, 0.0):
        cpp.llama_sampler_chain_add(chain, cpp.llama_sampler_init_penalties(model.size, _PENALTY_TOKENS, *penalties))
    if sampling.temperature <= 0:
        cpp.llama_sampler_chain_add(chain, cpp.llama_sampler_init_greedy())
        return chain
    if sampling.top_k > 0:
        cpp.llama_sampler_chain_add(chain, cpp.llama_sampler_init_top_k(sampling.top_k))
    if sampling.top_p < 1:
        cpp.llama_sampler_chain_add(chain, cpp.llama_sampler_init_top_p(sampling.top_p, 1))
    if sampling.min_p > 0:
        cpp.llama_sampler_chain_add(chain, cpp.llama_sampler_init_min_p(sampling.min_p, 1))
    if sampling.temperature != 1:
        cpp.llama_sampler_chain_add(chain, cpp.llama_sampler_init_temp(sampling.temperature))
    cpp.llama_sampler_chain_add(chain, cpp.llama_sampler_init_dist(sampling.seed))
    return chain


def free_sampler(sampler: Any) -> None:
    """Free a sampler chain."""
    cpp.llama_sampler_free(sampler)


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
