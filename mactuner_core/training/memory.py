"""Peak memory of a training run in parts, counted from what the trainer keeps: no factor stands for a model or a method.

The activations are the tensors that autograd keeps for the backward pass, counted operation by operation: norms,
attention, feed-forward, and what each adapter adds (a test counts the same in real models). `benchmarks/memory.py` holds
the sum against measured peaks on a CPU. What a GPU does otherwise (two-byte numbers, its own kernels) follows the same
count.
"""

from __future__ import annotations

from dataclasses import dataclass

from mactuner_core.hardware import Device
from mactuner_core.training.config import TrainingConfig
from mactuner_core.training.dimensions import Dimensions

FLOAT32 = 4  # bytes
LIBRARIES = {"cpu": 560_000_000, "mps": 560_000_000, "cuda": 500_000_000}  # Python and torch, or what CUDA takes itself
FOUR_BIT = 0.5 + 1 / 64 + 4 / (64 * 256)  # bytes a number: NF4, a byte for each 64, and four for each 256 of those
SMALL_LOGITS = 256 * 2**20  # training/trainer.py: under this a CPU builds the logits at once
WHOLE_COPIES = 3  # the logits, those of learned tokens, and their log-softmax
TILE_TOKENS, TILE_WORDS = 4096, 32768  # TRL computes larger ones in tiles of this size
TILE_COPIES = {"cpu": 9, "mps": 9, "cuda": 1}  # what it keeps beside a tile where no fused kernel runs
KEPT_BACK = 0.45  # of the activations: what a processor's allocator cannot use again (measured: 0.2 to 0.85)
QUANTISED_LEFT = 1  # byte a number: what making four-bit weights leaves behind there (measured: 0.6 to 2.2)
IN_FILE = 2  # bytes a number of a published model: its file is mapped while the weights are made of it
MIXED_COPY = 2  # bytes: under mixed precision float32 weights have a two-byte copy until the step ends


@dataclass(frozen=True)
class Memory:
    """The parts of the peak, in bytes."""

    weights: int
    gradients: int
    optimizer: int
    activations: int
    logits: int
    overhead: int

    @property
    def total(self) -> int:
        """All parts together."""
        return sum(self.as_dict().values())

    def as_dict(self) -> dict[str, int]:
        """Return the parts by name."""
        return dict(self.__dict__)


@dataclass(frozen=True)
class _Widths:
    """Bytes of one number: of the model's weights, and of activations; adapters and norms are float32 everywhere."""

    weight: int
    narrow: int


def memory_of(dimensions: Dimensions, config: TrainingConfig, longest: int, device: Device) -> Memory:
    """Return the peak of training where the longest row has `longest` tokens, already cut at max_length.

    The peak comes where the backward pass begins, with every activation and few gradients, or where it ends, with every
    gradient and one block's activations; with accumulation the gradients of earlier batches are there from the beginning.
    A small batch may need less than loading the model did.
    """
    widths = _widths(config, device)
    rows, length = config.batch_size * (2 if config.objective == "dpo" else 1), min(longest, config.max_length)
    tokens = rows * length
    trained, adapter = _trained(dimensions, config)
    weights = _weights(dimensions, config, widths) + adapter * FLOAT32
    optimizer = _optimizer(dimensions, config, widths, trained, adapter)
    overhead = LIBRARIES[device] + _four_bit_work(dimensions, config, widths, device)
    gradients = trained * widths.weight + adapter * FLOAT32
    ends = dimensions.vocabulary * dimensions.hidden * widths.weight if trained else 0
    few = config.method == "full" and config.gradient_accumulation == 1 and device != "cpu"
    first = ends if few else gradients  # a processor's allocator does not hand back those of the step before
    kept, block = _activations(dimensions, config, widths, tokens, length)
    logits = _logits(dimensions, config, widths, tokens, device)
    gaps = max(0, round(kept * KEPT_BACK) - (gradients - ends)) if device == "cpu" else 0
    begin = Memory(weights, first, optimizer, kept, logits, overhead + gaps)
    # a head that is the embedding too gets two gradients, which are added up at the end
    end = Memory(weights, gradients + (ends if dimensions.tied else 0), optimizer, block, 0, overhead)
    mapped = dimensions.parameters * IN_FILE if device == "cpu" else 0  # of another device the computer's own memory
    load = Memory(weights, 0, 0, 0, 0, overhead + mapped)
    return max(begin, end, load, key=lambda moment: moment.total)


def adapter_parameters(dimensions: Dimensions, config: TrainingConfig) -> int:
    """Return how many numbers the adapter of `config` has; 0 when the weights themselves are trained."""
    if config.method == "full":
        return 0
    matrices = dimensions.adapted(config.target_modules)
    size = sum(config.lora_rank * (out + inner) for out, inner in matrices)
    return size + (sum(out for out, _ in matrices) if config.use_dora else 0)


def _widths(config: TrainingConfig, device: Device) -> _Widths:
    mixed = config.precision in ("bf16", "fp16") or (config.precision == "auto" and device == "cuda")
    frozen = 4 if device == "cpu" or config.precision == "fp32" else 2
    if config.method == "full":
        return _Widths(weight=FLOAT32, narrow=2 if mixed else FLOAT32)
    return _Widths(weight=frozen, narrow=2 if mixed else frozen)


