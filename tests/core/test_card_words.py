"""What a card says of a metric, to people who do not know its name."""

from __future__ import annotations

import re

import pytest
from sklearn.metrics import brier_score_loss, log_loss

from quarterdeck.core.card_words import About, metric_name, metric_words, number, of_100, plain_number
from quarterdeck.core.metrics.families import METRICS
from quarterdeck.core.values import Direction, Task

BINARY = About(
    task=Task.BINARY, target="late", case="late = 1", other="late = 0", share=0.3, most_frequent=0.7, classes=2
)
MANY = About(task=Task.MULTICLASS, target="kind", most_frequent=0.5, classes=4)
NUMBER = About(task=Task.REGRESSION, target="fuel_rate")
ABOUT = {Task.BINARY: BINARY, Task.MULTICLASS: MANY, Task.REGRESSION: NUMBER}


def test_roc_auc_is_told_by_a_hundred_pairs() -> None:
    assert metric_words("roc_auc_score", 0.73, BINARY) == (
        "ROC AUC 0.7300: shown one case with late = 1 and one with late = 0, it ranks the first higher "
        "73 times of 100. Guessing reaches 50, 100 is perfect."
    )


@pytest.mark.parametrize(
    ("name", "task"), [(name, task) for name, metric in METRICS.items() for task in sorted(metric.tasks)]
)
def test_every_metric_is_told_in_a_sentence_with_its_value(name: str, task: Task) -> None:
    words = metric_words(name, 0.4321, ABOUT[task])
    assert words.startswith(f"{metric_name(name)} 0.4321: ") and words.endswith(".")
    assert re.search(r"perfect|better|Guessing|right for|are so|it finds \d|reaches", words), words


def test_what_knowing_nothing_would_reach_is_what_scikit_learn_computes() -> None:
    truth, blind = [1] * 30 + [0] * 70, [0.3] * 100
    assert number(brier_score_loss(truth, blind)) in metric_words("brier_score_loss", 0.1, BINARY)
    assert number(log_loss(truth, blind)) in metric_words("log_loss", 0.1, BINARY)


def test_a_kpi_is_told_by_its_owner_and_direction() -> None:
    words = metric_words("missed_delay_cost", 0.87, BINARY, owner="operations", way=Direction.LOWER)
    assert words == "Missed delay cost 0.8700: a business figure defined by operations; lower is better."


@pytest.mark.parametrize(
    ("share", "said"), [(0.0, "0"), (0.001, "fewer than 1"), (0.734, "73"), (0.999, "more than 99"), (1.0, "100")]
)
def test_a_share_is_so_many_of_a_hundred(share: float, said: str) -> None:
    assert of_100(share) == said


@pytest.mark.parametrize(
    ("value", "said"), [(5.0, "5"), (5, "5"), (1_042.0, "1,042"), (0.19, "0.1900"), (-11.7, "-11.70")]
)
def test_whole_numbers_of_the_data_have_no_fraction(value: float, said: str) -> None:
    assert plain_number(value) == said
