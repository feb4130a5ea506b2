"""What a cosine is worth: measured on the collection itself, since models put unrelated texts anywhere between 0 and 0.85.

From some chunks a sentence is taken out and asked as a question. Its cosines with far away chunks show where "unrelated" lies, and
how often the rest of its own chunk comes first shows how much the model understands of these texts: an English model among Korean
documents must not outvote the words.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mactuner_core.rag.chunking import with_headings
from mactuner_core.rag.embedder import Vectors
from mactuner_core.rag.lexical import rarities, shares
from mactuner_core.rag.probes import PROBES
from mactuner_core.rag.sentences import sentences
from mactuner_core.rag.snapshot import Place, Snapshot

if TYPE_CHECKING:
    from mactuner_core.rag.collection import Collection

_QUESTIONS = 32
_FEWEST = 8  # questions; with fewer chunks the built-in sentences are asked
_CHUNKS = 128  # that the own chunk is looked for among: more would make every model look worse
_AGAIN = 1.5  # measured anew when there are so many times more chunks, or fewer
_FAR = 10  # chunks of one document: nearer ones may speak of the same
_BLIND, _SEEING = 0.1, 0.4  # mean reciprocal rank of a model that understands nothing, and of one that does
_BUILTIN_BLIND, _BUILTIN_SEEING = 0.45, 0.8  # the same among the few built-in sentences
_LEAST_WEIGHT = 0.03
_WORD_NOISE = 0.2  # where it cannot be measured


@dataclass(frozen=True)
class Calibration:
    """`unrelated` is the mean cosine of unrelated texts, mapped to 0. `dense_weight` (0.03 to 1) is what meaning counts beside words.

    `chunks` is how many there were when it was measured.
    """

    unrelated: float = 0.0
    suggested_min_score: float = 0.3
    dense_weight: float = 1.0
    chunks: int = 0

    def score(self, cosine: float) -> float:
        """Return a cosine as a score from 0 (unrelated) to 1 (the same)."""
        return min(1.0, max(0.0, (cosine - self.unrelated) / max(1e-6, 1.0 - self.unrelated)))


@dataclass(frozen=True)
class _Asked:
    """Cosines of questions with their own text, and with all others (questions, others); `far` tells the unrelated ones.

    `word_noise` is the share of a question's words that only one in twenty unrelated chunks exceeds.
    """

    own: Vectors
    others: Vectors
    far: Any
    word_noise: float = _WORD_NOISE


def calibration_of(collection: Collection) -> Calibration:
    """Return what was measured last, or plain cosines."""
    return Calibration(**collection.store.meta("calibration", {}))


def calibrate(collection: Collection) -> None:
    """Measure and keep the calibration when the collection has changed enough since it was measured."""
    snapshot = collection.snapshots.newest()
    last = calibration_of(collection)
    if not snapshot.chunks or (last.chunks and 1 / _AGAIN < snapshot.chunks / last.chunks < _AGAIN):
        return
    found = _measured(collection, snapshot)
    with collection.store.change() as database:
        values = ("calibration", json.dumps(asdict(found)))
        database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", values)


def _measured(collection: Collection, snapshot: Snapshot) -> Calibration:
    asked = _ask_own(collection, snapshot)
    blind, seeing = _BLIND, _SEEING
    if asked is None:
        asked, blind, seeing = _ask_builtin(collection), _BUILTIN_BLIND, _BUILTIN_SEEING
    unrelated = asked.others[asked.far]
    bare = Calibration(unrelated=float(np.mean(unrelated)))
    ranks = 1 + (asked.others > asked.own[:, None]).sum(axis=1)
    weight = min(1.0, max(_LEAST_WEIGHT, (float(np.mean(1 / ranks)) - blind) / (seeing - blind)))
    by_meaning = weight * bare.score(_border(asked.own, unrelated))
    suggested = 1 - (1 - by_meaning) * (1 - asked.word_noise)
    return Calibration(
        round(bare.unrelated, 4),
        round(min(0.6, max(0.1, round(suggested / 0.05) * 0.05)), 2),
        round(weight, 3),
        snapshot.chunks,
    )


def _border(own: Vectors, unrelated: Vectors) -> float:
    """Return the cosine that tells own from unrelated texts best: most of the first above and of the second below (Youden)."""
    borders = np.unique(np.concatenate([own, np.quantile(unrelated, np.linspace(0, 1, 101))]))
    gains = [float(np.mean(own >= border) - np.mean(unrelated >= border)) for border in borders]
    return float(borders[int(np.argmax(gains))])


def _ask_own(collection: Collection, snapshot: Snapshot) -> _Asked | None:
    places = _sample(snapshot)
    rows = [snapshot.row(place) for place in places]
    found = collection.store.chunk_rows(rows)
    questions: list[str] = []
    rests: list[str] = []
    own: list[int] = []
    for at, row in enumerate(rows):
        parts = sentences(found[row][3]) if len(questions) < _QUESTIONS else []
        if len(parts) >= 3:
            middle = len(parts) // 2
            questions.append(parts[middle])
            rests.append(with_headings(json.loads(found[row][4]), " ".join(parts[:middle] + parts[middle + 1 :])))
            own.append(at)
    if len(questions) < _FEWEST:
        return None
    asked = collection.embedder.embed(questions, "query")
    cosines = asked @ snapshot.vectors(places).T
    numbers = np.arange(len(own))
    documents = np.array([found[row][11] for row in rows])
    position = np.array([found[row][2] for row in rows])
    other_document = documents[own][:, None] != documents[None, :]
    far = other_document | (np.abs(position[own][:, None] - position[None, :]) >= _FAR)
    if not far.any():
        return None
    rest = collection.embedder.embed(rests, "passage")  # of one that is too long the beginning is enough here
    cosines[numbers, own] = -1.0
    by_words = np.array([shares(snapshot, places, rarities(snapshot, question)) for question in questions])
    return _Asked((asked * rest).sum(axis=1), cosines, far, float(np.quantile(by_words[far], 0.95)))


def _sample(snapshot: Snapshot) -> list[Place]:
    random = np.random.default_rng(0)
    places = [
        Place(number, int(position))
        for number, alive in enumerate(snapshot.alive)
        for position in (np.arange(len(snapshot.segments[number])) if alive is None else np.flatnonzero(alive))
    ]
    picked = random.permutation(len(places))[:_CHUNKS]
    return [places[number] for number in picked]


def _ask_builtin(collection: Collection) -> _Asked:
    """Ask fixed questions with fixed answers, in the language of most documents: there are too few chunks of its own."""
    korean = collection.store.one("SELECT count(*) FROM documents WHERE language = 'ko'")[0]
    total = collection.store.one("SELECT count(*) FROM documents")[0]
    pairs = PROBES["ko" if 2 * korean >= total else "en"]
    asked = collection.embedder.embed([question for question, _ in pairs], "query")
    cosines = asked @ collection.embedder.embed([answer for _, answer in pairs], "passage").T
    own = cosines.diagonal().copy()
    np.fill_diagonal(cosines, -1.0)
    return _Asked(own, cosines, ~np.eye(len(pairs), dtype=bool))
