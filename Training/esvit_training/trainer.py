"""The training itself: steps that depend on the settings and their number alone, and checkpoints between them."""

import copy
import math
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # CUDA's matrix products repeat bit for bit only so

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import checkpoints, cnn, files, losses, teacher
from .errors import Problem
from .runlog import Progress, RunLog, duration
from .seeds import generator
from .settings import Settings
from .swin import Architecture, Swin
from .tiles import Pack, decoded
from .views import Jitter, view

LOG_EVERY = 25
GRADIENT_NORM = 3.0


@dataclass(frozen=True)
class Schedule:
    """When what is written. None of it changes the weights."""

    checkpoint_minutes: float = 10
    evaluate_every: int = 0  # steps; 0 evaluates at the end alone
    stop_after_minutes: float | None = None


def bf16_pays(device: str) -> bool:
    if device != "cpu":
        return torch.cuda.is_bf16_supported()
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    return "avx512_bf16" in flags or "amx_bf16" in flags


class Trainer:
    """A run in its folder, at the step that its checkpoint says."""

    def __init__(self, folder: Path, settings: Settings):
        settings.check()
        self.folder = folder
        self.settings = settings
        self.device = settings.device
        torch.set_num_threads(settings.threads)
        torch.use_deterministic_algorithms(True, warn_only=settings.device != "cpu")
        folder.mkdir(parents=True, exist_ok=True)
        settings.keep(folder)
        self.jitter = Jitter(settings.zoom, settings.stain, settings.blur)
        self.tiles = decoded([Pack(Path(path)) for path in settings.packs], folder / "tiles.u8")
        if len(self.tiles) < settings.batch:
            raise Problem(f"{len(self.tiles)} tiles are fewer than one batch: give more, or a --batch of at most that")

        torch.manual_seed(generator(settings.seed, "weights").initial_seed())
        net = self._start()
        self.architecture = net.architecture
        extra = nn.ModuleDict()
        if settings.view:
            extra["view"] = losses.Prototypes(net.architecture.dimension, settings.prototypes)
        if settings.region:
            extra["region"] = losses.Prototypes(net.architecture.dimension, settings.prototypes)
        self.teacher = self._teacher(net) if settings.distillation else None
        if self.teacher and settings.distil:
            extra["map"] = nn.Linear(net.architecture.dimension, self.teacher.width)
            extra["pool"] = nn.Linear(net.architecture.dimension, self.teacher.width)
            for name, (weight, bias) in self.teacher.heads.items():
                extra[name].load_state_dict({"weight": weight, "bias": bias})
        self.student = nn.ModuleDict({"net": net, "extra": extra}).to(self.device)
        # The student averaged over its steps: EsViT's teacher, and what is evaluated and saved.
        self.mean = copy.deepcopy(self.student).requires_grad_(False)
        self.centres = {name: torch.zeros(settings.prototypes, device=self.device) for name in ("view", "region")}
        matrices = [p for p in self.student.parameters() if p.ndim > 1]
        vectors = [p for p in self.student.parameters() if p.ndim <= 1]
        self.optimiser = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": settings.decay}, {"params": vectors, "weight_decay": 0.0}],
            lr=settings.rate, betas=(0.9, 0.98), fused=True)
        self.step = 0
        self.seconds = 0.0
        self.running: float | None = None
        self._load()

    # MARK: Start

    def _start(self) -> Swin:
        s = self.settings
        if s.init is None:
            return Swin(Architecture.of_width(s.width, window=s.window))
        path = Path(s.init)
        if (self.folder / "checkpoint.pt").is_file() and not path.is_file():
            # A run that goes on has its own weights; only their shape is needed.
            return checkpoints.load(self.folder / "model.safetensors")[0]
        return checkpoints.load(path)[0]

    def _teacher(self, net: Swin) -> teacher.Teacher:
        s = self.settings
        dtype = torch.bfloat16 if s.precision == "bf16" else torch.float32
        lite = cnn.Lite(Path(s.cnn) if s.cnn else cnn.find(0), dtype, self.device)
        if not all(0 <= block < lite.blocks for block in s.blocks):
            raise Problem(f"--blocks {s.blocks}: {lite.name} has blocks 0 to {lite.blocks - 1}")
        path = self.folder / "teacher.pt"
        if not path.is_file():
            print("Looking at the tiles through the CNN", file=sys.stderr)
        small = teacher.Views(s.metric_side, Jitter(s.metric_zoom, s.stain, s.blur))
        start = teacher.Start(net, teacher.Views(s.side, self.jitter)) if s.init else None
        return teacher.prepared(path, self.tiles, lite, s.blocks, self.architecture.dimension, small, start, s.seed,
                                self.device, Progress("batches"))

    def _load(self) -> None:
        path = self.folder / "checkpoint.pt"
        if not path.is_file():
            return
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.student.load_state_dict(state["student"])
        self.mean.load_state_dict(state["mean"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.centres = state["centres"]
        self.step, self.seconds, self.running = state["step"], state["seconds"], state["running"]

    # MARK: Run

    def run(self, schedule: Schedule, evaluate: Callable[[Swin], dict[str, float]] | None = None) -> bool:
        """Trains to the last step, or until it is told to stop; whether the last step was reached."""
        s = self.settings
        log = RunLog(self.folder, self.step)
        stopping = False

        def stop(*_: object) -> None:
            nonlocal stopping
            stopping = True

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        begun, saved, first = time.monotonic(), time.monotonic(), self.step
        try:
            while self.step < s.steps and not stopping:
                started = time.monotonic()
                parts = self.advance()
                now = time.monotonic()
                self.seconds += now - started
                if self.step % LOG_EVERY == 0 or self.step == s.steps:
                    self._tell(log, parts, (now - begun) / (self.step - first))
                if schedule.evaluate_every and self.step % schedule.evaluate_every == 0 and self.step < s.steps:
                    self._evaluate(log, evaluate)
                stopping |= schedule.stop_after_minutes is not None and now - begun > 60 * schedule.stop_after_minutes
                if now - saved > 60 * schedule.checkpoint_minutes and self.step < s.steps:
                    self.save(log)
                    saved = time.monotonic()
            if self.step == s.steps:
                self._evaluate(log, evaluate)
            self.save(log)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        return self.step == s.steps

    def save(self, log: RunLog) -> None:
        """The checkpoint last: a kill before it leaves the older one, from which all the rest comes again."""
        checkpoints.save(self.mean["net"], self.folder / "model.safetensors", {"source": f"step {self.step}"})
        log.plot(self.folder / "plot.png")
        state = {"student": self.student.state_dict(), "mean": self.mean.state_dict(),
                 "optimiser": self.optimiser.state_dict(), "centres": self.centres, "step": self.step,
                 "seconds": self.seconds, "running": self.running}
        files.write(self.folder / "checkpoint.pt", lambda file: torch.save(state, file))

    def _tell(self, log: RunLog, parts: dict[str, float], seconds: float) -> None:
        s = self.settings
        views = s.batch * ((2 + s.locals) if s.self_distillation else 1)
        log.add(step=self.step, seconds=self.seconds, views_per_second=views / seconds, rate=self.rate(self.step - 1),
                loss=self.running, **parts)
        words = " ".join(f"{name} {value:.3f}" for name, value in parts.items())
        print(f"step {self.step} of {s.steps}  loss {self.running:.3f} ({words})  {views / seconds:.0f} views/s  "
              f"{duration(seconds * (s.steps - self.step))} left", flush=True)

    def _evaluate(self, log: RunLog, evaluate: Callable[[Swin], dict[str, float]] | None) -> None:
        if evaluate:
            found = evaluate(self.mean["net"])
            log.add(step=self.step, seconds=self.seconds, **found)
            print(f"step {self.step}  mAP@10 {found['map10']:.4f}  P@10 {found['p10']:.4f}", flush=True)

    # MARK: A step

    def rate(self, step: int) -> float:
        """The learning rate: a short rise, then half a cosine down to a fiftieth."""
        s = self.settings
        share = step / s.steps
        rise = min(1.0, share / s.warmup) if s.warmup else 1.0
        return s.rate * max(0.02, rise * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * share))))

    def batch(self, step: int) -> Tensor:
        """The tiles of a step, by its number: each epoch is another order of all tiles, its incomplete batch left out."""
        s = self.settings
        epoch, place = divmod(step, len(self.tiles) // s.batch)
        order = torch.randperm(len(self.tiles), generator=generator(s.seed, "order", epoch))
        return self.tiles[order[place * s.batch:(place + 1) * s.batch]].to(self.device)

    def advance(self) -> dict[str, float]:
        """One step of the optimiser; the parts of its loss."""
        s = self.settings
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate(self.step)
        tiles = self.batch(self.step)
        random = generator(s.seed, "views", self.step)
        globals_ = 2 if s.self_distillation else 1
        views = [view(tiles, s.side, self.jitter, random) for _ in range(globals_)]
        views += [view(tiles, s.local_side, self.jitter, random) for _ in range(s.locals if s.self_distillation else 0)]
        with torch.autocast(self.device, torch.bfloat16, enabled=s.precision == "bf16"):
            parts = self._losses(views, globals_)
        loss = torch.stack(list(parts.values())).sum()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.student.parameters(), GRADIENT_NORM)
        self.optimiser.step()
        with torch.no_grad():
            momentum = min(s.momentum, (self.step + 1) / (self.step + 10))
            torch._foreach_lerp_(list(self.mean.parameters()), list(self.student.parameters()), 1 - momentum)
        self.step += 1
        value = loss.item()
        if not math.isfinite(value):
            raise Problem(f"step {self.step}: the loss is {value}; start again from the last model with a lower --rate")
        self.running = value if self.running is None else 0.95 * self.running + 0.05 * value
        return {name: part.item() for name, part in parts.items()}

    def _losses(self, views: list[Tensor], globals_: int) -> dict[str, Tensor]:
        s, extra = self.settings, self.student["extra"]
        whole = torch.cat(views[:globals_])
        tokens = list(self.student["net"].regions(whole).chunk(globals_))
        tokens += [self.student["net"].regions(one) for one in views[globals_:]]
        means = [one.float().mean(1) for one in tokens]
        parts = {}
        if self.teacher:
            student, embedding = torch.cat(tokens[:globals_]), torch.cat(means[:globals_])
            maps, pooled, target = self.teacher(whole, math.isqrt(student.shape[1]))
            if s.distil:
                parts["distil"] = s.distil * (F.mse_loss(extra["map"](student).float(), maps)
                                              + F.mse_loss(extra["pool"](embedding).float(), pooled))
            if s.metric:
                parts["metric"] = s.metric * losses.metric_loss(embedding, target, self.teacher.landmarks)
        if s.self_distillation:
            with torch.no_grad():
                theirs = list(self.mean["net"].regions(whole).chunk(globals_))
            if s.view:
                with torch.no_grad():
                    scores = [self.mean["extra"]["view"](one.float().mean(1)) for one in theirs]
                parts["view"] = s.view * losses.view_loss(
                    [extra["view"](one) for one in means], scores, self.centres["view"], s.temperature)
                self._centre("view", torch.cat(scores))
            if s.region:
                with torch.no_grad():
                    pairs = [(self.mean["extra"]["region"](one), one) for one in theirs]
                parts["region"] = s.region * losses.region_loss(
                    [(extra["region"](one), one) for one in tokens], pairs, self.centres["region"], s.temperature)
                self._centre("region", torch.cat([scores.flatten(0, 1) for scores, _ in pairs]))
        return parts

    def _centre(self, name: str, scores: Tensor) -> None:
        self.centres[name] = 0.9 * self.centres[name] + 0.1 * scores.mean(0)
