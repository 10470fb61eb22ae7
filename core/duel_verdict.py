"""One verdict from all that a live comparison found: the loss decides, KPIs and asked-for slices may stop it.

| the loss says | the KPIs that gates name | verdict |
|---|---|---|
| PROMOTE | none clearly worse, all measured | PROMOTE |
| PROMOTE | one clearly worse, or without a number | HOLD: a person has to weigh them |
| PROMOTE | a slice of a column that a gate names is clearly worse | HOLD |
| REJECT | clearly better, and none clearly worse | HOLD: a person has to weigh them |
| REJECT | anything else | REJECT |
| PROMOTE or REJECT | one whose figures on these rows are on their way | HOLD for a moment |
| HOLD | anything | HOLD |

A KPI without a number is never a pass. A worse slice that no gate asks about is a warning among the reasons. At the
most labels that a comparison may take, HOLD means that the champion stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from quarterdeck.core.duel import DuelVerdict, Interval, KpiResult, Mode, SliceResult, Standing
from quarterdeck.core.values import Decision

WAITING = "not measured yet"  # the problem of a KPI whose figures are on their way


def weigh(
    loss: DuelVerdict,
    *,
    kpis: Sequence[KpiResult] = (),
    slices: Sequence[SliceResult] = (),
    looked: int = 0,
    maximum_labels: int | None = None,
) -> DuelVerdict:
    """The verdict on the loss, with KPIs and slices weighed in and every reason in words, the deciding one first."""
    against = _against(loss.decision, kpis, slices)
    decision = Decision.HOLD if against else loss.decision
    rows = loss.n if loss.mode is Mode.PAIRED or loss.challenger_side is None else loss.challenger_side.n
    spent = maximum_labels is not None and rows >= maximum_labels
    undecided = spent and decision is Decision.HOLD
    reasons = (
        *against,
        *loss.reasons,
        *(_spent(rows) if undecided else ()),
        *(_said(item) for item in kpis if _worth_saying(item)),
        *(_warning(item, looked) for item in slices if item.standing is Standing.WORSE),
    )
    return replace(
        loss,
        decision=decision,
        kpis=tuple(kpis),
        slices=tuple(slices),
        slices_looked=looked,
        reasons=reasons,
        rows_needed=None if undecided else loss.rows_needed,
        spent=spent,
    )


def _against(decision: Decision, kpis: Sequence[KpiResult], slices: Sequence[SliceResult]) -> tuple[str, ...]:
    """Why the loss's decision does not stand; nothing where it does."""
    if decision is Decision.HOLD:
        return ()
    waiting = [kpi.name for kpi in kpis if kpi.problem == WAITING]
    if waiting:
        return (f"the loss has decided; {', '.join(waiting)} on these rows is on its way",)
    worse = [kpi.name for kpi in kpis if kpi.standing is Standing.WORSE]
    if decision is Decision.REJECT:
        better = [kpi.name for kpi in kpis if kpi.standing is Standing.BETTER]
        if better and not worse:
            return (f"the loss is worse but {_names(better)} better: a person has to weigh them",)
        return ()
    found = []
    if worse:
        found.append(f"the loss is better but {_names(worse)} worse: a person has to weigh them")
    missing = [kpi.name for kpi in kpis if kpi.problem is not None]
    if missing:
        found.append(f"the loss is better but {', '.join(missing)} has no number, and that is never a pass")
    bad = [item.name for item in slices if item.asked and item.standing is Standing.WORSE]
    if bad:
        found.append(f"a gate asks about {', '.join(bad)}, where the challenger is worse")
    return tuple(found)


def _names(names: list[str]) -> str:
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}"


def _spent(rows: int) -> tuple[str, ...]:
    return (f"{rows} labels, the most that this comparison may take, are spent: the champion stays",)


def _worth_saying(kpi: KpiResult) -> bool:
    return kpi.standing is not Standing.UNCLEAR or kpi.problem not in (None, WAITING)


def _said(kpi: KpiResult) -> str:
    if kpi.problem not in (None, WAITING):
        return f"{kpi.name} could not be measured: {kpi.problem}"
    return (
        f"{kpi.name} is clearly {kpi.standing.value}: {kpi.champion:.4g} -> {kpi.challenger:.4g}, "
        f"by {_range(kpi.interval)} on {kpi.n} rows"
    )


def _warning(item: SliceResult, looked: int) -> str:
    found = f"worse where {item.name}: loss by {_range(item.interval)} on {item.n} rows"
    return f"warning: {found}, corrected for {looked} slices"


def _range(interval: Interval | None) -> str:
    return "?" if interval is None else f"{interval[0]:+.4g} to {interval[1]:+.4g}"
