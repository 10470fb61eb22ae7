"""Agreement of two people, against the textbook and scikit-learn."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from quarterdeck.core.statistics.kappa import agreement


def pairs(table: list[list[int]]) -> list[tuple[int, int]]:
    """Pairs of labels from counts: rows are the first person's, columns the second's."""
    return [(row, column) for row, counts in enumerate(table) for column, n in enumerate(counts) for _ in range(n)]


def test_the_textbooks_fifty_proposals_agree_at_0_4() -> None:
    """50 proposals for a grant, judged by two readers: both yes 20, both no 15, and 5 and 10 apart."""
    found = agreement(pairs([[20, 5], [10, 15]]))
    assert found is not None and found.n == 50
    assert found.share == pytest.approx(0.7)
    assert found.kappa == pytest.approx(0.4)
    assert found.standard_error == pytest.approx(math.sqrt(0.7 * 0.3 / 50) / 0.5)


def test_cohens_own_two_hundred_cases() -> None:
    """Cohen 1960, table 1: three categories, .29 of cases expected to agree by chance; kappa .492."""
    found = agreement(pairs([[88, 14, 18], [10, 40, 10], [2, 6, 12]]))
    assert found is not None and found.share == pytest.approx(0.70)
    assert found.kappa == pytest.approx(0.492, abs=5e-4)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=40))
def test_it_says_what_scikit_learn_says(labels: list[tuple[str, str]]) -> None:
    found = agreement(labels)
    assert found is not None
    if found.kappa is None:
        assert len({label for pair in labels for label in pair}) == 1
    else:
        assert found.kappa == pytest.approx(cohen_kappa_score(*zip(*labels, strict=True)), abs=1e-12)


def test_without_pairs_there_is_none() -> None:
    assert agreement([]) is None
