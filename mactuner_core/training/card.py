"""The model card of a finished run, README.md beside its result: what it is, made of what, how good, and what it is not.

Written in the language of the app. Names no path of this machine. Needs no torch.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

from mactuner_core.messages import text
from mactuner_core.training import identity
from mactuner_core.training.config import TrainingConfig
from mactuner_core.workspace import write_text

FILE = "README.md"
SHOWN = (
    "objective", "method", "epochs", "learning_rate", "batch_size", "gradient_accumulation", "max_length", "lr_scheduler",
    "optimizer", "precision", "seed",
)  # fmt: skip
SHOWN_OF_ADAPTERS = ("lora_rank", "lora_alpha", "lora_dropout", "target_modules", "use_dora", "use_rslora")


def write(run_folder: Path, config: TrainingConfig, stats: dict[str, Any], base_folder: Path) -> None:
    """Write the card into the run's folder and beside the weights; the licence is the one that the base's own card names."""
    license_name = license_of(base_folder)
    write_text(run_folder / FILE, card(run_folder.name, config, stats, identity.read(run_folder) or {}, license_name))
    shutil.copyfile(run_folder / FILE, run_folder / result_name(config) / FILE)


def result_name(config: TrainingConfig) -> str:
    """Return the folder of a run's result: whole weights, or an adapter."""
    return "model" if config.method == "full" else "adapter"


def license_of(folder: Path) -> str | None:
    """Return the licence in the front matter of a model's README.md, None when nothing is said."""
    try:
        parts = (folder / FILE).read_text(encoding="utf-8").split("---", 2)
        found = yaml.safe_load(parts[1]) if len(parts) == 3 and not parts[0].strip() else {}
    except (OSError, ValueError, yaml.YAMLError):
        return None
    named = found.get("license") if isinstance(found, dict) else None
    return str(named) if named else None


def card(
    run_id: str, config: TrainingConfig, stats: dict[str, Any], made_of: dict[str, Any], license_name: str | None
) -> str:
    """Return the card as Markdown with the front matter that the Hub reads."""
    model, dataset = made_of.get("model", {}), made_of.get("dataset", {})
    base = str(model.get("name") or config.model)
    front = {
        "base_model": base if model.get("source") == "hub" else None,
        "license": license_name,
        "library_name": "transformers" if config.method == "full" else "peft",
        "tags": ["mactuner", config.objective, config.method],
    }
    front_matter = yaml.safe_dump({name: value for name, value in front.items() if value}, sort_keys=False)
    what = text(f"card.what_{config.method}", base=base, dataset=config.dataset)
    parts = [
        f"---\n{front_matter}---\n\n# {run_id}\n\n{what}",
        _facts(config, stats, model, dataset, license_name),
        f"## {text('card.settings')}\n\n{_settings(config, stats)}\n\n{text('card.all_settings')}",
        f"## {text('card.scores')}\n\n{_scores(stats)}\n\n{text('card.about_scores')}",
        f"## {text('card.use')}\n\n{_use(run_id, config, base)}",
        f"## {text('card.limits')}\n\n{_limits(stats, model)}",
    ]
    return "\n\n".join(parts) + "\n"


def _facts(
    config: TrainingConfig,
    stats: dict[str, Any],
    model: dict[str, Any],
    dataset: dict[str, Any],
    license_name: str | None,
) -> str:
    lines = [
        text("card.base_line", base=str(model.get("name") or config.model), identity=model.get("identity", "–")),
        text("card.license_line", license=license_name or text("card.license_unknown")),
        text("card.data_line", dataset=config.dataset, rows=stats["rows_used"], left_out=len(stats["rows_left_out"]),
             cut=stats["rows_cut"], sha256=dataset.get("train_sha256", "–")),
        text("card.versions_line", versions=", ".join(f"{name} {one}" for name, one in stats["versions"].items())),
    ]  # fmt: skip
    return "\n".join(f"- {line}" for line in lines)


def _settings(config: TrainingConfig, stats: dict[str, Any]) -> str:
    names = SHOWN if config.method == "full" else SHOWN + SHOWN_OF_ADAPTERS
    values = {name: getattr(config, name) for name in names} | (stats.get("fitted") or {})
    return _table(text("card.setting"), text("card.value"), [(name, str(value)) for name, value in values.items()])


def _scores(stats: dict[str, Any]) -> str:
    rows = [
        (text(f"card.loss_{name}"), f"{stats[f'{name}_loss_before']:.4f} → {stats[f'{name}_loss']:.4f}")
        for name in ("train", "eval")
        if stats[f"{name}_loss"] is not None
    ]
    rows.append((text("card.steps"), str(stats["weights_step"])))
    return _table(text("card.measure"), text("card.before_after"), rows)


def _use(run_id: str, config: TrainingConfig, base: str) -> str:
    commands = f'mactuner ask --model {run_id} "…"\nmactuner export --run {run_id}'
    if config.method == "full":
        code = (
            "from transformers import pipeline\n\n"
            'chat = pipeline("text-generation", model="model")  # this folder\n'
            'print(chat([{"role": "user", "content": "…"}])[0]["generated_text"][-1]["content"])'
        )
    else:
        code = (
            "from peft import PeftModel\nfrom transformers import AutoModelForCausalLM\n\n"
            f'base = AutoModelForCausalLM.from_pretrained("{base}")\n'
            'model = PeftModel.from_pretrained(base, "adapter")  # this folder'
        )
    return f"```bash\n{commands}\n```\n\n```python\n{code}\n```"


def _limits(stats: dict[str, Any], model: dict[str, Any]) -> str:
    lines = [text("card.limit_facts"), text("card.limit_data")]
    if stats["eval_loss"] is None:
        lines.append(text("card.limit_unmeasured"))
    if model.get("source") == "starter":
        lines.append(text("card.limit_starter"))
    return "\n".join(f"- {line}" for line in lines)


def _table(first: str, second: str, rows: list[tuple[str, str]]) -> str:
    return "\n".join([f"| {first} | {second} |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])
