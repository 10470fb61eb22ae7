"""A label as a person types it. What a client sends is tested with the server's feedback."""

from __future__ import annotations

import pytest

from quarterdeck.core.errors import InputError
from quarterdeck.core.labels import label_json, typed_label
from quarterdeck.core.models.signature import Signature
from quarterdeck.core.values import Task

BINARY = Signature(fields=(), task=Task.BINARY, target="late", classes=(0, 1))
KINDS = Signature(fields=(), task=Task.MULTICLASS, target="kind", classes=("1", "high", "low"))
FUEL = Signature(fields=(), task=Task.REGRESSION, target="tons")


@pytest.mark.parametrize(
    ("text", "signature", "label"),
    [("1", BINARY, 1), ("1", KINDS, "1"), ("high", KINDS, "high"), ("2.5", FUEL, 2.5), ("-3", FUEL, -3.0)],
)
def test_a_typed_label_has_the_kind_of_the_models(text: str, signature: Signature, label: object) -> None:
    found = typed_label(text, signature)
    assert found == label and type(found) is type(label)


@pytest.mark.parametrize(
    ("text", "signature"),
    [("2", BINARY), ("yes", BINARY), ("", BINARY), ("hihg", KINDS), ("nan", FUEL), ("inf", FUEL), ("much", FUEL)],
)
def test_what_cannot_be_a_label_is_refused(text: str, signature: Signature) -> None:
    with pytest.raises(InputError):
        typed_label(text, signature)


def test_a_label_is_written_as_the_log_writes_it() -> None:
    assert [label_json(label) for label in (1, "é", 2.0)] == ["1", '"é"', "2.0"]
