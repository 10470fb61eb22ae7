"""How far two people agree beyond chance: Cohen's kappa.

Cohen, A coefficient of agreement for nominal scales, Educational and Psychological Measurement 20 (1960); the standard
error of section "sampling characteristics" there. Plain Python: the console asks it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """`share` of the items have equal labels; `kappa` is 1 for all of them, 0 for as many as by chance."""

    n: int
    share: float
    kappa: float | None  # None where both gave one and the same label throughout: chance alone would agree
    standard_error: float | None


def agreement(pairs: Sequence[tuple[Hashable, Hashable]]) -> Agreement | None:
    """Of n pairs of labels for the same items; None without pairs.

    kappa = (share - chance) / (1 - chance), chance by the two people's own frequencies.
    """
    n = len(pairs)
    if n == 0:
        return None
    share = sum(first == second for first, second in pairs) / n
    firsts, seconds = Counter(first for first, _ in pairs), Counter(second for _, second in pairs)
    chance = math.fsum(firsts[label] * seconds[label] for label in firsts) / n**2
    if chance >= 1:
        return Agreement(n=n, share=share, kappa=None, standard_error=None)
    error = math.sqrt(share * (1 - share) / n) / (1 - chance)
    return Agreement(n=n, share=share, kappa=(share - chance) / (1 - chance), standard_error=error)
