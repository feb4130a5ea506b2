"""What a cosine is worth: measured on the collection itself, since models put unrelated texts anywhere between 0 and 0.85.

The first sentences of some chunks are asked as questions. Their cosines with far away chunks show where "unrelated" lies, and how
often their own chunk comes first shows how much the model is worth beside the words (its weight in the fusion of ranks).
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from mactuner_core.rag.snapshot import Place

if TYPE_CHECKING:
    from mactuner_core.rag.collection import Collection

_QUESTIONS = 48
_CHUNKS = 600
_AGAIN = 1.3  # measured anew when there are so many times more chunks, or fewer
_FAR = 10  # chunks of one document: nearer ones may speak of the same
_FEWEST_PAIRS = 30
_SENTENCE = re.compile(r"[^.!?。\n]{15,}")


@dataclass(frozen=True)
class Calibration:
    """`unrelated` is the mean cosine of unrelated texts, mapped to score 0; `chunks` how many there were when it was measured."""

    unrelated: float = 0.0
    suggested_min_score: float = 0.3
    dense_weight: float = 1.0
    chunks: int = 0

    def score(self, cosine: float) -> float:
        """Return a cosine as a score from 0 (unrelated) to 1 (the same)."""
        return min(1.0, max(0.0, (cosine - self.unrelated) / max(1e-6, 1.0 - self.unrelated)))


def calibration_of(collection: Collection) -> Calibration:
    """Return what was measured last, or plain cosines."""
    return Calibration(**collection.store.meta("calibration", {}))


def calibrate(collection: Collection) -> None:
    """Measure and keep the calibration when the collection has changed enough since it was measured."""
    snapshot = collection.snapshots.newest()
    last = calibration_of(collection)
    if not snapshot.chunks or (last.chunks and 1 / _AGAIN < snapshot.chunks / last.chunks < _AGAIN):
        return
    found = _measure(collection)
    with collection.store.change() as database:
        values = ("calibration", json.dumps(asdict(found)))
        database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", values)


def _measure(collection: Collection) -> Calibration:
    snapshot = collection.snapshots.newest()
    places = [
        Place(number, int(position))
        for number, alive in enumerate(snapshot.alive)
        for position in (np.arange(len(snapshot.segments[number])) if alive is None else np.flatnonzero(alive))
    ]
    total = len(places)
    random = np.random.default_rng(0)
    if total > _CHUNKS:
        places = [places[number] for number in random.choice(total, _CHUNKS, replace=False)]
    rows = [snapshot.row(place) for place in places]
    found = collection.store.chunk_rows(rows)
    documents = np.array([hash(found[row][11]) for row in rows])
    numbers = np.array([found[row][2] for row in rows])
    asked = [(at, match.group().strip()) for at, row in enumerate(rows) if (match := _SENTENCE.search(found[row][3]))]
    asked = asked[:: max(1, len(asked) // _QUESTIONS)][:_QUESTIONS]
    vectors = snapshot.vectors(places)
    if not asked:
        return Calibration(chunks=total)
    questions = collection.embedder.embed([sentence for _, sentence in asked], "query")
    cosines = questions @ vectors.T
    own = np.array([at for at, _ in asked])
    far = (documents[own][:, None] != documents[None, :]) | (np.abs(numbers[own][:, None] - numbers[None, :]) >= _FAR)
    unrelated = cosines[far]
    if len(unrelated) < _FEWEST_PAIRS:
        return Calibration(unrelated=_builtin(collection), chunks=total)
    mean = float(np.mean(unrelated))
    bare = Calibration(unrelated=mean)
    suggested = round(bare.score(float(np.quantile(unrelated, 0.99))) / 0.05) * 0.05
    ranks = (cosines > cosines[np.arange(len(own)), own][:, None]).sum(axis=1)
    weight = float(np.mean(1 / (1 + ranks)))
    return Calibration(mean, round(min(0.9, max(0.05, suggested)), 2), round(weight, 3), total)


_PROBES = {
    "ko": (
        "연차 휴가는 며칠까지 이월할 수 있나요?",
        "김치찌개는 돼지고기를 먼저 볶은 뒤 물을 붓고 끓입니다.",
        "지하철 2호선은 새벽 한 시에 운행을 마칩니다.",
        "이 약은 식후 30분에 하루 세 번 먹습니다.",
        "고래는 물속에서 살지만 허파로 숨을 쉽니다.",
        "프린터의 전원을 끄고 종이 걸림을 확인하세요.",
        "계약이 끝나면 보증금을 돌려받습니다.",
        "올해 벼농사는 비가 많이 와서 흉작입니다.",
    ),
    "en": (
        "How many days of leave can be carried over?",
        "Fry the onions first, then add the stock and let it simmer.",
        "The last train leaves the central station at one in the morning.",
        "Take this medicine three times a day after meals.",
        "Whales live in the sea but breathe air with their lungs.",
        "Switch the printer off and look for jammed paper.",
        "The deposit is paid back when the contract ends.",
        "This year's harvest was poor because of heavy rain.",
    ),
}


def _builtin(collection: Collection) -> float:
    """Return the mean cosine of fixed unrelated sentences in the language of most documents: there are too few chunks."""
    korean = collection.store.one("SELECT count(*) FROM documents WHERE language = 'ko'")[0]
    total = collection.store.one("SELECT count(*) FROM documents")[0]
    sentences = _PROBES["ko" if 2 * korean >= total else "en"]
    questions = collection.embedder.embed(sentences, "query")
    cosines = questions @ collection.embedder.embed(sentences, "passage").T
    return float(np.mean(cosines[~np.eye(len(sentences), dtype=bool)]))
