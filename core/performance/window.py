"""All that can be told of a window's performance from its rows: measured, estimated, and whether the two agree."""

from __future__ import annotations

from collections.abc import Sequence

from quarterdeck.core.models.signature import Signature
from quarterdeck.core.performance.beliefs import top_probability
from quarterdeck.core.performance.finding import Finding, Kind
from quarterdeck.core.performance.judging import Judge, WindowRows, finite
from quarterdeck.core.performance.labelled import interval_of
from quarterdeck.core.performance.number_measures import of_rows
from quarterdeck.core.performance.reference import CONFIDENCE, Reference
from quarterdeck.core.performance.slices import judge_slices
from quarterdeck.core.performance.validity import Judged, invalid_since, mark
from quarterdeck.core.values import Task


def judge_window(
    rows: WindowRows,
    signature: Signature,
    reference: Reference | None,
    *,
    minimum_rows: int,
    before: Sequence[Judged] = (),
) -> tuple[Finding, ...]:
    """The findings of one window. `before`: those of the version's windows before it, in order of time.

    Nothing alerts on fewer than `minimum_rows` rows, nor on labels of which too many have not come.
    """
    if len(rows.labels) == 0:
        return ()
    judge = Judge(rows=rows, signature=signature, reference=reference, minimum_rows=minimum_rows)
    labelled, measured = judge.labelled()
    estimated = judge.estimated(measured)
    judged = Judged(start=rows.start, findings=estimated)
    estimated = mark(estimated, invalid_since((*before, judged)))
    return (*labelled, *estimated, *judge_slices(judge), *_confidence(judge))


def _confidence(judge: Judge) -> tuple[Finding, ...]:
    """How probable the model holds what it names, on average; of classifiers."""
    if judge.task is Task.REGRESSION:
        return ()
    found = of_rows(top_probability(judge.rows.scores))
    known = None if judge.reference is None else judge.reference.metrics.get(CONFIDENCE)
    low, high = (None, None) if known is None else known.thresholds(CONFIDENCE, found.n)
    lower, upper = interval_of(CONFIDENCE, found.value, found.standard_error, found.n) or (None, None)
    beyond = low is not None and high is not None and not low <= found.value <= high
    return (
        Finding(
            metric=CONFIDENCE,
            kind=Kind.SERVED,
            value=found.value,
            n=found.n,
            lower=lower,
            upper=upper,
            standard_error=finite(found.standard_error),
            reference=None if known is None else known.value,
            threshold_low=low,
            threshold_high=high,
            alert=beyond and found.n >= judge.minimum_rows,
        ),
    )
