"""Numbers for people: 1.2 GB, 3분 20초, 12.4k."""

from __future__ import annotations


def human_bytes(count: float) -> str:
    """Return a size in bytes as "1.2 GB" (powers of 1000)."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 999.5:
            return f"{count:.0f} {unit}" if unit in ("B", "kB") or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def human_count(count: float) -> str:
    """Return a number as "950", "12.4k" or "3.6M"."""
    for unit in ("", "k", "M"):
        if abs(count) < 999.5:
            return f"{count:.0f}" if not unit else f"{count:.1f}{unit}"
        count /= 1000
    return f"{count:.1f}B"


def human_duration(seconds: float, language: str = "en") -> str:
    """Return a duration in seconds as "3 min 20 s" or "3분 20초"."""
    hour, minute, second = ("시간", "분", "초") if language == "ko" else (" h", " min", " s")
    if seconds < 60:
        return f"{seconds:.1f}{second}" if seconds < 10 else f"{seconds:.0f}{second}"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}{minute} {whole % 60}{second}"
    return f"{whole // 3600}{hour} {whole % 3600 // 60}{minute}"
