"""The sections of a card on how good the model is: metrics, the champion beside it, slices, calibration, importance."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from quarterdeck.core.card import Bullets, CardFacts, Section, Table, Text
from quarterdeck.core.card_words import (
    About,
    metric_name,
    metric_words,
    number,
    of_100,
    percent,
    signed,
)
from quarterdeck.core.evaluation import Calibration, Evaluation, ImportanceOf, Interval, Measured, Residuals
from quarterdeck.core.metrics.families import METRICS, direction
from quarterdeck.core.metrics.slices import Slice, SliceReport
from quarterdeck.core.values import Direction, Task

_SLICES = 20  # of the named columns that are listed, the worst first
_FIELDS = 15  # of the importance that are listed


def about_of(facts: CardFacts) -> About:
    """What the words on a metric need."""
    signature, evaluation = facts.version.signature, facts.evaluation
    classes = [str(item) for item in signature.classes or ()]
    shares = {} if evaluation is None else dict(evaluation.target.shares)
    binary = signature.task is Task.BINARY and len(classes) == 2
    return About(
        task=signature.task,
        target=signature.target,
        case=f"{signature.target} = {classes[1]}" if binary else "",
        other=f"{signature.target} = {classes[0]}" if binary else "",
        share=shares.get(classes[1]) if binary else None,
        most_frequent=max(shares.values(), default=None),
        classes=len(classes),
    )


def main_metric(facts: CardFacts) -> str | None:
    """The metric that stands for the version: that of its first gate, else its first."""
    names = [item.metric for item in facts.version.verdicts] + list(facts.version.metrics)
    return next((name for name in names if name in facts.version.metrics), None)


def way_of(facts: CardFacts, name: str) -> Direction:
    """Which way a metric is better; a KPI's by the limit that a gate held it against."""
    if name in METRICS:
        return METRICS[name].direction
    for item in facts.version.verdicts:
        # a comparison's statistic is a worsening, whose direction says nothing about the metric
        if item.metric == name and item.statistic == facts.version.metrics.get(name) is not None:
            return item.direction
    return direction(name)


def quality_sections(facts: CardFacts) -> Iterator[Section]:
    """In the order they are read."""
    evaluation = facts.evaluation
    if evaluation is None:
        yield _unmeasured(facts)
        return
    yield _metrics(facts, evaluation)
    yield _beside(facts, evaluation)
    if evaluation.slices is not None:
        yield _slices(evaluation.slices)
    if evaluation.calibration is not None:
        yield _calibration(evaluation.calibration, about_of(facts))
    if evaluation.residuals is not None:
        yield _residuals(evaluation.residuals, facts)
    if evaluation.importance is not None:
        yield _importance(evaluation.importance)


def _unmeasured(facts: CardFacts) -> Section:
    why = facts.no_evaluation or "no evaluation was kept with this version"
    blocks: list[Text | Table | Bullets] = [Text(text=f"It was not measured here on held-out rows: {why}.")]
    if facts.version.metrics:
        blocks.append(Text(text="What it came with, without intervals, and not checked here:"))
        about = about_of(facts)
        words = [
            metric_words(name, value, about, owner=facts.owner, way=way_of(facts, name))
            for name, value in facts.version.metrics.items()
        ]
        blocks.append(Bullets(items=tuple(words)))
    return Section(title="How good it is", blocks=tuple(blocks))


def _metrics(facts: CardFacts, evaluation: Evaluation) -> Section:
    rows = tuple((metric_name(item.name), number(item.value), _range(item.interval)) for item in evaluation.metrics)
    text = (
        f"Measured on {evaluation.rows:,} rows that were held out: the model never saw them while it learned. The "
        "interval says how far chance may have moved the figure: with as many rows drawn anew, 95 times of 100 such "
        "an interval holds the true figure."
    )
    about = about_of(facts)
    words = [
        metric_words(item.name, item.value, about, owner=_owner(facts, item.name), way=way_of(facts, item.name))
        for item in evaluation.metrics
    ]
    words += [
        f"{metric_name(item.name)} has no interval: {item.why_not}." for item in evaluation.metrics if item.why_not
    ]
    table = Table(columns=("Figure", "Value", "95 % interval"), rows=rows, right=(1,))
    return Section(title="How good it is", blocks=(Text(text=text), table, Bullets(items=tuple(words))))


