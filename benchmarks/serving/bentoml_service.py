"""A BentoML service with batching; its model is fitted at its start. Served by `bentoml serve`."""

from __future__ import annotations

import os

import bentoml
import numpy as np
from models import fitted


@bentoml.service(workers=1, traffic={"timeout": 30, "concurrency": 1_000})
class Service:
    def __init__(self) -> None:
        self.model = fitted(os.environ["BENCH_MODEL"])[0]

    @bentoml.api(batchable=True, max_batch_size=100, max_latency_ms=1_000)
    def predict(self, rows: np.ndarray) -> np.ndarray:
        return self.model.predict_proba(rows)
