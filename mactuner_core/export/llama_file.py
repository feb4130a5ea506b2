"""A GGUF file opened with llama.cpp on the CPU: its token ids and its logits, for the verification.

Not for serving: one sequence at a time, every position's logits, float32 cache, no GPU, so that what differs is the file
and not the machine.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from mactuner_core.errors import WorkError
from mactuner_core.export.llama_log import captured_log
from mactuner_core.hardware import detect

FloatArray = npt.NDArray[np.float32]


class LlamaFile:
    """An open GGUF file, with a LoRA adapter on it where one is given; use it in a `with` block.

    `context` is the number of tokens one text may have.
    """

    def __init__(self, path: Path, *, context: int = 256, adapter: Path | None = None) -> None:
        self.path = path
        self.context = context
        self.adapter = adapter
        self._model: Any = None
        self._context: Any = None

    def __enter__(self) -> LlamaFile:
        import llama_cpp

        with captured_log() as lines:
            llama_cpp.llama_backend_init()
            settings = llama_cpp.llama_model_default_params()
            settings.n_gpu_layers = 0
            self._model = llama_cpp.llama_model_load_from_file(str(self.path).encode(), settings)
            if self._model:
                self._context = llama_cpp.llama_init_from_model(self._model, self._context_settings())
            ready = bool(self._context) and (self.adapter is None or self._put_on(self.adapter))
        if not ready:
            self.__exit__(None, None, None)
            reason = " ".join("".join(lines).split())[-400:]
            raise WorkError("export.gguf_does_not_load", path=self.adapter or self.path, reason=reason)
        self._vocab = llama_cpp.llama_model_get_vocab(self._model)
        self.vocabulary = int(llama_cpp.llama_vocab_n_tokens(self._vocab))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        import llama_cpp

        with captured_log():
            if self._context:
                llama_cpp.llama_free(self._context)
            if self._model:
                llama_cpp.llama_model_free(self._model)
        self._context = self._model = None

    def _put_on(self, adapter: Path) -> bool:
        """Put the adapter on in full strength; it goes with the model. The caller has held it against the model's header."""
        import llama_cpp

        loaded = llama_cpp.llama_adapter_lora_init(self._model, str(adapter).encode())
        if not loaded:
            return False
        adapters = (llama_cpp.llama_adapter_lora_p_ctypes * 1)(loaded)
        return bool(llama_cpp.llama_set_adapters_lora(self._context, adapters, 1, (ctypes.c_float * 1)(1.0)) == 0)

    def _context_settings(self) -> Any:
        import llama_cpp

        settings = llama_cpp.llama_context_default_params()
        settings.n_ctx = settings.n_batch = settings.n_ubatch = self.context
        settings.n_threads = settings.n_threads_batch = detect().cores
        settings.type_k = settings.type_v = llama_cpp.GGML_TYPE_F32
        settings.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
        settings.no_perf = True
        return settings

    def tokenize(self, text: str, *, add_special: bool) -> list[int]:
        """Return the token ids of `text`, special tokens in it recognised, as a Hugging Face tokenizer does."""
        import llama_cpp

        data = text.encode("utf-8")
        ids = (llama_cpp.llama_token * (len(data) + 8))()
        count = llama_cpp.llama_tokenize(self._vocab, data, len(data), ids, len(ids), add_special, True)
        if count < 0:
            raise WorkError("export.gguf_does_not_tokenize", path=self.path, text=text[:80])
        return list(ids[:count])

    def special_text(self, which: str) -> str | None:
        """Return the text of the "bos" or "eos" token, or None when the file has none."""
        import llama_cpp

        number = getattr(llama_cpp, f"llama_vocab_{which}")(self._vocab)
        if number < 0:
            return None
        return bytes(llama_cpp.llama_vocab_get_text(self._vocab, number)).decode("utf-8", errors="replace")

    def logits(self, tokens: Sequence[int]) -> FloatArray:
        """Return the logits after each of `tokens`, shape (tokens, vocabulary); at most `context` tokens."""
        import llama_cpp

        count = len(tokens)
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self._context), True)
        batch = llama_cpp.llama_batch_init(count, 0, 1)
        try:
            batch.n_tokens = count
            for i, token in enumerate(tokens):
                batch.token[i] = token
                batch.pos[i] = i
                batch.n_seq_id[i] = 1
                batch.seq_id[i][0] = 0
                batch.logits[i] = 1
            with captured_log():  # with an adapter, the first batch plans its memory anew and says so
                failed = llama_cpp.llama_decode(self._context, batch) != 0
            if failed:
                raise WorkError("export.gguf_does_not_run", path=self.path)
            pointer = llama_cpp.llama_get_logits(self._context)
            return np.ctypeslib.as_array(pointer, shape=(count, self.vocabulary)).copy()
        finally:
            llama_cpp.llama_batch_free(batch)
