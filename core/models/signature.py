"""What a model takes and gives: the names, kinds and learned ranges of its fields, and its classes.

Kept with every version as JSON; the prediction server compiles its request checks from it, so it must load without
numpy.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from quarterdeck.core.values import Task


class FieldKind(StrEnum):
    NUMBER = "number"  # float64
    INTEGER = "integer"  # int64
    STRING = "string"
    BOOLEAN = "boolean"


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One input column. `minimum`, `maximum` and `categories` are what training saw."""

    name: str
    kind: FieldKind
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    categories: tuple[str, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        # by hand: asdict() copies deeply, which is half the time of registering a version
        return {
            "name": self.name,
            "kind": self.kind.value,
            "nullable": self.nullable,
            "minimum": self.minimum,
            "maximum": self.maximum,
            "categories": None if self.categories is None else list(self.categories),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Signature:
    """The fields in the order the model takes them, and what it answers."""

    fields: tuple[Field, ...]
    task: Task
    target: str
    entity: str | None = None
    time: str | None = None
    classes: tuple[str | int, ...] | None = None  # in the order of the probabilities; None for regression

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.fields)

    @property
    def positive(self) -> str | int | None:
        """The class whose probability is a binary model's score: the greater of the two."""
        return self.classes[1] if self.classes and self.task is Task.BINARY else None

    def to_json(self) -> dict[str, Any]:
        return {
            "fields": [field.to_json() for field in self.fields],
            "task": self.task.value,
            "target": self.target,
            "entity": self.entity,
            "time": self.time,
            "classes": None if self.classes is None else list(self.classes),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Signature:
        fields = tuple(
            Field(
                name=item["name"],
                kind=FieldKind(item["kind"]),
                nullable=item["nullable"],
                minimum=item["minimum"],
                maximum=item["maximum"],
                categories=None if item["categories"] is None else tuple(item["categories"]),
            )
            for item in data["fields"]
        )
        classes = None if data["classes"] is None else tuple(data["classes"])
        return cls(
            fields=fields,
            task=Task(data["task"]),
            target=data["target"],
            entity=data["entity"],
            time=data["time"],
            classes=classes,
        )
