import base64
import json

import noise
import numpy as np
import pytest
import torch
from conftest import ROOT

from esvit_training import checkpoints
from esvit_training.errors import Problem
from esvit_training.swin import Architecture, Swin, from_state
from esvit_training.views import normalise

FIXTURES = ROOT / "Tests/Fixtures"


@torch.no_grad()
@pytest.mark.parametrize("window", [7, 14])
def test_embeddings_equal_timms(window):
    truth = json.loads((FIXTURES / f"parity/swin-t-w{window}.json").read_text())
    weights = {name: torch.from_numpy(value) for name, value in noise.weights(*noise.VARIANTS["t"], window).items()}
    net = from_state(weights)
    pixels = torch.from_numpy(np.stack([noise.image(name, 224, 224) for name in truth["images"]]))
    found = net(normalise(pixels.permute(0, 3, 1, 2).float() / 255)).numpy()
    wanted = np.stack([np.frombuffer(base64.b64decode(text), "<f4") for text in truth["embeddings"]])
    assert np.abs(found - wanted).max() < 1e-5 * np.abs(wanted).max()
    for fault in truth.get("faults", {}).values():
        other = np.frombuffer(base64.b64decode(fault), "<f4")
        assert np.abs(found[0] - other).max() > 1e-5 * np.abs(wanted).max()


@torch.no_grad()
def test_any_side_can_be_trained_at():
    net = Swin(Architecture.of_width(32))
    for side, tokens in ((96, 9), (112, 16), (224, 49)):
        assert net.regions(torch.zeros(1, 3, side, side)).shape == (1, tokens, 256)


@pytest.mark.parametrize("name", ["original.pth", "student.pth", "half.safetensors", "library.safetensors"])
def test_checkpoints_are_read_and_the_teacher_is_taken(name):
    net, _ = checkpoints.load(FIXTURES / "checkpoints" / name)
    truth = noise.weights(8, [1, 2], [1, 2], 7)
    kind = np.float16 if name == "half.safetensors" else np.float32
    scale = np.float32(1.5 if name == "student.pth" else 1)  # as checkpoints.py made it
    for key, value in net.state_dict().items():
        assert np.array_equal(value.numpy(), truth[key].astype(kind).astype(np.float32) * scale), key


@pytest.mark.parametrize("name", ["malicious.pth", "malicious4.pth"])
def test_a_checkpoint_runs_no_code(name):
    with pytest.raises(Problem, match=name):
        checkpoints.load(FIXTURES / "checkpoints" / name)


def test_the_same_weights_and_words_give_the_same_bytes(tmp_path):
    torch.manual_seed(3)
    net = Swin(Architecture.of_width(32))
    for name in ("a", "b"):
        checkpoints.save(net, tmp_path / name, {"source": "a test", "license": "none"})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    again, words = checkpoints.load(tmp_path / "a")
    assert words["source"] == "a test" and json.loads(words["preprocessing"])["resize"] == 256
    for name, value in net.state_dict().items():
        assert torch.equal(again.state_dict()[name], value.half().float())


def test_weights_that_are_not_finite_are_not_written(tmp_path):
    net = Swin(Architecture.of_width(32))
    with torch.no_grad():
        net.norm.bias[3] = 1e6
    with pytest.raises(Problem, match="norm.bias"):
        checkpoints.save(net, tmp_path / "a", {})
    assert not (tmp_path / "a").exists()
