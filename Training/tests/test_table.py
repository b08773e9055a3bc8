import numpy as np
import torch

from esvit_training import scores
from esvit_training.__main__ import main
from esvit_training.changes import CHANGES
from esvit_training.evaluation import Labelled
from esvit_training.rows import Encoders, Row


def test_the_table_holds_the_scores_and_leaves_the_text_around_it(folder, tmp_path):
    output = tmp_path / "out.md"
    words = ["table", "Colours=histogram", "Untrained=random:3/centred", "--set", f"tiny={folder}", f"pair={folder},{folder}",
             "-o", str(output), "--precision", "f32", "--cache", str(tmp_path / "cache"), "--threads", "1"]
    assert main(words) == 0
    output.write_text(output.read_text().replace("# Retrieval\n", "# Retrieval\n\nWhy.\n") + "\nAfter.\n")
    assert main([*words, "--robust", "Colours"]) == 0
    text = output.read_text()
    assert "Why." in text and text.endswith("\nAfter.\n") and text.count("### tiny") == 1

    tiles = Labelled(folder)
    rows, _ = Encoders("cpu", False).embeddings(Row.of("histogram"), tiles, None)
    columns = scores.values(scores.neighbours(rows, None), tiles.labels, None)
    cell = f"{columns['mAP@10'].mean():.3f} ("
    assert next(line for line in text.splitlines() if "Colours" in line).split(" | ")[2].startswith(cell)
    assert all(name in text for name in CHANGES)


def test_changes_keep_the_shape_and_change_the_tiles():
    coarse = np.random.default_rng(0).integers(60, 250, (2, 28, 28, 3), dtype=np.uint8)
    original = torch.from_numpy(coarse.repeat(8, 1).repeat(8, 2))
    for name, change in CHANGES.items():
        changed = change(original)
        assert changed.shape == original.shape and changed.dtype == torch.uint8, name
        assert not torch.equal(changed, original), name
        assert torch.equal(change(original), changed), name


def test_a_row_that_is_nothing_is_named(folder, capsys):
    assert main(["evaluate", "nothing.safetensors", "--gallery", str(folder)]) == 1
    assert "nothing.safetensors" in capsys.readouterr().err
