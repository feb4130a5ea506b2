"""The command line's contract: exit codes, JSON on stdout, messages on stderr, never a traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mactuner_core.catalog import Catalog
from mactuner_core.jobs import list_jobs
from mactuner_core.workspace import Workspace
from tests.conftest import SAMPLES
from tests.core.cli.conftest import Run
from tests.tiny_models import tiny_qwen3

LAW = SAMPLES / "civil_law_qa.csv"
FAST = ("--epochs", "1", "--set", "batch_size=16")


def test_help_names_every_command(run: Run) -> None:
    outcome = run("--help")
    for command in ("doctor", "demo", "models", "data", "train", "runs", "ask", "chat", "export", "serve", "app"):
        assert command in outcome.out
    assert outcome.code == 0


def test_train_help_shows_unit_range_and_default(run: Run) -> None:
    lines = " ".join(run("train", "--help").out.replace("│", " ").split())
    assert "--learning-rate" in lines and "1e-05..0.001" in lines and "default 5e-05" in lines
    assert "full|lora|qlora" in lines


def test_help_is_korean_for_koreans() -> None:
    command = [sys.executable, "-m", "mactuner_core", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | {"MACTUNER_LANG": "ko"})
    assert "전 과정을 실행" in done.stdout


def test_doctor_says_what_works(run: Run) -> None:
    outcome = run("doctor", "--json")
    assert outcome.code == 0, outcome.out
    assert {"device", "reason", "memory_bytes", "checks"} <= outcome.json.keys()
    assert {check["name"] for check in outcome.json["checks"]} >= {"libraries", "disk", "export", "serving"}


def test_import_and_list(run: Run) -> None:
    imported = run("data", "import", LAW, "--name", "law", "--json")
    assert imported.code == 0
    assert imported.json["id"] == "law@1"
    assert (imported.json["train_rows"], imported.json["validation_rows"]) == (128, 32)
    assert imported.json["report"]["rejected"] == []
    assert run("data", "list", "--json").json[0]["id"] == "law@1"


def test_inspect_names_the_rows_left_out(run: Run) -> None:
    outcome = run("data", "inspect", SAMPLES / "civil_law_qa_messy.csv", "--json")
    assert outcome.json["format"] == "csv"
    assert outcome.json["columns"] == ["질문", "답변"]
    problems = outcome.json["problems"]
    assert len(problems) == outcome.json["rows"] - outcome.json["usable"] == 13
    assert problems[0] == {"line": 3, "code": "data.row_empty_cell", "reason": "“질문” is empty"}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("data", "import", "none.csv", "--name", "x"), 2, "There is no file none.csv"),
        (("data", "import", str(LAW), "--name", "a/b"), 2, "cannot be used"),
        (("data", "import", str(LAW), "--name", "x", "--validation-share", "0.9"), 2, "validation_share = 0.9"),
        (("data", "import", str(LAW)), 2, "--name"),
        (("train", "--model", "no", "--dataset", "no"), 2, "“no” is neither a model nor a run"),
        (("train",), 2, "“model” is missing"),
        (("train", "--model", "m", "--dataset", "d", "--set", "epochs"), 2, "key=value"),
        (("train", "--config", "none.yaml"), 2, "no settings file"),
        (("export",), 2, "either --run RUN or --model MODEL"),
        (("export", "--run", "no"), 2, "There is no training run “no”"),
        (("runs", "show", "no"), 2, "no training run"),
        (("ask", "hello", "--model", "no"), 2, "“no” is no GGUF file"),
        (("ask", " ", "--model", "no"), 2, "The question is empty"),
        (("models", "info", "no"), 2, "no model"),
        (("models", "remove", "no"), 2, "no model"),
        (("models", "add", "/no/such/folder"), 2, "/no/such/folder"),
        (("serve", "--model", "no.gguf"), 2, "no.gguf"),
        (("nonsense",), 2, "nonsense"),
    ],
)
def test_wrong_input_ends_with_2_and_a_message(arguments: tuple[str, ...], code: int, words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mactuner_core", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    message = " ".join(done.stderr.replace("│", " ").split())
    assert words in message
    assert "Traceback" not in done.stderr


def test_an_error_is_json_when_json_is_wanted(run: Run) -> None:
    outcome = run("models", "info", "no", "--json")
    assert outcome.code == 2
    assert outcome.json["error"]["code"] == "catalog.no_model"


def test_all_wrong_settings_are_named_at_once(run: Run, workspace: Workspace, catalog: Catalog, tmp_path: Path) -> None:
    run("data", "import", LAW, "--name", "law")
    run("models", "add", tiny_qwen3(tmp_path / "tiny"), "--name", "tiny")
    outcome = run(
        "train", "--model", "tiny", "--dataset", "law", "--learning-rate", "7", "--lora-rank", "1000", "--epochs", "0"
    )
    assert outcome.code == 2
    for name in ("learning_rate = 7", "lora_rank = 1000", "epochs = 0"):
        assert name in outcome.err


def test_the_path_by_commands(run: Run, workspace: Workspace, tmp_path: Path) -> None:
    assert run("data", "import", LAW, "--name", "law").code == 0
    assert run("models", "add", tiny_qwen3(tmp_path / "tiny"), "--name", "tiny", "--json").json["id"] == "tiny"
    trained = run("train", "--model", "tiny", "--dataset", "law", "--method", "lora", *FAST, "--json")
    assert trained.code == 0, trained.err
    assert {"run", "train_loss", "eval_loss", "tokens_per_second"} <= trained.json.keys()
    name = trained.json["run"]
    assert run("runs", "list", "--json").json[0]["state"] == "done"
    assert run("runs", "show", name, "--json").json["config"]["epochs"] == 1
    assert run("runs", "logs", name).code == 0

    exported = run("export", "--run", name, "--quant", "q8_0", "--json")
    assert exported.code == 0, exported.err
    file = exported.json["files"][0]
    assert file["quant"] == "Q8_0" and file["verify"]["passed"] and Path(file["path"]).is_file()

    answered = run("ask", "성년은 몇 살인가요?", "--model", exported.json["export"], "--max-tokens", "8", "--json")
    assert answered.code == 0, answered.err
    assert 0 < answered.json["tokens"] <= 8
    assert run("ask", "성년은?", "--model", name, "--max-tokens", "4", "--json").json["tokens"] <= 4
    assert not [job for job in list_jobs(workspace.jobs) if not job.ended], "the server for one question must be gone"

    assert run("models", "remove", "tiny").code == 2, "a run was made from it"


def test_a_detached_run_goes_on_and_can_be_stopped(run: Run, tmp_path: Path) -> None:
    run("data", "import", LAW, "--name", "law")
    run("models", "add", tiny_qwen3(tmp_path / "tiny"), "--name", "tiny")
    started = run("train", "--model", "tiny", "--dataset", "law", "--epochs", "100", "--detach", "--json")
    assert run("runs", "list", "--json").json[0]["state"] in ("queued", "running")
    assert run("runs", "stop", started.json["run"], "--json").json["state"] == "cancelled"


def test_ctrl_c_stops_the_job_and_the_next_run_works(run: Run, workspace: Workspace, tmp_path: Path) -> None:
    run("data", "import", LAW, "--name", "law")
    run("models", "add", tiny_qwen3(tmp_path / "tiny"), "--name", "tiny")
    command = [sys.executable, "-m", "mactuner_core", "train", "--model", "tiny", "--dataset", "law"]
    process = subprocess.Popen([*command, "--epochs", "100"], stderr=subprocess.PIPE, text=True)
    limit = time.monotonic() + 60
    while not any(job.stage == "training.stage_steps" for job in list_jobs(workspace.jobs)):
        assert time.monotonic() < limit
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=180)
    assert process.returncode == 130
    assert "Traceback" not in err and "stopped" in err
    assert [job.state for job in list_jobs(workspace.jobs)] == ["cancelled"]
    assert run("train", "--model", "tiny", "--dataset", "law", *FAST).code == 0


def test_settings_come_from_file_flags_and_set(run: Run, tmp_path: Path) -> None:
    run("data", "import", LAW, "--name", "law")
    run("models", "add", tiny_qwen3(tmp_path / "tiny"), "--name", "tiny")
    (tmp_path / "c.yaml").write_text("model: tiny\ndataset: law\nepochs: 1\nbatch_size: 8\nlearning_rate: 0.001\n")
    started = run(
        "train", "--config", tmp_path / "c.yaml", "--batch-size", "16", "--set", "learning_rate=2e-4", "--json"
    )
    assert started.code == 0, started.err
    config = run("runs", "show", started.json["run"], "--json").json["config"]
    assert (config["epochs"], config["batch_size"], config["learning_rate"]) == (1, 16, 2e-4)


def test_chat_reads_lines_until_exit(run: Run, tmp_path: Path) -> None:
    run("models", "add", tiny_qwen3(tmp_path / "tiny"), "--name", "tiny")
    command = [sys.executable, "-m", "mactuner_core", "chat", "--model", "tiny", "--max-tokens", "4"]
    done = subprocess.run(command, input="안녕\n\n/exit\n", capture_output=True, text=True, check=True)
    assert "Traceback" not in done.stderr


def test_json_is_the_only_thing_on_stdout(run: Run) -> None:
    outcome = run("data", "import", LAW, "--name", "law", "--json")
    assert json.loads(outcome.out)


def test_a_chat_export_from_raw_text_to_a_masked_dataset(run: Run) -> None:
    chat = SAMPLES / "kakaotalk_two_people.txt"
    inspected = run("data", "inspect", chat, "--json").json
    assert (inspected["format"], inspected["layout"], inspected["messages"]) == ("kakaotalk", "windows_ko", 703)
    assert inspected["speakers"] == {"이지은": 372, "김민수": 331}
    first = run("data", "parse", chat, "--json").out.splitlines()[0]
    assert {"time", "sender", "kind", "text"} <= json.loads(first).keys()
    imported = run("data", "import", chat, "--name", "talk", "--me", "김민수", "--mask-pii", "--json")
    assert imported.json["report"]["privacy"]["left_after_masking"] == 0
    assert run("data", "stats", "talk", "--json").code == 0


def test_recipe_values_by_flag(run: Run) -> None:
    arguments = ("--set", "kakaotalk.context_turns=2", "--set", "split.validation_share=0.3", "--me", "이지은")
    imported = run("data", "import", SAMPLES / "kakaotalk_two_people.txt", "--name", "talk", *arguments, "--json").json
    share = imported["validation_rows"] / (imported["train_rows"] + imported["validation_rows"])
    assert 0.27 < share < 0.31


def test_plain_text_is_not_trained_as_a_chat(run: Run, tmp_path: Path) -> None:
    assert run("data", "import", SAMPLES / "documents" / "product_faq.txt", "--name", "faq").code == 0
    run("models", "add", tiny_qwen3(tmp_path / "tiny"), "--name", "tiny")
    outcome = run("train", "--model", "tiny", "--dataset", "faq", "--objective", "sft")
    assert outcome.code == 2 and "objective" in outcome.err and "pretraining" in outcome.err
