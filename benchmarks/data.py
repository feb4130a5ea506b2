"""How fast and lean a large KakaoTalk export becomes a dataset, against bare loops on the same file in the same run.

    python -m benchmarks.data [--messages 1300000] [--json]

A generated Windows export is parsed, classified, masked, paired and saved by the same function that the page and the
command line call, in a process of its own, so that its peak memory is its own. The bare loops are what a script would do at
least: one regular expression a line to parse, and five patterns of personal data over every text.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import re
import resource
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from mactuner_core.catalog import open_catalog
from mactuner_core.data.importing import import_file
from mactuner_core.data.recipe import Recipe
from mactuner_core.workspace import open_workspace

WORDS = [
    "오늘",
    "내일",
    "저녁",
    "점심",
    "회사",
    "학교",
    "진짜",
    "그래",
    "아니",
    "응",
    "네",
    "뭐",
    "먹을까",
    "어디야",
    "지금",
    "가는중",
    "언제",
    "와",
    "보고싶어",
    "ㅋㅋㅋ",
    "ㅠㅠ",
    "알겠어",
    "좋아",
    "미안",
    "고마워",
    "영화",
    "커피",
    "버스",
    "지하철",
]
PERSONAL = (
    "내 번호 010-{a:04}-{b:04}",
    "메일은 user{a}@example.com",
    "서울시 마포구 양화로 {c} 302호야",
    "계좌 국민은행 123456-04-{b:06}",
)
LINE = re.compile(r"^\[(.+?)\] \[(오전|오후) (\d{1,2}):(\d{2})\] (.*)$")
PATTERNS = [
    re.compile(pattern)
    for pattern in (
        r"01[016789][-. ]?\d{3,4}[-. ]?\d{4}",
        r"[\w.+-]+@[\w-]+\.[\w.]+",
        r"\d{6}-[1-4]\d{6}",
        r"\d{2,6}-\d{2,6}-\d{2,8}",
        r"[가-힣]+(?:로|길) \d+",
    )
]
WEEKDAYS = "월화수목금토일"


def write_export(path: Path, messages: int) -> None:
    """Write a two-person Windows export of `messages` messages, one in fifty with personal data."""
    rng = random.Random(1)
    moment = datetime(2019, 1, 1, 9, 0)
    day = None
    with path.open("w", encoding="utf-8") as file:
        file.write("이지은 님과 카카오톡 대화\n저장한 날짜 : 2026-10-02 14:23:11\n\n")
        for _ in range(messages):
            moment += timedelta(seconds=rng.choice((5, 20, 60, 400, 4000)))
            if moment.date() != day:
                day = moment.date()
                file.write(
                    f"--------------- {day:%Y}년 {day.month}월 {day.day}일 {WEEKDAYS[day.weekday()]}요일 ---------------\n"
                )
            hour = f"{'오전' if moment.hour < 12 else '오후'} {(moment.hour - 1) % 12 + 1}:{moment.minute:02}"
            file.write(f"[{rng.choice(('이지은', '김민수'))}] [{hour}] {_said(rng)}\n")


def _said(rng: random.Random) -> str:
    if rng.random() < 0.02:
        return rng.choice(PERSONAL).format(a=rng.randrange(10000), b=rng.randrange(10000), c=rng.randrange(1, 200))
    if rng.random() < 0.05:
        return rng.choice(("사진", "이모티콘", "동영상"))
    return " ".join(rng.choices(WORDS, k=rng.randrange(1, 12)))


def bare_parse(path: Path) -> float:
    """Return the seconds of one regular expression a line."""
    started = time.perf_counter()
    found = [match.groups() for line in path.read_text(encoding="utf-8").splitlines() if (match := LINE.match(line))]
    if not found:
        raise SystemExit("the generated export was not recognised")
    return time.perf_counter() - started


def bare_patterns(path: Path) -> float:
    """Return the seconds of five patterns of personal data over every line."""
    lines = path.read_text(encoding="utf-8").splitlines()
    started = time.perf_counter()
    for line in lines:
        for pattern in PATTERNS:
            pattern.search(line)
    return time.perf_counter() - started


def ours(path: Path, home: Path, queue: Any) -> None:
    """Import the export and put seconds, peak memory in bytes (with its workers) and rows into `queue`."""
    workspace = open_workspace(home)
    recipe = Recipe.check({"kakaotalk": {"me": "김민수"}, "privacy": {}})
    started = time.perf_counter()
    version = import_file(workspace, open_catalog(workspace), path, "benchmark", recipe)
    seconds = time.perf_counter() - started
    scale = 1 if sys.platform == "darwin" else 1024
    peaks = [resource.getrusage(who).ru_maxrss * scale for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    queue.put({"seconds": seconds, "peak_bytes": peaks, "rows": version.train_rows + version.validation_rows})


def main() -> None:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1_300_000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "chat.txt"
        write_export(path, arguments.messages)
        parse_s, patterns_s = bare_parse(path), bare_patterns(path)
        queue = multiprocessing.get_context("spawn").Queue()
        process = multiprocessing.get_context("spawn").Process(target=ours, args=(path, Path(folder) / "home", queue))
        process.start()
        result = queue.get()
        process.join()
        megabytes = path.stat().st_size / 1e6
    result |= {"megabytes": round(megabytes, 1), "messages": arguments.messages}
    result |= {"bare_parse_s": parse_s, "bare_patterns_s": patterns_s}
    result["ratio_to_bare"] = result["seconds"] / (parse_s + patterns_s)
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    print(f"{megabytes:.0f} MB, {arguments.messages:,} messages → {result['rows']:,} masked pairs, saved")
    print(f"bare loops: parse {parse_s:.1f} s, five patterns {patterns_s:.1f} s")
    print(f"ours, everything: {result['seconds']:.1f} s = {result['ratio_to_bare']:.1f} × the bare loops")
    own, worker = (peak / 1e6 for peak in result["peak_bytes"])
    print(f"peak memory: {own:.0f} MB, its largest worker {worker:.0f} MB")


if __name__ == "__main__":
    main()
