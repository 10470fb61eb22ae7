"""Estimates from reviewed rows speak for all predictions; the plain mean over them does not."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.core.models.signature import Signature
from quarterdeck.core.review import Stratum, choose, draw
from quarterdeck.core.review_estimates import MetricEstimate, Reviewed, estimates
from quarterdeck.core.review_spec import ReviewSpec
from quarterdeck.core.values import Task

BINARY = Signature(fields=(), task=Task.BINARY, target="late", classes=(0, 1))
SPEC = ReviewSpec(confidence_below=0.6, random_share=0.05)
ROWS = 2_000
TRIALS = 100


def population(seed: int) -> list[tuple[str, float, int]]:
    """(id, score, label) of a model that is calibrated: unsure predictions are wrong more often."""
    rng = random.Random(seed)
    scores = [rng.betavariate(0.6, 0.9) for _ in range(ROWS)]
    return [(f"{seed}-{number}", score, int(rng.random() < score)) for number, score in enumerate(scores)]


def reviewed(
    rows: list[tuple[str, float, int]], salt: str, *, rate: float = 1.0, patience: float = 1.0
) -> list[Reviewed]:
    """What a queue keeps of them; of the rows chosen by chance only the first `patience` of all get a label."""
    found = []
    for place, (name, score, label) in enumerate(rows):
        choice = choose(SPEC, max(score, 1 - score), None)
        assert choice is not None
        probability = choice.weight * rate
        if draw(salt, name) < probability:
            seen = choice.stratum is Stratum.UNSURE or place < patience * len(rows)
            found.append(
                Reviewed(
                    stratum=choice.stratum, probability=probability, answer=str(int(score >= 0.5)), score=score,
                    probabilities=None, label=str(label) if seen else None,
                )
            )  # fmt: skip
    return found


def of(found: list[MetricEstimate], name: str) -> MetricEstimate:
    return next(item for item in found if item.name == name)


def accuracy(rows: list[tuple[str, float, int]]) -> float:
    return sum(int(score >= 0.5) == label for _, score, label in rows) / len(rows)


@pytest.mark.parametrize(("rate", "patience"), [(1.0, 1.0), (0.5, 1.0), (1.0, 0.4)], ids=["all", "thinned", "in part"])
def test_the_naive_mean_is_biased_and_the_weighted_one_is_not(rate: float, patience: float) -> None:
    """Many queues over one population: the mean of the estimates, and how often the intervals hold the truth."""
    rows = population(1)
    truth = accuracy(rows)
    found = [
        of(
            estimates(reviewed(rows, str(salt), rate=rate, patience=patience), BINARY, random_share=0.05),
            "accuracy_score",
        )
        for salt in range(TRIALS)
    ]
    weighted = [item.weighted for item in found if item.weighted is not None]
    naive = [item.naive for item in found if item.naive is not None]
    assert len(weighted) == TRIALS
    mean = math.fsum(item.value for item in weighted) / TRIALS
    spread = math.sqrt(math.fsum((item.value - mean) ** 2 for item in weighted) / (TRIALS - 1))
    assert abs(mean - truth) < 4 * spread / math.sqrt(TRIALS) + 0.002  # a ratio has a bias of the order of 1 / n
    assert math.fsum(naive) / TRIALS < truth - 0.08
    covered = sum(item.interval[0] <= truth <= item.interval[1] for item in weighted)
    assert covered >= 0.90 * TRIALS
    said = math.fsum(item.standard_error for item in weighted) / TRIALS
    assert said == pytest.approx(spread, rel=0.2)


def test_every_metric_of_a_binary_model_is_near_its_truth() -> None:
    rows = population(2)
    found = estimates(reviewed(rows, "s", patience=1.0), BINARY, random_share=0.05)
    hits = sum(score >= 0.5 and label for _, score, label in rows)
    truth = {
        "accuracy_score": accuracy(rows),
        "precision_score": hits / sum(score >= 0.5 for _, score, _ in rows),
        "recall_score": hits / sum(label for _, _, label in rows),
        "brier_score_loss": sum((score - label) ** 2 for _, score, label in rows) / ROWS,
    }
    for name, value in truth.items():
        weighted = of(found, name).weighted
        assert weighted is not None and abs(weighted.value - value) < 4 * weighted.standard_error
    assert {item.name for item in found} > set(truth)


row = st.builds(
    Reviewed,
    stratum=st.just(Stratum.RANDOM),
    probability=st.floats(0.01, 1),
    answer=st.sampled_from(["0", "1"]),
    score=st.floats(0, 1),
    probabilities=st.none(),
    label=st.sampled_from(["0", "1", None]),
)


@settings(max_examples=60)
@given(st.lists(row, min_size=1, max_size=20), st.floats(0.01, 0.9))
def test_a_share_lies_between_0_and_1_and_scaling_all_probabilities_changes_nothing(
    rows: list[Reviewed], scale: float
) -> None:
    found = of(estimates(rows, BINARY, random_share=0.1), "accuracy_score")
    if found.weighted is None:
        assert found.why
        return
    assert 0 <= found.weighted.value <= 1 + 1e-9
    lower = [Reviewed(**{**_values(item), "probability": item.probability * scale}) for item in rows]
    again = of(estimates(lower, BINARY, random_share=0.1), "accuracy_score")
    assert again.weighted is not None and again.weighted.value == pytest.approx(found.weighted.value)


def _values(item: Reviewed) -> dict[str, object]:
    return {name: getattr(item, name) for name in Reviewed.__dataclass_fields__}


def item(stratum: Stratum, label: str | None) -> Reviewed:
    return Reviewed(stratum=stratum, probability=1.0, answer="0", score=0.2, probabilities=None, label=label)


@pytest.mark.parametrize(
    ("rows", "share", "why"),
    [
        ([], 0.01, "nothing is decided yet"),
        ([item(Stratum.UNSURE, "0")], 0.0, "random_share is 0"),
        ([item(Stratum.UNSURE, "0")], 0.01, "no prediction was chosen by chance yet"),
        ([item(Stratum.UNSURE, "0"), item(Stratum.RANDOM, None)], 0.01, "chosen as random is decided yet"),
        ([item(Stratum.UNSURE, None), item(Stratum.RANDOM, "1")], 0.01, "chosen as unsure is decided yet"),
    ],
)
def test_where_a_part_of_the_predictions_is_unknown_nothing_is_said_of_all(
    rows: list[Reviewed], share: float, why: str
) -> None:
    found = of(estimates(rows, BINARY, random_share=share), "accuracy_score")
    assert found.weighted is None and found.why is not None and why in found.why


def test_regression_and_multiclass_have_theirs() -> None:
    fuel = Signature(fields=(), task=Task.REGRESSION, target="tons")
    one = Reviewed(stratum=Stratum.RANDOM, probability=0.5, answer="10.0", score=10.0, probabilities=None, label="12.0")
    weighted = of(estimates([one], fuel, random_share=0.5), "mean_absolute_error").weighted
    assert weighted is not None and weighted.value == 2.0
    kinds = Signature(fields=(), task=Task.MULTICLASS, target="kind", classes=("a", "b", "c"))
    two = Reviewed(
        stratum=Stratum.RANDOM, probability=0.5, answer='"a"', score=0.5, probabilities="[0.5, 0.3, 0.2]", label='"b"'
    )
    found = estimates([two], kinds, random_share=0.5)
    loss = of(found, "log_loss").weighted
    assert loss is not None and loss.value == pytest.approx(-math.log(0.3))
    bare = estimates([Reviewed(**{**_values(two), "probabilities": None})], kinds, random_share=0.5)
    assert of(bare, "log_loss").why == "the model gives no probabilities"


def test_an_interval_stays_within_what_the_metric_can_be() -> None:
    rows = [
        Reviewed(stratum=Stratum.RANDOM, probability=0.01, answer="1", score=0.9, probabilities=None, label=label)
        for label in ("1", "1", "1", "0")
    ]
    low, high = of(estimates(rows, BINARY, random_share=0.01), "accuracy_score").interval or (-1, -1)
    assert 0 <= low < 0.75 < high == 1.0
    assert (of(estimates(rows, BINARY, random_share=0.01), "log_loss").interval or (0, 0))[1] > 1.0
    assert of(estimates([], BINARY, random_share=0.01), "accuracy_score").interval is None
