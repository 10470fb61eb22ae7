"""What the server answers with any estimator of scikit-learn is what that estimator answers itself.

The estimators, their tables and the way through artifacts, loading and reading are benchmarks/parity.py's.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from threadpoolctl import threadpool_limits

from quarterdeck.core.values import Engine

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
TREES = (
    *("AdaBoostRegressor", "BaggingRegressor", "DecisionTreeRegressor", "ExtraTreeRegressor", "ExtraTreesRegressor"),
    *("GradientBoostingRegressor", "HistGradientBoostingRegressor", "RandomForestRegressor"),
    *("AdaBoostClassifier", "BaggingClassifier", "DecisionTreeClassifier", "ExtraTreeClassifier"),
    *("ExtraTreesClassifier", "GradientBoostingClassifier", "HistGradientBoostingClassifier"),
    *("RandomForestClassifier",),
)
# The usual ones must stay on the fast path.
FAST = {
    *TREES,
    *("LinearRegression", "Ridge", "Lasso", "ElasticNet", "LogisticRegression", "SGDClassifier", "LinearSVC"),
    *("SVC", "SVR", "NuSVC", "NuSVR", "KNeighborsClassifier", "KNeighborsRegressor", "GaussianNB", "MLPClassifier"),
    *("MLPRegressor", "VotingClassifier", "VotingRegressor", "StackingClassifier", "StackingRegressor"),
    *("LinearDiscriminantAnalysis", "QuadraticDiscriminantAnalysis", "PoissonRegressor", "GammaRegressor"),
}


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Boosting on so few rows only waits for its threads."""
    with threadpool_limits(1):
        yield


def _module(name: str) -> Any:
    sys.path.insert(0, str(BENCHMARKS))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(BENCHMARKS))


parity, parity_cases = _module("parity"), _module("parity_cases")


def _cases() -> list[Any]:
    """Each estimator's last case, the hardest, is quick to run; all of them take a minute."""
    last = {case.name: case for case in parity_cases.cases()}
    return [
        pytest.param(case, id=str(case), marks=() if last[case.name] == case else pytest.mark.slow)
        for case in parity_cases.cases()
    ]


@pytest.mark.parametrize("case", _cases())
def test_the_server_answers_as_the_estimator_itself(case: Any) -> None:
    found = parity.outcome(case)
    assert found.engine is not None, found.reason
    assert found.wrong is None
    assert found.reason and "\n" not in found.reason
    assert not set("<>") & set(found.reason)  # plain words, no names of Python's or ONNX Runtime's types
    assert "ONNXRuntimeError" not in found.reason
    if case.name in FAST:
        assert found.engine == Engine.ONNX, found.reason


def test_every_estimator_is_tried_but_those_of_several_targets() -> None:
    tried = {case.kind for case in parity_cases.cases()}
    assert {kind.__name__ for kind in parity_cases.kinds() if kind not in tried} == parity_cases.SEVERAL_TARGETS


@pytest.mark.parametrize("name", TREES)
def test_trees_are_asked_rows_exactly_on_their_thresholds(name: str) -> None:
    case = next(case for case in parity_cases.cases() if case.name == name and case.table == parity_cases.MIXED)
    model = parity_cases.fitted(case)
    assert len(parity_cases.asked(case, model)) > 60  # more than the fresh ones
    assert parity_cases.thresholds(model, "a") or parity_cases.thresholds(model, "b")
