"""The catalogue: what the workspace holds, and what was made from what."""

from __future__ import annotations

import functools
import os
from pathlib import Path

from sqlalchemy import Engine, create_engine, event, inspect, text

from mactuner_core.catalog.store import Catalog, database_errors_are_clear
from mactuner_core.workspace import Workspace

__all__ = ["Catalog", "open_catalog"]

LATEST = "0001"  # the newest revision in migrations/versions; a test compares the two
LOCK_WAIT_S = 10


def open_catalog(workspace: Workspace) -> Catalog:
    """Return the catalogue of `workspace` (or of MACTUNER_DATABASE_URL) with its tables up to date.

    Raises WorkError when the database is locked, damaged, or was written by a newer version.
    """
    engine = _engine(os.environ.get("MACTUNER_DATABASE_URL") or f"sqlite:///{workspace.database}")
    with database_errors_are_clear(engine):
        if _revision(engine) != LATEST:
            migrate(engine)
    return Catalog(engine)


@functools.cache
def _engine(url: str) -> Engine:
    """Return one engine a process for each URL; SQLite gets WAL mode, foreign keys and a wait for locks."""
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": LOCK_WAIT_S})

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: object, _record: object) -> None:
        cursor = connection.cursor()  # type: ignore[attr-defined]
        for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=NORMAL"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine


def _revision(engine: Engine) -> str | None:
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def migrate(engine: Engine) -> None:
    """Bring the tables to the newest revision with Alembic; the data stays.

    Source: https://alembic.sqlalchemy.org/en/latest/cookbook.html (sharing a connection with migrations).
    """
    from alembic import command
    from alembic.config import Config

    from mactuner_core.errors import WorkError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.execute(text("BEGIN IMMEDIATE"))
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except Exception as problem:
            if "Can't locate revision" in str(problem):
                raise WorkError("catalog.newer", database=engine.url.render_as_string(hide_password=True)) from problem
            raise
