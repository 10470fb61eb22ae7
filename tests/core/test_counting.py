"""A Counter gives what count() gives, for any rows of any fields."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.counting import Counter
from quarterdeck.core.errors import RefusedError
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.profile import Profile, build_profile, count
from quarterdeck.core.values import Task

SIGNATURE = Signature(
    fields=(
        Field(name="speed", kind=FieldKind.NUMBER, nullable=True),
        Field(name="port", kind=FieldKind.STRING, nullable=True),
        Field(name="deck", kind=FieldKind.INTEGER, nullable=True),
        Field(name="empty", kind=FieldKind.NUMBER, nullable=True),
        Field(name="heavy", kind=FieldKind.BOOLEAN, nullable=True),
    ),
    task=Task.REGRESSION,
    target="y",
)
finite = st.floats(-1e300, 1e300)
row = st.tuples(
    st.none() | finite | st.floats(-3, 3),
    st.none() | st.sampled_from(["oslo", "riga", "bergen", "elsewhere"]),
    st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 12),
    st.none() | finite,
    st.none() | st.booleans(),
)
REFERENCE: dict[str, list[Any]] = {
    "speed": [n / 500 - 1 for n in range(1_000)],
    "port": ["oslo", "riga"] * 500,
    "deck": [n % 10 for n in range(1_000)],
    "empty": [None] * 1_000,
    "heavy": [n % 3 == 0 for n in range(1_000)],
}


def profile(*, scored: bool = True) -> Profile:
    return build_profile(REFERENCE, SIGNATURE, [n / 10 for n in range(100)] if scored else None)


@given(st.lists(st.tuples(row, finite), min_size=1, max_size=40), st.booleans())
def test_it_counts_as_count_does(answered: list[tuple[tuple[Any, ...], float]], scored: bool) -> None:
    rows, scores = [item[0] for item in answered], [item[1] for item in answered]
    known = profile(scored=scored)
    columns = {name: [values[place] for values in rows] for place, name in enumerate(SIGNATURE.names)}
    found = Counter(known, SIGNATURE.names).count(rows, scores)
    expected = count(known, columns, scores=scores)
    assert found == expected
    for name, bins in expected.features.items():  # moments are no part of what makes counts equal
        ours = found.features[name].moments
        assert (ours is None) == (bins.moments is None)
        if ours is not None and bins.moments is not None:
            assert ours.to_list() == pytest.approx(bins.moments.to_list(), rel=1e-9)
    assert found is not None and list(found.features) == list(SIGNATURE.names)


def test_values_that_stand_in_another_order_are_counted_by_their_names() -> None:
    names = tuple(reversed(SIGNATURE.names))
    found = Counter(profile(), names).count([(True, 1.0, 3, "oslo", 0.5)], [1.0])
    columns: dict[str, list[Any]] = {"speed": [0.5], "port": ["oslo"], "deck": [3], "empty": [1.0], "heavy": [True]}
    assert found == count(profile(), columns, scores=[1.0])


def test_a_profile_without_numbers_or_without_anything_else_counts_too() -> None:
    for fields in (SIGNATURE.fields[1:2], SIGNATURE.fields[:1]):
        signature = Signature(fields=fields, task=Task.REGRESSION, target="y")
        known = build_profile({fields[0].name: REFERENCE[fields[0].name]}, signature)
        assert Counter(known, signature.names).count([(None,), (None,)], [0.0, 0.0]) == count(
            known, {fields[0].name: [None, None]}
        )


def test_without_a_profile_there_are_no_bins() -> None:
    assert Counter(None, SIGNATURE.names).count([(1.0, "oslo", 1, None, True)], [1.0]) is None


def test_a_profile_of_other_fields_is_refused_when_it_is_compiled() -> None:
    with pytest.raises(RefusedError, match="'heavy'"):
        Counter(profile(), SIGNATURE.names[:-1])
