"""The reusable steps of Quarterdeck, one a file, and how a name leads to one.

A component is a function like a user's own step: its positional parameters are its inputs, its keyword-only
ones its settings. A package adds its own through the entry point group `quarterdeck.components`. Nothing is
imported before a pipeline names it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from quarterdeck.core.errors import NotFoundError, StepError
from quarterdeck.core.toml_table import expected_names

GROUP = "quarterdeck.components"

# In the order in which a pipeline uses them.
BUILT_IN = {
    name: f"{__name__}.{name}:{name}"
    for name in (
        "read_table",
        "review_labels",
        "join_labels",
        "split_by_time",
        "split_random",
        "fit",
        "rules",
        "evaluate",
    )
}


def component_names() -> tuple[str, ...]:
    """All names that `uses` can have: ours, then those of other packages by name."""
    return (*BUILT_IN, *sorted(_added()))


def load_component(name: str) -> Callable[..., Any]:
    """The function behind a name; NotFoundError names the nearest. A package cannot replace one of ours."""
    reference = BUILT_IN.get(name)
    if reference is not None:
        module, _, function = reference.partition(":")
        loaded: Callable[..., Any] = getattr(import_module(module), function)
        return loaded
    added = _added()
    if name not in added:
        raise NotFoundError(f'there is no component "{name}"; {expected_names(name, (*BUILT_IN, *sorted(added)))}')
    try:
        found = added[name].load()
    except Exception as error:  # a user's package is a user's code
        reason = f"{type(error).__name__}: {error}"
        raise StepError(f'the component "{name}" cannot be loaded: {reason}', where=added[name].value) from error
    if not callable(found):
        raise StepError(f'the component "{name}" is a {type(found).__name__}, no function', where=added[name].value)
    return found  # type: ignore[no-any-return]  # an entry point can be anything


def _added() -> dict[str, Any]:
    # importlib.metadata takes a third of the start-up of a command; most pipelines never come here
    from importlib.metadata import entry_points

    return {entry.name: entry for entry in entry_points(group=GROUP) if entry.name not in BUILT_IN}
