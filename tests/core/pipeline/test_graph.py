"""What makes a graph of steps, and what is refused before it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.errors import ManifestError
from quarterdeck.core.manifest import StepSpec
from quarterdeck.core.pipeline.graph import Graph, build_graph


def function(signature: str) -> Callable[..., Any]:
    """A function with the given parameters, as a user would write it."""
    namespace: dict[str, Any] = {}
    exec(f"def step({signature}): ...", namespace)  # noqa: S102 - text of this test
    made: Callable[..., Any] = namespace["step"]
    return made


def graph(signatures: dict[str, str], **specs: dict[str, Any]) -> Graph:
    steps = [
        StepSpec(name=name, where=f"p.toml:{line}", **{"uses": f"steps:{name}", **specs.get(name, {})})
        for line, name in enumerate(signatures, start=1)
    ]
    return build_graph(steps, {name: function(signature) for name, signature in signatures.items()})


def refused(signatures: dict[str, str], **specs: dict[str, Any]) -> str:
    with pytest.raises(ManifestError) as caught:
        graph(signatures, **specs)
    return str(caught.value)


LOOP = {
    "evaluation": "model, split, *, pipeline",
    "model": "split, *, estimator, pipeline, report",
    "split": "features, *, holdout='30d'",
    "features": "flights, weather",
    "flights": "*, source",
    "weather": "*, source",
}
GIVEN: dict[str, dict[str, Any]] = {
    "flights": {"settings": {"source": "a"}},
    "weather": {"settings": {"source": "b"}},
    "model": {"settings": {"estimator": "x"}, "uses": "fit"},
    "evaluation": {"uses": "evaluate"},
}


def test_inputs_come_from_parameter_names_whatever_the_order_of_the_file() -> None:
    made = graph(LOOP, **GIVEN)
    assert made.order == ("flights", "weather", "features", "split", "model", "evaluation")
    assert made.inputs["evaluation"] == {"model": "model", "split": "split"}
    assert made.inputs["flights"] == {}
    assert made.injected["model"] == {"pipeline", "report"}
    assert made.injected["features"] == frozenset()


def test_a_step_is_ready_when_its_inputs_are_done() -> None:
    made = graph(LOOP, **GIVEN)
    assert made.ready(()) == ("flights", "weather")
    assert made.ready({"flights"}) == ("weather",)
    assert made.ready({"flights", "weather", "features", "split"}) == ("model",)
    assert made.ready(set(LOOP)) == ()


def test_consumers_are_direct_and_downstream_is_not() -> None:
    made = graph(LOOP, **GIVEN)
    assert made.consumers("split") == ("model", "evaluation")
    assert made.downstream("weather") == ("features", "split", "model", "evaluation")


def test_an_input_can_be_renamed() -> None:
    made = graph({"voyages": "", "split": "table"}, split={"inputs": {"table": "voyages"}})
    assert made.inputs["split"] == {"table": "voyages"}


def test_an_input_with_a_default_may_come_from_nowhere() -> None:
    assert graph({"a": "", "b": "a, weather=None"}).inputs["b"] == {"a": "a"}
    assert graph({"a": "", "weather": "", "b": "a, weather=None"}).inputs["b"] == {
        "a": "a",
        "weather": "weather",
    }


@pytest.mark.parametrize(
    ("signatures", "specs", "said"),
    [
        (
            {"flights": "", "features": "flight"},
            {},
            ["p.toml:2: step `features`: its input `flight` is not a step", "did you mean `flights`?"],
        ),
        ({"a": "", "b": "a, x"}, {"b": {"inputs": {"x": "c"}}}, ["its input `c` is not a step"]),
        (
            {"a": "", "b": "a=None"},
            {"b": {"inputs": {"a": "c"}}},
            ["its input `c` is not a step"],
        ),
        (
            {"a": "", "b": "a"},
            {"b": {"inputs": {"x": "a"}}},
            ["`inputs` fills `x`, which is not an input; expected a"],
        ),
        ({"a": "*, source"}, {}, ["its setting `source` is missing"]),
        (
            {"a": "*, source, last=None"},
            {"a": {"settings": {"source": 1, "lst": 2}}},
            ["`lst` is not one of its settings; expected one of source, last", "`last`?"],
        ),
        ({"a": ""}, {"a": {"settings": {"x": 1}}}, ["`x` is not one of its settings; none is expected"]),
        (
            {"a": "", "b": "a, days=3"},
            {"b": {"settings": {"days": 4}}},
            ["`days` is an input, not a setting"],
        ),
        ({"a": "*, pipeline"}, {"a": {"settings": {"pipeline": 1}}}, ["filled by the runner"]),
        ({"a": "", "b": "a, pipeline"}, {}, ["`pipeline` stands after `*`"]),
        ({"a": "", "b": "a, *others"}, {}, ["its function takes `*others`"]),
        ({"a": "", "b": "a, **others"}, {}, ["its function takes `**others`"]),
        (
            {"a": "", "b": "a, /"},
            {},
            ["its function takes `a`; expected parameters that can be given by name"],
        ),
        (
            {"a": "c", "b": "a", "c": "b"},
            {},
            ["p.toml:1: the steps need each other in a circle: a -> b -> c -> a"],
        ),
        ({"a": "a"}, {}, ["circle: a -> a"]),
    ],
)
def test_what_cannot_run_is_refused(
    signatures: dict[str, str], specs: dict[str, dict[str, Any]], said: list[str]
) -> None:
    message = refused(signatures, **specs)
    for part in said:
        assert part in message


def test_all_that_is_wrong_is_named_at_once() -> None:
    message = refused({"a": "*, source", "b": "a, x, y"})
    assert [line[:9] for line in message.splitlines()] == ["p.toml:1:", "p.toml:2:", "p.toml:2:"]


def test_a_source_that_is_read_for_nothing_is_refused() -> None:
    message = refused({"a": "", "weather": "", "b": "a"})
    assert message.startswith("p.toml:2: step `weather` is not used")


def test_a_step_that_ends_before_the_model_is_refused() -> None:
    message = refused({**LOOP, "cleaned": "flights"}, **GIVEN)
    assert message.startswith("p.toml:7: step `cleaned` is not used")


def test_a_second_model_that_nothing_judges_is_refused() -> None:
    spec = {"settings": {"estimator": "x"}, "uses": "fit"}
    assert "step `other` is not used" in refused({**LOOP, "other": "split, *, estimator"}, **GIVEN, other=spec)


def test_a_step_that_looks_at_the_model_is_a_good_end() -> None:
    assert graph({**LOOP, "explained": "model, split"}, **GIVEN).order[-1] == "explained"


def test_a_model_without_an_evaluation_is_a_good_end() -> None:
    assert graph({"a": "", "m": "a"}, m={"uses": "fit"}).order == ("a", "m")


def test_a_single_step_needs_no_consumer() -> None:
    assert graph({"a": ""}).order == ("a",)


def test_a_function_without_a_known_signature_is_refused() -> None:
    with pytest.raises(ManifestError, match="cannot be known") as caught:
        build_graph([StepSpec(name="a", uses="steps:a", where="p.toml:1")], {"a": dict.update})
    assert caught.value.where == "p.toml:1"


@given(st.lists(st.sets(st.integers(0, 7)), min_size=1, max_size=8), st.randoms())
def test_every_step_comes_after_its_inputs_and_running_what_is_ready_runs_all(
    needs: list[set[int]], random: Any
) -> None:
    signatures = {f"s{at}": ", ".join(f"s{n}" for n in sorted(some) if n < at) for at, some in enumerate(needs)}
    # one last step takes all, so that none is unused
    signatures["end"] = ", ".join(signatures)
    names = list(signatures)
    random.shuffle(names)
    made = graph({name: signatures[name] for name in names})
    done: list[str] = []
    while waiting := made.ready(done):
        done.append(waiting[-1])
    for order in (made.order, done):
        assert sorted(order) == sorted(names)
        for at, name in enumerate(order):
            assert set(made.inputs[name].values()) <= set(order[:at])
