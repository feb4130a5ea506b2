"""The tables of the catalogue: one row for each box of the data's way, each naming the box it came from.

Times are UTC with an ISO form in JSON. Paths are absolute strings. Sizes are bytes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, ForeignKey, MetaData, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


def now() -> datetime:
    """Return the present moment in UTC, without the zone mark that SQLite would drop."""
    return datetime.now(UTC).replace(tzinfo=None)


class Base(DeclarativeBase):
    """Base of all tables, with named constraints so that migrations can change them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class DatasetVersion(Base):
    """One version of a dataset, `name@number`, split into training and validation rows.

    `path` is empty once its rows were removed.
    """

    __tablename__ = "dataset_versions"

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), index=True)
    number: Mapped[int]
    path: Mapped[str]
    train_rows: Mapped[int]
    validation_rows: Mapped[int]
    source_name: Mapped[str]
    source_sha256: Mapped[str] = mapped_column(String(64))
    recipe: Mapped[dict[str, Any]] = mapped_column(JSON)
    report: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(DateTime, default=now)


class Model(Base):
    """A base model: a starter model made here, a folder of the person's, or a Hub model in the Hugging Face cache."""

    __tablename__ = "models"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str]
    source: Mapped[str] = mapped_column(String(16))
    path: Mapped[str]
    architecture: Mapped[str]
    parameters: Mapped[int]
    bytes: Mapped[int]
    dataset_id: Mapped[str | None] = mapped_column(ForeignKey("dataset_versions.id"))
    created_at: Mapped[datetime] = mapped_column(DateTime, default=now)


class Run(Base):
    """A training run of one model on one dataset version; done when its folder is complete."""

    __tablename__ = "runs"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    model_id: Mapped[str] = mapped_column(ForeignKey("models.id"))
    dataset_id: Mapped[str] = mapped_column(ForeignKey("dataset_versions.id"))
    method: Mapped[str] = mapped_column(String(16))
    path: Mapped[str]
    config: Mapped[dict[str, Any]] = mapped_column(JSON)
    job_id: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(DateTime, default=now)


class Export(Base):
    """GGUF files made from a run or from a base model; done when its folder is complete."""

    __tablename__ = "exports"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    run_id: Mapped[str | None] = mapped_column(ForeignKey("runs.id"))
    model_id: Mapped[str] = mapped_column(ForeignKey("models.id"))
    path: Mapped[str]
    job_id: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(DateTime, default=now)


class ExportFile(Base):
    """One GGUF file of an export, with the report of its verification."""

    __tablename__ = "export_files"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    export_id: Mapped[str] = mapped_column(ForeignKey("exports.id"), index=True)
    quant: Mapped[str] = mapped_column(String(16))
    path: Mapped[str]
    bytes: Mapped[int]
    verified: Mapped[bool]
    report: Mapped[dict[str, Any]] = mapped_column(JSON)
