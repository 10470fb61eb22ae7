"""The loss of each row, and that its mean is the metric of that name."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.metrics.families import compute
from quarterdeck.core.metrics.losses import row_losses
from quarterdeck.core.values import Task

probabilities = st.floats(0.01, 0.99)
rows = st.lists(st.tuples(st.integers(0, 1), probabilities), min_size=1, max_size=30)


@given(rows)
def test_the_mean_of_the_row_losses_is_the_metric(pairs: list[tuple[int, float]]) -> None:
    y, score = [y for y, _ in pairs], [p for _, p in pairs]
    for name in ("brier_score_loss", "log_loss"):
        mean = row_losses(Task.BINARY, y, score, loss=name).mean()
        assert mean == pytest.approx(compute(name, Task.BINARY, y, score))
    accuracy = compute("accuracy_score", Task.BINARY, y, score)
    assert 1 - row_losses(Task.BINARY, y, score, loss="zero_one_loss").mean() == pytest.approx(accuracy)
    matrix = [[1 - p, p] for p in score]
    assert row_losses(Task.MULTICLASS, y, matrix) == pytest.approx(row_losses(Task.BINARY, y, score, loss="log_loss"))
    absolute = row_losses(Task.REGRESSION, y, score).mean()
    assert absolute == pytest.approx(compute("mean_absolute_error", Task.REGRESSION, y, score))


def test_row_losses_by_hand() -> None:
    assert row_losses(Task.BINARY, ["no", "yes"], [0.2, 0.6], classes=("no", "yes")) == pytest.approx([0.04, 0.16])
    multi = row_losses(Task.MULTICLASS, [2, 0], [[0.2, 0.3, 0.5], [0.25, 0.5, 0.25]])
    assert multi == pytest.approx(-np.log([0.5, 0.25]))
    assert row_losses(Task.REGRESSION, [1, 5], [3, 2]) == pytest.approx([2, 3])
    assert row_losses(Task.REGRESSION, [1, 5], [3, 2], loss="squared_error") == pytest.approx([4, 9])


def test_a_certain_and_wrong_answer_costs_much_but_not_everything() -> None:
    assert row_losses(Task.BINARY, [1], [0.0], loss="log_loss") == pytest.approx([13.8155106])


def test_losses_of_other_tasks_and_of_no_rows_are_refused() -> None:
    with pytest.raises(RefusedError, match="no row loss"):
        row_losses(Task.REGRESSION, [1.0], [1.0], loss="log_loss")
    with pytest.raises(RefusedError, match="no rows"):
        row_losses(Task.BINARY, [], [])
