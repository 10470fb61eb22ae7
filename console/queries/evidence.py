"""A firing's evidence in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from quarterdeck.console.formats import counted, number
from quarterdeck.core.operations import Firing

_SHOWN = 3  # names of many


def in_words(firing: Firing) -> str:
    """What a trigger went by, or "" where nothing is kept: a person fired it, or the store is of before."""
    evidence = firing.evidence
    for key, words in _WORDS.items():
        if key in evidence:
            return words(evidence)
    return ""


def _planned(evidence: Mapping[str, Any]) -> str:
    missed = evidence.get("missed")
    more = f", for {counted(int(missed) + 1, 'due time')} that passed meanwhile" if missed else ""
    return f"due at {_minute(evidence['planned'])}{more}"


def _missed(evidence: Mapping[str, Any]) -> str:
    return f"{counted(int(evidence['missed']), 'due time')} missed from {_minute(evidence.get('since'))} on"


def _psi(evidence: Mapping[str, Any]) -> str:
    found = evidence["psi"]
    ordered = sorted(found, key=lambda name: -(found[name] or 0.0))
    shown = ", ".join(f"{name} {number(found[name])}" for name in ordered[:_SHOWN])
    rest = f" and {len(ordered) - _SHOWN} more" if len(ordered) > _SHOWN else ""
    loss = {True: "; the model has become worse there", False: "; the model is as good there as it was"}
    said = loss.get(evidence.get("loss"), "; no label tells whether the model has become worse")  # type: ignore[arg-type]
    window = f" in the window from {_minute(evidence.get('window'))}" if evidence.get("window") else ""
    return f"{counted(len(ordered), 'feature')} drifted{window}, by PSI {shown}{rest}{said}"


def _windows(evidence: Mapping[str, Any]) -> str:
    values = " and ".join(number(value) for _, value, _ in evidence["windows"][-_SHOWN:])
    kind = "estimated at " if evidence.get("estimated") else ""
    count = len(evidence["windows"])
    since = _minute(evidence["windows"][0][0]) if count else "-"
    row = f"in {count} windows in a row from {since} on" if count > 1 else f"in the window from {since}"
    return f"{evidence.get('metric')} was {kind}{values} {row}; at training it was {number(evidence.get('reference'))}"


def _labels(evidence: Mapping[str, Any]) -> str:
    since = evidence.get("since_run")
    after = f"since run {since}" if since is not None else "since the first answer"
    return f"{counted(int(evidence['labels']), 'label')} {after}; {evidence.get('wanted')} were asked for"


def _files(evidence: Mapping[str, Any]) -> str:
    names = [str(name).rpartition("/")[2] for name in evidence["files"]]
    shown = ", ".join(names[:_SHOWN]) + (" and others" if len(names) > _SHOWN else "")
    rows = "" if evidence.get("rows") is None else f" with {int(evidence['rows']):,} new rows"
    return f"{counted(int(evidence.get('count') or 0), 'new file')} in {evidence.get('source')}{rows}: {shown}"


def _commit(evidence: Mapping[str, Any]) -> str:
    return f"commit {str(evidence['commit'])[:10]} of {evidence.get('author')}: {evidence.get('subject')}"


def _call(evidence: Mapping[str, Any]) -> str:
    reason = f": {evidence['reason']}" if evidence.get("reason") else ""
    return f"call {evidence['call']}{reason}"


def _minute(moment: Any) -> str:
    return str(moment or "-").replace("T", " ")[:16] + " UTC"


_WORDS = {
    "planned": _planned,
    "missed": _missed,
    "psi": _psi,
    "windows": _windows,
    "labels": _labels,
    "files": _files,
    "commit": _commit,
    "call": _call,
}
