"""Fetching one large file over HTTP so that nothing is fetched twice: what is there is kept, and gone on with.

huggingface_hub 2.4 begins every file anew in a new process and throws away what a cut connection left; a file of
gigabytes on a home network needs better. The finished file has the size and the SHA-256 that the Hub named.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path

from mactuner_core.errors import WorkError
from mactuner_core.format import human_bytes

SILENCE_S = 20  # without one byte: the connection is given up
RETRIES = 5  # in a row, without one byte more
PASSING = (408, 425, 429, 500, 502, 503, 504)  # answers that may be better the next time
BLOCK = 1 << 20


def fetch(
    url: str, file: Path, *, name: str, headers: dict[str, str], size: int, sha256: str, on_bytes: Callable[[int], None]
) -> None:
    """Bring `file` to its full `size`, going on behind what it already holds, and check its SHA-256.

    `name` is what people know the file by. `on_bytes` hears how many bytes are there and may raise to end the work; what was written stays. Raises WorkError when
    the connection breaks again and again, or what came is not what the Hub promised (it is then deleted).
    """
    from huggingface_hub import constants

    silence_s = min(SILENCE_S, constants.HF_HUB_DOWNLOAD_TIMEOUT * 2)
    failures = 0
    have = _size(file)
    if have > size:  # not ours, or of another version
        file.unlink()
        have = 0
    while have < size:
        on_bytes(have)
        problem = _stream(url, file, headers, silence_s, on_bytes)
        now = _size(file)
        failures = 0 if now > have else failures + 1
        if now < size and failures > RETRIES:
            raise WorkError(
                "models.hub_cut", name=name, done=human_bytes(now), total=human_bytes(size), reason=problem or "–"
            )
        if now < size:
            time.sleep(min(failures, 5))
        have = now
    if have != size or _sha256(file, on_bytes, size) != sha256:
        file.unlink()
        raise WorkError("models.hub_damaged", name=name)


def _stream(
    url: str, file: Path, headers: dict[str, str], silence_s: float, on_bytes: Callable[[int], None]
) -> str | None:
    """Append what the server sends; return why it ended too early, or None. Raises for an answer that will not change."""
    import httpx2
    from huggingface_hub import get_session
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.utils import hf_raise_for_status

    have = _size(file)
    wanted = headers | {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        with get_session().stream("GET", url, headers=wanted, timeout=silence_s, follow_redirects=True) as answer:
            if answer.status_code in PASSING:
                return f"HTTP {answer.status_code}"
            if answer.is_error:
                answer.read()
            hf_raise_for_status(answer)
            goes_on = answer.status_code == 206 and _starts_at(answer.headers.get("Content-Range"), have)
            with file.open("ab" if goes_on else "wb") as out:
                for chunk in answer.iter_bytes():
                    out.write(chunk)
                    on_bytes(out.tell())
    except HfHubHTTPError:
        raise
    except (httpx2.TransportError, ConnectionError, TimeoutError) as problem:
        return " ".join(str(problem).split())[:200] or type(problem).__name__
    return None


def _starts_at(content_range: str | None, have: int) -> bool:
    """Tell whether the server goes on where the file ends; one that knows no ranges sends it all again."""
    return have > 0 and (content_range or "").startswith(f"bytes {have}-")


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def _sha256(file: Path, on_bytes: Callable[[int], None], size: int) -> str:
    found = hashlib.sha256()
    with file.open("rb") as content:
        while block := content.read(BLOCK):
            found.update(block)
            on_bytes(size)  # so that a stop is heard
    return found.hexdigest()