def _owner(facts: CardFacts, name: str) -> str:
    return next((item.owner for item in facts.version.verdicts if item.metric == name and item.owner), facts.owner)


def _range(interval: Interval | None) -> str:
    return "-" if interval is None else f"{number(interval.low)} to {number(interval.high)}"


def _beside(facts: CardFacts, evaluation: Evaluation) -> Section:
    """The champion at registration on the same rows, and the present one where that is another."""
    title = "Beside the champion"
    now = facts.champion
    blocks: list[Text | Table] = []
    if evaluation.champion is None:
        blocks.append(Text(text="When it was registered there was no champion to compare it with on the same rows."))
    else:
        text = (
            f"Both answered the same held-out rows when this version was registered; the champion was version "
            f"{evaluation.champion}. The difference is this version less the champion; where its interval holds 0, "
            "chance alone can explain it."
        )
        rows = tuple(_compared(item, way_of(facts, item.name)) for item in evaluation.metrics)
        columns = ("Figure", "This", "Champion", "Difference", "So it is")
        blocks += [Text(text=text), Table(columns=columns, rows=rows, right=(1, 2))]
    if facts.here.champion == facts.version.number:
        blocks.append(Text(text=f"This version is the champion in {facts.environment} now."))
    elif now is not None and now.number != evaluation.champion:
        shared = [name for name in facts.version.metrics if name in now.metrics]
        figures = ", ".join(f"{metric_name(name)} {number(now.metrics[name])}" for name in shared[:3])
        text = f"The champion now is version {now.number}, which had {figures} on the rows of its own training"
        blocks.append(Text(text=f"{text}: other rows, so the figures cannot be set against each other."))
    return Section(title=title, blocks=tuple(blocks))


def _compared(item: Measured, way: Direction) -> tuple[str, ...]:
    name = metric_name(item.name)
    if item.champion is None:
        return name, number(item.value), "-", "-", "not compared"
    if item.difference is None:
        return name, number(item.value), number(item.champion), signed(item.value - item.champion), "not told"
    low, high = item.difference.low, item.difference.high
    shown = f"{signed(item.value - item.champion)} ({signed(low)} to {signed(high)})"
    said = "better" if (low > 0) is (way is Direction.HIGHER) else "worse"
    reading = "not told apart" if low <= 0 <= high else said
    return name, number(item.value), number(item.champion), shown, reading


def _slices(report: SliceReport) -> Section:
    text = (
        "A slice is a part of the rows, such as one carrier's. A model that is good on the whole can be poor on a part."
        f" Parts with fewer than {report.minimum_rows} rows are not judged."
    )
    blocks: list[Text | Table] = [Text(text=text)]
    judged = f"judged by the {loss_name(report.loss)}, averaged over the rows: lower is better"
    tried = "1 part was tried" if report.looked_at == 1 else f"{report.looked_at:,} parts were tried"
    if report.worst:
        says = f"Where it is weakest, {judged}. {tried}; only those are listed that chance does not explain, even with "
        says += "so many tried:"
        blocks += [Text(text=says), _slice_table(report.worst)]
    else:
        blocks.append(Text(text=f"{tried}, {judged}. None is worse than the rest beyond chance."))
    if report.named:
        shown = sorted(report.named, key=lambda item: (-(item.difference or 0.0), item.name))[:_SLICES]
        more = len(report.named) - len(shown)
        says = "The parts that the pipeline names, the weakest first"
        blocks += [Text(text=f"{says}{f'; {more} more are not shown' if more else ''}:"), _slice_table(shown)]
    for column, why in report.left_out.items():
        blocks.append(Text(text=f"{column} could not be cut into parts: {why}."))
    return Section(title="Where it is weak", blocks=tuple(blocks))


_LOSSES = {
    "brier_score_loss": "squared distance between the probability given and what happened",
    "log_loss": "surprise at what happened, for the probability given to it",
    "absolute_error": "distance between the answer and the truth",
}


def loss_name(loss: str) -> str:
    """What is measured of each single row, in words."""
    return _LOSSES.get(loss, metric_name(loss).lower())


