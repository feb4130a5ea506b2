"""What a server tells of itself about once a second, in `live.json` of its job's folder."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

LIVE = "live.json"


class Part(BaseModel):
    """One part of the file: what it does not know yet is nothing, and what this page does not know is passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class LoadedModel(Part):
    """A model the server has: its state, and the memory it takes."""

    name: str
    state: str = ""
    bytes: int | None = None


class Request(Part):
    """A request that waits or is being answered; `age_s` are the seconds since it came."""

    id: str = ""
    model: str = ""
    state: str = ""
    age_s: float = 0.0
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Live(Part):
    """How the server stands at `updated_at` (seconds since 1970).

    `history` holds a point a second, oldest first: time, tokens a second, running, waiting.
    """

    updated_at: float = 0.0
    models: list[LoadedModel] = []
    running: int = 0
    waiting: int = 0
    requests: list[Request] = []
    tokens_per_second: float = 0.0
    prompt_tokens_per_second: float = 0.0
    requests_total: int = 0
    errors_total: int = 0
    history: list[tuple[float, float, int, int]] = []

    def points(self, now: float) -> list[tuple[float, float, int, int]]:
        """Return the history up to `now`: a server that has nothing new to say stands as it last said."""
        if not self.history or now <= self.history[-1][0]:
            return self.history
        return [*self.history, (now, *self.history[-1][1:])]


def read_live(folder: Path) -> Live | None:
    """Return how the server of the job in `folder` stands; None when it has not said yet, or the file is torn."""
    try:
        return Live.model_validate_json((folder / LIVE).read_bytes())
    except (OSError, ValidationError):
        return None
