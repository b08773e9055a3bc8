"""Retrieval scores, by the definitions of `esvit evaluate` (Sources/Metrics), bootstrap included."""

from dataclasses import dataclass

import numpy as np

RESAMPLES = 2_000
SEED = 20_261_124
METRICS = ("mAP@10", "mAP@10 over k", "mAP@10 over min", "P@10", "vote@5")


@dataclass(frozen=True)
class Score:
    mean: float
    low: float
    high: float


def neighbours(gallery: np.ndarray, queries: np.ndarray | None, k: int = 10) -> np.ndarray:
    """(Q, k) gallery rows, nearest first by cosine in double precision, ties by row. Without queries each row asks for
    the others."""
    def unit(x: np.ndarray) -> np.ndarray:
        x = x.astype(np.float64)
        return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-30)

    gallery = unit(gallery)
    asking = gallery if queries is None else unit(queries)
    found = []
    for start in range(0, len(asking), 512):
        similar = asking[start:start + 512] @ gallery.T
        if queries is None:
            rows = np.arange(len(similar))
            similar[rows, start + rows] = -np.inf
        found.append(np.argsort(-similar, axis=1, kind="stable")[:, :k])
    return np.concatenate(found)


def values(found: np.ndarray, gallery: list[str], queries: list[str] | None, k: int = 10) -> dict[str, np.ndarray]:
    """Each metric's value for each query."""
    own = np.array(gallery)
    asked = own if queries is None else np.array(queries)
    labels = own[found]
    hits = labels[:, :k] == asked[:, None]
    counts = {name: int((own == name).sum()) for name in set(asked)}
    relevant = np.array([counts[name] - (queries is None) for name in asked])
    total = (np.cumsum(hits, 1) / np.arange(1, hits.shape[1] + 1) * hits).sum(1)

    def over(count: np.ndarray | int) -> np.ndarray:
        return np.where(count > 0, total / np.maximum(count, 1), 0.0)

    return {"mAP@10": over(hits.sum(1)), "mAP@10 over k": over(k), "mAP@10 over min": over(np.minimum(k, relevant)),
            "P@10": hits.sum(1) / k,
            "vote@5": np.array([winner(row[:5]) == label for row, label in zip(labels, asked, strict=True)], float)}


def winner(labels: np.ndarray) -> str | None:
    """The label that most have; none where two tie, so a tie counts as wrong."""
    names, counts = np.unique(labels, return_counts=True)
    leaders = names[counts == counts.max()]
    return leaders[0] if len(leaders) == 1 else None


def summary(columns: dict[str, np.ndarray]) -> dict[str, Score]:
    """Means with 95 % percentile intervals, by resampling queries."""
    count = len(next(iter(columns.values())))
    drawn = drawn_indices(RESAMPLES * count, count).reshape(RESAMPLES, count)
    result = {}
    for name, column in columns.items():
        low, high = np.percentile(column[drawn].mean(1), [2.5, 97.5])
        result[name] = Score(float(column.mean()), float(low), float(high))
    return result


def drawn_indices(count: int, bound: int) -> np.ndarray:
    """SplitMix64's sequence from SEED, each number scaled to below `bound` (at most 2^32) by the high half of a product."""
    with np.errstate(over="ignore"):
        z = np.uint64(SEED) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
        half, b = np.uint64(32), np.uint64(bound)
        low = (z & np.uint64(0xFFFFFFFF)) * b >> half
        return (((z >> half) * b + low) >> half).astype(np.int64)
