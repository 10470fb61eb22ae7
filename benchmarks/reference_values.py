"""The statistics beside published values and formulas, and their false positives when looked at after every row.

Two tables. The first computes each reference value and says whether it agrees to the digits that are printed of
it; of the bootstrap, which draws at random, within 0.5 %. The second draws streams in which there is nothing to
find, looks after every observation, and gives the share of streams in which a test ever rejected, beside that of
a fixed-sample test looked at as often. Exits with 1 where a value disagrees or a sequential test rejects in more
than alpha of its streams. Needs about half a minute.

    python benchmarks/reference_values.py [--streams 2000] [--looks 1000]
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from quarterdeck.core.statistics import betting, msprt, sequential_mcnemar, t_mixture
from quarterdeck.core.statistics.bca import BootstrapMethod, mean_interval
from quarterdeck.core.statistics.beta_comparison import BetaRate, probability_greater
from quarterdeck.core.statistics.delong import paired_auc_difference
from quarterdeck.core.statistics.mcnemar import McNemarMethod, mcnemar
from quarterdeck.core.statistics.sprt import sprt_bounds
from quarterdeck.core.statistics.two_arms import two_arm_sequence

# The data of Turck and others 2010, Intensive Care Medicine 36:107-115, on which pROC's own tests are made.
ASAH = Path(__file__).parents[1] / "tests" / "core" / "statistics" / "asah.csv"
ALPHA = 0.05
FIRST_NAIVE_LOOK = 10
BOOTSTRAP_TOLERANCE = 0.005
X = [10, 12, 12.5, 12.5, 13.9, 15, 21, 22, 23, 34, 50, 81, 89, 121, 134, 213]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Value:
    method: str
    input: str
    expected: str  # as it is printed: its digits are the precision asked
    computed: float
    tolerance: float | None = None  # relative, in place of the printed digits

    @property
    def agrees(self) -> bool:
        expected = float(self.expected)
        if self.tolerance is not None:
            return abs(self.computed - expected) <= self.tolerance * abs(expected)
        exponent = Decimal(self.expected).as_tuple().exponent
        assert isinstance(exponent, int)
        return abs(self.computed - expected) <= 0.5000001 * 10.0**exponent

    @property
    def shown(self) -> str:
        places = len(self.expected.split("e")[0].partition(".")[2])
        return f"{self.computed:.{places}e}" if "e" in self.expected else f"{self.computed:.{places}f}"


def values() -> Iterator[Value]:
    yield from mcnemar_values()
    yield from delong_values()
    yield from bootstrap_values()
    yield from sequential_values()
    bounds = sprt_bounds(alpha=0.05, beta=0.2)
    yield Value("Wald SPRT, upper log bound", "alpha 0.05, beta 0.2", "2.772589", bounds.upper)
    yield Value("Wald SPRT, lower log bound", "alpha 0.05, beta 0.2", "-1.558145", bounds.lower)
    greater = probability_greater(BetaRate(a=121, b=881), BetaRate(a=101, b=901))
    yield Value("P(B > A)", "Beta(101,901), Beta(121,881)", "0.92318344", greater)


def mcnemar_values() -> Iterator[Value]:
    corrected = mcnemar(121, 59, method=McNemarMethod.CORRECTED)
    plain = mcnemar(121, 59, method=McNemarMethod.UNCORRECTED)
    table = "[[101,121],[59,33]]"
    yield Value("McNemar, corrected chi-square", table, "20.67222", corrected.statistic)
    yield Value("McNemar, corrected p", table, "5.450095e-06", corrected.p)
    yield Value("McNemar, uncorrected chi-square", table, "21.35556", plain.statistic)
    yield Value("McNemar, uncorrected p", table, "3.815136e-06", plain.p)
    for b, c, p in ((70, 59, "0.378688"), (80, 59, "0.089452"), (10, 30, "0.002221")):
        yield Value("McNemar, exact p", f"[[101,{b}],[{c},33]]", p, mcnemar(b, c).p)
    yield Value("McNemar, exact p, b + c = 5", "5 : 0", "0.0625", mcnemar(5, 0).p)
    can = max(mcnemar(b, n - b).can_reject for n in range(6) for b in range(n + 1))
    yield Value("McNemar, b + c <= 5 can reject", "every b, c", "0", float(can))


def delong_values() -> Iterator[Value]:
    with ASAH.open(newline="") as file:
        rows = list(csv.DictReader(file))
    data = {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}

    def compare(first: str, second: str) -> tuple[float, float, tuple[float, float]]:
        found = paired_auc_difference(data["outcome"], data[first], data[second])
        return found.z, found.p, found.interval(0.95)

    z, p, (low, high) = compare("wfns", "s100b")
    yield Value("DeLong Z", "aSAH, wfns - s100b", "2.20898359", z)
    yield Value("DeLong p", "aSAH, wfns - s100b", "0.02717578", p)
    yield Value("DeLong 95 % low", "aSAH, wfns - s100b", "0.01040618", low)
    yield Value("DeLong 95 % high", "aSAH, wfns - s100b", "0.17421442", high)
    z, p, _ = compare("wfns", "ndka")
    yield Value("DeLong Z", "aSAH, wfns - ndka", "2.79777592", z)
    yield Value("DeLong p", "aSAH, wfns - ndka", "0.00514558", p)
    z, p, _ = compare("ndka", "s100b")
    yield Value("DeLong Z", "aSAH, ndka - s100b", "-1.39077003", z)
    yield Value("DeLong p", "aSAH, ndka - s100b", "0.16429518", p)
    z, p, _ = compare("wfns", "wfns")
    yield Value("DeLong Z", "identical curves", "0", z)
    yield Value("DeLong p", "identical curves", "1", p)


def bootstrap_values() -> Iterator[Value]:
    known = {
        BootstrapMethod.BASIC: ("23.77", "79.12"),
        BootstrapMethod.PERCENTILE: ("28.86", "84.21"),
        BootstrapMethod.BCA: ("32.31", "91.43"),
    }
    for method, (low, high) in known.items():
        found = mean_interval(X, method=method, resamples=1_000_000)
        yield Value(f"bootstrap {method}, low", "mean of 16 values", low, found.low, BOOTSTRAP_TOLERANCE)
        yield Value(f"bootstrap {method}, high", "mean of 16 values", high, found.high, BOOTSTRAP_TOLERANCE)


def sequential_values() -> Iterator[Value]:
    for n, d, ratio in ((100, 0.5, "64.170151"), (10, 0.0, "0.40824829")):
        log_l = msprt.log_likelihood_ratio(n=n, mean=d, variance=2, tau2=1)
        yield Value("mSPRT, L", f"V 2, tau2 1, n {n}, d {d}", ratio, math.exp(log_l))
    p = msprt.p_value(n=100, mean=0.5, variance=2, tau2=1)
    yield Value("mSPRT, p", "V 2, tau2 1, n 100, d 0.5", "0.01558357", p)
    known = {
        (6, 0): "9.142857",
        (10, 0): "93.090909",
        (30, 10): "31.636906",
        (10, 10): "0.270260",
        (121, 59): "4730.9901",
        (70, 59): "0.174826",
    }
    for (b, c), e in known.items():
        found = math.exp(sequential_mcnemar.log_e_value(b, c))
        yield Value("sequential McNemar, E", f"b {b}, c {c}", e, found)


@dataclass(frozen=True, slots=True)
class Peeking:
    method: str
    streams: int
    looks: int
    rate: float
    naive: float


def naive_z(x: Floats) -> float:
    """The share of streams in which |z| >= 1.96 at any look from the tenth row on."""
    n = np.arange(1, x.shape[1] + 1)
    mean = np.cumsum(x, axis=1) / n
    variance = np.maximum(np.cumsum(x**2, axis=1) / n - mean**2, 1e-12)
    z = np.abs(mean) * np.sqrt(n / variance)
    return float((z[:, FIRST_NAIVE_LOOK - 1 :] >= 1.959964).any(axis=1).mean())


def naive_mcnemar(b: NDArray[np.int_], c: NDArray[np.int_]) -> float:
    n = b + c
    return float((((b - c) ** 2 >= 3.841459 * n) & (n >= FIRST_NAIVE_LOOK)).any(axis=1).mean())


def peeking(streams: int, looks: int) -> Iterator[Peeking]:
    rng = np.random.default_rng(2026)
    size = (streams, looks)

    def share(peaks: Iterable[float]) -> float:
        return float(np.mean([peak >= math.log(1 / ALPHA) for peak in peaks]))

    for discordant in (0.1, 1.0):
        first, differ = rng.random(size) < 0.5, rng.random(size) < discordant
        second = first ^ differ
        paths = (sequential_mcnemar.log_evidence(a, b).max() for a, b in zip(first, second, strict=True))
        naive = naive_mcnemar(np.cumsum(first & ~second, axis=1), np.cumsum(~first & second, axis=1))
        yield Peeking(f"sequential McNemar, {discordant:.0%} discordant", streams, looks, share(paths), naive)
    x = rng.normal(0, 2, size)
    rate = share(msprt.log_evidence(row, variance=4, tau2=0.2).max() for row in x)
    yield Peeking("mSPRT, variance known", streams, looks, rate, naive_z(x))
    for name, x in (("normal", rng.normal(0, 3, size)), ("Laplace", rng.laplace(0, 1, size))):
        rate = share(t_mixture.log_evidence(row, g=0.05).max() for row in x)
        yield Peeking(f"t-mixture from the first row, {name}", streams, looks, rate, naive_z(x))
    x = (rng.random(size) < 0.1).astype(np.float64)
    rate = share(betting.log_evidence(row, low=0, high=1, mean=0.1).max() for row in x)
    yield Peeking("betting, failures of rate 0.1", streams, looks, rate, naive_z(x - 0.1))
    draws: dict[str, Callable[[], Floats]] = {
        "normal": lambda: rng.normal(5, 3, size),
        "lognormal": lambda: rng.lognormal(0, 1, size),
        "failures": lambda: (rng.random(size) < 0.2).astype(np.float64),
    }
    for name, draw in draws.items():
        one, other = draw(), draw()
        limits = (0.0, 1.0) if name == "failures" else None
        found = [
            two_arm_sequence(a, b, alpha=ALPHA, minimum=20, bounds=limits) for a, b in zip(one, other, strict=True)
        ]
        rate = share(math.log(result.e_value) for result in found)
        yield Peeking(f"two arms, {name}", streams, looks, rate, naive_z(other - one))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=2_000)
    parser.add_argument("--looks", type=int, default=1_000)
    arguments = parser.parse_args()
    wrong = 0
    print(f"{'method':<32} {'input':<30} {'expected':>13} {'computed':>13}  agrees")
    for value in values():
        wrong += not value.agrees
        how = "" if value.tolerance is None else f" (within {value.tolerance:.1%})"
        word = "yes" if value.agrees else "NO"
        print(f"{value.method:<32} {value.input:<30} {value.expected:>13} {value.shown:>13}  {word}{how}")
    print(f"\n{'looked at after every row':<38} {'streams':>8} {'looks':>6} {'alpha':>6} {'rate':>7} {'naive':>7}")
    for row in peeking(arguments.streams, arguments.looks):
        wrong += row.rate > ALPHA
        print(f"{row.method:<38} {row.streams:>8,} {row.looks:>6,} {ALPHA:>6} {row.rate:>7.4f} {row.naive:>7.4f}")
    print(f"\n{wrong} wrong" if wrong else "\nall agree")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
