"""The models of `benchmarks.serving`: the shape of a real one, 0.37B parameters and an embedding, made here in a minute.

They are kept in the cache folder. Layers as in Qwen3-0.6B (hidden 1024, 16 heads over 8 key-value heads of 128), 24 of them with a middle of 2560, and a
byte-level BPE of 32,768 tokens trained on made-up words. Exported with this project's own converter and quantised to
Q4_K_M. What an answer says does not matter for its speed, only that all servers write equally many tokens:

- `random`: random weights. Output rows of tokens that are no whole word (control tokens, pieces of characters) are zero, so
  that they are never among the likeliest: no answer ends before `max_tokens`, and each token shows as text at once.
- `quoting`: computes as much, but two of its heads are set by hand to the circuit that lets models quote: one looks at
  the previous token, one at what followed the same token earlier. Under greedy decoding it writes out its prompt.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

from mactuner_core.export.convert import merge_and_convert
from mactuner_core.export.converter import default_cache
from mactuner_core.export.merge import Source
from mactuner_core.export.quantize import quantize
from mactuner_core.models.quiet import quiet_transformers
from mactuner_core.models.starter import TURN_END, save_tokenizer

VOCABULARY, HIDDEN, LAYERS, MIDDLE, HEADS, HEAD = 32_768, 1024, 24, 2560, 16, 128
CONTEXT_TOKENS = 32_768
QUANT = "Q4_K_M"
SEED = 7
_REVISION = 1  # a change of what the models are needs another number: it names their folder
# The random model: its answers should not repeat themselves, or guessing the next tokens would pay where it should not.
_VARIETY, _SHARPNESS = 150.0, 2.0
# The quoting model: where its residual stream holds what. Blocks of 32 and more, which quantise without loss.
_CODE = 64
_OWN, _ONE, _PREVIOUS, _ANSWER = slice(0, 64), slice(64, 96), slice(128, 192), slice(256, 320)
_STILL = [*range(32, 64), *range(96, 128)]  # dimensions of a head that a rope this slow leaves as they are
_QUOTING_ROPE = 1e12


def model_file(kind: str) -> Path:
    """Return the Q4_K_M file of "random" or "quoting", made on the first call."""
    target = _folder() / f"{kind}-{QUANT}.gguf"
    if target.exists():
        return target
    print(f"making the {kind} model: a minute, once", file=sys.stderr, flush=True)
    quiet_transformers()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as name:
        work = Path(name)
        source = work / "model"
        source.mkdir()
        vocabulary = save_tokenizer(source, _corpus(), VOCABULARY)
        _write_weights(source, kind, vocabulary)
        merge_and_convert(Source(source), work / "f16.gguf", scratch=work / "scratch", name=kind)
        quantize(work / "f16.gguf", work / "small.gguf", QUANT)
        (target.parent / "words.json").write_text(json.dumps([word[1:] for word in _whole_words(vocabulary)]))
        (work / "small.gguf").replace(target)
    return target


def words() -> list[str]:
    """Return words that are one token each; a model must have been made before."""
    found: list[str] = json.loads((_folder() / "words.json").read_text())
    return found


def _folder() -> Path:
    return default_cache() / f"serving-benchmark-{_REVISION}"


def _corpus() -> list[str]:
    """Return lines of made-up words, frequent ones and rare ones, the same on every machine."""
    pick = random.Random(SEED)
    syllables = [a + b + c for a in "bcdfghjklmnprstvwz" for b in "aeiou" for c in ("", "n", "r", "s", "l")]
    known = sorted({"".join(pick.choices(syllables, k=pick.choice((1, 2, 2, 3, 3)))) for _ in range(60_000)})
    pick.shuffle(known)
    lines = []
    for number in range(0, len(known), 10):
        some = known[number : number + 10]
        lines += [" " + " ".join(some) + "."] * (2 + 2000 // (number + 10))
    return lines + ["user assistant system\n"] * 100


def _whole_words(vocabulary: dict[str, int]) -> list[str]:
    return sorted(token for token in vocabulary if token.startswith("Ġ") and len(token) > 3 and token[1:].isalpha())


def _write_weights(folder: Path, kind: str, vocabulary: dict[str, int]) -> None:
    import torch
    from transformers import GenerationConfig, Qwen3Config, Qwen3ForCausalLM

    config = Qwen3Config(
        vocab_size=len(vocabulary),
        hidden_size=HIDDEN,
        intermediate_size=MIDDLE,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS // 2,
        head_dim=HEAD,
        max_position_embeddings=CONTEXT_TOKENS,
        rope_parameters={"rope_type": "default", "rope_theta": _QUOTING_ROPE if kind == "quoting" else 1e6},
        tie_word_embeddings=False,
        eos_token_id=vocabulary[TURN_END],
    )
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(SEED)
        model = Qwen3ForCausalLM(config)
        speakable = torch.zeros(len(vocabulary), 1)
        speakable[[vocabulary[token] for token in _whole_words(vocabulary)]] = 1
        if kind == "quoting":
            _make_it_quote(model, speakable)
        else:
            model.model.embed_tokens.weight.mul_(_VARIETY)
            model.lm_head.weight.mul_(speakable)
            model.model.norm.weight.fill_(_SHARPNESS)
    model.generation_config = GenerationConfig(eos_token_id=vocabulary[TURN_END])
    model.to(torch.float16).save_pretrained(folder)


def _make_it_quote(model: Any, speakable: Any) -> None:
    """Set embeddings, two heads and the output by hand and silence the rest; it is computed all the same."""
    import torch

    codes = torch.randint(0, 2, (len(speakable), _CODE)).float() * 2 - 1
    embeddings, layers = model.model.embed_tokens.weight, model.model.layers
    embeddings.zero_()
    embeddings[:, _OWN], embeddings[:, _ONE] = codes, 1.0
    model.lm_head.weight.zero_()
    model.lm_head.weight[:, _ANSWER] = codes * speakable
    for layer in layers:
        layer.self_attn.o_proj.weight.zero_()
        layer.mlp.down_proj.weight.zero_()
    identity = torch.eye(_CODE)
    # Layer 0, head 0: queries turned one step back against the keys, so that each token looks at the one before it.
    looking = layers[0].self_attn
    fast = torch.arange(16)
    angle = _QUOTING_ROPE ** (-fast / (HEAD // 2))
    for projection in (looking.q_proj, looking.k_proj, looking.v_proj):
        projection.weight[:HEAD] = 0
    looking.q_proj.weight[fast, _ONE] = torch.cos(angle)[:, None]
    looking.q_proj.weight[fast + HEAD // 2, _ONE] = -torch.sin(angle)[:, None]
    looking.k_proj.weight[fast, _ONE] = 1.0
    looking.v_proj.weight[:_CODE, _OWN] = identity
    looking.o_proj.weight[_PREVIOUS, :_CODE] = 0.25 * identity
    looking.q_norm.weight.fill_(7.0)
    looking.k_norm.weight.fill_(7.0)
    # Layer 1, head 0: looks for the place whose previous token is this one, and answers with what stands there.
    finding = layers[1].self_attn
    for projection in (finding.q_proj, finding.k_proj, finding.v_proj):
        projection.weight[:HEAD] = 0
    finding.q_proj.weight[_STILL, _OWN] = identity
    finding.k_proj.weight[_STILL, _PREVIOUS] = identity
    finding.v_proj.weight[:_CODE, _OWN] = identity
    finding.o_proj.weight[_ANSWER, :_CODE] = 4.0 * identity
    finding.q_norm.weight.fill_(2.0)
    finding.k_norm.weight.fill_(2.0)
