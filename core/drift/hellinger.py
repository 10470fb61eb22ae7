"""The Hellinger distance: the length between two distributions whose shares are taken as square roots.

    H = sqrt(sum over bins of (sqrt(p) - sqrt(q))^2 / 2)

Hellinger 1909, "Neue Begründung der Theorie quadratischer Formen von unendlich vielen Veränderlichen". From 0 (the
same shares) to 1 (no bin in common). Exact for categories; in bins of numbers what happens within one is not seen.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from quarterdeck.core.drift.bins import Floats, checked, plain, shares

THRESHOLD = 0.1


def hellinger(reference: ArrayLike, window: ArrayLike) -> float | Floats:
    """Of two vectors of counts over the same bins, or of many; the same when swapped.

    NaN where either side has no rows. Raises RefusedError on unequal lengths and negative counts.
    """
    p, q = (shares(side) for side in checked(reference, window))
    return plain(np.sqrt(np.square(np.sqrt(p) - np.sqrt(q)).sum(axis=-1) / 2))
