"""Numbers for people."""

import pytest

from mactuner_core.format import human_bytes, human_count, human_duration


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, "0 B"), (999, "999 B"), (1_500, "2 kB"), (1_234_567, "1.2 MB"), (999_999_999, "1.0 GB"), (2.5e12, "2.5 TB")],
)
def test_bytes(count: float, expected: str) -> None:
    assert human_bytes(count) == expected


@pytest.mark.parametrize(("count", "expected"), [(950, "950"), (12_400, "12.4k"), (3_600_000, "3.6M"), (7e9, "7.0B")])
def test_counts(count: float, expected: str) -> None:
    assert human_count(count) == expected


@pytest.mark.parametrize(
    ("seconds", "english", "korean"),
    [
        (4.25, "4.2 s", "4.2초"),
        (200, "3 min 20 s", "3분 20초"),
        (3_599.9, "1 h 0 min", "1시간 0분"),
        (59.9, "60 s", "60초"),
    ],
)
def test_durations(seconds: float, english: str, korean: str) -> None:
    assert human_duration(seconds) == english
    assert human_duration(seconds, "ko") == korean
