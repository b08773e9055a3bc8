import hashlib
import shutil

import numpy as np
import pytest
from conftest import picture

from esvit_training import tiles
from esvit_training.errors import Problem


def packed(folder, path, **options):
    found = tiles.pack(tiles.find([folder]), 64, options.pop("quality", 0), 1, lambda *_: None)
    tiles.write(found, path, 64, options.pop("labelled", False))
    return path


def test_a_pack_is_ordered_by_the_files_hashes_and_keeps_their_pixels(folder, tmp_path):
    pack = tiles.Pack(packed(folder, tmp_path / "a.pack"))
    digests = [pack.hashes()[32 * i:32 * i + 32] for i in range(len(pack))]
    truth = {hashlib.sha256(path.read_bytes()).digest(): int(path.stem) for path in folder.rglob("*.png")}
    assert digests == sorted(truth)
    for index, digest in enumerate(digests):
        assert np.array_equal(pack.image(index), np.asarray(picture(truth[digest])))


def test_renamed_and_permuted_class_folders_give_the_same_bytes(folder, tmp_path):
    first = packed(folder, tmp_path / "a.pack").read_bytes()
    (folder / "healthy").rename(folder / "x")
    (folder / "tumour").rename(folder / "healthy")
    (folder / "x").rename(folder / "zebra")
    for path in sorted(folder.rglob("*.png")):
        path.rename(path.with_name(f"renamed {100 - int(path.stem)}.png"))
    assert packed(folder, tmp_path / "b.pack").read_bytes() == first


def test_labels_are_found_in_paths_by_an_expression(folder):
    found = tiles.find([folder], r"(\d)\.png$")
    assert {source.path.stem[-1]: source.label for source in found} == {str(n): str(n) for n in range(10)}
    assert [source.label for source in tiles.find([folder], r"/(tumour)/")] == ["tumour"] * 6


def test_labels_are_the_folders_names_and_only_there_on_demand(folder, tmp_path):
    pack = tiles.Pack(packed(folder, tmp_path / "a.pack", labelled=True))
    assert sorted(pack.labels()) == ["healthy"] * 6 + ["tumour"] * 6
    with pytest.raises(Problem, match="no labels"):
        tiles.Pack(packed(folder, tmp_path / "b.pack")).labels()


def test_other_sizes_are_resized_and_cut_in_the_centre(tmp_path):
    (tmp_path / "in").mkdir()
    picture(1, 128).crop((0, 0, 128, 96)).save(tmp_path / "in" / "wide.png")
    pack = tiles.Pack(packed(tmp_path / "in", tmp_path / "a.pack"))
    whole = picture(1, 128).crop((0, 0, 128, 96)).resize((85, 64), 3)
    assert np.array_equal(pack.image(0), np.asarray(whole.crop((10, 0, 74, 64))))


def test_decoded_tiles_do_not_depend_on_how_they_were_split_into_packs(folder, tmp_path):
    one = tiles.decoded([tiles.Pack(packed(folder, tmp_path / "a.pack"))], tmp_path / "a.u8")
    shutil.copytree(folder / "healthy", tmp_path / "h")
    shutil.copytree(folder / "tumour", tmp_path / "t")
    parts = [tiles.Pack(packed(tmp_path / name, tmp_path / f"{name}.pack")) for name in "th"]
    assert np.array_equal(one, tiles.decoded(parts, tmp_path / "b.u8"))


def test_what_is_no_image_or_no_pack_is_named(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(Problem, match="broken.png"):
        packed(tmp_path / "in", tmp_path / "a.pack")
    (tmp_path / "b.pack").write_bytes(b"nothing")
    with pytest.raises(Problem, match="b.pack"):
        tiles.Pack(tmp_path / "b.pack")
