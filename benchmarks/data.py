"""How fast and lean a large KakaoTalk export becomes a dataset, against bare loops on the same file in the same run.

    python -m benchmarks.data [--messages 1300000] [--json]

A generated Windows export is parsed, classified, masked, paired and saved by the same function that the page and the
command line call, in a process of its own, so that its memory is its own: four times a second that of it and all its workers
is summed, and the largest sum told (PSS where the system says it, so that shared pages count once). The bare loops are
what a script would do at least: one regular expression a line to parse, and five patterns of personal data over every text.
On a machine with other work compare processor seconds: those of all processes, and of the bare loops.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import re
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import psutil

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
WATCH_EVERY_S = 0.25


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


def bare_parse(lines: list[str]) -> None:
    """Match one regular expression a line."""
    found = [match.groups() for line in lines if (match := LINE.match(line))]
    if not found:
        raise SystemExit("the generated export was not recognised")


def bare_patterns(lines: list[str]) -> None:
    """Look for five patterns of personal data in every line."""
    for line in lines:
        for pattern in PATTERNS:
            pattern.search(line)


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """Return what `work` returns, its seconds, and the processor seconds of this process and those it started."""
    started, used = time.perf_counter(), processor_seconds()
    result = work()
    return result, time.perf_counter() - started, processor_seconds() - used


def processor_seconds() -> float:
    """Return the processor seconds of this process and of the finished ones that it started."""
    times = psutil.Process().cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def ours(path: Path, home: Path, queue: Any) -> None:
    """Import the export and put seconds, processor seconds, peak memory in bytes and rows into `queue`."""
    workspace = open_workspace(home)
    recipe = Recipe.check({"kakaotalk": {"me": "김민수"}, "privacy": {}})
    catalog = open_catalog(workspace)
    done, peaks = threading.Event(), {"together": 0, "main": 0, "workers": 0}
    watcher = threading.Thread(target=watch_memory, args=(done, peaks))
    watcher.start()
    version, seconds, processor_s = timed(lambda: import_file(workspace, catalog, path, "benchmark", recipe))
    done.set()
    watcher.join()
    rows = version.train_rows + version.validation_rows
    processor_s -= peaks.pop("watching_ms") / 1000
    queue.put({"seconds": seconds, "processor_s": processor_s, "peak_bytes": peaks, "rows": rows})


def watch_memory(done: threading.Event, peaks: dict[str, int]) -> None:
    """Note the most memory of this process, of those it started, and of all together, until `done`."""
    process = psutil.Process()
    while not done.wait(WATCH_EVERY_S):
        own = memory_of(process)
        others = sum(map(memory_of, process.children(recursive=True)))
        for name, now in (("together", own + others), ("main", own), ("workers", others)):
            peaks[name] = max(peaks[name], now)
    peaks["watching_ms"] = round(time.thread_time() * 1000)


def memory_of(process: psutil.Process) -> int:
    """Return the memory of a process in bytes, 0 when it has gone."""
    try:
        found = process.memory_full_info()
    except psutil.Error:
        return 0
    return int(getattr(found, "pss", 0) or found.rss)


def main() -> None:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1_300_000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "chat.txt"
        write_export(path, arguments.messages)
        lines = path.read_text(encoding="utf-8").splitlines()
        bare = [timed(partial(loop, lines)) for loop in (bare_parse, bare_patterns)]
        del lines
        queue = multiprocessing.get_context("spawn").Queue()
        process = multiprocessing.get_context("spawn").Process(target=ours, args=(path, Path(folder) / "home", queue))
        process.start()
        result = queue.get()
        process.join()
        megabytes = path.stat().st_size / 1e6
    bare_s, bare_processor_s = (sum(figures) for figures in list(zip(*bare, strict=True))[1:])
    result |= {"megabytes": round(megabytes, 1), "messages": arguments.messages}
    result |= {"bare_s": bare_s, "bare_processor_s": bare_processor_s}
    result["ratio_to_bare"] = result["processor_s"] / bare_processor_s
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    print(f"{megabytes:.0f} MB, {arguments.messages:,} messages → {result['rows']:,} masked pairs, saved")
    print(f"bare loops, to parse and five patterns: {bare_s:.1f} s, {bare_processor_s:.1f} processor seconds")
    print(
        f"ours, everything: {result['seconds']:.1f} s, {result['processor_s']:.1f} processor seconds of all processes"
    )
    print(f"ratio of the processor seconds: {result['ratio_to_bare']:.1f}")
    together, own, workers = (result["peak_bytes"][name] / 1e6 for name in ("together", "main", "workers"))
    print(f"peak memory: {together:.0f} MB together; the main process {own:.0f} MB, its workers {workers:.0f} MB")


if __name__ == "__main__":
    main()
