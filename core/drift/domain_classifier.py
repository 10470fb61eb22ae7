"""Multivariate drift by a domain classifier: can a model tell the window's rows from the reference's?

A random forest is trained to tell the two apart, and each row is scored by the trees that have not seen it (out of
bag). An area under the ROC curve of 0.5 says that they cannot; its interval is DeLong's. Lopez-Paz and Oquab 2017,
"Revisiting classifier two-sample tests"; NannyML and Evidently have the same. Sees any change of the joint distribution
that trees can see, and says nothing about which.
"""

from __future__ import annotations

import numpy as np

from quarterdeck.core.binning import Floats
from quarterdeck.core.drift.dataset import MultivariateResult
from quarterdeck.core.errors import RefusedError
from quarterdeck.core.statistics.delong import paired_auc_difference

THRESHOLD = 0.55  # an area that matters
CONFIDENCE = 0.99
TREES = 100
LEAST_ROWS = 50  # on either side


def domain_classifier(reference: Floats, window: Floats, *, seed: int = 0) -> MultivariateResult:
    """Of encoded rows (n, columns) and (m, columns); the value is an area, from about 0.5 to 1.

    Drifted where it exceeds 0.55 and the lower end of its 99 % interval exceeds 0.5. Of the greater side as many rows
    are drawn as the smaller has, twice at most. Raises RefusedError with fewer than 50 rows on a side.
    """
    if min(len(reference), len(window)) < LEAST_ROWS:
        rows = f"{len(reference)} and {len(window)}"
        raise RefusedError(f"a domain classifier needs {LEAST_ROWS} rows of either side; found {rows}")
    random = np.random.default_rng(seed)
    most = 2 * min(len(reference), len(window))
    sides = [side[random.permutation(len(side))[:most]] for side in (reference, window)]
    both = np.vstack(sides)
    truth = np.repeat([0, 1], [len(side) for side in sides])
    found = paired_auc_difference(truth, _unseen(both, truth, seed), np.zeros(len(truth)))
    low, high = (0.5 + end for end in found.interval(CONFIDENCE))
    value = 0.5 + found.difference
    return MultivariateResult(
        method="domain_classifier",
        value=value,
        threshold=THRESHOLD,
        drifted=value > THRESHOLD and low > 0.5,
        n_reference=len(sides[0]),
        n_window=len(sides[1]),
        lower=max(low, 0.0),
        upper=min(high, 1.0),
    )


def _unseen(rows: Floats, truth: np.typing.NDArray[np.int_], seed: int) -> Floats:
    """Each row's score by the trees that were trained without it."""
    from sklearn.ensemble import RandomForestClassifier  # start-up time: only the helper process computes this

    forest = RandomForestClassifier(TREES, min_samples_leaf=5, bootstrap=True, oob_score=True, random_state=seed)
    forest.fit(rows, truth)
    return np.asarray(forest.oob_decision_function_[:, 1], dtype=np.float64)
