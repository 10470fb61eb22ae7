"""The steps of a pipeline as a graph, made from the parameter names of their functions.

What cannot run is refused here, before anything does: missing inputs, wrong settings, cycles, unused steps.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from quarterdeck.core.errors import ManifestError
from quarterdeck.core.manifest import StepSpec
from quarterdeck.core.toml_table import expected_names

INJECTED = ("pipeline", "report")  # keyword-only parameters that the runner fills

_Parameters = Mapping[str, inspect.Parameter]
_Problems = list[tuple[str | None, str]]  # file:line and message


@dataclass(frozen=True, kw_only=True, slots=True)
class Graph:
    """Steps in an order in which they can run: the file's, as far as the inputs allow it."""

    order: tuple[str, ...]
    steps: Mapping[str, StepSpec]
    inputs: Mapping[str, Mapping[str, str]]  # step -> its parameter -> the step that fills it
    injected: Mapping[str, frozenset[str]]  # step -> which of INJECTED its function takes

    def ready(self, done: Collection[str]) -> tuple[str, ...]:
        """The steps that are not done and whose inputs all are."""
        return tuple(
            name
            for name in self.order
            if name not in done and all(source in done for source in self.inputs[name].values())
        )

    def consumers(self, name: str) -> tuple[str, ...]:
        """The steps that take this step's result."""
        return tuple(other for other in self.order if name in self.inputs[other].values())

    def downstream(self, name: str) -> tuple[str, ...]:
        """The steps that need this one's result, directly or through others."""
        found = {name}
        for other in self.order:
            if found.intersection(self.inputs[other].values()):
                found.add(other)
        return tuple(other for other in self.order if other in found and other != name)


def build_graph(steps: Sequence[StepSpec], functions: Mapping[str, Callable[..., Any]]) -> Graph:
    """Join steps and their functions (by step name); a ManifestError lists all that cannot run."""
    specs = {step.name: step for step in steps}
    problems: _Problems = []
    inputs, injected = {}, {}
    for step in steps:
        parameters = _parameters(step, functions[step.name])
        inputs[step.name] = _inputs(step, parameters, specs, problems)
        injected[step.name] = _settings(step, parameters, problems)
    _refuse(problems)
    order = _order(specs, inputs)
    graph = Graph(order=order, steps=specs, inputs=inputs, injected=injected)
    _refuse(_unused(graph))
    return graph


def _parameters(step: StepSpec, function: Callable[..., Any]) -> _Parameters:
    try:
        return inspect.signature(function).parameters
    except (ValueError, TypeError) as error:  # some functions written in C have no signature
        message = f"step `{step.name}`: the parameters of {step.uses} cannot be known; wrap it in a function"
        raise ManifestError(message, where=step.where) from error


def _inputs(step: StepSpec, parameters: _Parameters, specs: Iterable[str], problems: _Problems) -> dict[str, str]:
    """Where each positional parameter comes from; one with a default may come from nowhere."""

    def wrong(message: str) -> None:
        problems.append((step.where, f"step `{step.name}`: {message}"))

    names = [name for name in specs if name != step.name]
    found = {}
    for parameter in parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            wrong(f"its function takes `{parameter}`; expected parameters that can be given by name")
        if parameter.kind is not parameter.POSITIONAL_OR_KEYWORD:
            continue
        source = step.inputs.get(parameter.name, parameter.name)
        if parameter.name in step.settings:
            wrong(f"`{parameter.name}` is an input, not a setting; a setting stands after `*` in the function")
        elif source in specs:
            found[parameter.name] = source
        elif source in INJECTED:
            wrong(f"`{source}` stands after `*` in the function, or is left out")
        elif parameter.default is parameter.empty or parameter.name in step.inputs:
            wrong(f"its input `{source}` is not a step; {expected_names(source, names)}")
    takes = [name for name in parameters if _is_positional(parameters, name)]
    for name in step.inputs:
        if name not in takes:
            wrong(f"`inputs` fills `{name}`, which is not an input; {expected_names(name, takes)}")
    return found


def _is_positional(parameters: _Parameters, name: str) -> bool:
    return name in parameters and parameters[name].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD


def _settings(step: StepSpec, parameters: _Parameters, problems: _Problems) -> frozenset[str]:
    """Check `with` against the keyword-only parameters; give those that the runner fills."""
    keywords = {name: item for name, item in parameters.items() if item.kind is item.KEYWORD_ONLY}
    accepted = [name for name in keywords if name not in INJECTED]
    for name in step.settings:
        if name in INJECTED and name in keywords:
            problems.append((step.where, f"step `{step.name}`: `{name}` is filled by the runner; leave it out"))
        elif name not in accepted and not _is_positional(parameters, name):
            expected = expected_names(name, accepted)
            problems.append((step.where, f"step `{step.name}`: `{name}` is not one of its settings; {expected}"))
    for name in accepted:
        if name not in step.settings and keywords[name].default is inspect.Parameter.empty:
            message = f"step `{step.name}`: its setting `{name}` is missing; give it in `with`"
            problems.append((step.where, message))
    return frozenset(name for name in keywords if name in INJECTED)


def _order(specs: Mapping[str, StepSpec], inputs: Mapping[str, Mapping[str, str]]) -> tuple[str, ...]:
    sorter = TopologicalSorter({name: tuple(inputs[name].values()) for name in specs})
    try:
        sorter.prepare()
    except CycleError as error:
        circle = error.args[1][:-1]  # each feeds the next, and the last the first
        start = circle.index(next(name for name in specs if name in circle))
        names = [*circle[start:], *circle[: start + 1]]
        message = f"the steps need each other in a circle: {' -> '.join(names)}"
        raise ManifestError(message, where=specs[names[0]].where) from error
    place = {name: at for at, name in enumerate(specs)}
    order: list[str] = []
    waiting: list[str] = []
    while sorter.is_active():
        waiting.extend(sorter.get_ready())
        waiting.sort(key=place.__getitem__)
        order.append(waiting.pop(0))
        sorter.done(order[-1])
    return tuple(order)


def _unused(graph: Graph) -> _Problems:
    """Steps that no result of the pipeline needs.

    Where a model is made, every last step either makes it or looks at it; what ends before the model was
    computed for nothing. Without a model, a last step must at least have made something of another's result.
    """
    models = _models(graph)
    reached = set(models).union(*(graph.downstream(name) for name in models))
    problems: _Problems = []
    for name in graph.order:
        if graph.consumers(name) or len(graph.order) == 1:
            continue
        if name not in reached if models else not graph.inputs[name]:
            message = f"step `{name}` is not used: no step has a parameter `{name}`; use its result or remove it"
            problems.append((graph.steps[name].where, message))
    return problems


def _models(graph: Graph) -> set[str]:
    """The steps that make a model: those handed to `evaluate` as `model`, or without it those of `fit`."""
    judged = {
        graph.inputs[name]["model"]
        for name in graph.order
        if graph.steps[name].uses == "evaluate" and "model" in graph.inputs[name]
    }
    return judged or {name for name in graph.order if graph.steps[name].uses == "fit"}


def _refuse(problems: _Problems) -> None:
    if problems:
        (where, message), *others = problems
        lines = [message, *(f"{place}: {text}" if place else text for place, text in others)]
        raise ManifestError("\n".join(lines), where=where)
