"""Plain words for what a card shows: each metric, verdict and state, explained on the spot to a business expert."""

from __future__ import annotations

import math
from dataclasses import dataclass

from quarterdeck.core.gate_kinds import LATENCIES, SIZE, TARGET
from quarterdeck.core.metrics.families import METRICS, direction
from quarterdeck.core.values import Direction, ModelKind, Outcome, Task, VersionState


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """What the words need to know of the model: `case` is "late = 1", `share` its share of the held-out rows."""

    task: Task
    target: str
    case: str = ""
    other: str = ""
    share: float | None = None
    most_frequent: float | None = None  # the share of the most frequent class
    classes: int = 0


def number(value: float | None) -> str:
    """Four significant digits, thousands apart; "-" for none."""
    if value is None or not math.isfinite(value):
        return "-" if value is None else str(value)
    size = abs(float(f"{value:.4g}"))
    if size >= 1_000:
        return f"{value:,.0f}"
    if size >= 1:
        return f"{value:.{3 - int(math.log10(size))}f}"
    return f"{value:.4f}" if size >= 0.0001 or size == 0 else f"{value:.1e}"


def signed(value: float) -> str:
    return number(value) if value < 0 else f"+{number(value)}"


def plain_number(value: float) -> str:
    """A number as it stands in data, whole ones without a fraction; one from JSON may be an int."""
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) < 1e15 else number(value)


def of_100(share: float) -> str:
    """ "73", "fewer than 1", "more than 99": so many of a hundred."""
    if 0 < share < 0.005:
        return "fewer than 1"
    if 0.995 <= share < 1:
        return "more than 99"
    return f"{share * 100:.0f}"


def percent(share: float) -> str:
    return "under 0.1 %" if 0 < share < 0.001 else f"{share * 100:.1f} %"


_NAMES = {
    "roc_auc_score": "ROC AUC",
    "average_precision_score": "Average precision",
    "log_loss": "Log loss",
    "brier_score_loss": "Brier score",
    "f1_score": "F1",
    "r2_score": "R2 (share explained)",
    "matthews_corrcoef": "Matthews correlation",
    "cohen_kappa_score": "Cohen's kappa",
    "root_mean_squared_error": "Root mean squared error",
    SIZE: "Size of the model",
    TARGET: "Fit for where it runs",
}


def metric_name(name: str) -> str:
    """As people write it: "ROC AUC", "Mean absolute error"; a KPI's own name with spaces."""
    if name in _NAMES:
        return _NAMES[name]
    plain = name.removesuffix("_score").replace("_", " ").strip() or name
    return plain[:1].upper() + plain[1:]


def better_way(name: str, given: Direction | None = None) -> str:
    """ "higher is better"."""
    way = METRICS[name].direction if name in METRICS else given or direction(name)
    return f"{way.value} is better"


def metric_words(name: str, value: float, about: About, *, owner: str = "", way: Direction | None = None) -> str:
    """One sentence on what a metric's value means, with what a model that knows nothing would reach."""
    words = _WORDS.get(name)
    shown = f"{metric_name(name)} {number(value)}"
    if words is not None:
        return f"{shown}: {words(value, about)}"
    if name in METRICS:
        return f"{shown}: a standard figure of the field ({name} of scikit-learn); {better_way(name)}."
    whose = f"by {owner}" if owner else "in the pipeline's own code"
    return f"{shown}: a business figure defined {whose}; {better_way(name, way)}."


def _roc_auc(value: float, about: About) -> str:
    if about.task is Task.BINARY:
        pair = f"one case with {about.case} and one with {about.other}"
        return (
            f"shown {pair}, it ranks the first higher {of_100(value)} times of 100. Guessing reaches 50, "
            "100 is perfect."
        )
    return (
        f"shown one case of a class and one of another, it finds the right one likelier {of_100(value)} times of 100, "
        "as a mean over the classes. Guessing reaches 50."
    )


def _average_precision(value: float, about: About) -> str:
    blind = "" if about.share is None else f" Picking blindly finds {of_100(about.share)}."
    return (
        f"going down the list from the likeliest case, about {of_100(value)} of 100 picked really have {about.case}."
        f"{blind} Higher is better."
    )


def _log_loss(value: float, about: About) -> str:
    text = "how surprised the model is by what happened, a surprise after great certainty counting most. 0 is never"
    if about.task is Task.BINARY and about.share and 0 < about.share < 1:
        blind = -about.share * math.log(about.share) - (1 - about.share) * math.log(1 - about.share)
        return f"{text}; always naming the usual share reaches {number(blind)}. Lower is better."
    return f"{text}. Lower is better."


