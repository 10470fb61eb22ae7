"""A model card as a value: sections of plain text, lists, facts and tables. card_sections.py writes them.

Everything in it is plain text, a user's words included: card_markdown.py escapes, the console draws it as it is.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from quarterdeck.core.approval import Approval
from quarterdeck.core.evaluation import Evaluation
from quarterdeck.core.ledger import Entry
from quarterdeck.core.registry import Version
from quarterdeck.core.runs import Run


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Bullets:
    items: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """Names and values."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Every row has a cell for each column; `right` are the places of the columns that stand to the right."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[int, ...] = ()


Block = Text | Bullets | Facts | Table
_KINDS: dict[type, str] = {Text: "text", Bullets: "list", Facts: "facts", Table: "table"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """`as_of` says up to which ledger entry it is true."""

    title: str
    as_of: str
    sections: tuple[Section, ...]

    def to_json(self) -> dict[str, Any]:
        sections = [
            {
                "title": section.title,
                "blocks": [{"kind": _KINDS[type(block)]} | asdict(block) for block in section.blocks],
            }
            for section in self.sections
        ]
        return {"title": self.title, "as_of": self.as_of, "sections": sections}


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """What bears the names of the model in one environment; `weight` percent of the requests go to the challenger."""

    environment: str
    champion: int | None = None
    challenger: int | None = None
    previous: int | None = None
    weight: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class CardFacts:
    """All that a card is written from, as the store had it in one look.

    `no_evaluation` says why there is none. `champion` is the environment's champion where that is another version.
    `history` are the version's ledger entries, the newest first. `lineage`: (step, "in" or "out", name, sha256).
    """

    version: Version
    environment: str
    last_entry: Entry | None
    evaluation: Evaluation | None = None
    no_evaluation: str = ""
    description: str = ""
    owner: str = ""
    from_store: bool = False  # description and owner: the pipeline's folder cannot be read any more
    run: Run | None = None
    cause: str = ""
    lineage: tuple[tuple[str, str, str, str], ...] = ()
    approvals: tuple[Approval, ...] = ()
    approvals_needed: int = 0
    names: tuple[Named, ...] = ()
    rollout: str = ""  # the one under way, in words
    champion: Version | None = None
    history: tuple[Entry, ...] = ()

    @property
    def here(self) -> Named:
        return next((item for item in self.names if item.environment == self.environment), _nobody(self.environment))


def _nobody(environment: str) -> Named:
    return Named(environment=environment)


def moment(at: datetime | None) -> str:
    """To the minute, UTC; midnight is the day alone."""
    if at is None:
        return "unknown"
    return f"{at:%Y-%m-%d}" if (at.hour, at.minute) == (0, 0) else f"{at:%Y-%m-%d %H:%M} UTC"