def _trained(dimensions: Dimensions, config: TrainingConfig) -> tuple[int, int]:
    """Return how many weights of the model itself are trained, and how many numbers stand beside it."""
    if config.method == "full":
        return dimensions.parameters, 0
    return (dimensions.embeddings if config.train_embeddings else 0), adapter_parameters(dimensions, config)


def _weights(dimensions: Dimensions, config: TrainingConfig, widths: _Widths) -> int:
    size = dimensions.parameters * widths.weight
    if config.method == "qlora":
        size = round(dimensions.in_matrices * FOUR_BIT)
        size += (dimensions.parameters - dimensions.in_matrices) * widths.weight
    if config.method != "full" and config.train_embeddings:
        size += dimensions.embeddings * widths.weight  # PEFT trains a copy
    return size


def _optimizer(dimensions: Dimensions, config: TrainingConfig, widths: _Widths, trained: int, adapter: int) -> int:
    if config.optimizer == "adamw_8bit":
        return 2 * (trained + adapter) + (trained + adapter) // 32
    if config.optimizer == "adafactor":  # a row and a column for each matrix, and the update of the largest one
        largest = dimensions.vocabulary * dimensions.hidden if trained else 0
        return (trained + adapter) // max(1, dimensions.hidden) * 8 + largest * 4
    if config.optimizer == "muon":  # one moment for the matrices of the blocks, two for the rest
        return (2 * trained - dimensions.in_matrices) * widths.weight
    return 2 * (trained * widths.weight + adapter * FLOAT32)


def _activations(
    dimensions: Dimensions, config: TrainingConfig, widths: _Widths, tokens: int, length: int
) -> tuple[int, int]:
    """Return what all blocks keep until the backward pass, and one block alone, in bytes."""
    block = tokens * block_bytes_per_token(dimensions, config, length, widths.narrow)
    if config.use_dora and config.method != "full":
        inner = [side for _, side in dimensions.adapted(config.target_modules)]
        fixed = sum(side * side + config.lora_rank * side for side in inner) * FLOAT32
        block += fixed / dimensions.layers
    kept = dimensions.layers * block
    if config.gradient_checkpointing:
        kept = dimensions.layers * tokens * dimensions.hidden * widths.narrow + block
    mixed = dimensions.in_matrices * MIXED_COPY if config.method == "full" and widths.narrow < widths.weight else 0
    return round(kept) + mixed, round(block) + mixed


def block_bytes_per_token(dimensions: Dimensions, config: TrainingConfig, length: int, narrow: int = FLOAT32) -> float:
    """Return the bytes that one block keeps of each token until its backward pass, in padded batches of `length` tokens."""
    hidden, query, key, inner = dimensions.hidden, dimensions.query, dimensions.key, dimensions.intermediate
    full, dropout = config.method == "full", config.lora_dropout > 0
    norm = dimensions.norms * hidden * FLOAT32 * (2 if full else 1)  # its input, and what its weight is multiplied with
    if full or not dropout:
        norm += 2 * hidden * narrow  # what goes into attention and feed-forward
    if dimensions.head_norms:
        norm += (query + key) * FLOAT32 * (2 if full else 1)
    # queries, result, keys and values (repeated for each query head that shares them), the mask, a sum for each head
    attention = (2 * query + 2 * query) * narrow + (length + dimensions.heads) * FLOAT32
    if dimensions.fused and (full or not dropout):
        attention += query * narrow  # the result once more, in another order
    feed_forward = ((4 if full or not dropout else 3) if dimensions.gated else (2 if full else 1)) * inner * narrow
    beside = 0
    if not full:
        each = [
            ((2 * side if dropout else 0) + config.lora_rank) + (2 * out if config.use_dora else 0)
            for out, side in dimensions.adapted(config.target_modules)
        ]
        beside = sum(each) * FLOAT32
    return norm + attention + feed_forward + beside / dimensions.layers


def _logits(dimensions: Dimensions, config: TrainingConfig, widths: _Widths, tokens: int, device: Device) -> int:
    """Return the logits and what is made of them: whole where `training/trainer.py` builds them, else TRL's tiles."""
    whole = tokens * dimensions.vocabulary * FLOAT32
    head_apart = config.train_embeddings and config.method != "full"
    small = device == "cpu" and whole < SMALL_LOGITS
    if config.objective != "dpo" and (small or head_apart or config.label_smoothing):
        return WHOLE_COPIES * whole
    width = widths.narrow if device == "cuda" else FLOAT32
    return TILE_COPIES[device] * min(tokens, TILE_TOKENS) * min(dimensions.vocabulary, TILE_WORDS) * width


def _four_bit_work(dimensions: Dimensions, config: TrainingConfig, widths: _Widths, device: Device) -> int:
    """Return the bytes of the largest four-bit matrix while it is multiplied with, and what quantising left behind."""
    if config.method != "qlora" or not dimensions.matrices:
        return 0
    largest = max(out * inner for out, inner in dimensions.matrices.values()) * widths.narrow
    return largest + (dimensions.in_matrices * QUANTISED_LEFT if device == "cpu" else 0)
