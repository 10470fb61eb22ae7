"""A prediction in the review queue in words, and as JSON."""

from __future__ import annotations

import json
from typing import Any

from quarterdeck.console.cli.output import clean, text_of
from quarterdeck.console.formats import counted
from quarterdeck.console.queries.review_values import ReviewDetail
from quarterdeck.core.review_item import Item, Said

_WIDEST = 28  # characters of a field's name


def item_json(item: Item, said: list[Said] | None = None) -> dict[str, Any]:
    """With stable keys; what was kept as JSON as what it stands for. A blind item shows no answer while it waits."""
    hidden = item.blind and item.label is None
    found: dict[str, Any] = {
        "item": item.id, "model": item.model, "version": item.version, "state": item.state,
        "prediction": item.prediction_id, "entity": item.entity, "event_at": item.event_at,
        "answered_at": item.answered_at, "inputs": item.fields(), "why": item.why, "stratum": item.stratum,
        "probability": item.probability, "blind": item.blind, "reviewers": item.needed, "skips": item.skips,
        "answer": None if hidden else json.loads(item.answer), "score": None if hidden else item.score,
        "confidence": None if hidden else item.confidence,
        "probabilities": None if hidden or item.probabilities is None else json.loads(item.probabilities),
        "label": None if item.label is None else json.loads(item.label), "decided_at": item.decided_at,
        "expires_at": item.expires_at, "claimed_by": item.claimed_by, "claimed_until": item.claimed_until,
    }  # fmt: skip
    if said is not None:
        found["said"] = [
            {"person": one.person, "label": json.loads(one.label), "because": one.because, "at": one.decided_at}
            for one in said
        ]
    return found


def item_lines(detail: ReviewDetail) -> list[str]:
    """All that a person needs to judge it, a line each."""
    row = detail.row
    about = [f"item {row.id}", f"{row.model}@{row.version}", text_of(row.event_at)]
    if row.entity is not None:
        about.insert(2, row.entity)
    if row.needed > 1 or row.said:
        about.append(f"{row.said} of {counted(row.needed, 'person', 'people')} said")
    if row.skips:
        about.append(f"skipped {row.skips}x")
    lines = [clean("   ".join(about)), f"why       {clean(row.why)}"]
    lines.append(f"{clean(detail.target)[:9]:<9} {answer_words(detail)}")
    lines += [f"said      {clean(person)}: {clean(label)}" for person, label in detail.said]
    width = min(_WIDEST, max((len(field.name) for field in detail.fields), default=0))
    for field in detail.fields:
        mark = f"   <- {clean(field.mark)}" if field.mark else ""
        lines.append(f"  {clean(field.name):<{width}}  {clean(field.value)}{mark}")
    return lines


def answer_words(detail: ReviewDetail) -> str:
    """What the model said, with the probabilities of its classes."""
    if detail.row.answer is None:
        return "not shown: judge it by what was asked"
    shares = ", ".join(f"{name} {share:.2f}" for name, share in detail.classes[:6] if share is not None)
    return clean(f"{detail.row.answer}   ({shares})" if shares else detail.row.answer)