def _brier(value: float, about: About) -> str:
    text = "the squared distance between the probability given and what happened (0 or 1), on average. 0 is perfect"
    if about.share is None:
        return f"{text}. Lower is better."
    return f"{text}; always naming the usual share reaches {number(about.share * (1 - about.share))}. Lower is better."


def _accuracy(value: float, about: About) -> str:
    text = f"it names the right class for {of_100(value)} of 100 cases"
    if about.most_frequent is None:
        return f"{text}. Higher is better."
    return f"{text}; always naming the most frequent class is right for {of_100(about.most_frequent)}."


def _f1(value: float, about: About) -> str:
    if about.task is not Task.BINARY:
        return "how well it finds each class without naming it wrongly, as a mean over the classes. 1 is perfect."
    return (
        f"one figure for two: how many of the cases it calls {about.case} are so, and how many of those there are it "
        "finds. 1 is both perfect, 0 finds none."
    )


def _mae(value: float, about: About) -> str:
    return f"its answers are off by {number(value)} on average, in the unit of {about.target}. 0 is perfect."


def _rmse(value: float, about: About) -> str:
    return f"how far its answers are off, large misses counting more, in the unit of {about.target}. 0 is perfect."


def _median_error(value: float, about: About) -> str:
    return f"half of its answers are off by less than {number(value)}, in the unit of {about.target}. 0 is perfect."


def _r2(value: float, about: About) -> str:
    if value < 0:
        return f"worse than always answering the mean of {about.target}, which would reach 0. 1 is perfect."
    return (
        f"it explains {of_100(value)} of 100 parts of the ups and downs of {about.target}. Always answering the mean "
        "explains none, 100 is perfect."
    )


def _precision(value: float, about: About) -> str:
    if about.task is not Task.BINARY:
        return "of the cases it gives a class, how many have it, as a mean over the classes. 1 is perfect."
    return f"of 100 cases that it calls {about.case}, {of_100(value)} are so."


def _recall(value: float, about: About) -> str:
    if about.task is not Task.BINARY:
        return "of the cases that have a class, how many it finds, as a mean over the classes. 1 is perfect."
    return f"of 100 cases with {about.case}, it finds {of_100(value)}."


def _percentage(value: float, about: About) -> str:
    return f"its answers are off by {percent(value)} of the truth on average. 0 is perfect."


_WORDS = {
    "roc_auc_score": _roc_auc,
    "average_precision_score": _average_precision,
    "log_loss": _log_loss,
    "brier_score_loss": _brier,
    "accuracy_score": _accuracy,
    "f1_score": _f1,
    "precision_score": _precision,
    "recall_score": _recall,
    "mean_absolute_error": _mae,
    "root_mean_squared_error": _rmse,
    "median_absolute_error": _median_error,
    "mean_absolute_percentage_error": _percentage,
    "r2_score": _r2,
}

VERDICT_WORDS = {
    Outcome.PASS: "it meets the condition",
    Outcome.FAIL: "it does not meet the condition",
    Outcome.HOLD: "there is too little evidence to say; that is not a pass",
}

STATE_WORDS = {
    VersionState.CANDIDATE: "registered; its gates have not spoken, or ask for more evidence",
    VersionState.ACCEPTED: "every gate passed; it may be promoted",
    VersionState.REJECTED: "a gate failed, or it lost a comparison; it does not answer",
    VersionState.CHALLENGER: "it is being compared with the champion on live requests",
    VersionState.CHAMPION: "it answers the requests",
    VersionState.PREVIOUS: "it answered before the present champion; a rollback returns to it",
    VersionState.RETIRED: "taken out for good; it will not answer again",
}

TASK_WORDS = {
    Task.BINARY: "one of two classes, with a probability",
    Task.MULTICLASS: "one of several classes, with a probability for each",
    Task.REGRESSION: "a number",
}

KIND_WORDS = {
    ModelKind.SKLEARN: "learned from data with scikit-learn",
    ModelKind.ONNX: "an ONNX model: learned elsewhere, in a format that many tools write",
    ModelKind.RULES: "rules written by people, not learned from data",
    ModelKind.REMOTE: "hosted elsewhere: each answer is asked for over the network",
}


def gate_words(metric: str, gate: str, *, in_slice: bool) -> str:
    """What a kind of gate asks, in a sentence."""
    if "not worse than" in gate:
        text = "compared with the champion on the same rows; counted with the uncertainty against the new version"
    elif metric == SIZE:
        text = "how much the server has to load, in millions of bytes"
    elif metric in LATENCIES:
        text = f"how long an answer takes: {LATENCIES[metric]:.0%} of the answers are at least as quick as this"
    elif metric == TARGET:
        text = "loaded and asked in a process like the one where it will run, within its memory and time"
    else:
        text = "a fixed limit on the held-out rows"
    return f"{text}; the worst slice (part of the rows) counts" if in_slice else text
