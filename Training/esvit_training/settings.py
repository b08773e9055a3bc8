"""A run's settings, kept in its folder; a run that goes on must have the same."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from . import files
from .errors import Problem


@dataclass(frozen=True)
class Settings:
    tiles: str  # the fingerprint of the packs
    packs: list[str]
    init: str | None = None  # the model to start from
    init_sha256: str | None = None
    width: int = 32
    window: int = 7
    side: int = 224
    steps: int = 4000
    batch: int = 24
    rate: float = 5e-4
    decay: float = 0.05
    warmup: float = 0.03  # share of the steps
    momentum: float = 0.99  # of the teacher, which is also what is evaluated and saved
    zoom: tuple[float, float] = (1.0, 1.6)
    stain: float = 0.1
    blur: float = 0.0
    distil: float = 1.0  # weights of the losses; 0 leaves one out
    metric: float = 1.0
    view: float = 0.0
    region: float = 0.0
    locals: int = 0  # small views beside the two global ones, for the student alone
    local_side: int = 96
    prototypes: int = 1024
    temperature: float = 0.05  # the teacher's
    cnn: str | None = None
    metric_side: int = 112  # of the views that the metric is made from
    metric_zoom: tuple[float, float] = (0.8, 1.6)
    blocks: list[int] = dataclasses.field(default_factory=lambda: [11, 13])
    precision: str = "f32"
    device: str = "cpu"
    threads: int = 2
    seed: int = 0

    @property
    def self_distillation(self) -> bool:
        return self.view > 0 or self.region > 0

    @property
    def distillation(self) -> bool:
        return self.distil > 0 or self.metric > 0

    def check(self) -> None:
        if not (self.self_distillation or self.distillation):
            raise Problem("every loss has weight 0: give one of --distil, --metric, --view, --region a weight")
        if min(self.steps, self.batch) < 1 or self.side % 32 or self.side < 32:
            raise Problem("--steps and --batch must be positive, and --side a multiple of 32")
        if not all(0 < zoom[0] <= zoom[1] for zoom in (self.zoom, self.metric_zoom)):
            raise Problem("--zoom and --metric-zoom take two positive numbers, the smaller first")

    def keep(self, folder: Path) -> None:
        """Writes the settings into a new run's folder; refuses where the folder's run has others."""
        path = folder / "settings.json"
        mine = json.loads(json.dumps(dataclasses.asdict(self)))
        if path.is_file():
            theirs = json.loads(path.read_text())
            # Where the packs lie may change; what is in them may not.
            different = [key for key in mine if key != "packs" and theirs.get(key) != mine[key]]
            if different:
                words = ", ".join(f"{key} {theirs.get(key)} (now {mine[key]})" for key in different)
                raise Problem(f"{folder} holds a run with other settings: {words}. Go on with those, or name a new --run")
        else:
            files.write(path, lambda file: file.write((json.dumps(mine, indent=2) + "\n").encode()))

    @staticmethod
    def of(folder: Path) -> "Settings":
        try:
            words = json.loads((folder / "settings.json").read_text())
            return Settings(**words | {key: tuple(words[key]) for key in ("zoom", "metric_zoom")})
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise Problem(f"{folder}: no run's folder ({error})") from None
