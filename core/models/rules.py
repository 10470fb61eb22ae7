"""A model that is a Python function: `f(rows: list[dict]) -> list`, one answer a row (row_answers.py says which).

Each row holds the signature's fields: numbers as float, integers as int, text as str, booleans as bool, and None for
what is missing. The dicts are the function's own to change.

What is kept is the text of the file, the function's name and the text's SHA-256. It is the user's own code, taken by
an operator's act or a run, and in the registry by its hash; nothing that a request brings is ever compiled. The file
stands alone: it may import what is installed, and nothing that lies beside it.
"""

from __future__ import annotations

import hashlib
import inspect
import math
import sys
import threading
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from quarterdeck.core.errors import InputError, IntegrityError, RefusedError, StepError
from quarterdeck.core.models.columns import Columns, row_count
from quarterdeck.core.models.predictors import Answers
from quarterdeck.core.models.row_answers import Gives, to_answers, what_it_gives
from quarterdeck.core.models.signature import FieldKind, Signature
from quarterdeck.core.toml_table import expected_names

MOST_SOURCE = 1_000_000  # characters

Rules = Callable[[list[dict[str, Any]]], Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class RulesModel:
    """A function as text. Equal text, name and form are the same model."""

    source: str
    function: str
    gives: Gives

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.source.encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        return {"source": self.source, "function": self.function, "gives": self.gives.value, "sha256": self.sha256}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> RulesModel:
        """IntegrityError where the text is not the one that was kept."""
        model = cls(source=data["source"], function=data["function"], gives=Gives(data["gives"]))
        if model.sha256 != data["sha256"]:
            raise IntegrityError("The rules are not the text that was recorded.", hint="do not use them")
        return model


class RulesPredictor:
    """Answers with the function. What it raises, and an answer that is none, is an InputError that names the row.

    Safe to call from several threads: each has the function in a module of its own, because nobody who writes rules
    thinks of a global that two calls change at once.
    """

    def __init__(self, model: RulesModel, signature: Signature) -> None:
        self.signature = signature
        self._gives = model.gives
        self._name = model.function
        self._load = partial(load_function, model.source, model.function)
        self._own = threading.local()
        self._own.function = self._load()  # text that cannot be loaded is refused now

    def predict(self, columns: Columns) -> Answers:
        rows = rows_of(columns, self.signature)
        if not rows:
            return to_answers([], 0, self.signature, self._gives)
        return self._checked(self._ask(rows, columns), row_count(columns))  # the function may have changed the list

    def _ask(self, rows: list[dict[str, Any]], columns: Columns) -> Any:
        try:
            return self._function()(rows)
        except Exception as error:  # a user's function: anything can come out of it
            raise self._first_refused(columns, error) from error

    def _function(self) -> Rules:
        """This thread's."""
        found: Rules | None = getattr(self._own, "function", None)
        if found is None:
            found = self._own.function = self._load()
        return found

    def _checked(self, found: Any, rows: int) -> Answers:
        try:
            return to_answers(found, rows, self.signature, self._gives)
        except RefusedError as error:
            raise InputError(
                f"the rules `{self._name}` answered wrongly: {error.message}", where=error.where
            ) from error

    def _first_refused(self, columns: Columns, error: Exception) -> InputError:
        """The first row that fails alone; the function has seen, and may have changed, the others."""
        for place, row in enumerate(rows_of(columns, self.signature)):
            try:
                self._function()([row])
            except Exception as alone:
                return InputError(_said(self._name, alone), where=f"row {place}")
        return InputError(_said(self._name, error))


def make_rules(source: str, function: str, columns: Columns, signature: Signature) -> RulesModel:
    """A rules model that has answered the rows of `columns`: what it gives is read off its first answer.

    StepError where the file cannot be used, or where the function fails on these rows or answers wrongly.
    """
    rows = row_count(columns)
    if not rows:
        raise StepError("There is no row to try the rules on.", hint="give rows that they can answer")
    answer = load_function(source, function)  # what is wrong with the file says so itself: no row is to blame
    try:
        found = answer(rows_of(columns, signature)[:1])
        model = RulesModel(source=source, function=function, gives=what_it_gives(found, 1, signature))
        RulesPredictor(model, signature).predict(columns)
    except (InputError, RefusedError) as error:
        raise StepError(error.message, where=error.where, hint="see to this row in the function") from error
    except Exception as error:  # the first call of a user's function
        raise StepError(_said(function, error), where="row 0") from error
    return model


def load_function(source: str, function: str) -> Rules:
    """The function, from its text, in a fresh module. StepError for text that is no module with such a function."""
    if len(source) > MOST_SOURCE:
        raise StepError(f"The rules are {len(source):,} characters long, more than {MOST_SOURCE:,}.")
    digest = hashlib.sha256(source.encode()).hexdigest()
    module = types.ModuleType(f"_quarterdeck_rules_{digest[:12]}")
    module.__package__ = ""
    sys.modules[module.__name__] = module  # where dataclasses look their own module up
    where = f"<rules {digest[:12]}>"
    try:
        exec(compile(source, where, "exec"), module.__dict__)  # noqa: S102  # the user's own, see above
    except (Exception, SystemExit) as error:
        hint = "rules stand in one file: they cannot import what lies beside it" if _beside(error) else None
        raise StepError(
            f"the rules cannot be loaded: {type(error).__name__}: {error}", where=where, hint=hint
        ) from error
    return _named(module, function)


def rows_of(columns: Columns, signature: Signature) -> list[dict[str, Any]]:
    """The rows as the function takes them, each a dict of its own."""
    names = signature.names
    values = [_typed(columns[field.name], field.kind) for field in signature.fields]
    return [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]


def _typed(values: Sequence[Any], kind: FieldKind) -> list[Any]:
    if kind is FieldKind.STRING:
        return list(values)
    as_kind = {FieldKind.NUMBER: float, FieldKind.INTEGER: int, FieldKind.BOOLEAN: bool}[kind]
    return [None if value is None or _is_nan(value) else as_kind(value) for value in values]


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _named(module: types.ModuleType, function: str) -> Rules:
    found = getattr(module, function, None)
    if found is None or not callable(found):
        own = [name for name, value in vars(module).items() if inspect.isfunction(value) and not name.startswith("_")]
        raise StepError(f"the rules have no function `{function}`", hint=expected_names(function, own))
    if inspect.iscoroutinefunction(found) or inspect.isgeneratorfunction(found):
        raise StepError(f"`{function}` is async or yields", hint="return a list with one answer a row")
    rules: Rules = found
    return rules


def _beside(error: BaseException) -> bool:
    return isinstance(error, ImportError) and "relative import" in str(error)


def _said(function: str, error: BaseException) -> str:
    return f"the rules `{function}` failed: {type(error).__name__}: {str(error)[:300]}"
