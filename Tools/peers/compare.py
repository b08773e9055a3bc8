"""Times esvitd and its peers in turn and writes the tables of docs/performance.md; started by scripts/bench-peers.

Every ratio is of two figures measured one right after the other, in alternating order, since a machine's speed changes
from minute to minute. Behind a ratio stand the least and the greatest of its rounds: of five rounds, the true median
lies between them with a probability of 94 %.
"""
import argparse
import dataclasses
import datetime
import json
import os
import platform
import re
import statistics
import subprocess
import sys

import inputs

THREADS = 2
HERE = os.path.dirname(os.path.abspath(__file__))


@dataclasses.dataclass(frozen=True)
class Peer:
    name: str
    contestant: str
    # Goes behind the question: one process may know several ways.
    way: str = ""


@dataclasses.dataclass(frozen=True)
class Measure:
    name: str
    question: str
    ours: tuple
    peers: tuple
    # Things that one call does: their rate is shown instead of the call's time.
    count: int = 0
    # What must agree before anything is timed, and how well.
    check: str = ""
    least: float = 0


def encoder(precision):
    return ("--precision", precision)


OPENVINO, ORT = "OpenVINO {openvino}", "ONNX Runtime {onnxruntime}"
F32 = (Peer(f"{OPENVINO}, f32", "openvino:f32"), Peer(f"{ORT}, transformer fusions", "onnxruntime:fused"),
       Peer(f"{ORT}, as exported", "onnxruntime:plain"), Peer("PyTorch {torch}, eager", "torch:eager"),
       Peer("PyTorch {torch}, compiled", "torch:compile"))
BF16, INT8 = Peer(f"{OPENVINO}, bf16", "openvino:bf16"), Peer(f"{OPENVINO}, int8 by NNCF {{nncf}}", "openvino:int8")
RESNET = tuple(Peer(f"ResNet-50, {OPENVINO}, {p}", f"openvino:{p}:resnet") for p in ("f32", "bf16"))
SEARCH = (Peer("faiss-cpu {faiss-cpu}, IndexFlatIP", "search:faiss", "faiss"),
          Peer("NumPy {numpy}, matmul and argpartition", "search:arrays", "numpy"),
          Peer("PyTorch {torch}, matmul and topk", "search:arrays", "torch"))


def streams(precision):
    return Peer(f"{OPENVINO}, {precision}, a stream a core", f"openvino-streams:{precision}")


# NNCF's loss on generated weights is its own affair; ours is measured on real ones (docs/performance.md).
PARTS = {
    "f32": [Measure("f32, batch 1", "encode 1", encoder("f32"), F32, 0, "embed 1", 0.99999),
            Measure("f32, batch 8", "encode 8", encoder("f32"), (*F32, streams("f32")), 8, "embed 8", 0.99999)],
    "bf16": [Measure("bf16, batch 1", "encode 1", encoder("bf16"), (BF16,), 0, "embed 1", 0.99),
             Measure("bf16, batch 8", "encode 8", encoder("bf16"), (BF16, streams("bf16")), 8, "embed 8", 0.99)],
    "int8": [Measure("int8, batch 1", "encode 1", encoder("int8"), (INT8, BF16), 0, "embed 1", 0.5),
             Measure("int8, batch 8", "encode 8", encoder("int8"), (INT8, BF16, streams("int8")), 8, "embed 8", 0.5)],
    "resnet": [Measure("f32, batch 1", "encode 1", encoder("f32"), RESNET)],
    "knn": [Measure("1 query", "search 1", ("--count", "{vectors}"), SEARCH, 0, "neighbours 1", 0.9),
            Measure("64 queries", "search 64", ("--count", "{vectors}"), SEARCH, 0, "neighbours 64", 0.9)],
    "image": [Measure(f"JPEG {side}×{side}", f"image {side}.jpg", encoder("f32"),
                      (Peer("torchvision {torchvision} v2, tensors", "image"),)) for side in (224, 512, 2048)],
}
TITLES = {
    "f32": "Encoder, Swin-T/W7 at 224, f32", "bf16": "Encoder, bf16", "int8": "Encoder, int8",
    "resnet": "Beside a convolutional network: ours is Swin-T, theirs ResNet-50",
    "knn": "Exact search, {vectors:,} × 768, the ten nearest", "image": "From a JPEG file to pixels on the device",
}


class Skipped(Exception):
    """Why a peer takes no part."""


class Failed(Exception):
    """Why there is nothing to compare with."""


