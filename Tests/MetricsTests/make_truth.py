"""Prints the numbers that EvaluationTests.swift compares with. Needs NumPy only; knows nothing of the Swift code.

    python3 make_truth.py
"""
import numpy as np

M = (1 << 64) - 1


def splitmix(state):
    while True:
        state = (state + 0x9E3779B97F4A7C15) & M
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & M
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & M
        yield z ^ (z >> 31)


def data(seed=7, queries=60, k=10, classes=("a", "b", "c")):
    """Queries of three classes; each neighbour has the query's label with a chance that depends on the class."""
    draw = splitmix(seed)
    rows = []
    for q in range(queries):
        label = next(draw) % 3
        chance = (90, 60, 30)[label]
        neighbours = []
        for _ in range(k):
            hit = next(draw) % 100 < chance
            other = next(draw) % 2
            neighbours.append(label if hit else (label + 1 + other) % 3)
        rows.append((classes[label], [classes[n] for n in neighbours], "g%d" % (next(draw) % 8), int(next(draw) % 20)))
    return rows


rows = data()
K = 10
hits = np.array([[n == label for n in neighbours] for label, neighbours, _, _ in rows], float)
relevant = np.maximum(np.array([r for *_, r in rows]), hits.sum(1).astype(int))
labels = np.array([r[0] for r in rows])
groups = np.array([r[2] for r in rows])
precision = np.cumsum(hits, 1) / np.arange(1, K + 1)
total = (precision * hits).sum(1)


def vote(n):
    right = []
    for label, neighbours, _, _ in rows:
        values, counts = np.unique(neighbours[:n], return_counts=True)
        best = values[counts == counts.max()]
        right.append(float(len(best) == 1 and best[0] == label))
    return np.array(right)


columns = {
    "hits": total / np.maximum(hits.sum(1), 1), "k": total / K, "reachable": total / np.maximum(np.minimum(K, relevant), 1),
    "precision": hits.mean(1), "vote1": vote(1), "vote3": vote(3), "vote5": vote(5),
}

names, first = np.unique(groups, return_index=True)
names = names[np.argsort(first)]
draw = splitmix(20_261_124)
picks = np.array([[(next(draw) * len(names)) >> 64 for _ in names] for _ in range(2_000)])
for name, column in columns.items():
    sums = np.array([column[groups == g].sum() for g in names])
    counts = np.array([(groups == g).sum() for g in names])
    means = sums[picks].sum(1) / counts[picks].sum(1)
    low, high = np.percentile(means, [2.5, 97.5])
    each = [float(column[labels == c].mean()) for c in "abc"]
    print(f"{name}: {float(column.mean())!r}, {float(low)!r}, {float(high)!r}, {each!r}")
nearest = np.array([r[1][0] for r in rows])
print([[int(((labels == a) & (nearest == b)).sum()) for b in "abc"] for a in "abc"], [int((labels == c).sum()) for c in "abc"])
