"""What a run tells: a line on the terminal, a row in log.csv, a curve in plot.png."""

import csv
import sys
import time
from pathlib import Path

from . import files

COLUMNS = ("step", "seconds", "views_per_second", "rate", "loss", "distil", "metric", "view", "region", "map10", "p10")


def duration(seconds: float) -> str:
    minutes, seconds = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"


class Progress:
    """`done of all`, and the time left, on standard error; at most a line every two seconds."""

    def __init__(self, unit: str):
        self._unit = unit
        self._start = time.monotonic()
        self._said = 0.0

    def __call__(self, done: int, all_: int) -> None:
        now = time.monotonic()
        if now - self._said < 2 and done < all_:
            return
        self._said = now
        left = (now - self._start) / max(done, 1) * (all_ - done)
        end = "\n" if done == all_ or not sys.stderr.isatty() else "\r"
        print(f"  {done} of {all_} {self._unit}, {duration(left)} left   ", end=end, file=sys.stderr, flush=True)


class RunLog:
    """log.csv. Rows after the step that a run goes on from are dropped: they will come again."""

    def __init__(self, folder: Path, step: int):
        self._path = folder / "log.csv"
        self.rows: list[dict[str, str]] = []
        if self._path.is_file():
            with open(self._path, newline="") as file:
                rows = csv.DictReader(file)
                self.rows = [row for row in rows if (row["step"] or "").isdigit() and int(row["step"]) <= step]
        self._rewrite()

    def add(self, **values: float | int) -> None:
        row = {key: f"{value:.6g}" if isinstance(value, float) else str(value) for key, value in values.items()}
        self.rows.append({column: row.get(column, "") for column in COLUMNS})
        with open(self._path, "a", newline="") as file:
            csv.DictWriter(file, COLUMNS).writerow(self.rows[-1])

    def _rewrite(self) -> None:
        def save(file) -> None:
            import io
            text = io.StringIO(newline="")
            writer = csv.DictWriter(text, COLUMNS)
            writer.writeheader()
            writer.writerows(self.rows)
            file.write(text.getvalue().encode())
        files.write(self._path, save)

    def plot(self, path: Path) -> None:
        """Loss and mAP@10 over the steps. Without matplotlib there is none, and the log says all."""
        try:
            import matplotlib
            matplotlib.use("Agg")
            from matplotlib import pyplot
        except ImportError:
            return
        figure, left = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
        for column, colour in (("loss", "tab:blue"), ("map10", "tab:orange")):
            points = [(int(row["step"]), float(row[column])) for row in self.rows if row[column]]
            axis = left if column == "loss" else left.twinx()
            axis.set_ylabel({"loss": "loss", "map10": "mAP@10"}[column], color=colour)
            axis.plot(*zip(*points, strict=True) if points else ([], []), color=colour,
                      marker="o" if column == "map10" else None)
        left.set_xlabel("step")
        files.write(path, lambda file: figure.savefig(file, format="png", dpi=120))
        pyplot.close(figure)
