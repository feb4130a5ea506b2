"""When something was made, as people say it: just now, 5 minutes ago, 3 days ago."""

from __future__ import annotations

from datetime import UTC, datetime

from mactuner_core.catalog.tables import now
from ui.language import t

MINUTE, HOUR, DAY = 60, 3600, 86400


def ago(moment: datetime) -> str:
    """Return how long ago `moment` (UTC, as in the catalogue) was."""
    seconds = max(0.0, (now() - moment).total_seconds())
    if seconds < MINUTE:
        return t("ui.just_now")
    for unit, length, limit in (("minutes", MINUTE, HOUR), ("hours", HOUR, DAY)):
        if seconds < limit:
            return t(f"ui.{unit}_ago", count=int(seconds // length))
    return t("ui.days_ago", count=int(seconds // DAY))


def ago_seconds(moment: float) -> str:
    """Return how long ago `moment` (seconds since 1970) was."""
    return ago(datetime.fromtimestamp(moment, UTC).replace(tzinfo=None))
