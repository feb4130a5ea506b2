"""The starter model: a small Qwen3 made from a dataset, so that everything works with no network, token or GPU.

Its byte-level BPE tokenizer is trained on the dataset and its weights are random. A full fine-tune teaches it the dataset
by heart and nothing else. Shape: the `Qwen3ForCausalLM` of transformers; template: ChatML.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import Model
from mactuner_core.data.dataset import read_examples
from mactuner_core.errors import InputError
from mactuner_core.hardware import Hardware, detect
from mactuner_core.models.catalogued import fresh_id
from mactuner_core.models.check import check_model_folder
from mactuner_core.models.quiet import quiet_transformers
from mactuner_core.workspace import Workspace, check_name, new_folder

Messages = Sequence[Mapping[str, Any]]

END_OF_TEXT, TURN_START, TURN_END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
CONTEXT_TOKENS = 4096
SEED = 42
LARGE_TEXT_CHARS = 2_000_000  # from here on a larger vocabulary pays for itself

# The pre-tokenizer of the Qwen2 and Qwen3 tokenizers (tokenizer.json of Qwen/Qwen3-0.6B): llama.cpp knows it as "qwen2".
QWEN_PRETOKENIZER = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CHATML = (
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)


@dataclass(frozen=True)
class StarterShape:
    """The size of a starter model."""

    hidden: int
    layers: int
    heads: int
    key_value_heads: int
    vocabulary: int


def starter_shape(hardware: Hardware, characters: int) -> StarterShape:
    """Return the shape for this machine and that many characters of text: about 3.6M parameters, or 20M with a GPU or 8 cores.

    Widths are multiples of 256, which the K-quants of llama.cpp need. Larger takes minutes on two cores.
    """
    vocabulary = 2000 if characters < LARGE_TEXT_CHARS else 8000
    if hardware.device == "cpu" and hardware.cores < 8:
        return StarterShape(256, 4, 4, 2, vocabulary)
    return StarterShape(512, 6, 8, 4, vocabulary)


def make_starter(workspace: Workspace, catalog: Catalog, dataset_ref: str, name: str | None = None) -> Model:
    """Make a starter model from the training rows of a dataset and return its catalogue row.

    Without `name` it is called `starter-<dataset>`, with a number behind when that is taken. Raises NotFoundError for an
    unknown dataset, InputError for a taken or impossible name, WorkError when the disk is full.
    """
    dataset = catalog.dataset(dataset_ref)
    if name and (workspace.models / check_name(name)).exists():
        raise InputError("catalog.taken", id=name)
    model_id = name or fresh_id(workspace, catalog, f"starter-{dataset.name}")
    folder = workspace.models / check_name(model_id)
    with new_folder(folder) as temporary:
        build_starter(temporary, read_examples(dataset), detect())
    facts = check_model_folder(folder)
    row = Model(
        id=model_id,
        name=model_id,
        source="starter",
        path=str(folder),
        architecture=facts.architecture,
        parameters=facts.parameters,
        bytes=facts.bytes,
        dataset_id=dataset.id,
    )
    catalog.add(row)
    return row


def build_starter(folder: Path, examples: Sequence[Messages], hardware: Hardware, seed: int = SEED) -> None:
    """Write tokenizer, template and random weights of a starter model for `examples` into the existing `folder`."""
    quiet_transformers()
    characters = sum(len(text) for text in _texts(examples))
    shape = starter_shape(hardware, characters)
    vocabulary = save_tokenizer(folder, _texts(examples), shape.vocabulary)
    save_random_model(folder, shape, vocabulary, seed)


def save_tokenizer(folder: Path, texts: Iterable[str], vocabulary: int) -> dict[str, int]:
    """Train a byte-level BPE of at most `vocabulary` tokens on `texts`, save it and return every token's id."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN_PRETOKENIZER), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END_OF_TEXT, TURN_START, TURN_END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer=trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=TURN_END,
        pad_token=END_OF_TEXT,
        additional_special_tokens=[TURN_START],
        clean_up_tokenization_spaces=False,
        model_max_length=CONTEXT_TOKENS,
    )
    fast.chat_template = CHATML
    fast.save_pretrained(folder, save_jinja_files=False)
    ids: dict[str, int] = fast.get_vocab()
    return ids


def save_random_model(folder: Path, shape: StarterShape, vocabulary: dict[str, int], seed: int) -> None:
    """Write a Qwen3 of `shape` with random float32 weights drawn from `seed`."""
    import torch
    from transformers import GenerationConfig, Qwen3Config, Qwen3ForCausalLM

    end_of_text, turn_end = vocabulary[END_OF_TEXT], vocabulary[TURN_END]
    config = Qwen3Config(
        vocab_size=len(vocabulary),
        hidden_size=shape.hidden,
        intermediate_size=shape.hidden * 3,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.key_value_heads,
        head_dim=64,
        max_position_embeddings=CONTEXT_TOKENS,
        tie_word_embeddings=True,
        bos_token_id=end_of_text,
        eos_token_id=turn_end,
        pad_token_id=end_of_text,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen3ForCausalLM(config)
    model.generation_config = GenerationConfig(
        do_sample=False, bos_token_id=end_of_text, eos_token_id=[turn_end, end_of_text], pad_token_id=end_of_text
    )
    model.save_pretrained(folder)


def _texts(examples: Iterable[Messages]) -> Iterator[str]:
    for example in examples:
        for message in example:
            yield f"{message['role']}\n{message['content']}\n"
