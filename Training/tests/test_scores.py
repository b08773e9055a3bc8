import numpy as np
import pytest

from esvit_training import scores


def test_the_three_averages_divide_one_sum():
    gallery = ["a", "b", "a", "a", "b"]
    columns = scores.values(np.array([[0, 1, 2, 4]]), gallery, ["a"], k=4)
    total = 1 / 1 + 2 / 3
    assert columns["mAP@10"][0] == pytest.approx(total / 2)
    assert columns["mAP@10 over k"][0] == pytest.approx(total / 4)
    assert columns["mAP@10 over min"][0] == pytest.approx(total / 3)
    assert columns["P@10"][0] == 0.5


def test_a_tied_vote_is_wrong():
    assert scores.winner(np.array(["a", "b", "b", "a", "c"])) is None
    assert scores.winner(np.array(["a", "b", "b", "a", "b"])) == "b"


def test_leave_one_out_never_finds_the_query_itself():
    rows = np.random.default_rng(0).normal(size=(30, 5))
    found = scores.neighbours(rows, None)
    assert all(index not in row for index, row in enumerate(found))
    whole = scores.neighbours(rows, rows, 11)
    assert all(row[0] == index for index, row in enumerate(whole))
    assert np.array_equal(found, whole[:, 1:])


def test_the_bootstrap_draws_what_esvit_evaluate_draws():
    mask, state, drawn = (1 << 64) - 1, scores.SEED, []
    for _ in range(5):
        state = (state + 0x9E3779B97F4A7C15) & mask
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        drawn.append(((z ^ (z >> 31)) * 750) >> 64)
    assert scores.drawn_indices(5, 750).tolist() == drawn
