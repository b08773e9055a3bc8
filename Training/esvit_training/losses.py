"""The training's losses, each a function of tensors.

EsViT's own (arXiv 2106.09785, section 3.2): a view's, DINO's, and a region's, each student token with the teacher's most
similar token of the other view. And the distillation from a frozen CNN that a small machine starts with.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STUDENT_TEMPERATURE = 0.1


class Prototypes(nn.Module):
    """DINO's head: three layers, a bottleneck of unit length, then cosines with unit prototypes."""

    def __init__(self, width: int, prototypes: int, hidden: int = 512, bottleneck: int = 128):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU(),
                                 nn.Linear(hidden, bottleneck))
        self.last = nn.Linear(bottleneck, prototypes, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(F.normalize(self.mlp(x), dim=-1), F.normalize(self.last.weight, dim=1).to(x.dtype)).float()


def view_loss(student: list[Tensor], teacher: list[Tensor], centre: Tensor, temperature: float) -> Tensor:
    """student: scores (B, K) of every view; teacher: of the first, global ones. Each student view follows each teacher
    view but its own."""
    targets = [((scores - centre) / temperature).softmax(1) for scores in teacher]
    logs = [(scores / STUDENT_TEMPERATURE).log_softmax(1) for scores in student]
    terms = [-(target * log).sum(1).mean() for t, target in enumerate(targets) for s, log in enumerate(logs) if s != t]
    return torch.stack(terms).mean()


def region_loss(student: list[tuple[Tensor, Tensor]], teacher: list[tuple[Tensor, Tensor]], centre: Tensor,
                temperature: float) -> Tensor:
    """student, teacher: for each view the scores (B, T, K) and features (B, T, D) of its tokens. Each student token
    follows the teacher's token whose features are the most similar."""
    targets = [(((scores - centre) / temperature).softmax(2), F.normalize(features.float(), dim=2))
               for scores, features in teacher]
    terms = []
    for s, (scores, features) in enumerate(student):
        logs = (scores / STUDENT_TEMPERATURE).log_softmax(2)
        own = F.normalize(features.detach().float(), dim=2)
        for t, (target, theirs) in enumerate(targets):
            if s != t:
                nearest = (own @ theirs.transpose(1, 2)).argmax(2, keepdim=True)
                chosen = torch.gather(target, 1, nearest.expand(-1, -1, target.shape[2]))
                terms.append(-(chosen * logs).sum(2).mean())
    return torch.stack(terms).mean()


def metric_loss(embedding: Tensor, target: Tensor, landmarks: Tensor, temperature: float = 0.1) -> Tensor:
    """embedding (B, D); target (B, D) and landmarks (N, D), both of unit length: the embedding lies where the target
    does, and sees the landmarks as it does."""
    unit = F.normalize(embedding.float(), dim=1)
    seen = (unit @ landmarks.T / temperature).log_softmax(1)
    wanted = (target @ landmarks.T / temperature).log_softmax(1)
    divergence = F.kl_div(seen, wanted, reduction="batchmean", log_target=True)
    return divergence + (1 - (unit * target).sum(1)).mean()
