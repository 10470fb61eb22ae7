"""What the server counts about itself, as Prometheus text and for its row in the table of services.

Only the loop's thread counts, so that there is no lock on the answer's path.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from quarterdeck.core.values import Arm

log = logging.getLogger(__name__)

Key = tuple[str, int, Arm]
Weight = tuple[str, int, float]  # model, challenger, percent of the requests that it answers


class VersionCount:
    """Of one version in one arm: requests answered, rows in them, failures of the model, microseconds of all answers.

    `waited_us`: the part of those in which a challenger was waited for, before the champion stepped in.
    """

    __slots__ = ("failures", "latency_us", "requests", "rows", "waited_us")

    def __init__(self) -> None:
        self.requests = 0
        self.rows = 0
        self.failures = 0
        self.latency_us = 0
        self.waited_us = 0

    def add(self, rows: int, latency_us: int, waited_us: int = 0) -> None:
        """One more request was answered."""
        self.requests += 1
        self.rows += rows
        self.latency_us += latency_us
        self.waited_us += waited_us


class Counters:
    """Since the process began."""

    def __init__(self) -> None:
        self.requests = 0  # to any address
        self.errors = 0  # answered 4xx or 5xx
        self.failed = 0  # answered 5xx
        self.refused = {401: 0, 403: 0, 429: 0}  # of those: no token that counts, outside its scope, over a rate
        self.labels = 0  # accepted
        self.dropped = 0  # rows that the prediction log had no room for
        self.shadow_dropped = 0
        self.by_version: dict[Key, VersionCount] = {}  # what clients got
        self.shadow: dict[Key, VersionCount] = {}

    def of(self, model: str, version: int, arm: Arm = Arm.CHAMPION) -> VersionCount:
        found = self.by_version.get((model, version, arm))  # setdefault would make a count for every answer
        return found or self.by_version.setdefault((model, version, arm), VersionCount())

    def of_shadow(self, model: str, version: int) -> VersionCount:
        return self.shadow.setdefault((model, version, Arm.SHADOW), VersionCount())


class Problems:
    """What does not work now, by its subject; each is logged when it begins and when it ends."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def set(self, subject: str, text: str) -> None:
        if self._texts.get(subject) != text:
            log.warning("%s: %s", subject, text)
        self._texts[subject] = text

    def clear(self, subject: str) -> None:
        if self._texts.pop(subject, None) is not None:
            log.info("%s: works again", subject)

    def subjects(self) -> list[str]:
        return list(self._texts)

    def texts(self) -> list[str]:
        return [f"{subject}: {text}" for subject, text in sorted(self._texts.items())]


def exposition(
    counters: Counters, *, log_pending: int, problems: int, lost: int = 0, weights: Sequence[Weight] = ()
) -> str:
    """The text that Prometheus scrapes."""
    lines = (*_lines(counters, log_pending, lost, problems), *_weights(weights))
    return "".join(f"{line}\n" for line in lines)


def _lines(counters: Counters, log_pending: int, lost: int, problems: int) -> Iterator[str]:
    plain = (
        ("requests_total", "counter", "Requests to any address.", counters.requests),
        ("request_errors_total", "counter", "Requests answered with 4xx or 5xx.", counters.errors),
        ("request_failures_total", "counter", "Requests answered with 5xx.", counters.failed),
        ("labels_total", "counter", "Labels accepted.", counters.labels),
        ("log_dropped_total", "counter", "Predictions that the log had no room for.", counters.dropped),
        ("log_lost_total", "counter", "Predictions of killed processes that never reached the log, ever.", lost),
        ("log_pending", "gauge", "Predictions answered and not yet in the log.", log_pending),
        (
            "shadow_dropped_total",
            "counter",
            "Rows that a challenger was too slow for.",
            counters.shadow_dropped,
        ),
        ("problems", "gauge", "What does not work now; the console names it.", problems),
    )
    for name, kind, says, value in plain:
        yield from _head(name, kind, says)
        yield f"quarterdeck_{name} {value}"
    yield from _head("request_refusals_total", "counter", "Requests that the guard refused, by status.")
    for status, count in counters.refused.items():
        yield f'quarterdeck_request_refusals_total{{status="{status}"}} {count}'
    yield from _by_version("prediction", "Of the answers that clients got", counters.by_version)
    yield from _by_version("shadow", "Of a challenger's answers beside them", counters.shadow)
    yield from _as_peers_name_them(counters.by_version)


def _as_peers_name_them(counts: dict[Key, VersionCount]) -> Iterator[str]:
    """Under the names of other servers of the Open Inference Protocol, for the dashboards that people have."""
    totals: dict[tuple[str, int], list[int]] = {}
    for (model, number, _), count in sorted(counts.items()):
        total = totals.setdefault((model, number), [0, 0])
        total[0] += count.requests
        total[1] += count.failures
    for place, (word, says) in enumerate((("success", "answered"), ("failure", "that the version could not answer"))):
        yield f"# HELP model_infer_request_{word} Requests {says}."
        yield f"# TYPE model_infer_request_{word} counter"
        for (model, number), total in totals.items():
            yield f'model_infer_request_{word}{{model_name="{model}",model_version="{number}"}} {total[place]}'


def _weights(weights: Sequence[Weight]) -> Iterator[str]:
    yield from _head("challenger_weight_percent", "gauge", "The share of the requests that a challenger answers.")
    for model, number, weight in weights:
        yield f'quarterdeck_challenger_weight_percent{{model_name="{model}",model_version="{number}"}} {weight:g}'


def _by_version(prefix: str, says: str, counts: dict[Key, VersionCount]) -> Iterator[str]:
    labelled = [
        (f'{{model_name="{model}",model_version="{number}",arm="{arm}"}}', count)
        for (model, number, arm), count in sorted(counts.items())
    ]
    parts = (("requests_total", "requests"), ("rows_total", "rows"), ("failures_total", "failures"))
    for name, field in parts:
        yield from _head(f"{prefix}_{name}", "counter", f"{says}: {field}.")
        for labels, count in labelled:
            yield f"quarterdeck_{prefix}_{name}{labels} {getattr(count, field)}"
    yield from _head(f"{prefix}_latency_seconds", "summary", f"{says}: from request to answer.")
    for labels, count in labelled:
        yield f"quarterdeck_{prefix}_latency_seconds_sum{labels} {count.latency_us / 1e6:.6f}"
        yield f"quarterdeck_{prefix}_latency_seconds_count{labels} {count.requests}"


def _head(name: str, kind: str, says: str) -> Iterator[str]:
    yield f"# HELP quarterdeck_{name} {says}"
    yield f"# TYPE quarterdeck_{name} {kind}"
