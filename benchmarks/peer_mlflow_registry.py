"""The peer's side of bench_registry.py, run by the peer's own Python: prints seconds as JSON.

python peer_mlflow_registry.py FOLDER VERSIONS LISTED
"""

from __future__ import annotations

import json
import logging
import statistics
import sys
import time
from pathlib import Path

from mlflow import MlflowClient

ALIASES = 50
SEARCHES = 5


def main(folder: str, versions: int, listed: int) -> None:
    logging.disable(logging.INFO)
    root = Path(folder)
    client = MlflowClient(tracking_uri=f"sqlite:///{root}/mlflow.db", registry_uri=f"sqlite:///{root}/mlflow.db")
    client.create_registered_model("flights")
    found = {}
    started = time.perf_counter()
    for _ in range(versions):
        client.create_model_version("flights", source="file:///tmp/model")
    found["register_one_s"] = (time.perf_counter() - started) / versions
    taken = []
    for number in range(ALIASES):
        started = time.perf_counter()
        client.set_registered_model_alias("flights", "champion", str(number % versions + 1))
        taken.append(time.perf_counter() - started)
    found["set_alias_s"] = statistics.median(taken)
    taken = []
    for _ in range(ALIASES):
        started = time.perf_counter()
        client.get_model_version_by_alias("flights", "champion")
        taken.append(time.perf_counter() - started)
    found["get_alias_s"] = statistics.median(taken)
    for number in range(versions, listed):
        client.create_model_version("flights", source="file:///tmp/model", tags={"state": f"s{number % 10}"})
    for name, query in (("list_page_s", "name = 'flights'"), ("filter_page_s", "tag.state = 's3'")):
        taken = []
        for _ in range(SEARCHES):
            started = time.perf_counter()
            page = client.search_model_versions(query, max_results=50, order_by=["version_number DESC"])
            taken.append(time.perf_counter() - started)
            assert len(page) == 50
        found[name] = statistics.median(taken)
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
