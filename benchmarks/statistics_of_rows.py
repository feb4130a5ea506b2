"""The figures of a large dataset, tokens included, against the tokenizer's own batch over the same texts in the same run.

    python -m benchmarks.statistics_of_rows [--rows 1000000] [--rounds 1] [--json]

A generated dataset version of question and answer rows is read, counted and kept as the page and the command line do it.
The peer only tokenises: `encode_batch_fast` of the same tokenizer over the same texts, in chunks of 4,000, nothing read and
nothing kept. They take turns; medians. On a machine with other work compare processor seconds. The last figure is a second
look at the kept result, as a page's rerun takes it.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tokenizers import Tokenizer

from mactuner_core.catalog import open_catalog
from mactuner_core.catalog.tables import DatasetVersion, Model
from mactuner_core.data.importing import import_file
from mactuner_core.data.statistics.compute import statistics_of
from mactuner_core.models.starter import make_starter
from mactuner_core.workspace import COMPLETE, open_workspace

SAMPLE = Path(__file__).parents[1] / "samples" / "civil_law_qa.csv"
CHUNK_TEXTS = 4000


def write_rows(folder: Path, rows: int) -> list[str]:
    """Write a dataset version of `rows` question and answer rows and return all its texts."""
    words = SAMPLE.read_text(encoding="utf-8").replace(",", " ").split()
    rng = random.Random(1)
    texts = []
    folder.mkdir(parents=True)
    with (folder / "train.jsonl").open("w", encoding="utf-8") as file:
        for _ in range(rows):
            question, answer = (" ".join(rng.choices(words, k=rng.randrange(8, 24))) for _ in range(2))
            texts += [question, answer]
            messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
            file.write(json.dumps({"messages": messages}, ensure_ascii=False) + "\n")
    (folder / "validation.jsonl").write_text("", encoding="utf-8")
    (folder / COMPLETE).write_text("", encoding="utf-8")
    return texts


def tokenise(tokenizer: Tokenizer, texts: list[str]) -> None:
    """Do what the peer does."""
    for start in range(0, len(texts), CHUNK_TEXTS):
        tokenizer.encode_batch_fast(texts[start : start + CHUNK_TEXTS], add_special_tokens=False)


def seconds_of(work: Callable[[], object]) -> tuple[float, float]:
    """Return how long `work` takes, and the processor seconds of all threads meanwhile."""
    started, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - started, time.process_time() - used


def version_in(folder: Path, rows: int, number: int) -> DatasetVersion:
    """Return the row of the catalogue for the generated version; each number keeps its figures apart."""
    name = f"rows{number}"
    return DatasetVersion(id=f"{name}@1", name=name, number=1, path=str(folder), train_rows=rows, validation_rows=0)


def main() -> None:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        workspace = open_workspace(Path(temporary))
        catalog = open_catalog(workspace)
        model: Model = make_starter(workspace, catalog, import_file(workspace, catalog, SAMPLE, "law").id)
        tokenizer = Tokenizer.from_file(str(Path(model.path) / "tokenizer.json"))
        ours, peer, again = [], [], []
        for number in range(arguments.rounds):
            folder = workspace.datasets / f"rows{number}" / "v1"
            texts = write_rows(folder, arguments.rows)
            version = version_in(folder, arguments.rows, number)
            look = partial(statistics_of, version, tokenizer_folder=Path(model.path))
            ours.append(seconds_of(look))
            again.append(seconds_of(look))
            peer.append(seconds_of(partial(tokenise, tokenizer, texts)))
    result: dict[str, float] = {"rows": arguments.rows}
    for name, found in (("ours", ours), ("peer", peer), ("again", again)):
        result[f"{name}_s"], result[f"{name}_processor_s"] = map(statistics.median, zip(*found, strict=True))
    result["ratio"] = result["ours_s"] / result["peer_s"]
    result["processor_ratio"] = result["ours_processor_s"] / result["peer_processor_s"]
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    print(f"{arguments.rows:,} rows")
    for title, name in (("all figures", "ours"), ("the tokenizer alone", "peer")):
        print(f"{title}: {result[f'{name}_s']:.1f} s, {result[f'{name}_processor_s']:.1f} processor seconds")
    print(f"ratio {result['ratio']:.2f}, of the processor seconds {result['processor_ratio']:.2f}")
    print(f"a second look: {result['again_s'] * 1000:.0f} ms")


if __name__ == "__main__":
    main()
