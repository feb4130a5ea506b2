"""Reading and writing the catalogue.

Every call is one short transaction and rows come back detached. A database that another program keeps locked is waited
for, then reported. References (`ref`) are ids; a dataset may also be named without its number, meaning the latest version.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from sqlalchemy import Engine, func, select, update
from sqlalchemy.exc import DatabaseError, IntegrityError
from sqlalchemy.orm import Session

from mactuner_core.catalog.tables import Base, DatasetVersion, Export, ExportFile, Model, Run
from mactuner_core.errors import InputError, NotFoundError, WorkError

_PRESENT = select(DatasetVersion).where(DatasetVersion.path != "")


class Catalog:
    """The catalogue of one workspace, over a database engine whose tables are up to date."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @contextlib.contextmanager
    def session(self) -> Iterator[Session]:
        """Yield a session that commits at the end; raises WorkError when the database is locked, full or broken."""
        with database_errors_are_clear(self.engine), Session(self.engine, expire_on_commit=False) as session:
            yield session
            session.commit()

    def add(self, *rows: Base) -> None:
        """Add rows in one transaction; raises InputError when an id is taken."""
        try:
            with self.session() as session:
                session.add_all(rows)
        except IntegrityError as problem:
            raise InputError("catalog.taken", id=", ".join(str(getattr(row, "id", "?")) for row in rows)) from problem

    def models(self) -> Sequence[Model]:
        """Return every model, newest first."""
        with self.session() as session:
            return session.scalars(select(Model).order_by(Model.created_at.desc())).all()

    def model(self, ref: str) -> Model:
        """Return the model `ref`; raises NotFoundError naming the known ones."""
        with self.session() as session:
            return session.get(Model, ref) or _missing("catalog.no_model", ref, session.scalars(select(Model.id)).all())

    def dataset_versions(self) -> Sequence[DatasetVersion]:
        """Return every dataset version, newest first."""
        with self.session() as session:
            return session.scalars(_PRESENT.order_by(DatasetVersion.created_at.desc())).all()

    def dataset(self, ref: str, *, removed: bool = False) -> DatasetVersion:
        """Return the dataset version `name@number`, or the latest of `name`; raises NotFoundError.

        With `removed` also a version whose rows were removed: what a run was trained on has a name for ever.
        """
        with self.session() as session:
            latest = _PRESENT.where(DatasetVersion.name == ref).order_by(DatasetVersion.number.desc())
            found = session.get(DatasetVersion, ref) or session.scalars(latest).first()
            if found and not found.path and not removed:
                raise NotFoundError("catalog.dataset_removed", ref=ref)
            known = _PRESENT.with_only_columns(DatasetVersion.id)
            return found or _missing("catalog.no_dataset", ref, session.scalars(known).all())

    def forget_dataset(self, ref: str, recipe: dict[str, Any]) -> None:
        """Take a dataset version off the list; of all that was written about its content only `recipe` stays.

        Its id stays taken: runs and models name it, and no other rows may ever come under that name.
        """
        with self.session() as session:
            version = session.get_one(DatasetVersion, ref)
            version.path, version.source_name, version.report, version.recipe = "", "", {}, recipe

    def next_dataset_number(self, name: str) -> int:
        """Return the number of the next version of the dataset `name`, from 1; the number of a removed one comes not again."""
        with self.session() as session:
            last = session.scalar(select(func.max(DatasetVersion.number)).where(DatasetVersion.name == name))
            return (last or 0) + 1

    def runs(self) -> Sequence[Run]:
        """Return every run, newest first."""
        with self.session() as session:
            return session.scalars(select(Run).order_by(Run.created_at.desc())).all()

    def run(self, ref: str) -> Run:
        """Return the run `ref`; raises NotFoundError."""
        with self.session() as session:
            return session.get(Run, ref) or _missing("catalog.no_run", ref, session.scalars(select(Run.id)).all())

    def set_run_job(self, ref: str, job_id: str, *, instead_of: str) -> Run:
        """Give the run `ref` a new job and return its row; raises InputError when its job is no longer `instead_of`."""
        with self.session() as session:
            change = update(Run).where(Run.id == ref, Run.job_id == instead_of).values(job_id=job_id)
            if not session.execute(change).rowcount:  # type: ignore[attr-defined]
                raise InputError("resume.at_work", run=ref)
            return session.get_one(Run, ref)

    def remove_run(self, ref: str) -> None:
        """Forget the run `ref`; raises NotFoundError."""
        run = self.run(ref)
        with self.session() as session:
            session.delete(run)

    def exports(self) -> Sequence[Export]:
        """Return every export, newest first."""
        with self.session() as session:
            return session.scalars(select(Export).order_by(Export.created_at.desc())).all()

    def export(self, ref: str) -> Export:
        """Return the export `ref`; raises NotFoundError."""
        with self.session() as session:
            return session.get(Export, ref) or _missing(
                "catalog.no_export", ref, session.scalars(select(Export.id)).all()
            )

    def export_files(self, export_id: str) -> Sequence[ExportFile]:
        """Return the files of an export in the order they were made."""
        with self.session() as session:
            files = select(ExportFile).where(ExportFile.export_id == export_id).order_by(ExportFile.id)
            return session.scalars(files).all()

    def remove_model(self, ref: str) -> Model:
        """Forget the model `ref` and return it; raises InputError while runs or exports were made from it."""
        model = self.model(ref)
        with self.session() as session:
            runs = session.scalars(select(Run.id).where(Run.model_id == ref)).all()
            exports = session.scalars(select(Export.id).where(Export.model_id == ref)).all()
            if runs or exports:
                raise InputError("catalog.model_in_use", ref=ref, users=", ".join([*runs, *exports]))
            session.delete(model)
        return model


def _missing(code: str, ref: str, known: Sequence[str]) -> NoReturn:
    raise NotFoundError(code, ref=ref, known=", ".join(sorted(known)) or "–")


@contextlib.contextmanager
def database_errors_are_clear(engine: Engine) -> Iterator[None]:
    """Turn a locked, full or damaged database into a WorkError; a taken id stays an IntegrityError."""
    try:
        yield
    except IntegrityError:
        raise
    except DatabaseError as problem:
        reason = str(problem.orig)
        name = engine.url.render_as_string(hide_password=True)
        code = "catalog.locked" if "locked" in reason else "catalog.broken"
        raise WorkError(code, database=name, reason=reason) from problem
