"""Answers as tensors: `value`, or `label` and `probabilities`, and `id`, the predictions' own ids for the feedback.

Where a request's rows were answered by several versions, the outputs stand in the order of the rows as ever, in the
champion's datatypes and order of classes; `model_version` is the champion's, and the parameter `versions` names the
version of each row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.core.models.signature import Signature
from quarterdeck.core.values import Task
from quarterdeck.scheduler.serving.forms import Written
from quarterdeck.scheduler.serving.live import LiveModel
from quarterdeck.scheduler.serving.protocols import Plain, encode
from quarterdeck.scheduler.serving.v2.binary import BYTES, pack
from quarterdeck.scheduler.serving.v2.wire import Wanted

VALUE, LABEL, PROBABILITIES, ID = "value", "label", "probabilities", "id"

Columns = Mapping[str, Sequence[Any]]  # output -> one item a row


class Outputs(NamedTuple):
    """What a version gives, as tensors."""

    datatypes: dict[str, str]  # by name, in order
    classes: tuple[str | int, ...]

    @classmethod
    def of(cls, signature: Signature, *, probabilities: bool) -> Outputs:
        if signature.task is Task.REGRESSION:
            return cls({VALUE: "FP64", ID: BYTES}, ())
        classes = signature.classes or ()
        numbers = all(label.__class__ is int and -(2**63) <= label < 2**63 for label in classes)
        found = {LABEL: "INT64" if numbers else BYTES}
        if probabilities:
            found[PROBABILITIES] = "FP64"
        return cls({**found, ID: BYTES}, classes)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.datatypes)


class TensorForm:
    """The form of one request's answer; `json_length` is known when it is written and has binary tensors."""

    def __init__(self, outputs: Outputs, wanted: Sequence[Wanted], identifier: str | None) -> None:
        self._outputs = outputs
        self._wanted = wanted
        self._identifier = identifier
        self.json_length: int | None = None

    def whole(self, live: LiveModel, ids: Sequence[str], answers: Plain, start: int) -> bytes:
        return self._body(live, self.part(live, ids, answers, start, mixed=False), len(ids))

    def part(self, live: LiveModel, ids: Sequence[str], answers: Plain, start: int, *, mixed: bool) -> Columns:
        return {wanted.name: self._column(wanted.name, live, ids, answers, start) for wanted in self._wanted}

    def joined(self, champion: LiveModel, parts: Sequence[Written], rows: int) -> bytes:
        if len(parts) == 1:
            return self._body(parts[0].live, parts[0].part, rows)
        columns: dict[str, list[Any]] = {wanted.name: [None] * rows for wanted in self._wanted}
        versions = [0] * rows
        for written in parts:
            for row, place in enumerate(written.places):
                versions[place] = written.live.number
                for name, column in columns.items():
                    column[place] = written.part[name][row]
        return self._body(champion, columns, rows, {"versions": ",".join(map(str, versions))})

    def _column(self, name: str, live: LiveModel, ids: Sequence[str], answers: Plain, start: int) -> Sequence[Any]:
        if name == ID:
            return ids
        found = {VALUE: answers.values, LABEL: answers.labels, PROBABILITIES: answers.probabilities}[name]
        if found is None:
            raise QuarterdeckError(f"the model gave no {name}")
        column = found[start : start + len(ids)]
        classes = live.planned.signature.classes or ()
        if name == PROBABILITIES and classes != self._outputs.classes:
            return self._reordered(column, classes)
        if name == LABEL and not set(column) <= set(self._outputs.classes):
            raise QuarterdeckError("the model gave a label that is none of the champion's classes")
        return _texts(column) if name == LABEL and self._outputs.datatypes[name] == BYTES else column

    def _reordered(self, rows: Sequence[Any], classes: Sequence[str | int]) -> list[list[float]]:
        """A challenger's probabilities in the order of the champion's classes."""
        if set(classes) != set(self._outputs.classes):
            raise QuarterdeckError("the model's classes are not the champion's")
        places = [classes.index(label) for label in self._outputs.classes]
        return [[row[place] for place in places] for row in rows]

    def _body(self, live: LiveModel, columns: Columns, rows: int, more: dict[str, str] | None = None) -> bytes:
        head: dict[str, Any] = {"model_name": live.planned.model, "model_version": str(live.number)}
        if self._identifier is not None:
            head["id"] = self._identifier
        if more:
            head["parameters"] = more
        outputs, behind = [], []
        for wanted in self._wanted:
            shape, values, datatype = [rows], columns[wanted.name], self._outputs.datatypes[wanted.name]
            if wanted.name == PROBABILITIES:
                shape, values = [rows, len(self._outputs.classes)], [item for row in values for item in row]
            output: dict[str, Any] = {"name": wanted.name, "shape": shape, "datatype": datatype}
            if wanted.binary:
                behind.append(pack(values, datatype))
                output["parameters"] = {"binary_data_size": len(behind[-1])}
            else:
                output["data"] = values
            outputs.append(output)
        body = encode({**head, "outputs": outputs})
        self.json_length = len(body) if behind else None
        return b"".join((body, *behind))


def _texts(labels: Sequence[Any]) -> list[str]:
    return [label if label.__class__ is str else encode(label).decode() for label in labels]
