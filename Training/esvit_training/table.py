"""docs/retrieval.md: encoders compared on labelled sets of tiles, by one command."""

import importlib.metadata
import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from . import files, scores
from .changes import CHANGES
from .errors import Problem
from .evaluation import Labelled
from .rows import Encoders, Row

START, END = "<!-- scripts/train table writes from here -->", "<!-- to here -->"


@dataclass(frozen=True)
class Set:
    """Labelled tiles: queries against a gallery, or each tile against the others."""

    name: str
    gallery: Labelled
    queries: Labelled | None

    @staticmethod
    def of(text: str) -> "Set":
        """NAME=GALLERY or NAME=GALLERY,QUERIES"""
        name, equals, paths = text.partition("=")
        parts = [Path(path) for path in paths.split(",") if path]
        if not (name and equals and len(parts) in (1, 2)):
            raise Problem(f"{text}: a set is NAME=GALLERY or NAME=GALLERY,QUERIES")
        return Set(name, Labelled(parts[0]), Labelled(parts[1]) if parts[1:] else None)

    @property
    def summary(self) -> str:
        asked = f"{len(self.queries):,} queries against" if self.queries else "leave-one-out of"
        classes = len(set(self.gallery.labels))
        return f"{asked} {len(self.gallery):,} tiles, {classes} classes"


def titled(text: str) -> tuple[str, Row]:
    """ROW or TITLE=ROW"""
    title, equals, name = text.partition("=")
    if equals and "/" not in title:
        return title, Row.of(name)
    return Path(text).name, Row.of(text)


def write(output: Path, rows: list[tuple[str, Row]], sets: list[Set], robust: list[str], encoders: Encoders,
          say: Callable[[str], None]) -> None:
    """Writes the tables between the two marks of `output`, or a new file; text around them stays."""
    parts = [START, ""]
    for one in sets:
        parts += [f"### {one.name}", "", f"{one.summary[0].upper()}{one.summary[1:]}.", "", *_table(one, rows, encoders, say),
                  ""]
    for one in sets:
        chosen = [row for row in rows if row[0] in robust]
        if chosen and one.queries:
            parts += [f"### {one.name}, changed queries", "", "mAP@10 and, in brackets, its change; the gallery as it is.",
                      "", *_robustness(one, chosen, encoders, say), ""]
    words = [f"{name} {importlib.metadata.version(name)}" for name in ("torch", "numpy", "pillow")]
    parts += [f"{', '.join(words)}, Python {platform.python_version()}, {'bf16' if encoders.bf16 else 'f32'}; bootstrap of "
              f"{scores.RESAMPLES:,} resamples, seed {scores.SEED}.", "", END]
    old = output.read_text() if output.is_file() else f"# Retrieval\n\n{START}\n{END}\n"
    before, start, rest = old.partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        raise Problem(f"{output}: the marks '{START}' and '{END}' are not there; put them where the tables belong")
    text = before + "\n".join(parts) + after
    files.write(output, lambda file: file.write(text.encode()))


def _table(one: Set, rows: list[tuple[str, Row]], encoders: Encoders, say: Callable[[str], None]) -> list[str]:
    lines = ["| encoder | size | " + " | ".join(scores.METRICS) + " |", "|---|--:|" + "---|" * len(scores.METRICS)]
    for title, row in rows:
        gallery, queries = encoders.embeddings(row, one.gallery, one.queries)
        columns = _values(one, gallery, queries)
        cells = [f"{s.mean:.3f} ({s.low:.3f}–{s.high:.3f})" for s in scores.summary(columns).values()]
        lines.append(f"| {title} | {gallery.shape[1]} | " + " | ".join(cells) + " |")
        say(f"{one.name}: {title} {cells[0]}")
    return lines


def _robustness(one: Set, rows: list[tuple[str, Row]], encoders: Encoders, say: Callable[[str], None]) -> list[str]:
    lines = ["| encoder | as they are | " + " | ".join(CHANGES) + " |", "|---|--:|" + "--:|" * len(CHANGES)]
    for title, row in rows:
        plain = float(_values(one, *encoders.embeddings(row, one.gallery, one.queries))["mAP@10"].mean())
        cells = [f"{plain:.3f}"]
        for change in CHANGES.items():
            found = _values(one, *encoders.embeddings(row, one.gallery, one.queries, change))["mAP@10"].mean()
            cells.append(f"{found:.3f} ({found - plain:+.3f})")
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
        say(f"{one.name}, changed: {title} {cells}")
    return lines