class Contestant:
    """A process that stays up and answers lines; raises `failure` where it does not."""

    def __init__(self, command, environment, failure):
        self.failure = failure
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=environment, stderr=None if os.environ.get("PEERS_VERBOSE") else
                                        subprocess.DEVNULL)

    def ask(self, question):
        try:
            self.process.stdin.write(question + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise self.failure(f"its process ended with status {self.process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise self.failure(answer["error"])
        return answer

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()


class Contest:
    def __init__(self, options):
        self.options, self.running, self.skipped = options, {}, []
        self.environment = dict(
            os.environ, OMP_NUM_THREADS=str(THREADS), POCL_MAX_PTHREAD_COUNT=str(THREADS),
            OPENBLAS_NUM_THREADS=str(THREADS), TORCHINDUCTOR_CACHE_DIR=os.path.join(options.cache, "inductor"))
        stub = os.path.join(options.cache, "stub")
        if os.path.isdir(stub):  # see scripts/bench-peers
            self.environment["LD_LIBRARY_PATH"] = stub

    def contestant(self, *command, failure=Skipped):
        if command not in self.running:
            self.running[command] = Contestant(list(command), self.environment, failure)
        return self.running[command]

    def ours(self, measure):
        arguments = [word.format(vectors=self.options.vectors) for word in measure.ours]
        return self.contestant(self.options.esvitd, "bench", "--rounds", "--device", "cpu", "--model",
                               "random:swin-t-w7", *arguments, failure=Failed)

    def peer(self, peer):
        return self.contestant(sys.executable, os.path.join(HERE, "contestant.py"), peer.contestant,
                               self.options.cache, str(self.options.vectors))

    def close(self):
        for contestant in self.running.values():
            contestant.close()
        self.running = {}

    def time(self, contestant, measure, way="", seconds=None):
        """The median of one turn, in milliseconds."""
        kind, what = measure.question.split()
        seconds = str(self.options.seconds if seconds is None else seconds)
        if kind == "image":
            words = [kind, seconds, os.path.join(self.options.cache, what)]
        else:
            words = [kind, what, seconds] + [way] * bool(way)
        return statistics.median(contestant.ask(" ".join(words))["milliseconds"])

    def agreement(self, measure, peer):
        """The least cosine of embeddings, or the share of the same neighbours; 1 where nothing is checked."""
        if not measure.check:
            return 1.0
        ours = self.ours(measure).ask(measure.check)
        theirs = self.peer(peer).ask(f"{measure.check} {peer.way}".strip())
        if "neighbours" in ours:
            pairs = list(zip(ours["neighbours"], theirs["neighbours"], strict=True))
            return sum(len(set(a) & set(b)) for a, b in pairs) / sum(len(a) for a, _ in pairs)
        import numpy as np

        a, b = np.array(ours["embeddings"]), np.array(theirs["embeddings"])
        return float(((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).min())

    def prepare(self, measures):
        """Lets each peer load, or make, what it needs."""
        for measure in measures:
            for peer in measure.peers:
                try:
                    tell(f"{measure.name}: {named(peer)}")
                    self.time(self.peer(peer), measure, peer.way, seconds=0)
                except Skipped as reason:
                    self.leave_out(measure, peer, reason)

    def run(self, measure):
        """[(peer, agreement, [(our milliseconds, theirs), …]), …]"""
        entered = []
        for peer in measure.peers:
            try:
                tell(f"{measure.name}: {named(peer)}: checking")
                agreement = self.agreement(measure, peer)
                if agreement < measure.least:
                    raise Skipped(f"it computes something else: agreement {agreement:.4f}")
                self.time(self.peer(peer), measure, peer.way, seconds=0)
                entered.append((peer, agreement, []))
            except Skipped as reason:
                self.leave_out(measure, peer, reason)
        for number in range(self.options.rounds):
            tell(f"{measure.name}: round {number + 1} of {self.options.rounds}")
            for entry in list(entered):
                peer, _, rounds = entry
                turns = [(self.ours(measure), ""), (self.peer(peer), peer.way)]
                if number % 2:
                    turns.reverse()
                try:
                    found = [self.time(contestant, measure, way) for contestant, way in turns]
                except Skipped as reason:
                    self.leave_out(measure, peer, reason)
                    entered.remove(entry)
                    continue
                rounds.append(tuple(reversed(found) if number % 2 else found))
        return entered

    def leave_out(self, measure, peer, reason):
        self.skipped.append(f"{named(peer)}, {measure.name}: {reason}")
        tell(f"skipped: {self.skipped[-1]}")


def tell(text):
    print(text, file=sys.stderr, flush=True)


def versions():
    with open(os.path.join(HERE, "requirements.txt")) as file:
        pinned = dict(line.strip().split("==") for line in file if "==" in line)
    from importlib import metadata

    found = {}
    for package, pin in pinned.items():
        try:
            found[package] = metadata.version(package).split("+")[0]
        except metadata.PackageNotFoundError:
            found[package] = pin
        if found[package] != pin:
            tell(f"{package} is {found[package]}, and {pin} is pinned")
    return found


def named(peer):
    return peer.name.format(**named.versions)


def figure(value):
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 1000 else f"{value:,.0f}"


def spread(values):
    return f"{figure(statistics.median(values))} ({figure(min(values))}–{figure(max(values))})"


def table(results):
    """Rows of Markdown: for each measure the peers, the fastest first and bold."""
    lines = ["| what | esvitd | peer | theirs | ratio | agreement |", "|---|---|---|---|---|---|"]
    for measure, entered in results:
        rows = []
        for peer, agreement, rounds in entered:
            ours, theirs = [list(column) for column in zip(*rounds)]
            ratios = [a / b for a, b in rounds]
            if measure.count:
                ours, theirs = [[1e3 * measure.count / t for t in column] for column in (ours, theirs)]
                ratios, unit = [1 / r for r in ratios], "/s"
            else:
                unit = "ms"
            rows.append((statistics.median(1 / t if measure.count else t for t in theirs), measure, peer, agreement,
                         ours, theirs, ratios, unit))
        rows.sort(key=lambda row: row[0])
        for place, (_, measure, peer, agreement, ours, theirs, ratios, unit) in enumerate(rows):
            bold = "**" if place == 0 else ""
            # A second decimal for ratios, whatever their size.
            ratio = f"{bold}{statistics.median(ratios):.2f}{bold} ({min(ratios):.2f}–{max(ratios):.2f})"
            lines.append(f"| {measure.name} | {spread(ours)} {unit} | {bold}{named(peer)}{bold} | {spread(theirs)} "
                         f"{unit} | {ratio} | {agreement:.5f} |" if measure.check else
                         f"| {measure.name} | {spread(ours)} {unit} | {bold}{named(peer)}{bold} | {spread(theirs)} "
                         f"{unit} | {ratio} | |")
    return lines


def section(part, results, skipped, options):
    processor = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")),
                     platform.machine())
    lines = [f"### {TITLES[part].format(vectors=options.vectors)}", "",
             f"{datetime.date.today()}, {THREADS} threads each on {processor}, {options.rounds} rounds in turn; medians, "
             "least and greatest of the rounds in brackets. The ratio is ours to theirs"
             + (", for images a second the larger the better" if any(m.count for m, _ in results) else "")
             + "; bold is the fastest peer.", ""]
    lines += table(results)
    lines += [""] * bool(skipped) + [f"Skipped: {text}." for text in skipped]
    return "\n".join(lines)


def write(path, part, text):
    """Puts `text` between the part's two markers, which are made at the end of the file where they are missing."""
    start, end = f"<!-- bench-peers {part} -->", f"<!-- end of {part} -->"
    with open(path, encoding="utf-8") as file:
        document = file.read()
    whole = f"{start}\n{text}\n{end}"
    if start in document and end in document:
        document = re.sub(re.escape(start) + ".*?" + re.escape(end), lambda _: whole, document, flags=re.S)
    else:
        document = document.rstrip("\n") + f"\n\n{whole}\n"
    with open(path + ".partial", "w", encoding="utf-8") as file:
        file.write(document)
    os.rename(path + ".partial", path)


def lacking(vectors):
    """What memory is missing to search: two f32 copies for the peers, and one and a half of f16 for esvitd."""
    needed = vectors * inputs.DIMENSION * (4 + 4 + 3)
    with open("/proc/meminfo") as file:
        available = next(int(line.split()[1]) << 10 for line in file if line.startswith("MemAvailable:"))
    return needed > available and (f"needs {needed >> 20} MiB of memory, and {available >> 20} MiB are free; "
                                   "--vectors takes fewer")


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench-peers")
    parser.add_argument("parts", nargs="*", help="encode (f32, bf16 and int8), f32, bf16, int8, resnet, knn, image; all")
    parser.add_argument("--quick", action="store_true", help="half a second a turn")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--vectors", type=int, default=1_000_000, help="for knn")
    parser.add_argument("--print", action="store_true", help="write no file")
    parser.add_argument("--prepare", action="store_true", help="export the networks, and time nothing")
    parser.add_argument("--esvitd", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--cache", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--document", required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.seconds = 0.5 if options.quick else 3.0
    parts = []
    for part in options.parts or PARTS:
        parts += ["f32", "bf16", "int8"] if part == "encode" else [part]
    if unknown := [part for part in parts if part not in PARTS]:
        parser.error(f"no part is called {unknown[0]}: encode, {', '.join(PARTS)}")

    named.versions = versions()
    # Everyone gets the same two cores, and no more.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])
    os.makedirs(options.cache, exist_ok=True)
    for side in (224, 512, 2048):
        path = os.path.join(options.cache, f"{side}.jpg")
        if not os.path.exists(path):
            inputs.jpeg(side, path)

    for part in dict.fromkeys(parts):
        if part == "knn" and (lack := lacking(options.vectors)):
            tell(f"skipped: knn: {lack}")
            continue
        contest = Contest(options)
        try:
            if options.prepare:
                contest.prepare(PARTS[part])
                continue
            results = [(measure, contest.run(measure)) for measure in PARTS[part]]
        except Failed as reason:
            sys.exit(f"{part}: esvitd: {reason}")
        finally:
            contest.close()
        text = section(part, [r for r in results if r[1]], contest.skipped, options)
        print(text + "\n", flush=True)
        if not options.print:
            write(options.document, part, text)


if __name__ == "__main__":
    main()
