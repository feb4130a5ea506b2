"""Asking what a run or one of its checkpoints has learned, from a process that must not load a model: a page.

A job holds the model (`ask_job`). A question lies in the job's folder until the job takes it up, its answer until somebody
reads it; what is left is removed when the conversation ends, and after a job that was killed when the next one begins.
Needs no torch, and keeps no history: every question brings the messages before it.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mactuner_core import jobs
from mactuner_core.catalog import Catalog
from mactuner_core.chat.talk import Answer, Message
from mactuner_core.errors import InputError, WorkError, error_from_dict
from mactuner_core.format import human_bytes
from mactuner_core.hardware import available_memory_bytes, detect
from mactuner_core.models.check import check_model_folder
from mactuner_core.training.base import base_of
from mactuner_core.workspace import Workspace, write_json

QUESTION, ANSWER = "question.json", "answer.json"
IDLE_S = 120.0
STOP_GRACE_S = 5.0
MAX_TOKENS = 256
PROGRAM_BYTES = 400_000_000  # what torch itself takes
ROOM = 1.2  # of the weights: the largest of them is there twice for a moment, and an answer needs its cache


def start_asking(workspace: Workspace, catalog: Catalog, ref: str, *, idle_s: float = IDLE_S) -> str:
    """Start the job that answers as `ref` (RUN, RUN@STEP or a model) does, until nobody asks for `idle_s`; return its id.

    Raises NotFoundError for an unknown name or a checkpoint that is gone, InputError for a run that is not finished, and
    WorkError where the memory that is free is not enough.
    """
    base = base_of(catalog, ref)
    facts = check_model_folder(base.folder)
    if detect().device != "cuda":  # what a card has left only torch can tell, in the job
        weights = facts.parameters * 4 if detect().device == "cpu" else facts.bytes
        needed, free = int(weights * ROOM) + PROGRAM_BYTES, available_memory_bytes()
        if needed > free:
            raise WorkError("chat.does_not_fit", ref=ref, needed=human_bytes(needed), free=human_bytes(free))
    for job in jobs.list_jobs(workspace.jobs):
        if job.kind == "ask" and job.ended:
            forget(job.folder)
    return jobs.start(workspace, "ask", {"ref": ref, "idle_s": idle_s}, title=ref)


def ask(folder: Path, number: int, messages: Sequence[Message], max_tokens: int = MAX_TOKENS) -> None:
    """Hand the job in `folder` a question; `number` tells its answer from that of another one.

    Raises InputError when there is no question in it.
    """
    if not messages or not messages[-1]["content"].strip():
        raise InputError("cli.empty_question")
    write_json(folder / QUESTION, {"number": number, "messages": list(messages), "max_tokens": max_tokens})


def take_answer(folder: Path, number: int) -> Answer | None:
    """Return the answer to the question `number` and remove it; None while there is none, or when the job ended at rest.

    Raises what made the question or the job fail.
    """
    found = read_once(folder / ANSWER)
    if found and found["number"] == number:
        if "error" in found:
            raise error_from_dict(found["error"])
        return Answer(found["text"], found["tokens"], found["seconds"])
    job = jobs.read(folder)
    if job.state == "failed" and job.error:
        raise error_from_dict(job.error)
    if job.state == "lost":
        raise WorkError("jobs.lost", log=folder / "log.txt")
    return None


def stop_asking(folder: Path) -> None:
    """End the conversation: the job leaves, and nothing that was said stays in its folder."""
    jobs.request_stop(folder, STOP_GRACE_S)
    forget(folder)


def forget(folder: Path) -> None:
    """Remove the question and the answer that nobody took."""
    for name in (QUESTION, ANSWER):
        (folder / name).unlink(missing_ok=True)


def read_once(path: Path) -> dict[str, Any] | None:
    """Return what the JSON file holds and remove it, None where there is none."""
    try:
        content = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    path.unlink(missing_ok=True)
    with contextlib.suppress(ValueError):
        return dict(json.loads(content))
    return None
