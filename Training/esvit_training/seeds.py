"""Random numbers by purpose and number, not by history: step 1,000 draws the same whether or not the run was killed at 999."""

import hashlib

from torch import Generator


def generator(seed: int, purpose: str, number: int = 0) -> Generator:
    digest = hashlib.sha256(f"{seed} {purpose} {number}".encode()).digest()
    return Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)
