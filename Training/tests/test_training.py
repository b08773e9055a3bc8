import csv
import os
import signal
import subprocess
import sys
import time

import pytest
from conftest import ROOT

from esvit_training import checkpoints, files
from esvit_training.__main__ import main

# Every loss at once, at a size that takes a second.
RECIPE = ["--width", "32", "--side", "64", "--local-side", "32", "--locals", "1", "--batch", "4", "--steps", "6",
          "--prototypes", "16", "--metric-side", "32", "--distil", "1", "--metric", "1", "--view", "1", "--region", "1", "--blocks", "3", "5",
          "--threads", "1", "--device", "cpu"]


def call(*words):
    return main([str(word) for word in words])


def started(*words):
    """A process of its own."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "Training")}
    command = [sys.executable, "-m", "esvit_training", *map(str, words)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)


def train(run, tiles, lite, *more):
    assert call("train", "--run", run, "--tiles", tiles, "--cnn", lite, *RECIPE, *more) == 0
    return (run / "model.safetensors").read_bytes()


@pytest.fixture
def pack(folder, tmp_path):
    assert call("pack", folder, "-o", tmp_path / "a.pack", "--side", "64", "--workers", "1") == 0
    return tmp_path / "a.pack"


@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_a_killed_run_goes_on_to_the_same_weights(pack, lite, tmp_path, precision):
    whole = train(tmp_path / "whole", pack, lite, "--precision", precision)
    run = tmp_path / "killed"
    process = started("train", "--run", run, "--tiles", pack, "--cnn", lite, *RECIPE, "--precision", precision,
                      "--checkpoint-minutes", "0")
    while not (run / "checkpoint.pt").exists():
        assert process.poll() is None
        time.sleep(0.001)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert train(run, pack, lite, "--precision", precision) == whole
    with open(run / "log.csv") as file:
        assert [int(row["step"]) for row in csv.DictReader(file)] == [6]


def test_a_stopped_run_is_resumed_by_its_folder_alone(folder, pack, lite, tmp_path):
    whole = train(tmp_path / "whole", pack, lite)
    run = tmp_path / "stopped"
    assert train(run, pack, lite, "--stop-after", "0", "--gallery", folder, "--query", folder) != whole
    assert call("resume", run) == 0
    assert (run / "model.safetensors").read_bytes() == whole
    with open(run / "log.csv") as file:
        assert [row["step"] for row in csv.DictReader(file) if row["map10"]] == ["6"]


def test_class_folders_do_not_touch_the_weights(folder, pack, lite, tmp_path):
    first = train(tmp_path / "first", pack, lite)
    (folder / "healthy").rename(folder / "zebra")
    for index, path in enumerate(sorted(folder.rglob("*.png"))):
        place = folder / f"class {index % 3}"
        place.mkdir(exist_ok=True)
        path.rename(place / f"{index}.png")
    assert call("pack", folder, "-o", tmp_path / "b.pack", "--side", "64", "--labels", "--workers", "1") == 0
    assert train(tmp_path / "second", tmp_path / "b.pack", lite) == first


def test_training_starts_from_a_model_and_changes_it(pack, lite, tmp_path):
    shipped = next((ROOT / "Models").glob("*.safetensors"))
    train(tmp_path / "run", pack, lite, "--init", shipped, "--rate", "1e-4")
    before, after = (checkpoints.load(path)[0] for path in (shipped, tmp_path / "run" / "model.safetensors"))
    assert after.architecture == before.architecture
    moved = [(a - b).abs().max().item() for a, b in
             zip(after.state_dict().values(), before.state_dict().values(), strict=True)]
    assert 0 < max(moved) < 0.05


def test_retrieval_is_watched_without_touching_the_weights(folder, pack, lite, tmp_path):
    watched = train(tmp_path / "watched", pack, lite, "--gallery", folder, "--query", folder, "--evaluate-every", "2")
    assert train(tmp_path / "blind", pack, lite) == watched
    with open(tmp_path / "watched" / "log.csv") as file:
        found = [(row["step"], float(row["map10"])) for row in csv.DictReader(file) if row["map10"]]
    assert [step for step, _ in found] == ["2", "4", "6"] and all(0 < value <= 1 for _, value in found)


def test_a_run_refuses_other_settings_and_other_tiles(folder, pack, lite, tmp_path, capsys):
    train(tmp_path / "run", pack, lite)
    words = ["train", "--run", tmp_path / "run", "--cnn", lite, *RECIPE]
    assert call(*words, "--tiles", pack, "--seed", "7") == 1
    assert "seed 0 (now 7)" in capsys.readouterr().err
    next(folder.rglob("*.png")).unlink()
    call("pack", folder, "-o", tmp_path / "b.pack", "--side", "64", "--workers", "1")
    assert call(*words, "--tiles", tmp_path / "b.pack") == 1
    assert "tiles " in capsys.readouterr().err


def test_export_writes_what_esvitd_follows(pack, lite, tmp_path, capsys):
    train(tmp_path / "run", pack, lite)
    assert call("export", tmp_path / "run", tmp_path / "model.safetensors", "--source", "a test", "--license", "none",
                "--date", "2026-11-24") == 0
    assert files.sha256(tmp_path / "model.safetensors") in capsys.readouterr().out
    _, words = checkpoints.load(tmp_path / "model.safetensors")
    assert words["date"] == "2026-11-24" and '"trained_side":224' in words["architecture"]


def test_a_run_is_paused_and_goes_on(pack, lite, tmp_path, capsys):
    run = tmp_path / "run"
    process = started("train", "--run", run, "--tiles", pack, "--cnn", lite, *RECIPE, "--steps", "100000")
    try:
        while not (run / "log.csv").exists():
            assert process.poll() is None
            time.sleep(0.01)
        assert call("pause", run) == 0
        assert stopped(process.pid)
        assert call("resume", run) == 0
        assert not stopped(process.pid)
        process.terminate()
        assert process.wait() == 0
        assert call("pause", run) == 1
        assert "no training runs here" in capsys.readouterr().err
    finally:
        process.kill()


def stopped(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] == "T"
