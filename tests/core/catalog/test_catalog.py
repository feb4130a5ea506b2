"""The catalogue: rows, references, migrations, and a database that is locked or damaged."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect

import mactuner_core.catalog as catalog_module
from mactuner_core.catalog import LATEST, Catalog, open_catalog
from mactuner_core.catalog.tables import Base, DatasetVersion, Model, Run
from mactuner_core.errors import InputError, NotFoundError, WorkError
from mactuner_core.workspace import Workspace


def version(name: str, number: int) -> DatasetVersion:
    return DatasetVersion(
        id=f"{name}@{number}",
        name=name,
        number=number,
        path="/x",
        train_rows=1,
        validation_rows=0,
        source_name="f.csv",
        source_sha256="0" * 64,
        recipe={},
        report={},
    )


def model(id: str) -> Model:
    return Model(id=id, name=id, source="folder", path="/x", architecture="Qwen3ForCausalLM", parameters=1, bytes=1)


def test_a_bare_dataset_name_means_the_latest(catalog: Catalog) -> None:
    catalog.add(*[version("law", number) for number in range(1, 12)])
    assert catalog.dataset("law").number == 11
    assert catalog.dataset("law@2").number == 2
    assert catalog.next_dataset_number("law") == 12
    assert catalog.next_dataset_number("other") == 1


def test_an_unknown_name_lists_the_known(catalog: Catalog) -> None:
    catalog.add(model("qwen"))
    with pytest.raises(NotFoundError, match="Known: qwen"):
        catalog.model("gwen")


def test_a_taken_id_is_refused(catalog: Catalog) -> None:
    catalog.add(model("qwen"))
    with pytest.raises(InputError, match="qwen is taken"):
        catalog.add(model("qwen"))


def test_a_model_in_use_stays(catalog: Catalog) -> None:
    catalog.add(model("qwen"), version("law", 1))
    catalog.add(Run(id="r1", model_id="qwen", dataset_id="law@1", method="lora", path="/x", config={}, job_id="j"))
    with pytest.raises(InputError, match="r1"):
        catalog.remove_model("qwen")
    assert catalog.model("qwen").id == "qwen"


def test_a_run_needs_its_model(catalog: Catalog) -> None:
    catalog.add(version("law", 1))
    with pytest.raises(InputError):
        catalog.add(Run(id="r", model_id="none", dataset_id="law@1", method="lora", path="/", config={}, job_id="j"))


def test_migrations_make_the_tables_the_code_knows(catalog: Catalog, tmp_path: Path) -> None:
    fresh = create_engine(f"sqlite:///{tmp_path / 'fresh.db'}")
    Base.metadata.create_all(fresh)
    ours, wanted = inspect(catalog.engine), inspect(fresh)
    for table in Base.metadata.tables:
        names = [
            sorted((column["name"], column["nullable"]) for column in look.get_columns(table))
            for look in (ours, wanted)
        ]
        assert names[0] == names[1], table


def test_the_newest_revision_is_the_one_in_the_code() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(catalog_module.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == LATEST


def test_wal_mode_is_on(catalog: Catalog, workspace: Workspace) -> None:
    with sqlite3.connect(workspace.database) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_a_locked_database_is_reported_and_nothing_is_lost(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog_module, "LOCK_WAIT_S", 0.1)
    catalog = open_catalog(workspace)
    catalog.add(model("before"))
    with sqlite3.connect(workspace.database) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(WorkError, match="locked"):
            catalog.add(model("meanwhile"))
        assert [row.id for row in catalog.models()] == ["before"]
        other.rollback()
    catalog.add(model("after"))
    assert {row.id for row in catalog.models()} == {"before", "after"}


def test_a_damaged_file_is_reported(workspace: Workspace) -> None:
    workspace.database.write_bytes(b"this is not a database at all" * 100)
    with pytest.raises(WorkError, match=r"catalog\.db"):
        open_catalog(workspace)


def test_a_newer_database_is_refused(workspace: Workspace) -> None:
    open_catalog(workspace)
    with sqlite3.connect(workspace.database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(WorkError, match="newer"):
        open_catalog(workspace)


def test_many_writers_at_once(workspace: Workspace) -> None:
    catalog = open_catalog(workspace)
    names = [f"m{number}" for number in range(16)]
    threads = [threading.Thread(target=lambda name=name: catalog.add(model(name))) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {row.id for row in catalog.models()} == set(names)