def _slice_table(slices: Sequence[Slice]) -> Table:
    """The loss decides; the metric beside it is for those who know it."""
    metric = slices[0].metric
    same = all(item.value is not None and math.isclose(item.value, item.mean_loss) for item in slices)
    rows = tuple(
        (
            item.name,
            f"{item.rows:,}",
            number(item.mean_loss),
            number(None if item.difference is None else item.mean_loss - item.difference),
            _bounds(item.interval) if same else f"{number(item.value)} ({_bounds(item.interval)})",
        )
        for item in slices
    )
    last = "95 % interval" if same else f"{metric_name(metric)} here"
    columns = ("Part", "Rows", "Here", "Elsewhere", last)
    return Table(columns=columns, rows=rows, right=(1, 2, 3))


def _bounds(interval: tuple[float, float] | None) -> str:
    return "-" if interval is None else f"{number(interval[0])} to {number(interval[1])}"


def beyond_chance(observed: float, predicted: float, n: int) -> bool:
    """Whether a share of n rows differs from the probability given by more than 2.6 standard errors (1 in 100)."""
    error = math.sqrt(max(predicted * (1 - predicted), 1e-9) / n)
    return abs(observed - predicted) > 2.6 * error


def _calibration(found: Calibration, about: About) -> Section:
    what = "that the class it names is right" if found.top_label else f"of {about.case}"
    text = (
        f"Whether its probabilities {what} can be taken at their word: of the cases given 30 %, 30 of 100 should come "
        f"true. Here they are off by {percent(found.error)} on average (the expected calibration error; 0 is perfect, "
        "and with few rows chance alone makes some)."
    )
    rows = tuple(
        (
            f"{item.low * 100:.0f} to {item.high * 100:.0f} %",
            f"{item.n:,}",
            percent(item.predicted),
            percent(item.observed),
            _reading(item.observed, item.predicted, item.n),
        )
        for item in found.bins
    )
    columns = ("When it says", "Rows", "On average", "Came true", "So it")
    blocks = (Text(text=text), Table(columns=columns, rows=rows, right=(1, 2, 3)))
    return Section(title="Can its probabilities be believed", blocks=blocks)


def _reading(observed: float, predicted: float, n: int) -> str:
    if not beyond_chance(observed, predicted, n):
        return "is within chance"
    return "happens more often" if observed > predicted else "happens less often"


def _residuals(found: Residuals, facts: CardFacts) -> Section:
    known, target = dict(found.quantiles), facts.version.signature.target
    low, middle, high = (signed(known.get(share, 0.0)) for share in (0.05, 0.5, 0.95))
    text = (
        f"An error is the true {target} less the answer. Nine of ten errors lie between {low} and {high}; half lie "
        f"below {middle}."
    )
    blocks: list[Text | Table] = [Text(text=text)]
    if found.coverage:
        says = (
            "How far off to expect: widths taken from the earlier half of the held-out rows, tried on the later half."
        )
        rows = tuple(
            (f"{of_100(item.share)} of 100", f"{number(item.width)}", f"{of_100(item.observed)} of 100")
            for item in found.coverage
        )
        columns = ("Should be within", "Off by at most", "Were, later")
        blocks += [Text(text=says), Table(columns=columns, rows=rows, right=(1,))]
    return Section(title="How far off it is", blocks=tuple(blocks))


def _importance(found: ImportanceOf) -> Section:
    text = (
        f"Each field's values were shuffled among {found.rows:,} held-out rows, {found.repeats} times; the more "
        f"{metric_name(found.metric)} worsens, the more the model leans on the field. It does not say that the field "
        "causes anything, and fields that tell the same share their weight."
    )
    shown, rest = found.fields[:_FIELDS], found.fields[_FIELDS:]
    rows = tuple(
        (item.field, number(max(item.worse_by, 0.0)), _weight(item.worse_by, item.deviation)) for item in shown
    )
    columns = ("Field", f"{metric_name(found.metric)} worse by", "Note")
    blocks: list[Text | Table] = [Text(text=text), Table(columns=columns, rows=rows, right=(1,))]
    if rest:
        blocks.append(Text(text=f"{len(rest)} more fields, each less important, are not shown."))
    return Section(title="What it looks at", blocks=tuple(blocks))


def _weight(worse_by: float, deviation: float) -> str:
    return "no more than chance" if worse_by <= max(0.0, 2 * deviation) else ""
