"""The Hugging Face Hub: how it is asked, what its ids look like, and what its failures mean.

Searching is in `hub_search`, one model's facts in `hub_details`, downloading in `hub_download`, what is on the disk in
`hub_cache`. The token comes from the caller or from HF_TOKEN. The library reads HF_ENDPOINT and HF_HUB_OFFLINE when it
is imported. Nothing here asks the Hub by itself.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mactuner_core.errors import InputError, WorkError

REACH_S = 5  # to find out that there is no network
ANSWER_S = 15  # for the answer to one question
_REPO = re.compile(r"[\w.\-]{1,96}/[\w.\-]{1,96}")
_OFF = ("", "0", "off", "no", "false")


def check_repo_id(repo_id: str) -> str:
    """Return `repo_id`; raises InputError when it is not of the form owner/name."""
    if not _REPO.fullmatch(repo_id) or ".." in repo_id:
        raise InputError("models.hub_bad_id", repo=repo_id)
    return repo_id


def offline_by_choice() -> bool:
    """Tell whether HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE) forbids asking the Hub; without importing its library."""
    wish = os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE") or ""
    return wish.lower() not in _OFF


def cache_folder() -> Path:
    """Return the folder of the Hugging Face cache, as HF_HUB_CACHE and HF_HOME set it; it may not exist yet."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def token_or_none(token: str | None) -> str | bool:
    """Return the token to send, or False: send none, and look for none on the disk (an empty one breaks the header)."""
    return token or os.environ.get("HF_TOKEN") or False


def api(token: str | None = None) -> Any:
    """Return the library's client."""
    from huggingface_hub import HfApi

    return HfApi(token=token_or_none(token))


def reach_hub() -> None:
    """Ask for the Hub's front page once: the library itself would try again for half a minute without a network.

    Raises WorkError when asking is switched off, also when that was done after the library had been imported.
    """
    if offline_by_choice():
        raise WorkError("models.hub_offline_mode")
    from huggingface_hub import constants, get_session

    get_session().head(constants.ENDPOINT, timeout=REACH_S)


@contextlib.contextmanager
def hub_errors_are_clear(repo_id: str, token: str | None = None) -> Iterator[None]:
    """Turn what huggingface_hub and the network raise into errors that say what to do."""
    import httpx2  # what huggingface_hub speaks HTTP with
    from huggingface_hub import errors

    try:
        yield
    except errors.OfflineModeIsEnabled as problem:
        raise WorkError("models.hub_offline_mode") from problem
    except errors.GatedRepoError as problem:
        raise InputError("models.hub_gated", repo=repo_id) from problem
    except errors.HfHubHTTPError as problem:
        raise _http_error(repo_id, problem, bool(token_or_none(token))) from problem
    except errors.HFValidationError as problem:
        raise InputError("models.hub_bad_id", repo=repo_id) from problem
    except httpx2.TimeoutException as problem:
        raise WorkError("models.hub_slow", reason=type(problem).__name__) from problem
    except (errors.LocalEntryNotFoundError, httpx2.TransportError, ConnectionError, TimeoutError) as problem:
        raise WorkError("models.hub_unreachable", reason=_short(problem)) from problem
    except (httpx2.HTTPError, ValueError) as problem:  # what answers is no Hub: a login page, a broken proxy
        raise WorkError("models.hub_strange", reason=_short(problem)) from problem


def _http_error(repo_id: str, problem: Any, with_token: bool) -> InputError | WorkError:
    status = getattr(problem.response, "status_code", 0)
    # for a model that does not exist the Hub answers 401 to those who have shown no token
    if status == 404 or (status == 401 and not with_token):
        return InputError("models.hub_not_found", repo=repo_id)
    if status in (401, 403):
        return InputError("models.hub_token", status=status)
    if status == 429:
        return WorkError("models.hub_too_many", reason=_short(problem))
    return WorkError("models.hub_failed", status=status, reason=_short(problem))


def _short(problem: Exception) -> str:
    return " ".join(str(problem).split())[:200] or type(problem).__name__
