"""The exported model in the real daemon. Needs a build: the debug or release one, or the folder in ESVIT_BUILD."""

import os
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ROOT, picture

from esvit_training import checkpoints, views
from esvit_training.swin import Architecture, Swin

PLACES = [os.environ.get("ESVIT_BUILD", ""), ROOT / ".build/debug", ROOT / ".build/release"]
BUILD = next((Path(place) for place in PLACES if place and (Path(place) / "esvitd").exists()), None)


@pytest.mark.skipif(BUILD is None, reason="no esvitd was built (swift build)")
def test_esvitd_computes_the_exported_model_as_pytorch_does(tmp_path):
    torch.manual_seed(5)
    net = Swin(Architecture.of_width(32))
    with torch.no_grad():  # Weights that a first training leaves are larger than those it starts from.
        for parameter in net.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    checkpoints.save(net, tmp_path / "model.safetensors", {"source": "a test"})
    net, _ = checkpoints.load(tmp_path / "model.safetensors")
    picture(1, 256).save(tmp_path / "a.png")

    cache = Path(os.environ.get("CACHE_DIRECTORY", ROOT / ".build/opencl-cache"))
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    environment = os.environ | {"ESVIT_SOCKET": str(tmp_path / "socket"), "CACHE_DIRECTORY": str(cache)}
    daemon = subprocess.Popen(
        [BUILD / "esvitd", "serve", "--socket", tmp_path / "socket", "--state", tmp_path / "state", "--model",
         tmp_path / "model.safetensors"], env=environment, stderr=subprocess.PIPE, text=True)
    try:
        while subprocess.run([BUILD / "esvit", "status"], env=environment, capture_output=True).returncode:
            assert daemon.poll() is None, daemon.stderr.read()
            time.sleep(0.1)
        subprocess.run([BUILD / "esvit", "encode", "--raw", tmp_path / "a.png", "-o", tmp_path / "a.npy"],
                       env=environment, check=True)
    finally:
        daemon.terminate()
        daemon.communicate()
    tile = torch.from_numpy(np.array(picture(1, 256)))[None]
    with torch.no_grad():
        wanted = net(views.evaluation_input(tile, 256, 224)).numpy()
    found = np.load(tmp_path / "a.npy")
    assert np.abs(found - wanted).max() < 2e-4 * np.abs(wanted).max()
