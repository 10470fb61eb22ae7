"""The Jensen-Shannon distance: how far two distributions lie from the one halfway between them.

    JS = sqrt((KL(p || m) + KL(q || m)) / 2),  m = (p + q) / 2

Lin 1991, "Divergence measures based on the Shannon entropy"; Endres and Schindelin 2003 for the root, which is a
metric. In natural logarithms, as scipy.spatial.distance.jensenshannon: from 0 to sqrt(ln 2) = 0.8326. A column with
few categories has the same value from counts as from rows. Numbers are in 50 bins of about equal share: what happens
within a bin is not seen, so the value is never above the one of finer bins.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from quarterdeck.core.drift.bins import Floats, checked, plain, shares

THRESHOLD = 0.1


def jensen_shannon(reference: ArrayLike, window: ArrayLike) -> float | Floats:
    """Of two vectors of counts over the same bins, or of many; the same when swapped.

    NaN where either side has no rows. Raises RefusedError on unequal lengths and negative counts.
    """
    p, q = (shares(side) for side in checked(reference, window))
    middle = (p + q) / 2
    divergence = (special.rel_entr(p, middle) + special.rel_entr(q, middle)).sum(axis=-1) / 2
    return plain(np.sqrt(np.maximum(divergence, 0.0)))  # rounding may leave -1e-17
