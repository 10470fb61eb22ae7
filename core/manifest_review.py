"""Read and check `[review]` of a pipeline.toml."""

from __future__ import annotations

from quarterdeck.core.review_spec import ReviewSpec
from quarterdeck.core.toml_table import Table, shown
from quarterdeck.core.values import Task

# Every key that the table may have; the documentation is tested against these.
REVIEW_KEYS = (
    "confidence_below",
    "outside_range",
    "random_share",
    "most_waiting",
    "reviewers",
    "blind",
    "expires",
    "reasons",
)
MOST_REASONS = 20
LONGEST_REASON = 40  # characters


def read_review(root: Table, task: Task) -> ReviewSpec | None:
    """The table as a value, None where there is none; what is wrong goes to the table's problems."""
    if "review" not in root:
        return None
    table, default = root.table("review"), ReviewSpec()
    table.only(REVIEW_KEYS)
    spec = ReviewSpec(
        confidence_below=_confidence(table, task),
        outside_range=table.flag("outside_range", default.outside_range),
        random_share=table.number(
            "random_share", default.random_share, expected="a share from 0 to 1", check=lambda found: 0 <= found <= 1
        ),
        most_waiting=table.integer("most_waiting", default.most_waiting, minimum=1, maximum=100_000),
        reviewers=table.integer("reviewers", default.reviewers, minimum=1, maximum=2),
        blind=table.flag("blind", default.blind),
        expires=table.duration("expires", default.expires),
        reasons=_reasons(table),
    )
    if spec.random_share == 0 and spec.confidence_below is None and not spec.outside_range:
        table.wrong("random_share", "is 0, and nothing else chooses a prediction; expected a share above 0")
    return spec


def _confidence(table: Table, task: Task) -> float | None:
    if task is Task.REGRESSION and "confidence_below" in table:
        table.wrong("confidence_below", "is for classifiers: a value has no confidence; expected `outside_range`")
        return None
    return table.number(
        "confidence_below",
        None,
        expected="a probability above 0, up to 1",
        check=lambda found: 0 < found <= 1,
    )


def _reasons(table: Table) -> tuple[str, ...]:
    found = table.values.get("reasons", [])
    if not isinstance(found, list) or len(found) > MOST_REASONS or not all(_is_reason(item) for item in found):
        expected = f"at most {MOST_REASONS} texts of up to {LONGEST_REASON} printable characters"
        table.wrong("reasons", f"is {shown(found)}; expected {expected}")
        return ()
    return tuple(dict.fromkeys(found))


def _is_reason(item: object) -> bool:
    return isinstance(item, str) and 0 < len(item.strip()) <= LONGEST_REASON and item.isprintable()
