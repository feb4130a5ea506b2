"""Models whose memory is a state that cannot be taken back: Mamba, and LFM2, which mixes convolutions with attention."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from serving.engine.llama import Model
from serving.engine.scheduler import Scheduler
from tests.serving.engine.driving import answer, endless, of_tokens, run, text_of


@pytest.fixture(scope="session", params=["mamba", "lfm2"])
def recurrent(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    """A tiny random model of the kind, loaded from its GGUF file."""
    import torch
    from transformers import Lfm2Config, Lfm2ForCausalLM, MambaConfig, MambaForCausalLM

    from mactuner_core.export.convert import merge_and_convert
    from mactuner_core.export.merge import Source
    from tests.tiny_models import write_tokenizer

    folder: Path = tmp_path_factory.mktemp(request.param)
    size, special = write_tokenizer(folder / "model", 504)  # Mamba's converter rounds up to a multiple of eight
    ids = {"bos_token_id": special["<|endoftext|>"], "eos_token_id": special["<|im_end|>"]}
    common = {"vocab_size": size, "hidden_size": 64, "num_hidden_layers": 2, "initializer_range": 0.2, **ids}
    torch.manual_seed(3)
    if request.param == "mamba":
        network: torch.nn.Module = MambaForCausalLM(MambaConfig(state_size=16, **common))
    else:
        kinds = ["conv", "full_attention"]
        attention = {"num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 128}
        network = Lfm2ForCausalLM(Lfm2Config(layer_types=kinds, conv_L_cache=3, **attention, **common))
    network.save_pretrained(folder / "model")  # type: ignore[operator]
    file = folder / "model.gguf"
    merge_and_convert(Source(folder / "model"), file, scratch=folder / "scratch", name=request.param)
    model = Model(file)
    yield model
    model.close()


def test_its_memory_cannot_be_taken_back(recurrent: Model, model: Model) -> None:
    assert not recurrent.can_rewind
    assert model.can_rewind


def test_many_at_once_get_what_they_get_alone(recurrent: Model, make_scheduler: Callable[..., Scheduler]) -> None:
    prompts = [
        recurrent.tokenize("계약은 청약과 승낙의 " * 8 + end) for end in ("성립", "가나", "다라", "마바", "사아")
    ]
    alone = [answer(make_scheduler(of=recurrent), of_tokens(one, 20, endless(recurrent)))[0] for one in prompts]
    scheduler = make_scheduler(of=recurrent, n_parallel=3, speculation="on")
    for _ in range(2):
        generations = [of_tokens(one, 20, endless(recurrent)) for one in prompts]
        posted = run(scheduler, *generations)
        assert [text_of(posted, one) for one in generations] == alone


def test_a_conversation_goes_on_from_its_state(recurrent: Model, make_scheduler: Callable[..., Scheduler]) -> None:
    scheduler = make_scheduler(of=recurrent)
    answer(scheduler, of_tokens(recurrent.tokenize("소멸시효는 " * 10), 20, endless(recurrent)))
    (entry,) = scheduler.cache.entries()
    longer = [*entry.tokens, *recurrent.tokenize("그리고 다시")]
    text, end = answer(scheduler, of_tokens(longer, 20, endless(recurrent)))
    assert end.cached_tokens == len(entry.tokens)
    fresh = make_scheduler(of=recurrent, prefix_cache=False)
    assert answer(fresh, of_tokens(longer, 20, endless(recurrent)))[0] == text
    assert end.drafted_tokens == 0


def test_another_end_starts_anew_and_answers_rightly(
    recurrent: Model, make_scheduler: Callable[..., Scheduler]
) -> None:
    scheduler = make_scheduler(of=recurrent)
    start = recurrent.tokenize("채권은 10년간 행사하지 않으면 " * 6).tolist()
    answer(scheduler, of_tokens([*start, 20, 21], 10, endless(recurrent)))
    text, end = answer(scheduler, of_tokens([*start, 30, 31], 10, endless(recurrent)))
    assert end.cached_tokens == 0
    fresh = make_scheduler(of=recurrent, prefix_cache=False)
    assert answer(fresh, of_tokens([*start, 30, 31], 10, endless(recurrent)))[0] == text


def test_a_full_memory_loses_nothing(recurrent: Model, make_scheduler: Callable[..., Scheduler]) -> None:
    prompts = [recurrent.tokenize(f"{number} 상속인은 " * 12) for number in range(6)]
    alone = [answer(make_scheduler(of=recurrent), of_tokens(one, 30, endless(recurrent)))[0] for one in prompts]
    scheduler = make_scheduler(of=recurrent, n_ctx=256, n_parallel=3)
    generations = [of_tokens(one, 30, endless(recurrent)) for one in prompts]
    posted = run(scheduler, *generations)
    assert [text_of(posted, one) for one in generations] == alone
