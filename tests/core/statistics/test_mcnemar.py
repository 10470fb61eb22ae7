"""McNemar's test: published values, SciPy and statsmodels, and what too few rows can say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.statistics.mcnemar import McNemarMethod, discordant_counts, discordant_needed, mcnemar

counts = st.integers(0, 500)


@pytest.mark.parametrize(
    ("method", "statistic", "p"),
    [(McNemarMethod.CORRECTED, 20.67222, 5.450095e-06), (McNemarMethod.UNCORRECTED, 21.35556, 3.815136e-06)],
)
def test_chi_square_of_a_known_table(method: McNemarMethod, statistic: float, p: float) -> None:
    found = mcnemar(121, 59, method=method)
    assert found.statistic == pytest.approx(statistic, abs=5e-6)
    assert found.p == pytest.approx(p, abs=5e-13)
    assert (found.b, found.c, found.n, found.sign, found.rejects) == (121, 59, 180, 1, True)


@pytest.mark.parametrize(("b", "c", "p"), [(70, 59, 0.378688), (80, 59, 0.089452), (10, 30, 0.002221)])
def test_the_exact_p_of_known_tables(b: int, c: int, p: float) -> None:
    assert mcnemar(b, c).p == pytest.approx(p, abs=5e-7)


@given(counts, counts, st.sampled_from(McNemarMethod))
def test_statsmodels_says_the_same(b: int, c: int, method: McNemarMethod) -> None:
    if b + c == 0 or (b == c and method is McNemarMethod.CORRECTED):
        return  # 0/0 there; and its correction makes a difference of 0 into one of 1
    exact = method is McNemarMethod.EXACT
    theirs = statsmodels_mcnemar([[7, b], [c, 9]], exact=exact, correction=method is McNemarMethod.CORRECTED)
    ours = mcnemar(b, c, method=method)
    assert ours.statistic == pytest.approx(theirs.statistic)
    assert ours.p == pytest.approx(theirs.pvalue)


@given(counts, counts, st.sampled_from(McNemarMethod))
def test_swapping_the_models_flips_the_sign_only(b: int, c: int, method: McNemarMethod) -> None:
    if b + c == 0:
        return
    one, other = mcnemar(b, c, method=method), mcnemar(c, b, method=method)
    assert one.sign == -other.sign
    assert (one.statistic, one.p, one.rejects) == (other.statistic, other.p, other.rejects)
    assert 0 <= one.p <= 1


@pytest.mark.parametrize("n", range(6))
@pytest.mark.parametrize("method", McNemarMethod)
def test_five_discordant_rows_or_fewer_can_never_reject(n: int, method: McNemarMethod) -> None:
    for b in range(n + 1):
        if n == 0 and method is not McNemarMethod.EXACT:
            continue
        found = mcnemar(b, n - b, method=method, alpha=0.05)
        assert not found.can_reject
        assert not found.rejects
        assert found.discordant_needed == 6 - n
    assert mcnemar(5, 0).p == 0.0625
    assert mcnemar(6, 0).rejects


@given(st.integers(0, 60), st.floats(1e-9, 0.999))
def test_the_rows_needed_are_the_fewest_with_which_any_split_rejects(n: int, alpha: float) -> None:
    total = n + discordant_needed(n, alpha=alpha)
    if total > 0:
        assert stats.binomtest(0, total, 0.5).pvalue <= alpha
    if total > max(n, 1):
        assert stats.binomtest(0, total - 1, 0.5).pvalue > alpha


@pytest.mark.parametrize("power", range(1, 20))
def test_a_power_of_two_as_alpha_is_met_exactly(power: int) -> None:
    assert discordant_needed(0, alpha=2.0**-power) == power + 1


def test_no_discordant_row_is_no_evidence() -> None:
    found = mcnemar(0, 0)
    assert (found.p, found.statistic, found.sign, found.can_reject) == (1.0, 0.0, 0, False)
    for method in (McNemarMethod.CORRECTED, McNemarMethod.UNCORRECTED):
        with pytest.raises(RefusedError, match="0/0"):
            mcnemar(0, 0, method=method)
    assert mcnemar(9, 9, method=McNemarMethod.CORRECTED).p == 1.0


def test_counting_rows() -> None:
    first, second = np.array([1, 1, 0, 0, 1]), np.array([True, False, True, False, False])
    assert discordant_counts(first, second) == (2, 1)
    assert discordant_counts([], []) == (0, 0)
    for wrong in ([1, 0], [1, 0, 2, 1, 1], [1, 0, math.nan, 1, 1], [[1], [0]]):
        with pytest.raises(RefusedError):
            discordant_counts(wrong, second)


def test_what_has_no_meaning_is_refused() -> None:
    for b, c in ((-1, 3), (3, -1), (2.5, 1)):
        with pytest.raises(RefusedError, match="count rows"):
            mcnemar(b, c)  # type: ignore[arg-type]  # that is the point
    with pytest.raises(RefusedError, match="alpha"):
        mcnemar(3, 1, alpha=0)
