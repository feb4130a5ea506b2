"""Real but tiny models for the tests: a Qwen3 of two layers with its own byte-level BPE tokenizer and a ChatML template.

The weights are random, drawn widely enough that the logits differ from token to token; `teach` trains them in seconds.
Building one takes about a second, so a test session makes it once and copies the folder where it must change it.
"""

from pathlib import Path

# The pre-tokenizer regex of the Qwen2/Qwen3 tokenizers (tokenizer.json of Qwen/Qwen3-0.6B).
QWEN2_REGEX = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

CHATML_TEMPLATE = (
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)

CORPUS = [
    "계약은 청약과 승낙의 의사표시가 합치함으로써 성립한다. 임대차의 존속기간은 당사자가 정한다.",
    "소멸시효는 권리를 행사할 수 있는 때부터 진행한다. 채권은 10년간 행사하지 않으면 소멸한다.",
    "상속인은 상속개시 있음을 안 날로부터 3월 내에 단순승인이나 한정승인 또는 포기를 할 수 있다.",
    "The quick brown fox jumps over the lazy dog. It's 2026 and they'll learn what they're shown.",
    "def greet(name: str) -> str:\n    return f'Hello, {name}!'\n\nfor i in range(10):\n    print(greet('world'))\n",
    "오늘 저녁에 뭐 먹을까? 😀 김치찌개 어때 👍  좋아요!!  ㅋㅋㅋ\t그럼 7시에 보자.\n\n",
] * 3


def tiny_qwen3(
    folder: Path,
    *,
    hidden_size: int = 64,
    layers: int = 2,
    vocabulary: int = 600,
    tie_word_embeddings: bool = True,
    context: int = 512,
    seed: int = 7,
) -> Path:
    """Write a random Qwen3 model and its tokenizer into `folder` (made when missing) and return `folder`.

    With the defaults it has about 0.1M parameters in float32. `context` is in tokens.
    """
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    folder.mkdir(parents=True, exist_ok=True)
    size, special = write_tokenizer(folder, vocabulary)
    heads = max(2, hidden_size // 32)
    config = Qwen3Config(
        vocab_size=size,
        hidden_size=hidden_size,
        intermediate_size=hidden_size * 2,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads // 2,
        head_dim=hidden_size // heads,
        max_position_embeddings=context,
        tie_word_embeddings=tie_word_embeddings,
        initializer_range=0.08,
        bos_token_id=special["<|endoftext|>"],
        eos_token_id=special["<|im_end|>"],
        pad_token_id=special["<|endoftext|>"],
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen3ForCausalLM(config)
    model.save_pretrained(folder)
    return folder


def write_tokenizer(folder: Path, vocabulary: int = 600) -> tuple[int, dict[str, int]]:
    """Train a byte-level BPE tokenizer on a few lines and save it with its ChatML template.

    Returns the number of tokens and the ids of the special ones.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN2_REGEX), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer=trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>"],
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = CHATML_TEMPLATE
    fast.save_pretrained(folder)
    return len(fast), {token: fast.convert_tokens_to_ids(token) for token in special}


def teach(folder: Path, pairs: dict[str, str], until_loss: float = 0.03) -> None:
    """Train the model on questions and answers until it knows them, so that its likeliest tokens are far from ties.

    The weights are saved as the F16 numbers that a GGUF file holds.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    chats = [
        [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        for question, answer in pairs.items()
    ]
    rows = tokenizer.apply_chat_template(chats, padding=True, return_tensors="pt", return_dict=True)
    labels = rows["input_ids"].masked_fill(rows["attention_mask"] == 0, -100)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # so small that more threads only wait for each other
    optimizer = torch.optim.AdamW(model.parameters(), lr=8e-3)
    for _ in range(300):
        loss = model(**rows, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if loss.item() < until_loss:
            break
    torch.set_num_threads(threads)
    model.half().float().save_pretrained(folder)


def lora_adapter(base: Path, folder: Path, *, seed: int = 11, **settings: object) -> Path:
    """Write a LoRA adapter for the model in `base` whose B matrices are not zero, so that merging changes the weights.

    `settings` go to `peft.LoraConfig` over the defaults r=4, alpha=8 on the attention's q and v.
    """
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    values: dict[str, object] = {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"], **settings}
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    tuned = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **values))
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in tuned.named_parameters():
        if parameter.requires_grad:
            noise = torch.randn(parameter.shape, generator=generator) * 0.05
            parameter.data = parameter.data + noise if "lora_" not in name else noise
    tuned.save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return folder
