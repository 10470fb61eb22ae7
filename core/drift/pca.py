"""Multivariate drift by PCA: how badly the window's rows are put together again from the reference's components.

The reference rows are turned into the principal components that hold 65 % of their variance. A row is projected and put
together again; the mean Euclidean distance to what it was grows where columns no longer go together as they did, even
where none of them has moved. What is usual is learned from the reference: its mean over chunks of the window's size,
and three standard deviations on either side (NannyML's method and thresholds; Jackson and Mudholkar 1979 for the
residual). Components are learned from one half of the reference and chunks taken from the other: rows that they were
learned from are put together too well.
"""

from __future__ import annotations

import numpy as np

from quarterdeck.core.binning import Floats
from quarterdeck.core.drift.dataset import MultivariateResult
from quarterdeck.core.errors import RefusedError

VARIANCE = 0.65
DEVIATIONS = 3.0
CHUNKS = 60
LEAST_ROWS = 100  # of the reference


def pca_drift(reference: Floats, window: Floats, *, seed: int = 0) -> MultivariateResult:
    """Of encoded rows (n, columns) and (m, columns); the value is a distance, 0 and up.

    Beyond the threshold on either side it has drifted; `lower` and `upper` are the two. Raises RefusedError where the
    reference has fewer than 100 rows or two columns, or the window none.
    """
    if len(reference) < LEAST_ROWS or reference.shape[1] < 2 or len(window) == 0:
        raise RefusedError(
            f"PCA needs {LEAST_ROWS} reference rows of two columns or more, and rows of the window; "
            f"found {reference.shape[0]} of {reference.shape[1]}, and {len(window)}"
        )
    random = np.random.default_rng(seed)
    order = random.permutation(len(reference))
    half = len(order) // 2
    components, centre = _components(reference[order[:half]])
    usual = _errors(reference[order[half:]], components, centre)
    chunks = random.choice(usual, size=(CHUNKS, min(len(window), 5_000))).mean(axis=1)
    value = float(_errors(window, components, centre).mean())
    # the held-out half's own mean is uncertain too: as much as a chunk of that many rows
    spread = float(np.hypot(chunks.std(ddof=1), usual.std() / np.sqrt(len(usual))))
    low, high = float(usual.mean()) - DEVIATIONS * spread, float(usual.mean()) + DEVIATIONS * spread
    return MultivariateResult(
        method="pca",
        value=value,
        threshold=high,
        drifted=not low <= value <= high,
        n_reference=len(reference),
        n_window=len(window),
        lower=max(low, 0.0),
        upper=high,
    )


def _components(rows: Floats) -> tuple[Floats, Floats]:
    """(k, columns), as few as hold the share of variance, at least one fewer than the columns; and the mean row."""
    centre = rows.mean(axis=0)
    _, sizes, vectors = np.linalg.svd(rows - centre, full_matrices=False)
    held = np.cumsum(sizes**2) / max(float((sizes**2).sum()), 1e-300)
    kept = min(int(np.searchsorted(held, VARIANCE)) + 1, rows.shape[1] - 1)
    return vectors[:kept], centre


def _errors(rows: Floats, components: Floats, centre: Floats) -> Floats:
    moved = rows - centre
    return np.asarray(np.linalg.norm(moved - moved @ components.T @ components, axis=1))
