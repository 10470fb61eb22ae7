"""Answers as tensors, also where a challenger gives a part of them."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.values import Task
from quarterdeck.scheduler.serving.forms import Written
from quarterdeck.scheduler.serving.protocols import Plain
from quarterdeck.scheduler.serving.v2.answers import Outputs, TensorForm
from quarterdeck.scheduler.serving.v2.wire import Wanted

IDS = ["p0", "p1"]


def live(number: int, *classes: str | int) -> Any:
    task = Task.MULTICLASS if classes else Task.REGRESSION
    signature = Signature(fields=(), task=task, target="y", classes=classes or None)
    return SimpleNamespace(number=number, planned=SimpleNamespace(model="m", signature=signature))


def form(champion: Any, *wanted: str, binary: bool = False, identifier: str | None = None) -> TensorForm:
    outputs = Outputs.of(champion.planned.signature, probabilities=True)
    return TensorForm(outputs, [Wanted(name, binary) for name in wanted or outputs.names], identifier)


def labels(*found: str | int, probabilities: list[list[float]] | None = None) -> Plain:
    return Plain(None, list(found), probabilities, [0.5] * len(found))


def test_a_batchs_rows_from_the_start_on_are_written() -> None:
    body = form(live(3)).whole(live(3), IDS, Plain([9.0, 1.0, 2.0], None, None, [0.0] * 3), 1)
    assert json.loads(body) == {
        "model_name": "m",
        "model_version": "3",
        "outputs": [
            {"name": "value", "shape": [2], "datatype": "FP64", "data": [1.0, 2.0]},
            {"name": "id", "shape": [2], "datatype": "BYTES", "data": IDS},
        ],
    }


def test_binary_outputs_stand_behind_the_json_in_their_order() -> None:
    written = form(live(1), "id", "value", binary=True)
    body = written.whole(live(1), IDS, Plain([1.0, 2.0], None, None, [0.0] * 2), 0)
    assert written.json_length is not None
    assert body[written.json_length :] == b"\2\0\0\0p0\2\0\0\0p1" + np.array([1.0, 2.0]).tobytes()


@pytest.mark.parametrize(
    ("classes", "datatype"), [((0, 1), "INT64"), (("a", "b"), "BYTES"), ((0, "b"), "BYTES"), ((0, 2**63), "BYTES")]
)
def test_labels_are_integers_where_all_classes_are(classes: tuple[Any, ...], datatype: str) -> None:
    (output,) = json.loads(form(live(1, *classes), "label").whole(live(1, *classes), IDS[:1], labels(classes[0]), 0))[
        "outputs"
    ]
    expected = classes[0] if datatype == "INT64" else str(classes[0])
    assert (output["datatype"], output["data"]) == (datatype, [expected])


def test_parts_of_two_versions_are_joined_in_the_rows_order_and_the_champions_classes() -> None:
    champion, challenger = live(1, "a", "b"), live(2, "b", "a")
    written = form(champion, "label", "probabilities", identifier="seven")
    ours = written.part(champion, IDS[:1], labels("a", probabilities=[[0.9, 0.1]]), 0, mixed=True)
    theirs = written.part(challenger, IDS[1:], labels("b", probabilities=[[0.8, 0.2]]), 0, mixed=True)
    body = json.loads(written.joined(champion, [Written([1], champion, ours), Written([0], challenger, theirs)], 2))
    assert (body["model_version"], body["id"], body["parameters"]) == ("1", "seven", {"versions": "2,1"})
    assert [output["data"] for output in body["outputs"]] == [["b", "a"], [0.2, 0.8, 0.9, 0.1]]


def test_a_part_that_is_the_whole_is_its_versions() -> None:
    champion, challenger = live(1), live(2)
    written = form(champion)
    part = written.part(challenger, IDS, Plain([1.0, 2.0], None, None, [0.0] * 2), 0, mixed=False)
    body = json.loads(written.joined(champion, [Written([0, 1], challenger, part)], 2))
    assert (body["model_version"], body.get("parameters")) == ("2", None)


@pytest.mark.parametrize(
    ("challenger", "answers"),
    [
        (live(2, "a", "c"), labels("a", probabilities=[[0.9, 0.1]])),
        (live(2, "a", "b"), labels("c", probabilities=[[0.9, 0.1]])),
        (live(2, "a", "b"), labels("a")),
    ],
)
def test_what_is_no_answer_in_the_champions_terms_is_the_challengers_failure(challenger: Any, answers: Plain) -> None:
    with pytest.raises(QuarterdeckError):
        form(live(1, "a", "b")).part(challenger, IDS[:1], answers, 0, mixed=True)


def test_rows_of_two_versions_stand_in_their_order_and_name_their_version(line_lab: Any) -> None:
    line_lab.challenge("line", 2)
    line_lab.split("line", 2, 50)
    server = line_lab.start()
    line_lab.wait_until(lambda: server.endpoint("line")["weight"] == 50)
    columns = {
        "a": ("FP64", [3.0] * 40),
        "b": ("FP64", [1.0] * 40),
        "ship": ("BYTES", [f"ship {number}" for number in range(40)]),
    }
    inputs = [
        {"name": name, "shape": [40], "datatype": datatype, "data": data} for name, (datatype, data) in columns.items()
    ]
    body = server.client.post("/v2/models/line/infer", json={"inputs": inputs}).json()
    versions = [int(number) for number in body["parameters"]["versions"].split(",")]
    values, ids = (output["data"] for output in body["outputs"])
    assert set(versions) == {1, 2}
    assert body["model_version"] == "1"
    assert values == [3.0 * version + 1.0 for version in versions]
    logged = line_lab.wait_until(lambda: (rows := line_lab.logged("arm != 'shadow'")) and len(rows) == 40 and rows)
    assert {row.id: row.version for row in logged} == dict(zip(ids, versions, strict=True))


def test_a_challengers_own_fields_may_be_sent_as_tensors_too(line_lab: Any) -> None:
    signature = Signature(fields=(Field(name="c", kind=FieldKind.NUMBER),), task=Task.REGRESSION, target="y")
    line_lab.challenge("line", line_lab.add_onnx("line", line_lab.column_model(), signature))
    line_lab.split("line", 3, 100, shadow=False)
    server = line_lab.start()
    fields = server.client.get("/openapi.json").json()["components"]["schemas"]["row_of_line"]
    assert "c" in fields["properties"] and fields["required"] == ["a", "b"]

    def ask(*inputs: Any) -> Any:
        tensors = [{"name": name, "shape": shape, "datatype": "FP64", "data": data} for name, shape, data in inputs]
        return server.client.post("/v2/models/line/infer", json={"inputs": tensors})

    both = [("a", [1], [1.0]), ("b", [1], [2.0])]
    body = ask(*both, ("c", [1, 1], [4.0])).json()
    assert (body["model_version"], body["outputs"][0]["data"]) == ("3", [40.0])
    body = ask(("numbers", [1, 2], [1.0, 2.0])).json()  # without it the champion steps in
    assert (body["model_version"], body["outputs"][0]["data"]) == ("1", [3.0])
    assert ask(*both, ("d", [1], [4.0])).status_code == 422
    inputs = {"inputs": [{"name": "c", "shape": [1], "datatype": "FP64", "data": [4.0]}]}
    alone = server.client.post("/v2/models/line/versions/3/infer", json=inputs).json()
    assert alone["outputs"][0]["data"] == [40.0]