def _values(one: Set, gallery: np.ndarray, queries: np.ndarray | None) -> dict[str, np.ndarray]:
    found = scores.neighbours(gallery, queries)
    return scores.values(found, one.gallery.labels, one.queries.labels if one.queries else None)


# MARK: Pictures


def worst(one: Set, row: Row, encoders: Encoders, path: Path, count: int = 10, k: int = 5) -> None:
    """A picture of the queries with the lowest AP@10, each before its nearest tiles, labels below. Not for publishing
    where the tiles are not."""
    from matplotlib import pyplot
    gallery, queries = encoders.embeddings(row, one.gallery, one.queries)
    found = scores.neighbours(gallery, queries)
    asked = one.queries or one.gallery
    order = np.argsort(_values(one, gallery, queries)["mAP@10"], kind="stable")[:count]
    figure, axes = pyplot.subplots(count, k + 1, figsize=(1.7 * (k + 1), 1.9 * count), layout="constrained", squeeze=False)
    for line, query in zip(axes, order, strict=True):
        shown = [(asked, query), *((one.gallery, tile) for tile in found[query][:k])]
        for place, (axis, (tiles, tile)) in enumerate(zip(line, shown, strict=True)):
            axis.imshow(tiles.tiles[int(tile)].numpy())
            axis.set_axis_off()
            right = tiles.labels[tile] == asked.labels[query]
            axis.set_title(tiles.labels[tile], fontsize=7, color="black" if place == 0 else "green" if right else "red")
    files.write(path, lambda file: figure.savefig(file, format="png", dpi=100))
    pyplot.close(figure)


def plane(one: Set, row: Row, encoders: Encoders, path: Path, limit: int = 2000) -> None:
    """A map of the gallery by class: t-SNE of at most `limit` tiles, chosen by their order."""
    from matplotlib import pyplot
    gallery, _ = encoders.embeddings(row, one.gallery, None)
    chosen = np.linspace(0, len(gallery) - 1, min(limit, len(gallery))).astype(int)
    places = tsne(gallery[chosen])
    labels = np.array(one.gallery.labels)[chosen]
    figure, axis = pyplot.subplots(figsize=(7, 6), layout="constrained")
    for name in sorted(set(labels)):
        axis.scatter(*places[labels == name].T, s=6, label=name.replace("_", " "))
    axis.legend(markerscale=2, fontsize=8)
    axis.set_axis_off()
    files.write(path, lambda file: figure.savefig(file, format="png", dpi=110))
    pyplot.close(figure)


def tsne(rows: np.ndarray, perplexity: float = 30, steps: int = 500, seed: int = 0) -> np.ndarray:
    """(N, 2) by exact t-SNE (van der Maaten and Hinton 2008) of cosine distances."""
    x = torch.nn.functional.normalize(torch.from_numpy(rows).double(), dim=1)
    distance = (2 - 2 * x @ x.T).clamp(min=0).fill_diagonal_(torch.inf)
    low, high = torch.full((len(x), 1), 1e-4).double(), torch.full((len(x), 1), 1e6).double()
    for _ in range(60):  # each row's precision, so that its entropy is that of `perplexity` neighbours
        precision = (low * high).sqrt()
        near = torch.softmax(-distance * precision, 1)
        wide = torch.special.entr(near).sum(1, keepdim=True) > np.log(perplexity)
        low, high = torch.where(wide, precision, low), torch.where(wide, high, precision)
    near = (near + near.T) / (2 * len(x))
    # From the two widest directions, so that the picture does not depend on chance.
    u, s, _ = torch.linalg.svd(x - x.mean(0), full_matrices=False)
    places = u[:, :2] * s[:2]
    places = places / places.std() * 1e-2
    speed = torch.zeros_like(places)
    for step in range(steps):
        weights = (1 / (1 + torch.cdist(places, places) ** 2)).fill_diagonal_(0)
        pull = (near * (12 if step < 100 else 1) - weights / weights.sum()) * weights
        slope = 4 * (pull.sum(1, keepdim=True) * places - pull @ places)
        speed = (0.5 if step < 100 else 0.8) * speed - len(x) / 12 * slope
        places = places + speed
    return places.numpy()
