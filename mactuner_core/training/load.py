"""The model of a run, ready to train: which numbers its weights are in, and the adapter beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

from mactuner_core.errors import ConfigError, InputError
from mactuner_core.hardware import torch_device
from mactuner_core.models.vocabulary import grow_vocabulary, untrained_tokens
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.precision import frozen_dtype
from mactuner_core.training.targets import layer_names, target_problem, targets


def load_model(folder: Path, config: TrainingConfig) -> Any:
    """Return the base model: float32 where its weights are trained, four bits for QLoRA, else as the hardware likes it.

    Raises InputError when the four-bit weights cannot be made on this hardware.
    """
    if config.method != "qlora":
        dtype = torch.float32 if config.method == "full" else frozen_dtype(config)
        return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    dtype = frozen_dtype(config)
    four_bits = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )
    device, _ = torch_device()
    try:
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, quantization_config=four_bits, device_map={"": device}
        )
    except (ImportError, NotImplementedError, RuntimeError, ValueError) as problem:
        reason = " ".join(str(problem).split())[:200]
        if "out of memory" in reason.lower():
            raise
        raise InputError("training.no_four_bits", device=device, reason=reason) from problem
    return ready_for_k_bits(model)


def ready_for_k_bits(model: Any) -> Any:
    """Freeze a four-bit model, keep its norms in float32, and keep its layers fit for training on a CPU.

    `peft.prepare_model_for_kbit_training` would also widen the embedding and the output head, gigabytes for a vocabulary
    of 150,000; they are not quantised and need no widening.
    """
    for module in model.modules():
        # bitsandbytes 0.50 repacks a layer for AVX512-BF16 when it is evaluated, and from then on no gradient passes it:
        # after the first validation a run would learn next to nothing, and only a warning in the log would say so
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
    for parameter in model.parameters():
        parameter.requires_grad = False
        if parameter.ndim == 1 and parameter.is_floating_point():
            parameter.data = parameter.data.float()
    return model


def put_on_adapter(model: Any, adapter: Path, config: TrainingConfig, tokenizer: Any) -> Any:
    """Return `model` with the adapter of another run on it: to be trained on, or merged in where every weight is trained."""
    grow_vocabulary(model, tokenizer)
    tuned = PeftModel.from_pretrained(model, str(adapter), is_trainable=config.method != "full")
    return tuned.merge_and_unload().requires_grad_(True) if config.method == "full" else tuned


def adapter_config(config: TrainingConfig, model: Any, tokenizer: Any) -> LoraConfig | None:
    """Return the adapter to train beside the weights, None when the weights themselves or an adapter on them are trained.

    The vocabulary of `model` grows with the tokenizer's. Raises ConfigError when a layer that was named is not there.
    """
    if isinstance(model, PeftModel):
        return None
    grow_vocabulary(model, tokenizer)
    if config.method == "full":
        return None
    names = layer_names({name: tuple(one.shape) for name, one in model.named_parameters()})
    if problem := target_problem(config.target_modules, names):
        raise ConfigError([problem])
    return LoraConfig(
        r=config.lora_rank,
        lora_alpha=config.lora_alpha,
        lora_dropout=config.lora_dropout,
        target_modules=targets(config.target_modules, names),
        use_dora=config.use_dora,
        use_rslora=config.use_rslora,
        task_type="CAUSAL_LM",
        **_embedding_settings(config, model, tokenizer),
    )


def _embedding_settings(config: TrainingConfig, model: Any, tokenizer: Any) -> dict[str, Any]:
    """Return which rows of the vocabulary are trained: all, those that nobody has trained yet, or none.

    The output head is trained with the embedding, as the same weights where the two are tied.
    """
    ends = [_name_of(model, model.get_input_embeddings())]
    tied = bool(model.config.get_text_config().tie_word_embeddings)
    if not tied:
        ends.append(_name_of(model, model.get_output_embeddings()))
    if config.train_embeddings:
        return {"modules_to_save": ends, "ensure_weight_tying": tied}
    if fresh := untrained_tokens(model, tokenizer):
        return {"trainable_token_indices": dict.fromkeys(ends, fresh), "ensure_weight_tying": tied}
    return {}


def _name_of(model: Any, wanted: Any) -> str:
    return str(next(name.rsplit(".", 1)[-1] for name, module in model.named_modules() if module is wanted))
