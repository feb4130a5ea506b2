"""Tries grammars in a process of its own, which may be ended: `python trial.py < grammars.json`.

Some schemas (long patterns that must hold together, above all) take the grammar library minutes or gigabytes although its
own limits are set. Standard input is a JSON list of grammars. After a line "ready", for each one a line comes back: the library's reason, or
an empty line when the grammar is fine. A line that is missing tells which one was too much.
Imports nothing of this project, so that it starts in a moment.
"""

import json
import resource
import sys
from pathlib import Path

from llguidance import LLMatcher, LLParserLimits, LLTokenizer, TokenizerWrapper

CPU_S = 2
MEMORY_BYTES = 400 * 1024 * 1024
_ADDRESS_BYTES = 3 * 1024**3
_STEPS = 24  # what opens only inside a text is found in the first few characters
_END = 256


class Bytes:
    """The smallest vocabulary that can write anything: a token a byte, and an end."""

    eos_token_id = _END
    bos_token_id = None
    special_token_ids = (_END,)
    tokens = [bytes([byte]) for byte in range(256)] + [b"\xff<end>"]

    def __call__(self, text: bytes) -> list[int]:
        return list(text)


def try_out(tokenizer: LLTokenizer, grammar: str) -> str:
    """Return why `grammar` cannot be used, or "" when it can."""
    limits = LLParserLimits(verbose_errors=False)
    matcher = LLMatcher(tokenizer, grammar, log_level=0, limits=limits)
    for _ in range(_STEPS):
        if matcher.is_error() or matcher.is_stopped():
            break
        mask = matcher.compute_bitmask()
        byte = next((token for token in range(_END) if mask[token // 8] >> token % 8 & 1), None)
        if byte is None:
            break
        matcher.consume_token(byte)
    return matcher.get_error() if matcher.is_error() else ""


def memory_bytes() -> int:
    """Return the most memory that this process has used."""
    if sys.platform == "linux":  # there, getrusage counts the process that started this one
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    """Try the grammars of standard input."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 1))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_BYTES, _ADDRESS_BYTES))
    tokenizer = LLTokenizer(TokenizerWrapper(Bytes()), eos_token=_END)
    grammars = json.load(sys.stdin)
    print("ready", flush=True)  # noqa: T201
    for grammar in grammars:
        reason = try_out(tokenizer, grammar)
        if memory_bytes() > MEMORY_BYTES:
            return
        print(" ".join(reason.split()), flush=True)  # noqa: T201 - read by the server


if __name__ == "__main__":
    main()
