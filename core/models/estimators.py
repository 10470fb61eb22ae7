"""An estimator by its dotted name, from the packages that may be named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from sklearn.base import BaseEstimator, is_classifier, is_regressor

from quarterdeck.core.errors import StepError
from quarterdeck.core.toml_table import expected_names
from quarterdeck.core.values import Task


def make_estimator(
    name: str, parameters: Mapping[str, Any], *, task: Task, seed: int, packages: Sequence[str] = ()
) -> Any:
    """A new estimator of scikit-learn, or of one of `packages`, with `random_state` set where it takes one.

    A seed in `parameters` wins. Raises StepError for a name or parameter that does not exist, naming the
    nearest, for another package, and for an estimator of the wrong task.
    """
    kind = _find(name, ("sklearn", *packages))
    try:
        known = kind().get_params(deep=False)
    except TypeError as error:
        raise StepError(
            f"{name} cannot be made without arguments that are estimators themselves: {error}.",
            hint="build it in a step of your own and return it fitted",
        ) from error
    for parameter in parameters:
        if parameter not in known:
            raise StepError(f"{name} has no parameter {parameter!r}.", hint=expected_names(parameter, sorted(known)))
    seeded: dict[str, Any] = {"random_state": seed} if "random_state" in known else {}
    if kind.__module__.startswith("sklearn.neighbors") and "algorithm" in known:
        seeded["algorithm"] = "brute"  # the same answers; a search tree cannot be kept
    estimator = kind(**{**seeded, **parameters})
    _check_task(estimator, name, task)
    return estimator


def _find(name: str, packages: Sequence[str]) -> type[BaseEstimator]:
    module_name, _, class_name = name.rpartition(".")
    if name.partition(".")[0] not in packages or not module_name:
        raise StepError(
            f"The estimator {name!r} is not in {' or '.join(packages)}.",
            hint='write it in full, "sklearn.linear_model.Ridge", or name its package in packages',
        )
    try:
        module = import_module(module_name)
    except ImportError as error:
        raise StepError(
            f"There is no module {module_name!r} to take the estimator from: {error}.",
            hint="check the name, and that its package is installed in the Python that runs the pipeline",
        ) from error
    found = getattr(module, class_name, None)
    if not (isinstance(found, type) and callable(getattr(found, "fit", None)) and hasattr(found, "predict")):
        names = [item for item, value in vars(module).items() if hasattr(value, "fit") and hasattr(value, "predict")]
        raise StepError(
            f"{module_name} has no estimator {class_name!r}.", hint=expected_names(class_name, sorted(names))
        )
    return found


def _check_task(estimator: Any, name: str, task: Task) -> None:
    wanted = is_regressor if task is Task.REGRESSION else is_classifier
    if not wanted(estimator):
        kind = "regressor" if task is Task.REGRESSION else "classifier"
        raise StepError(f"{name} is not a {kind}, and the pipeline's task is {task}.", hint="change one of the two")
