"""Masking of personal data against what a person writes by hand: five regular expressions over every message.

    python benchmarks/privacy.py [--messages 200000] [--json]

Both read the same messages: those of `samples/kakaotalk_two_people.txt` again and again, of which one in eighty holds
personal data. Ours looks for sixteen kinds and two people's names and replaces them; the peer replaces mobile numbers,
resident numbers, cards, e-mail addresses and URLs, and nothing else. They take turns; medians of processor time.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

from mactuner_core.data.privacy.masker import Masker
from mactuner_core.data.privacy.policy import MaskPolicy

SAMPLE = Path(__file__).parents[1] / "samples" / "kakaotalk_two_people.txt"
FIVE_PATTERNS = [
    re.compile(pattern)
    for pattern in (
        r"01[016789]-?\d{3,4}-?\d{4}",
        r"\d{6}-[1-4]\d{6}",
        r"\d{4}-\d{4}-\d{4}-\d{4}",
        r"[\w.+-]+@[\w-]+\.[\w.]+",
        r"https?://\S+",
    )
]


def messages(count: int) -> list[str]:
    """Return `count` chat messages."""
    found = re.findall(r"^\[.+?\] \[.+?\] (.*)$", SAMPLE.read_text(encoding="utf-8"), re.MULTILINE)
    return list(islice(cycle(found), count))


def by_hand(texts: list[str]) -> None:
    """Replace five patterns in every text."""
    for text in texts:
        for pattern in FIVE_PATTERNS:
            text = pattern.sub("*", text)


def ours(texts: list[str]) -> None:
    """Mask every text."""
    Masker(MaskPolicy(names=["김민수", "이지은"])).mask_many(texts)


def seconds(work: Callable[[list[str]], None], texts: list[str]) -> float:
    """Return the processor seconds of one run."""
    started = time.process_time()
    work(texts)
    return time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    texts = messages(asked.messages)
    rounds = [(seconds(ours, texts), seconds(by_hand, texts)) for _ in range(asked.rounds)]
    mine, peer = (statistics.median(times) for times in zip(*rounds, strict=True))
    result = {
        "messages": len(texts),
        "ours_us_per_message": round(mine / len(texts) * 1e6, 2),
        "five_patterns_us_per_message": round(peer / len(texts) * 1e6, 2),
        "ratio": round(mine / peer, 2),
    }
    print(json.dumps(result) if asked.json else "\n".join(f"{name:30}{value}" for name, value in result.items()))


if __name__ == "__main__":
    main()
