"""The memory of all sequences of one model, and the one batch that is filled and decoded each turn.

A sequence of n tokens takes n cells. Either each place has cells of its own: attention then looks at nothing else, and a
prefix is taken over from another place by a copy. Or all share one memory: takes less of it, a prefix is shared without a
copy, and attention walks over everybody's cells.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import llama_cpp.llama_cpp as cpp
import numpy as np
import numpy.typing as npt

from mactuner_core.errors import InputError, WorkError
from serving.engine.generation import Tokens
from serving.engine.llama import Model, last_log_line

_KEPT = 32  # ids for prefixes of earlier requests; llama.cpp reserves a row of logits for each id
AT_ONCE = 512  # tokens that go through the model together; a larger batch is computed in such parts
EXTRA_OUTPUTS = 32  # rows beyond one for each running sequence: drafts to check, log-probabilities of a prompt


class Context:
    """What llama.cpp calls a context: the memory (KV cells or recurrent states), threads, and the loaded adapters."""

    def __init__(
        self, model: Model, *, n_ctx: int, n_parallel: int, n_batch: int, n_threads: int, shared: bool = False
    ) -> None:
        """Take memory for `n_parallel` sequences of up to `n_ctx` tokens, or for `n_ctx` in all when it is `shared`."""
        self.shared = shared
        params = cpp.llama_context_default_params()
        params.n_ctx = n_ctx if shared else n_ctx * n_parallel
        params.n_batch = n_batch
        params.n_ubatch = min(n_batch, AT_ONCE)
        # Shared cells need ids for what is kept, too; a recurrent state is one for each id and costs memory of its own.
        self.ids = n_parallel + (0 if not shared else _KEPT if model.can_rewind else n_parallel)
        params.n_seq_max = self.ids
        params.n_outputs_max = min(n_batch, n_parallel + EXTRA_OUTPUTS)  # keeps the logits buffer small
        params.n_threads = n_threads
        params.n_threads_batch = n_threads
        params.kv_unified = shared
        params.no_perf = True
        self._context = cpp.llama_init_from_model(model.pointer, params)
        if not self._context:
            raise WorkError("serving.context_failed", n_ctx=n_ctx, n_parallel=n_parallel, reason=last_log_line())
        self._model = model
        self._memory = cpp.llama_get_memory(self._context)
        self._adapters: dict[str, Any] = {}
        self._adapter: str | None = None
        self._view = np.empty((0, 0), np.float32)
        self._view_of = (0, 0)
        self.cells = int(cpp.llama_n_ctx_seq(self._context))  # that one sequence may take
        self.all_cells = int(cpp.llama_n_ctx(self._context))
        self.batch = Batch(n_batch)

    def decode(self) -> int:
        """Run the batch through the model; 0 is success, 1 no room in memory, anything else a failure."""
        return int(cpp.llama_decode(self._context, self.batch.struct))

    def logits(self) -> npt.NDArray[np.float32]:
        """Return the logits of the last batch, a view; shape (wanted rows, vocabulary)."""
        pointer = cpp.llama_get_logits(self._context)
        if not pointer:
            raise WorkError("serving.engine_failed")
        place = (ctypes.addressof(pointer.contents), self.batch.outputs)
        if place != self._view_of:  # the same one turn after turn, as long as the batches are alike
            buffer = (ctypes.c_float * (self.batch.outputs * self._model.size)).from_address(place[0])
            self._view = np.ctypeslib.as_array(buffer).reshape(self.batch.outputs, self._model.size)
            self._view_of = place
        return self._view

    def sample(self, sampler: Any, row: int) -> int:
        """Choose the next token from the logits of batch row `row`, and let the sampler note it."""
        return int(cpp.llama_sampler_sample(sampler, self._context, row))

    def forget(self, sequence: int, start: int = 0) -> bool:
        """Free the memory of one sequence from position `start` on; False when only the whole of it can go."""
        return bool(cpp.llama_memory_seq_rm(self._memory, sequence, start if start else -1, -1))

    def share(self, source: int, target: int, length: int) -> None:
        """Give `target` the first `length` tokens that `source` has in memory, and nothing else."""
        if self.shared:
            cpp.llama_memory_seq_cp(self._memory, source, target, -1, length)
        else:  # copies the whole place, at the next decoding
            cpp.llama_memory_seq_cp(self._memory, source, target, -1, -1)
            self.forget(target, length)

    def forget_all(self) -> None:
        """Free the memory of every sequence."""
        cpp.llama_memory_clear(self._memory, True)

    def save(self, sequence: int, file: Path, tokens: Tokens) -> bool:
        """Write a sequence's memory and tokens into a file; False when it could not be written."""
        pointer = tokens.ctypes.data_as(ctypes.POINTER(ctypes.c_int32))
        written = cpp.llama_state_seq_save_file(self._context, str(file).encode(), sequence, pointer, len(tokens))
        return bool(written)

    def load(self, sequence: int, file: Path, room: int) -> bool:
        """Read a sequence's memory from a file of at most `room` tokens; False when it does not fit or is damaged."""
        tokens = np.empty(room, dtype=np.int32)
        count = ctypes.c_size_t(0)
        pointer = tokens.ctypes.data_as(ctypes.POINTER(ctypes.c_int32))
        read = cpp.llama_state_seq_load_file(
            self._context, str(file).encode(), sequence, pointer, room, ctypes.byref(count)
        )
        return bool(read)

    def add_adapter(self, name: str, path: Path) -> None:
        """Load a LoRA adapter; raises InputError when it does not belong to this model."""
        adapter = cpp.llama_adapter_lora_init(self._model.pointer, str(path).encode())
        if not adapter:
            raise InputError("serving.adapter_failed", name=name, path=path, reason=last_log_line())
        self._adapters[name] = adapter

    def use_adapter(self, name: str | None) -> None:
        """Compute the next batches with this adapter, or with none."""
        if name == self._adapter:
            return
        chosen = [] if name is None else [self._adapters[name]]
        pointers = (cpp.llama_adapter_lora_p_ctypes * len(chosen))(*chosen)
        scales = (ctypes.c_float * len(chosen))(*[1.0] * len(chosen))
        if cpp.llama_set_adapters_lora(self._context, pointers, len(chosen), scales) != 0:
            raise WorkError("serving.adapter_failed", name=name, path="–", reason=last_log_line())
        self._adapter = name

    def close(self) -> None:
        """Free the context and its adapters."""
        if self._context:
            cpp.llama_free(self._context)
            for adapter in self._adapters.values():
                cpp.llama_adapter_lora_free(adapter)
            self._context, self._adapters = None, {}


class Batch:
    """Rows of (token, position, sequence, wanted) in arrays that are made once and filled again each turn."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.outputs = 0
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

    @property
    def size(self) -> int:
        """The rows in it."""
        return int(self.struct.n_tokens)

    def clear(self) -> None:
        """Forget the rows."""
        self.struct.n_tokens = 0
        self.outputs = 0

    def add(self, sequence: int, position: int, tokens: Tokens | Sequence[int], wanted: int) -> tuple[int, int]:
        """Add the next tokens of a sequence; the logits of the last `wanted` of them are computed.

        Returns the batch row and the output number of the first wanted one; those of the others follow it.
        """
        start, count = self.size, len(tokens)
        end = start + count
        if count == 1:  # most turns, of every sequence
            self._token[start], self._position[start] = tokens[0], position
            self._sequence[start], self._wanted[start] = sequence, wanted
        else:
            self._token[start:end] = tokens
            self._position[start:end] = np.arange(position, position + count, dtype=np.int32)
            self._sequence[start:end] = sequence
            self._wanted[start : end - wanted] = 0
            self._wanted[end - wanted : end] = 1
        self.struct.n_tokens = end
        first = self.outputs
        self.outputs += wanted
        return end - wanted, first
