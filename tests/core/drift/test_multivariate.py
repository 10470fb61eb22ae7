"""All columns together: a change of how they go together is seen, and rows of one source are not called drifted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quarterdeck.core.drift.domain_classifier import domain_classifier
from quarterdeck.core.drift.encoding import FARTHEST, Encoder
from quarterdeck.core.drift.pca import pca_drift
from quarterdeck.core.errors import RefusedError


def correlated(rng: np.random.Generator, n: int, *, turned: bool = False) -> Any:
    """Six columns that go together in pairs; turned, each column is distributed as before, and the pairs are not."""
    base = rng.normal(size=(n, 3))
    partner = base + 0.2 * rng.normal(size=(n, 3))
    if turned:
        partner = -partner
    return np.hstack([base, partner])


@pytest.mark.parametrize("method", [pca_drift, domain_classifier])
def test_a_change_that_no_column_shows_alone_is_seen(method: Any) -> None:
    rng = np.random.default_rng(1)
    reference = correlated(rng, 2_000)
    still, turned = method(reference, correlated(rng, 500)), method(reference, correlated(rng, 500, turned=True))
    assert (still.drifted, turned.drifted) == (False, True)
    assert turned.value > turned.threshold
    assert turned.lower is not None
    assert still.n_window == 500


def test_pca_calls_rows_of_one_source_drifted_as_rarely_as_three_deviations_say() -> None:
    rng = np.random.default_rng(2)
    alarms = sum(
        pca_drift(correlated(rng, 1_000), correlated(rng, size), seed=seed).drifted
        for seed in range(60)
        for size in (50, 300)
    )
    assert alarms <= 4  # of 120; one expected


@pytest.mark.slow
def test_the_classifier_calls_rows_of_one_source_drifted_rarely() -> None:
    rng = np.random.default_rng(3)
    found = [domain_classifier(correlated(rng, 600), correlated(rng, 200), seed=seed) for seed in range(60)]
    assert sum(item.drifted for item in found) <= 3
    assert np.mean([item.value for item in found]) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(("method", "least"), [(pca_drift, "100 reference rows"), (domain_classifier, "50 rows")])
def test_too_few_rows_are_refused_in_words(method: Any, least: str) -> None:
    with pytest.raises(RefusedError, match=least):
        method(np.zeros((20, 3)), np.zeros((10, 3)))


def test_columns_of_any_kind_become_numbers_by_what_the_reference_says() -> None:
    reference = {"x": [1.0, 3.0, None, 5.0], "s": ["a", "a", "b", None], "empty": [None] * 4, "same": [7.0] * 4}
    encoder = Encoder(reference, frozenset({"x", "empty", "same"}))
    found = encoder.encode(
        {"x": [3.0, None, 1e12], "s": ["a", "never seen", None], "empty": [1, 2, 3], "same": [7, 8, 7]}
    )
    assert found.shape == (3, 3)  # a column without a value in the reference cannot be compared
    assert found[:, 0].tolist() == [0.0, 0.0, FARTHEST]
    assert found[1, 1] == found[2, 1] < found[0, 1]
    assert np.isfinite(found).all()
    with pytest.raises(RefusedError, match="no value"):
        Encoder({"x": [None]}, frozenset({"x"}))
