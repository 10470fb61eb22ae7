"""Parameters of histogram boosting that speak of columns, turned from the features' order into the prepared one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from quarterdeck.core.errors import StepError
from quarterdeck.core.toml_table import expected_names


def place_columns(estimator: Any, names: Sequence[str], prepared: Sequence[str]) -> None:
    """Sets `categorical_features` and `monotonic_cst` of an unfitted estimator to what it will see.

    The first may be names, places or a mask, the second one value a feature or a table by name; both count the
    features in the order of `names`, which the model sees in the order of `prepared`. Raises StepError for a
    column that is not there. `categorical_features = "from_dtype"` stays, and chooses nothing: a prepared column
    is a number.
    """
    chosen, signs = estimator.categorical_features, estimator.monotonic_cst
    if chosen is not None and not isinstance(chosen, str):
        wanted = _names_of(chosen, names, "categorical_features")
        estimator.categorical_features = [name in wanted for name in prepared]
    if isinstance(signs, dict):
        _names_of(signs, names, "monotonic_cst")
        estimator.monotonic_cst = [signs.get(name, 0) for name in prepared]
    elif signs is not None:
        if len(signs) != len(names):
            raise StepError(f"monotonic_cst has {len(signs)} values for {len(names)} features.", hint="one a feature")
        by_name = dict(zip(names, signs, strict=True))
        estimator.monotonic_cst = [by_name[name] for name in prepared]


def _names_of(chosen: Iterable[Any], names: Sequence[str], parameter: str) -> set[str]:
    """The features that names, places or a mask choose."""
    given = np.asarray(list(chosen)).tolist()
    if all(isinstance(one, bool) for one in given) and given:
        if len(given) != len(names):
            raise StepError(f"{parameter} has {len(given)} values for {len(names)} features.", hint="one a feature")
        return {name for name, yes in zip(names, given, strict=True) if yes}
    found = set()
    for one in given:
        if isinstance(one, str) and one not in names:
            raise StepError(f"{parameter} names {one!r}, which is no feature.", hint=expected_names(one, names))
        if isinstance(one, int) and not -len(names) <= one < len(names):
            raise StepError(f"{parameter} asks for column {one} of {len(names)}.", hint="columns count from 0")
        found.add(names[one] if isinstance(one, int) else str(one))
    return found
