"""The two models of the comparison, trained anew in each peer's own scikit-learn: the same data, the same seed."""

from __future__ import annotations

from typing import Any

from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

NAMES = ("logistic", "forest")


def estimator(name: str) -> Any:
    """Not yet fitted."""
    if name == "logistic":
        return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1_000))
    return RandomForestClassifier(n_estimators=100, random_state=0)


def fitted(name: str, *, frame: bool = False) -> tuple[Any, Any]:
    """The model, and the rows it was trained on: 569 of 30 numbers, as an array or as a pandas frame."""
    rows, target = load_breast_cancer(return_X_y=True, as_frame=frame)
    return estimator(name).fit(rows, target), rows
