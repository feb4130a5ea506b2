"""LoRA adapters: chosen for each request, never mixed within a batch, and never sharing what another one computed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mactuner_core.errors import InputError
from serving.engine.context import Context
from serving.engine.generation import Generation
from serving.engine.llama import Model
from serving.engine.scheduler import Scheduler
from tests.serving.conftest import PAIRS, Taught
from tests.serving.engine.driving import answer, question, run, text_of


@pytest.fixture
def scheduler(make_scheduler: Callable[..., Scheduler], adapter: Path) -> Scheduler:
    made = make_scheduler()
    made._context.add_adapter("tuned", adapter)
    return made


def test_the_adapter_changes_the_answer_and_leaves_the_model_alone(model: Model, scheduler: Scheduler) -> None:
    tuned, _ = answer(scheduler, question(model, "Count", 40, adapter="tuned"))
    assert tuned != PAIRS["Count"][: len(tuned)]
    assert answer(scheduler, question(model, "Count"))[0] == PAIRS["Count"]
    assert answer(scheduler, question(model, "Count", 40, adapter="tuned"))[0] == tuned


def test_the_adapter_answers_as_peft_does(model: Model, scheduler: Scheduler, taught: Taught, adapter: Path) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    generation = question(model, "Count", 12, adapter="tuned", top_logprobs=0)
    posted = run(scheduler, generation)
    tokens = [one.token for _, event in posted for one in getattr(event, "logprobs", ())]
    network = AutoModelForCausalLM.from_pretrained(taught.folder, dtype=torch.float32)
    tuned = PeftModel.from_pretrained(network, adapter.parent / "adapter")
    with torch.no_grad():
        prompt = torch.tensor([generation.tokens.tolist()])
        made = tuned.generate(input_ids=prompt, max_new_tokens=len(tokens), do_sample=False)
    assert made[0, prompt.shape[1] :].tolist()[: len(tokens)] == tokens


def test_requests_with_and_without_it_run_side_by_side(model: Model, scheduler: Scheduler) -> None:
    expected = {name: answer(scheduler, question(model, "Count", 60, adapter=name))[0] for name in (None, "tuned")}
    generations: list[Generation] = [
        question(model, "Count", 60, adapter="tuned" if number % 2 else None) for number in range(8)
    ]
    posted = run(scheduler, *generations)
    assert [text_of(posted, one) for one in generations] == [expected[one.adapter] for one in generations]


def test_what_the_adapter_computed_is_not_taken_for_the_model_s_own(model: Model, scheduler: Scheduler) -> None:
    long = "임대차 기간은? " * 20
    assert answer(scheduler, question(model, long, 4, adapter="tuned"))[1].cached_tokens == 0
    assert answer(scheduler, question(model, long, 4))[1].cached_tokens == 0
    assert answer(scheduler, question(model, long, 4, adapter="tuned"))[1].cached_tokens > 50
    assert answer(scheduler, question(model, long, 4))[1].cached_tokens > 50


def test_an_adapter_of_another_model_is_refused(adapter: Path, tmp_path: Path) -> None:
    from mactuner_core.export.convert import merge_and_convert
    from mactuner_core.export.merge import Source
    from tests.tiny_models import tiny_qwen3

    folder = tiny_qwen3(tmp_path / "other", hidden_size=96)
    merge_and_convert(Source(folder), tmp_path / "other.gguf", scratch=tmp_path / "scratch", name="other")
    other = Model(tmp_path / "other.gguf")
    context = Context(other, n_ctx=256, n_parallel=1, n_batch=64, n_threads=1)
    with pytest.raises(InputError, match="tuned"):
        context.add_adapter("tuned", adapter)
    broken = tmp_path / "broken.gguf"
    shutil.copy(adapter, broken)
    with broken.open("r+b") as file:
        file.truncate(200)
    with pytest.raises(InputError, match="tuned"):
        context.add_adapter("tuned", broken)
    context.close()
    other.close()
