"""`mactuner demo`: the whole way on the embedded default, ending with answers through the openai client.

It uses only what a person can call too: import, starter model, training, export with verification, server. It shows that
the path works, not that a 3M-parameter model knows the law: such a model learns its lesson by heart.
"""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

from mactuner_core.catalog import Catalog, open_catalog
from mactuner_core.catalog.tables import DatasetVersion, Export, Model, Run
from mactuner_core.chat.server_process import serving
from mactuner_core.chat.talk import Answer, Message, Sampling, ask_server
from mactuner_core.cli.demo_report import show_report
from mactuner_core.cli.follow import follow
from mactuner_core.cli.output import JsonOption, emit_json, say
from mactuner_core.data.dataset import read_examples
from mactuner_core.data.importing import import_file
from mactuner_core.data.inspect import inspect_file
from mactuner_core.data.recipe import Recipe
from mactuner_core.data.splitting import SplitRecipe
from mactuner_core.errors import WorkError
from mactuner_core.messages import text
from mactuner_core.workspace import Workspace, open_workspace

SAMPLES = Path(__file__).parents[2] / "samples"
LESSON = "civil_law_qa.csv"
UNSEEN = "civil_law_unseen.csv"
DATASET_NAME = "demo-civil-law"
VALIDATION_SHARE = 0.1
TAUGHT_QUESTIONS, UNSEEN_QUESTIONS = 10, 5
MAX_TOKENS = 96
QUANTS = ("F16", "Q4_K_M")
SERVED = "Q4_K_M"


def demo(json: JsonOption = False) -> None:
    started = time.perf_counter()
    if not (SAMPLES / LESSON).is_file():
        raise WorkError("cli.no_samples", path=SAMPLES / LESSON)
    workspace = open_workspace()
    catalog = open_catalog(workspace)
    say(text("cli.demo_intro"))
    dataset, model = _prepare(workspace, catalog)
    run, stats = _train(workspace, catalog, model, dataset)
    export, exported = _export(workspace, catalog, run)
    questions = _questions(dataset)
    say(text("cli.demo_base"))
    base = _base_answers(model, questions)
    say(text("cli.demo_serve", export=f"{export.id}:{SERVED}"))
    with serving(workspace, f"{export.id}:{SERVED}") as server:
        tuned = [ask_server(server, question[:-1], Sampling(MAX_TOKENS)) for question in questions]
        served = {"url": server.url, "models": server.models, "tokens_per_second": _speed(tuned)}
    report = {
        "dataset": {"id": dataset.id, "train_rows": dataset.train_rows, "validation_rows": dataset.validation_rows},
        "model": {"id": model.id, "parameters": model.parameters, "architecture": model.architecture},
        "train": {"run": run.id} | stats,
        "export": {"id": export.id, "files": [_without_report(file) for file in exported["files"]]},
        "verify": [{"quant": file["quant"]} | file["verify"] for file in exported["files"]],
        "serve": served,
        "scores": _scores(questions, base, tuned),
        "answers": _answers(questions, base, tuned),
        "seconds": round(time.perf_counter() - started, 1),
        "note": text("cli.demo_honest"),
    }
    if json:
        emit_json(report)
    else:
        show_report(report)


def _prepare(workspace: Workspace, catalog: Catalog) -> tuple[DatasetVersion, Model]:
    from mactuner_core.models.starter import make_starter

    recipe = Recipe(split=SplitRecipe(validation_share=VALIDATION_SHARE))
    dataset = import_file(workspace, catalog, SAMPLES / LESSON, DATASET_NAME, recipe)
    say(text("cli.imported", id=dataset.id, train=dataset.train_rows, validation=dataset.validation_rows))
    model = make_starter(workspace, catalog, dataset.id)
    say(text("cli.demo_model", id=model.id, parameters=f"{model.parameters:,}"))
    return dataset, model


def _train(workspace: Workspace, catalog: Catalog, model: Model, dataset: DatasetVersion) -> tuple[Run, dict[str, Any]]:
    from mactuner_core.training.recommend import recommend
    from mactuner_core.training.start import start_training

    run = start_training(workspace, catalog, recommend(model, dataset).config)
    say(text("cli.training", run=run.id, model=model.id, dataset=dataset.id))
    return run, follow(workspace.jobs / run.job_id).result


def _export(workspace: Workspace, catalog: Catalog, run: Run) -> tuple[Export, dict[str, Any]]:
    from mactuner_core.export.start import start_export

    export = start_export(workspace, catalog, run_id=run.id, quants=QUANTS)
    say(text("cli.demo_export", export=export.id, quants=", ".join(QUANTS)))
    return export, follow(workspace.jobs / export.job_id).result


def _questions(dataset: DatasetVersion) -> list[list[Message]]:
    """Return ten rows the model was taught and five it never saw; the last message of each is the reference answer."""
    taught = read_examples(dataset, "train")
    unseen = [example.messages for example in inspect_file(SAMPLES / UNSEEN).examples]
    return random.Random(7).sample(taught, TAUGHT_QUESTIONS) + unseen[:UNSEEN_QUESTIONS]  # noqa: S311 (a choice of rows)


def _base_answers(model: Model, questions: list[list[Message]]) -> list[str]:
    from mactuner_core.models.generate import answers, load

    loaded = load(Path(model.path))
    return [answer.text for answer in answers(loaded, [question[:-1] for question in questions], MAX_TOKENS)]


def _speed(answers: list[Answer]) -> float:
    return round(sum(answer.tokens for answer in answers) / sum(answer.seconds for answer in answers), 1)


def _scores(questions: list[list[Message]], base: list[str], tuned: list[Answer]) -> dict[str, Any]:
    from mactuner_core.evaluation.scores import compare

    references = [question[-1]["content"] for question in questions]
    said = [answer.text for answer in tuned]
    parts = {"taught": slice(0, TAUGHT_QUESTIONS), "unseen": slice(TAUGHT_QUESTIONS, None)}
    return {part: compare(base[rows], said[rows], references[rows]) for part, rows in parts.items()}


def _answers(questions: list[list[Message]], base: list[str], tuned: list[Answer]) -> list[dict[str, Any]]:
    return [
        {
            "question": question[-2]["content"],
            "reference": question[-1]["content"],
            "answer": answer.text,
            "base": before,
            "taught": number < TAUGHT_QUESTIONS,
            "exact": answer.text.strip() == question[-1]["content"].strip(),
            "tokens": answer.tokens,
            "seconds": round(answer.seconds, 3),
        }
        for number, (question, before, answer) in enumerate(zip(questions, base, tuned, strict=True))
    ]


def _without_report(file: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in file.items() if name != "verify"} | {"verified": file["verify"]["passed"]}
