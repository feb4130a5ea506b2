"""The job that holds a run or a checkpoint in memory and answers what `ask` asks, by transformers.

It leaves when nobody has asked for a while. Nothing that was said is in its log, its events or its result.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from mactuner_core.catalog import Catalog, open_catalog
from mactuner_core.chat.ask import ANSWER, QUESTION, forget, read_once
from mactuner_core.errors import InputError, MacTunerError, WorkError
from mactuner_core.jobs import Job
from mactuner_core.models.check import check_model_folder
from mactuner_core.models.generate import Loaded, complete, load, prompt_ids
from mactuner_core.training.base import base_of
from mactuner_core.training.out_of_memory import is_out_of_memory
from mactuner_core.workspace import write_json

LOOK_EVERY_S = 0.1


@dataclass(frozen=True)
class Speaker:
    """A loaded model: `plain` goes on with a text instead of answering in a chat; `context` is in tokens."""

    ref: str
    loaded: Loaded
    plain: bool
    context: int | None


def run(spec: dict[str, Any], job: Job) -> dict[str, Any]:
    """Answer as `spec["ref"]` does until a stop or until `spec["idle_s"]` without a question; return how many there were."""
    try:
        job.progress(0, 0, "chat.stage_loading")
        speaker = speaker_of(open_catalog(job.workspace), spec["ref"])
        return {"questions": answer_questions(speaker, job, float(spec["idle_s"]))}
    finally:
        forget(job.folder)


def speaker_of(catalog: Catalog, ref: str) -> Speaker:
    """Load what `ref` stands for; raises NotFoundError when its checkpoint is deleted meanwhile, WorkError without memory."""
    base = base_of(catalog, ref)
    try:
        loaded = load(base.folder, base.adapter)
        context = check_model_folder(base.folder).context_length
    except Exception as problem:
        base_of(catalog, ref)
        if is_out_of_memory(problem):
            raise WorkError("chat.no_memory", ref=ref) from problem
        raise
    plain = base.run is not None and base.run.config.get("objective") == "pretraining"
    return Speaker(ref, loaded, plain, context)


def answer_questions(speaker: Speaker, job: Job, idle_s: float) -> int:
    """Answer until nobody has asked for `idle_s` seconds or the job should stop; return the number of questions."""
    count, rest_since = 0, time.monotonic()
    job.progress(0, 0, "chat.stage_ready")
    while not job.stop_requested() and time.monotonic() - rest_since < idle_s:
        question = read_once(job.folder / QUESTION)
        if question is None:
            time.sleep(LOOK_EVERY_S)
            continue
        job.progress(0, 0, "chat.stage_answering")
        try:
            found = reply(speaker, question)
        except MacTunerError as problem:
            found = {"error": problem.as_dict()}
        write_json(job.folder / ANSWER, {"number": question["number"], **found})
        job.progress(0, 0, "chat.stage_ready")
        count, rest_since = count + 1, time.monotonic()
    return count


def reply(speaker: Speaker, question: dict[str, Any]) -> dict[str, Any]:
    """Return `{"text", "tokens", "seconds"}` for one question, greedily.

    Raises InputError when it is longer than the model can read, WorkError when memory runs out.
    """
    messages, tokenizer = question["messages"], speaker.loaded.tokenizer
    ids = list(tokenizer(messages[-1]["content"])["input_ids"]) if speaker.plain else prompt_ids(tokenizer, messages)
    room = question["max_tokens"] if speaker.context is None else speaker.context - len(ids)
    if room < 1:
        raise InputError("chat.too_long", tokens=len(ids), limit=speaker.context)
    try:
        found = complete(speaker.loaded, [ids], min(room, question["max_tokens"]))[0]
    except Exception as problem:
        if is_out_of_memory(problem):
            raise WorkError("chat.no_memory", ref=speaker.ref) from problem
        raise
    return {"text": found.text, "tokens": found.tokens, "seconds": found.seconds}
