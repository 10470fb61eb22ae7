"""The limits of a model, in sentences: what was seen to be wrong with it first, then what holds for every model."""

from __future__ import annotations

from collections.abc import Iterator

from quarterdeck.core.card import CardFacts, moment
from quarterdeck.core.card_quality import beyond_chance
from quarterdeck.core.card_words import metric_name, number, of_100, percent
from quarterdeck.core.evaluation import Evaluation
from quarterdeck.core.values import ModelKind, Outcome

FEW_ROWS = 1_000  # held-out rows under which every figure is rough
_OUTSIDE = 0.01  # share of rows outside what training saw that is worth a word
_MISSING = 0.2
_SHORT = 0.05  # fewer rows than promised within a width
_NAMED = 5  # of each kind, that are named


def limits(facts: CardFacts) -> list[str]:
    """What was seen, then what holds in any case."""
    return [*warnings(facts), *_always(facts)]


def warnings(facts: CardFacts) -> list[str]:
    """What was found wanting in this version; empty where nothing was."""
    found = [*_of_version(facts)]
    if facts.evaluation is not None:
        found += [*_of_quality(facts.evaluation), *_of_data(facts.evaluation)]
        found += [f"Not measured: {note}." for note in facts.evaluation.notes]
    return found


def _of_version(facts: CardFacts) -> Iterator[str]:
    version = facts.version
    bad = [item for item in version.verdicts if item.outcome is not Outcome.PASS]
    for item in bad:
        word = "failed" if item.outcome is Outcome.FAIL else "lacks evidence"
        yield f"The gate {item.gate} {word}: {item.reason}."
    if facts.evaluation is None:
        why = facts.no_evaluation or "no evaluation was kept with it"
        yield f"How good it is was not measured here on held-out rows: {why}."
    if version.kind is ModelKind.REMOTE:
        yield "It runs elsewhere: it may change or stop without a new version here."
    if facts.run is not None and facts.run.provenance.get("dirty"):
        yield "Its code had changes that were not committed: the very same model cannot be made again from the commit."


def _of_quality(evaluation: Evaluation) -> Iterator[str]:
    if evaluation.rows < FEW_ROWS:
        yield f"It was measured on {evaluation.rows:,} rows only: look at the intervals, not at the figures alone."
    if evaluation.slices is not None and evaluation.slices.worst:
        worst, loss = evaluation.slices.worst[0], metric_name(evaluation.slices.loss)
        names = ", ".join(item.name for item in evaluation.slices.worst[:_NAMED])
        elsewhere = worst.mean_loss - (worst.difference or 0.0)
        yield (
            f"It is weaker on some parts of the rows: {names}. On the first, the mean {loss} is "
            f"{number(worst.mean_loss)}, elsewhere {number(elsewhere)}."
        )
    calibration = evaluation.calibration
    if calibration is not None:
        off = [item for item in calibration.bins if beyond_chance(item.observed, item.predicted, item.n)]
        if off:
            worst_bin = max(off, key=lambda item: abs(item.observed - item.predicted))
            yield (
                "Its probabilities cannot be taken at their word everywhere: where it says "
                f"{percent(worst_bin.predicted)} on average, it came true in {percent(worst_bin.observed)} of "
                f"{worst_bin.n:,} rows."
            )
    for item in [] if evaluation.residuals is None else evaluation.residuals.coverage:
        if item.observed < item.share - _SHORT:
            yield (
                f"Its errors grow with time: {of_100(item.share)} of 100 should be within {number(item.width)}, "
                f"on the later rows {of_100(item.observed)} were."
            )
            return


def _of_data(evaluation: Evaluation) -> Iterator[str]:
    outside = sorted((item for item in evaluation.fields if item.outside >= _OUTSIDE), key=lambda item: -item.outside)
    if outside:
        named = ", ".join(f"{item.name} ({percent(item.outside)})" for item in outside[:_NAMED])
        yield f"Held-out rows held values that the model had not seen while it learned, in these shares: {named}."
    missing = sorted((item for item in evaluation.fields if item.missing >= _MISSING), key=lambda item: -item.missing)
    if missing:
        named = ", ".join(f"{item.name} ({percent(item.missing)})" for item in missing[:_NAMED])
        yield f"These fields were often missing in the held-out rows: {named}."


def _always(facts: CardFacts) -> Iterator[str]:
    version = facts.version
    if version.trained_from is not None:
        span = f"from {moment(version.trained_from)} to {moment(version.trained_to)}"
        yield f"It learned from {version.rows:,} rows {span}; a time that differs from that one it does not know."
    elif version.rows:
        yield f"It learned from {version.rows:,} rows; from which time is not known."
    closed = [field.name for field in version.signature.fields if field.categories is not None]
    if closed:
        names = ", ".join(closed[:_NAMED]) + (f" and {len(closed) - _NAMED} more" if len(closed) > _NAMED else "")
        yield f"It has no experience with other categories than those listed under What it takes: {names}."
    yield (
        "The figures here are of held-out rows at registration. How it does on live requests is told by the monitor "
        "and by the comparison with the champion, once the truth is known; figures without labels are estimates, and "
        "wrong where the link between fields and truth has changed."
    )
    if version.kind is ModelKind.SKLEARN:
        yield "It finds what went together in the past, not what causes what."
