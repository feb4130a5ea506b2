"""Real small tokenizers with the templates of known model families, for the tests of training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

TEMPLATES = Path(__file__).parents[1] / "models" / "templates"
MARKS = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>",
    "<|eot_id|>", "<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>", "<s>", "</s>", "[INST]", "[/INST]",
    "<|user|>", "<|assistant|>", "<|system|>", "<|end|>",
]  # fmt: skip

GENERATION_MARKS = (
    "{%- for message in messages %}{{- '<|im_start|>' + message['role'] + '\\n' }}"
    "{%- if message['role'] == 'assistant' %}{% generation %}{{- message['content'] }}{% endgeneration %}"
    "{%- else %}{{- message['content'] }}{%- endif %}{{- '<|im_end|>\\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
NO_SYSTEM = (
    "{%- for message in messages if message['role'] != 'system' %}"
    "{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
NO_END_MARK = (
    "{%- for message in messages %}{%- if message['role'] == 'assistant' %}"
    "{{- '### Response:\\n' + message['content'] + '\\n\\n' }}"
    "{%- else %}{{- '### Instruction:\\n' + message['content'] + '\\n\\n' }}{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '### Response:\\n' }}{%- endif %}"
)
OPEN_THINKING = (
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n<think>\\n' }}{%- endif %}"
)
WRITTEN = {
    "generation_marks": GENERATION_MARKS,
    "no_system": NO_SYSTEM,
    "no_end_mark": NO_END_MARK,
    "open_thinking": OPEN_THINKING,
}


def template(name: str) -> str:
    """Return a template written here, or one of a model family kept with the tests of chat."""
    return WRITTEN.get(name) or (TEMPLATES / f"{name}.jinja").read_text(encoding="utf-8")


def tokenizer(name: str, *, adds_bos: bool = False) -> Any:
    """Return a byte-level tokenizer with the template `name`; with `adds_bos` it puts <s> before every text by itself."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=MARKS, show_progress=False
    )
    raw.train_from_iterator(["assistant user system 계약은 the answer is"] * 5, trainer=trainer)
    raw.add_special_tokens([AddedToken(mark, special=True) for mark in MARKS])
    if adds_bos:
        raw.post_processor = processors.TemplateProcessing(
            single="<s> $A", special_tokens=[("<s>", raw.token_to_id("<s>"))]
        )
    eos = {"chatml": "<|im_end|>", "qwen3": "<|im_end|>", "llama3": "<|eot_id|>", "phi3": "<|endoftext|>"}
    bos = {"llama3": "<|begin_of_text|>", "gemma": "<bos>"}
    fast = PreTrainedTokenizerFast(
        tokenizer_object=raw,
        bos_token=bos.get(name, "<s>"),
        eos_token=eos.get(name, "</s>"),
        pad_token="<|endoftext|>",
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = template(name)
    return fast
