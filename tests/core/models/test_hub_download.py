"""Downloads with the real client from the stand-in: whole, cut, slow, stopped, killed, refused, and onto a full disk."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from pathlib import Path

import pytest

from mactuner_core import jobs
from mactuner_core.catalog import Catalog
from mactuner_core.errors import InputError, error_from_dict
from mactuner_core.models.catalogued import model_info
from mactuner_core.models.hub_download import start_download
from mactuner_core.workspace import Workspace
from tests.core.models.conftest import Ask
from tests.core.models.hub_server import SHA, WEIGHTS, HubServer


def download(workspace: Workspace, repo: str = "tiny/model", token: str | None = None) -> jobs.JobStatus:
    return jobs.wait(workspace.jobs / start_download(workspace, repo, token))


def log_of(status: jobs.JobStatus) -> str:
    return (status.folder / "log.txt").read_text(encoding="utf-8")


def part_of(tmp_path: Path) -> Path:
    """Return the part of the weights that is there."""
    parts = [*tmp_path.glob("hf/hub/models--tiny--model/blobs/*.incomplete")]
    assert len(parts) == 1
    return parts[0]


def test_a_download_becomes_a_model(hub: HubServer, workspace: Workspace, catalog: Catalog, folder: Path) -> None:
    status = download(workspace, token="hf_secret")
    assert status.state == "done", log_of(status)
    assert status.result == {"id": "model", "commit": SHA, "renamed_to": None}
    model = catalog.model("model")
    assert (model.name, model.source) == ("tiny/model", "hub")
    assert model_info(model)["commit"] == SHA
    got = {file.name for file in Path(model.path).iterdir()}
    assert {"config.json", WEIGHTS, "tokenizer.json"} <= got <= {file.name for file in folder.iterdir()}
    assert (Path(model.path) / WEIGHTS).read_bytes() == (folder / WEIGHTS).read_bytes()
    assert ("/api/models/tiny/model", "Bearer hf_secret") in hub.asked
    written = [file for file in workspace.root.rglob("*") if file.is_file()]
    assert not [file for file in written if b"hf_secret" in file.read_bytes()]
    sent = hub.sent
    assert download(workspace).result["id"] == "model"
    assert hub.sent == sent  # nothing is fetched twice


def test_a_cut_connection_is_gone_on_with(hub: HubServer, workspace: Workspace, catalog: Catalog) -> None:
    hub.faults.cuts = [500_000, 400_000]
    status = download(workspace)
    assert status.state == "done", log_of(status)
    assert hub.ranges == [None, "bytes=500000-", "bytes=900000-"]
    assert hub.sent == hub.weights


def test_a_connection_that_falls_silent_is_replaced(hub: HubServer, workspace: Workspace) -> None:
    hub.faults.stalls = 1
    status = download(workspace)
    assert status.state == "done", log_of(status)
    assert hub.ranges == [None, f"bytes={hub.weights // 2}-"]


def test_a_server_without_ranges_sends_it_again(hub: HubServer, workspace: Workspace, catalog: Catalog) -> None:
    hub.faults.cuts, hub.faults.no_ranges = [500_000], True
    status = download(workspace)
    assert status.state == "done", log_of(status)
    assert hub.sent == hub.weights + 500_000


def test_a_busy_server_is_asked_again(hub: HubServer, workspace: Workspace) -> None:
    hub.faults.statuses = [503, 429]
    status = download(workspace)
    assert status.state == "done", log_of(status)
    assert len(hub.ranges) == 3


def test_what_arrives_damaged_is_not_kept(hub: HubServer, workspace: Workspace, tmp_path: Path) -> None:
    hub.faults.damaged = True
    status = download(workspace)
    assert status.error and status.error["code"] == "models.hub_damaged"
    assert not [*tmp_path.glob("hf/hub/models--*/blobs/*.incomplete")]
    hub.faults.damaged = False
    assert download(workspace).state == "done"


def test_a_line_that_always_breaks_ends_with_what_is_there(hub: HubServer, ask: Ask, tmp_path: Path) -> None:
    hub.faults.cuts, hub.faults.always_cut = [300_000], 0
    problem = ask(
        "from pathlib import Path\nfrom mactuner_core.models import hub_fetch",
        f"hub_fetch.fetch({hub.url!r} + '/tiny/model/resolve/{SHA}/{WEIGHTS}', Path({str(tmp_path / 'part')!r}),"
        f" name='model.safetensors', headers={{}}, size={hub.weights}, sha256='', on_bytes=lambda n: None)",
        before="hub_fetch.RETRIES = 1",
    )
    assert problem["code"] == "models.hub_cut"
    assert "300 kB" in error_from_dict(problem).text("en")
    assert (tmp_path / "part").stat().st_size == 300_000


def test_a_stopped_download_keeps_its_part_and_goes_on(hub: HubServer, workspace: Workspace, tmp_path: Path) -> None:
    hub.faults.piece_s = 0.05
    folder = workspace.jobs / start_download(workspace, "tiny/model")
    wait_for_bytes(hub)
    assert jobs.read(folder).stage == "models.stage_downloading"
    assert start_download(workspace, "tiny/model") == folder.name  # a second click joins the first
    jobs.request_stop(folder)
    assert jobs.wait(folder).state == "cancelled"
    there = part_of(tmp_path).stat().st_size
    assert there > 0
    goes_on_from(hub, workspace, there)


def test_a_killed_download_goes_on(hub: HubServer, workspace: Workspace, tmp_path: Path) -> None:
    hub.faults.piece_s = 0.05
    folder = workspace.jobs / start_download(workspace, "tiny/model")
    wait_for_bytes(hub)
    os.kill(jobs.read(folder).pid or 0, signal.SIGKILL)
    assert jobs.wait(folder).state == "lost"
    goes_on_from(hub, workspace, part_of(tmp_path).stat().st_size)


def wait_for_bytes(hub: HubServer) -> None:
    limit = time.monotonic() + 30
    while hub.sent < 600_000:
        assert time.monotonic() < limit
        time.sleep(0.02)


def goes_on_from(hub: HubServer, workspace: Workspace, there: int) -> None:
    """Finish the download, and see that only the rest came."""
    time.sleep(0.5)  # the stand-in notices that nobody listens any more
    hub.faults.piece_s, hub.ranges, hub.sent = 0.0, [], 0
    status = download(workspace)
    assert status.state == "done", log_of(status)
    assert hub.ranges == [f"bytes={there}-"]
    assert hub.sent == hub.weights - there


def test_a_renamed_model_gets_its_new_name(hub: HubServer, workspace: Workspace, catalog: Catalog) -> None:
    status = download(workspace, "old/name")
    assert status.state == "done", log_of(status)
    assert status.result["renamed_to"] == "tiny/model"
    assert catalog.models()[0].name == "tiny/model"


def test_what_is_whole_on_the_disk_needs_no_network(
    hub: HubServer, workspace: Workspace, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert download(workspace).state == "done"
    catalog.remove_model("model")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    status = download(workspace)
    assert status.state == "done", log_of(status)
    assert catalog.model("model").name == "tiny/model"
    failed = download(workspace, "tiny/english")
    assert failed.error and failed.error["code"] == "models.hub_unreachable"


@pytest.mark.parametrize(
    ("repo", "token", "code"),
    [
        ("some/missing", None, "models.hub_not_found"),
        ("some/gated", "hf_x", "models.hub_gated"),
        ("some/unauthorized", None, "models.hub_gated"),
        ("some/forbidden", "hf_x", "models.hub_token"),
        ("some/broken", None, "models.hub_failed"),
        ("some/pickle", None, "models.hub_no_safetensors"),
        ("with/code", None, "models.custom_code"),
    ],
)
def test_each_refusal_is_named(
    hub: HubServer, workspace: Workspace, catalog: Catalog, repo: str, token: str | None, code: str
) -> None:
    status = download(workspace, repo, token)
    assert status.state == "failed" and status.error
    assert status.error["code"] == code, log_of(status)
    assert not catalog.models()
    assert not hub.ranges  # refused before the weights


def test_a_disk_that_is_too_small_is_seen_before(
    hub: HubServer, workspace: Workspace, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(small_disk))
    status = download(workspace)
    assert status.error and status.error["code"] == "workspace.disk_full"
    assert not hub.ranges
    needed = re.search(r"([\d.]+) MB", error_from_dict(status.error).text("en"))
    assert needed and float(needed[1]) > 1


def test_a_disk_that_fills_up_meanwhile_is_explained(
    hub: HubServer, workspace: Workspace, ask: Ask, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(small_disk))
    job = workspace.jobs / "by-hand"
    job.mkdir()
    (job / "spec.json").write_text(json.dumps({"kind": "hub_download"}), encoding="utf-8")
    problem = ask(
        "from pathlib import Path\nfrom mactuner_core.jobs import Job\nfrom mactuner_core.workspace import Workspace\n"
        "from mactuner_core.models import hub_download",
        f"hub_download.run({{'repo_id': 'tiny/model'}}, Job(Path({str(job)!r}), Workspace(Path({str(workspace.root)!r}))))",
        before="hub_download.check_free_space = lambda *given: None",
    )
    assert problem["code"] == "workspace.disk_full"
    assert hub.ranges == [None]


@pytest.mark.parametrize("repo", ["", "Qwen", "../../etc"])
def test_what_is_no_id_starts_no_job(workspace: Workspace, repo: str) -> None:
    with pytest.raises(InputError, match="owner/name"):
        start_download(workspace, repo)
    assert not list(workspace.jobs.iterdir())


def test_the_environment_of_the_tests_is_offline() -> None:
    assert os.environ["HF_HUB_OFFLINE"] == "1"
