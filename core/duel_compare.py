"""Champion against challenger on the rows both have answered and whose labels have arrived.

Each row gives one number, the challenger's loss less the champion's; the question is whether their mean is 0.
The evidence is the t-mixture's (statistics/t_mixture.py), taken after every row in order of arrival, so that
looking at any time and stopping on what is seen is allowed. It starts to count once the normal approximation
can be trusted: after `minimum_labels` rows, and for a binary model after 20 rows of the rarer class, because
the losses of a rare class come in rare jumps that the variance of the first rows does not know of.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quarterdeck.core.duel import DuelVerdict, Mode
from quarterdeck.core.duel_intervals import PLANNED
from quarterdeck.core.errors import RefusedError
from quarterdeck.core.metrics.families import compute_all
from quarterdeck.core.metrics.losses import DEFAULT_LOSS, losses_of
from quarterdeck.core.metrics.scoring import Rows
from quarterdeck.core.statistics.msprt import best_tau2, check_alpha
from quarterdeck.core.statistics.t_mixture import confidence_radius, log_evidence, rows_to_decide
from quarterdeck.core.values import Decision, Task

MINIMUM_PER_CLASS = 20
_LARGEST = 1e300  # what an e-value is shown as at most: JSON knows no infinity


@dataclass(frozen=True, kw_only=True, slots=True)
class _Evidence:
    """The strongest evidence so far, and the sign of the mean difference where it was reached."""

    log_e: float
    sign: int


def compare(
    task: Task,
    y_true: ArrayLike,
    champion_score: ArrayLike,
    challenger_score: ArrayLike,
    *,
    alpha: float = 0.05,
    minimum_labels: int = 200,
    classes: Sequence[str | int] | None = None,
    tau2: float | None = None,
    loss: str | None = None,
) -> DuelVerdict:
    """Judge n paired rows in the order in which their labels arrived.

    Labels, scores and classes are as in metrics.families.compute(). `tau2` is the variance of the mixture
    over mean / standard deviation of the differences, chosen before the duel; by default it is sharpest at
    ten times `minimum_labels`. `loss` is one of metrics/losses.py, by default the task's.

    PROMOTE where the evidence has reached 1/alpha and says that the challenger's loss is lower, REJECT where
    higher. HOLD otherwise: too few labels, not enough evidence, or evidence that was once reached and has
    since turned round. No rows give HOLD. Raises RefusedError on rows that cannot be scored, and on alpha or
    minimum_labels without meaning.
    """
    check_alpha(alpha)
    check_minimum(minimum_labels)
    loss = loss or DEFAULT_LOSS[task]
    if np.shape(y_true)[:1] == (0,):
        return no_labels(loss, alpha, minimum_labels)
    champion = Rows.check(task, y_true, champion_score, classes=classes)
    challenger = Rows.check(task, y_true, challenger_score, classes=classes)
    differences = losses_of(challenger, loss) - losses_of(champion, loss)
    n, mean = len(differences), float(differences.mean())
    g = best_tau2(variance=1.0, n=PLANNED * minimum_labels, alpha=alpha) if tau2 is None else tau2
    start = _start(champion, minimum_labels)
    evidence = _strongest(differences, start, g)
    e_value = min(math.exp(min(evidence.log_e, 690.0)), _LARGEST)
    decision, reasons = _decide(evidence, mean, alpha, n, start, _shortage(champion, minimum_labels))
    return DuelVerdict(
        decision=decision,
        n=n,
        loss=loss,
        champion=compute_all(task, y_true, champion_score, classes=classes),
        challenger=compute_all(task, y_true, challenger_score, classes=classes),
        difference=mean,
        interval=_interval(differences, g, alpha) if start is not None else None,
        p_value=min(1.0, 1 / e_value),
        e_value=e_value,
        needed=1 / alpha,
        rows_needed=_rows_needed(differences, g, alpha, decision, start, champion, minimum_labels),
        reasons=reasons,
    )


def check_minimum(minimum_labels: int) -> None:
    """RefusedError on a minimum of labels without meaning."""
    if minimum_labels < 2:
        raise RefusedError(f"a duel on {minimum_labels} labels shows nothing", hint="2 or more; 200 is the default")


def no_labels(loss: str, alpha: float, minimum_labels: int, *, mode: Mode = Mode.PAIRED, ratio: int = 1) -> DuelVerdict:
    """The verdict before there is anything to compare."""
    return DuelVerdict(
        decision=Decision.HOLD,
        n=0,
        loss=loss,
        champion={},
        challenger={},
        difference=None,
        interval=None,
        p_value=1.0,
        e_value=1.0,
        needed=1 / alpha,
        rows_needed=minimum_labels,
        reasons=(f"no labels yet; {minimum_labels} are needed",),
        mode=mode,
        ratio=ratio,
    )


def _start(rows: Rows, minimum_labels: int) -> int | None:
    """The number of rows after which the evidence starts to count; None where that is not reached."""
    start = minimum_labels
    if rows.task is Task.BINARY:
        rarer = np.minimum(np.cumsum(rows.y == 1), np.cumsum(rows.y == 0))
        start = max(start, int(np.searchsorted(rarer, MINIMUM_PER_CLASS)) + 1)
    return start if start <= len(rows.y) else None


def _shortage(rows: Rows, minimum_labels: int) -> str:
    if len(rows.y) < minimum_labels:
        return f"{len(rows.y)} labels; {minimum_labels} are needed"
    return f"{_rarer(rows)} labels of the rarer class; {MINIMUM_PER_CLASS} are needed"


def _rarer(rows: Rows) -> int:
    positives = int((rows.y == 1).sum())
    return min(positives, len(rows.y) - positives)


def _strongest(differences: NDArray[np.float64], start: int | None, g: float) -> _Evidence:
    """The maximum over all looks from the start on, so that it never falls as rows arrive."""
    if start is None:
        return _Evidence(log_e=0.0, sign=0)
    path = log_evidence(differences, g=g)[start - 1 :]
    look = int(path.argmax())
    if path[look] <= 0:
        return _Evidence(log_e=0.0, sign=0)
    total = math.fsum(differences[: start + look].tolist())
    return _Evidence(log_e=float(path[look]), sign=int(np.sign(total)))


def _decide(
    evidence: _Evidence, mean: float, alpha: float, n: int, start: int | None, shortage: str
) -> tuple[Decision, tuple[str, ...]]:
    if start is None:
        return Decision.HOLD, (shortage,)
    strength = f"evidence {math.exp(min(evidence.log_e, 690.0)):.4g} of {1 / alpha:.4g} needed, on {n} labels"
    if evidence.log_e < math.log(1 / alpha):
        return Decision.HOLD, (strength,)
    if evidence.sign * mean <= 0:
        return Decision.HOLD, (strength, "but since then the difference has turned round: look at it by time")
    word = "lower" if evidence.sign < 0 else "higher"
    reason = f"the challenger's loss is {word} by {abs(mean):.4g}"
    return (Decision.PROMOTE if evidence.sign < 0 else Decision.REJECT), (reason, strength)


def _interval(differences: NDArray[np.float64], g: float, alpha: float) -> tuple[float, float] | None:
    mean, variance = float(differences.mean()), float(differences.var(ddof=1))
    radius = confidence_radius(n=len(differences), variance=variance, g=g, alpha=alpha)
    return (mean - radius, mean + radius) if math.isfinite(radius) else None


def _rows_needed(
    differences: NDArray[np.float64],
    g: float,
    alpha: float,
    decision: Decision,
    start: int | None,
    rows: Rows,
    minimum_labels: int,
) -> int | None:
    if decision is not Decision.HOLD:
        return None
    n = len(differences)
    if start is None:
        missing = MINIMUM_PER_CLASS - _rarer(rows) if rows.task is Task.BINARY else 0
        by_class = math.ceil(max(missing, 0) * n / max(_rarer(rows), 1)) if missing > 0 else 0
        return max(minimum_labels - n, by_class)
    deviation = float(differences.std(ddof=1))
    if deviation == 0:
        return None
    total = rows_to_decide(float(differences.mean()) / deviation, g=g, alpha=alpha)
    return max(1, total - n) if total is not None else None
