"""Which file a name means, and that a file which failed its verification is not served by accident."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from mactuner_core.catalog import open_catalog
from mactuner_core.catalog.tables import Export, ExportFile, Model
from mactuner_core.errors import InputError, NotFoundError
from mactuner_core.workspace import Workspace, open_workspace
from serving.models import ServedModel, resolve
from serving.settings import ServeSettings
from tests.core.export.test_gguf_adapter import gguf
from tests.serving.conftest import Taught


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("MACTUNER_HOME", str(tmp_path / "home"))
    return open_workspace()


def make_export(home: Workspace, taught: Taught, files: dict[str, bool], ref: str = "law") -> None:
    """Put an export with these files (quant → verified) into the catalogue."""
    catalog = open_catalog(home)
    facts: dict[str, Any] = {"architecture": "Qwen3ForCausalLM", "parameters": 1, "bytes": 1}
    if not catalog.models():
        catalog.add(Model(id="base", name="base", source="folder", path=str(taught.folder), **facts))
    catalog.add(Export(id=ref, model_id="base", path=str(home.exports / ref), job_id="job"))
    for quant, verified in files.items():
        path = home.exports / ref / f"{ref}-{quant}.gguf"
        path.parent.mkdir(exist_ok=True)
        shutil.copy(taught.gguf, path)
        row = {"quant": quant, "path": str(path), "bytes": 1, "verified": verified, "report": {}}
        catalog.add(ExportFile(export_id=ref, **row))


def found(model: str, **values: Any) -> ServedModel:
    """Resolve one model argument."""
    return resolve(ServeSettings.check({"model": model, **values}), model)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"F16": True, "Q8_0": True, "Q4_K_M": True}, "Q4_K_M"),
        ({"F16": True, "Q8_0": True}, "F16"),
        ({"F16": False, "Q8_0": True, "Q4_K_M": False}, "Q8_0"),
    ],
)
def test_an_export_is_served_in_the_best_verified_form(
    home: Workspace, taught: Taught, files: dict[str, bool], expected: str
) -> None:
    make_export(home, taught, files)
    served = found("law")
    assert (served.path.name, served.name, served.warning) == (f"law-{expected}.gguf", "law", "")


def test_a_quant_can_be_named(home: Workspace, taught: Taught) -> None:
    make_export(home, taught, {"F16": True, "Q4_K_M": True})
    assert found("law:F16").path.name == "law-F16.gguf"
    assert found("law:f16", name="mine").name == "mine"
    with pytest.raises(NotFoundError, match="Q4_K_M"):
        found("law:Q2_K")


def test_a_failed_verification_needs_an_explicit_yes(home: Workspace, taught: Taught) -> None:
    make_export(home, taught, {"F16": False})
    for model in ("law", "law:F16"):
        with pytest.raises(InputError, match="allow-unverified"):
            found(model)
        assert found(model, allow_unverified=True).warning == "serving.warn_failed_verification"


def test_what_is_not_there_is_named(home: Workspace, taught: Taught) -> None:
    make_export(home, taught, {})
    with pytest.raises(NotFoundError, match="law"):
        found("other")
    with pytest.raises(InputError) as caught:
        found("law")
    assert caught.value.code == "serving.export_has_no_file"
    with pytest.raises(NotFoundError):
        found("folder/none.gguf")


def test_a_bare_file_is_served_with_a_warning(taught: Taught) -> None:
    assert found(str(taught.gguf)) == ServedModel(taught.gguf, "taught-F16", "serving.warn_not_verified")


@pytest.mark.parametrize(("passed", "warning"), [(True, ""), (False, None)])
def test_the_report_beside_a_file_counts(taught: Taught, tmp_path: Path, passed: bool, warning: str | None) -> None:
    path = tmp_path / "a.gguf"
    shutil.copy(taught.gguf, path)
    report = {"files": [{"quant": "F16", "path": "somewhere/a.gguf", "bytes": 1, "verify": {"passed": passed}}]}
    (tmp_path / "verification.json").write_text(json.dumps(report))
    if warning is None:
        with pytest.raises(InputError, match="allow-unverified"):
            found(str(path))
        assert found(str(path), allow_unverified=True).warning == "serving.warn_failed_verification"
    else:
        assert found(str(path)).warning == warning


@pytest.mark.parametrize("text", ["", "{", "[]", '{"files": 5}', '{"files": [{}]}', '{"files": [{"path": "b.gguf"}]}'])
def test_a_report_that_says_nothing_is_no_verification(taught: Taught, tmp_path: Path, text: str) -> None:
    shutil.copy(taught.gguf, tmp_path / "a.gguf")
    (tmp_path / "verification.json").write_text(text)
    assert found(str(tmp_path / "a.gguf")).warning == "serving.warn_not_verified"


def test_an_adapter_is_no_model_of_its_own(home: Workspace, taught: Taught, tmp_path: Path) -> None:
    make_export(home, taught, {"LORA": True})
    keys = {"general.type": "adapter", "general.architecture": "qwen3", "adapter.type": "lora"}
    file = gguf(tmp_path / "law-LORA.gguf", keys, {"blk.0.attn_q.weight.lora_a": ((64, 4), 1)})
    for model in ("law", str(file)):
        with pytest.raises(InputError) as caught:
            found(model)
        assert caught.value.code == "export_adapter.alone"
    make_export(home, taught, {"LORA": True, "F16": True}, ref="both")
    assert found("both").path.name == "both-F16.gguf"
    with pytest.raises(NotFoundError):
        found("both:LORA")
