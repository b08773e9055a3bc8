import math

import pytest
import torch

from esvit_training import losses


def test_the_view_loss_follows_every_other_view():
    torch.manual_seed(0)
    student, teacher = [torch.randn(3, 5) for _ in range(4)], [torch.randn(3, 5) for _ in range(2)]
    centre = torch.randn(5)
    terms = []
    for s in range(4):
        for t in range(2):
            if s != t:
                for row in range(3):
                    target = ((teacher[t][row] - centre) / 0.05).double().softmax(0)
                    log = (student[s][row] / 0.1).double().log_softmax(0)
                    terms.append(-(target * log).sum())
    found = losses.view_loss(student, teacher, centre, 0.05)
    assert found.item() == pytest.approx(torch.stack(terms).mean().item(), rel=1e-5)


def test_the_region_loss_follows_the_most_similar_token():
    torch.manual_seed(0)
    student = [(torch.randn(2, n, 5), torch.randn(2, n, 7)) for n in (4, 4, 2)]
    teacher = [(torch.randn(2, 4, 5), torch.randn(2, 4, 7)) for _ in range(2)]
    centre = torch.randn(5)
    terms = []
    for s, (scores, features) in enumerate(student):
        for t, (theirs, regions) in enumerate(teacher):
            if s == t:
                continue
            total = 0.0
            for b in range(2):
                for token in range(features.shape[1]):
                    similar = [torch.cosine_similarity(features[b, token], regions[b, r], dim=0) for r in range(4)]
                    best = max(range(4), key=lambda r: similar[r])
                    target = ((theirs[b, best] - centre) / 0.05).softmax(0)
                    total -= (target * (scores[b, token] / 0.1).log_softmax(0)).sum().item() / features.shape[1] / 2
            terms.append(total)
    found = losses.region_loss(student, teacher, centre, 0.05)
    assert found.item() == pytest.approx(sum(terms) / len(terms), rel=1e-5)


def test_the_metric_loss_is_zero_at_its_target_alone():
    torch.manual_seed(0)
    landmarks = torch.nn.functional.normalize(torch.randn(9, 6), dim=1)
    target = landmarks[:3]
    assert losses.metric_loss(4 * target, target, landmarks).item() == pytest.approx(0, abs=1e-5)
    turned = torch.nn.functional.normalize(target + 0.3 * torch.randn(3, 6), dim=1)
    assert losses.metric_loss(turned, target, landmarks).item() > 0.01
    assert math.isfinite(losses.metric_loss(-target, target, landmarks).item())
