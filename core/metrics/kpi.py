"""A business KPI: a function of the user's own that says what predictions are worth, as one number.

`f(y_true, y_pred)`, or `f(y_true, y_pred, rows)` where `rows` is a polars frame with every column of the same rows,
in the same order.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from quarterdeck.core.errors import RefusedError

FORMS = "def {name}(y_true, y_pred) or def {name}(y_true, y_pred, rows)"
_PLACED = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True, kw_only=True, slots=True)
class Kpi:
    """The function, and whether it takes the rows."""

    name: str
    function: Callable[..., Any]
    takes_rows: bool

    @classmethod
    def of(cls, function: Callable[..., Any], *, name: str | None = None) -> Kpi:
        """The KPI that a function is by its signature; RefusedError for another signature."""
        called = name or str(getattr(function, "__name__", "kpi"))
        return cls(name=called, function=function, takes_rows=_takes_rows(function, called))

    def __call__(self, y_true: Any, y_pred: Any, rows: Any = None) -> float:
        """The number. `y_true` and `y_pred`: (n,). Raises what the function raises, TypeError for no number."""
        return float(self.function(y_true, y_pred, rows) if self.takes_rows else self.function(y_true, y_pred))


def as_kpi(function: Kpi | Callable[..., Any]) -> Kpi:
    return function if isinstance(function, Kpi) else Kpi.of(function)


def _takes_rows(function: Callable[..., Any], name: str) -> bool:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError) as error:
        raise _refused(name, "its parameters cannot be read") from error
    parameters = list(signature.parameters.values())
    placed = [item for item in parameters if item.kind in _PLACED]
    needed = [item for item in parameters if item.default is item.empty and item not in placed]
    if needed:  # *args, **kwargs, and keywords without a default: what they mean is not said
        raise _refused(name, f"it has {signature}")
    required = [item for item in placed if item.default is item.empty]
    takes_rows = len(placed) >= 3 and placed[2].name == "rows"
    if len(placed) < 2 or len(required) > (3 if takes_rows else 2):
        raise _refused(name, f"it has {signature}")
    return takes_rows


def _refused(name: str, found: str) -> RefusedError:
    return RefusedError(f"{name} is no KPI: {found}", hint=f"write {FORMS.format(name=name)}")
