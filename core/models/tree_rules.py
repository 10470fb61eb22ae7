"""What the nodes of any tree must keep to, and the error where they do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from quarterdeck.core.errors import IntegrityError


def require_behind(children: npt.NDArray[np.int64], leaves: npt.NDArray[np.bool_]) -> None:
    """Each child of a node that is no leaf stands behind it and within the tree."""
    places = np.arange(len(children))[~leaves]
    inner = children[~leaves]
    require(bool((inner > places).all() and (inner < len(children)).all()), "a node leads out of the tree")


def require_below(indices: npt.NDArray[Any], limit: int) -> None:
    require(bool((indices >= 0).all() and (indices < limit).all()), "a node asks for a feature that is not there")


def require(holds: bool, what: str) -> None:
    if not holds:
        raise broken(what)


def broken(what: str) -> IntegrityError:
    return IntegrityError(
        f"The model file holds a decision tree that cannot be used: {what}.",
        hint="do not use it; find out who made it",
    )
