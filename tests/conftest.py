"""Every test gets a workspace of its own, English messages, and no network."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mactuner_core.catalog import Catalog, open_catalog
from mactuner_core.workspace import Workspace, open_workspace

SAMPLES = Path(__file__).parents[1] / "samples"
os.environ.setdefault("OMP_NUM_THREADS", "1")  # the models are tiny, and tests run beside each other
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read when torch is loaded: threads that wait do not spin


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point MACTUNER_HOME to an empty folder, so that no test sees another's or the person's own workspace."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("MACTUNER_HOME", str(home))
    monkeypatch.setenv("MACTUNER_LANG", "en")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("MACTUNER_DATABASE_URL", raising=False)
    return home


@pytest.fixture
def workspace(own_home: Path) -> Workspace:
    return open_workspace()


@pytest.fixture
def catalog(workspace: Workspace) -> Catalog:
    return open_catalog(workspace)
