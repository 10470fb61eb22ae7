"""Holds a window's rows against the training rows, all columns together, in a process of its own.

    python -m quarterdeck.scheduler.multivariate_child < request.json > answer.json

The request: {"place": where artifacts are, "sha256": the training frame's, "names": [names], "numbers": [names],
"methods": [...], "rows": [inputs], "limit_s": seconds}. The answer: {"multivariate": [...]}, an entry for each method,
with a problem in place of a value where it cannot be told. It ends by itself after so many seconds, also if whoever
started it has died.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections.abc import Mapping
from typing import Any

from quarterdeck.core.drift.dataset import MultivariateResult, not_measured
from quarterdeck.core.drift.domain_classifier import domain_classifier
from quarterdeck.core.drift.encoding import Encoder
from quarterdeck.core.drift.pca import pca_drift
from quarterdeck.core.drift_spec import Multivariate
from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.store.artifacts import ArtifactStore
from quarterdeck.store.codecs import decode

MEMORY_BYTES = 4 << 30
REFERENCE_ROWS = 10_000
SEED = 0

_METHODS = {Multivariate.PCA: pca_drift, Multivariate.DOMAIN_CLASSIFIER: domain_classifier}


def main() -> None:
    answer_to = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever is printed goes to stderr
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    request = json.load(sys.stdin)
    signal.alarm(request["limit_s"])  # no handler: the signal ends the process, whatever it is in
    json.dump({"multivariate": [item.to_json() for item in compare(request)]}, answer_to, allow_nan=False)
    answer_to.close()


def compare(request: Mapping[str, Any]) -> list[MultivariateResult]:
    """Every method that is asked for."""
    methods = [Multivariate(name) for name in request["methods"]]
    try:
        reference, window = _encoded(request)
    except QuarterdeckError as error:
        return [not_measured(method.value, str(error), len(request["rows"])) for method in methods]
    found = []
    for method in methods:
        try:
            found.append(_METHODS[method](reference, window, seed=SEED))
        except QuarterdeckError as error:
            found.append(not_measured(method.value, error.message, len(window)))
    return found


def _encoded(request: Mapping[str, Any]) -> tuple[Any, Any]:
    artifacts = ArtifactStore(request["place"])
    frame = decode(artifacts.get(request["sha256"]), artifacts.get)
    if hasattr(frame, "to_dict") and not hasattr(frame, "get_columns"):  # a step gave a pandas frame
        import polars as pl

        frame = pl.from_pandas(frame)
    if frame.height > REFERENCE_ROWS:
        frame = frame.sample(REFERENCE_ROWS, seed=SEED)
    columns = {name: frame[name].to_list() for name in request["names"]}
    encoder = Encoder(columns, frozenset(request["numbers"]))
    rows = request["rows"]
    window = {name: [row.get(name) for row in rows] for name in request["names"]}
    return encoder.encode(columns), encoder.encode(window)


if __name__ == "__main__":
    main()
