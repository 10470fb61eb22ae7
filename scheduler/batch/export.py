"""The prediction log as a table in a file: `python -m quarterdeck.scheduler.batch.export`, for `quarterdeck traffic
export`.

Read and written in parts, so that memory does not grow with the log. The file is there when all of it is.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

from quarterdeck.core.errors import UnavailableError
from quarterdeck.scheduler.batch.export_table import Table, schema_of
from quarterdeck.scheduler.batch.parts import Parts, check_format
from quarterdeck.scheduler.helping import Desk, Stopped, helper_main
from quarterdeck.store.traffic import open_traffic
from quarterdeck.store.traffic_log import Asked, Extent, extent, raw_following

ROWS = 20_000  # in a part


def work(order: Mapping[str, Any], desk: Desk) -> Mapping[str, Any]:
    """Write the whole file; how many rows it has."""
    target = Path(order["target"])
    check_format(target)
    folder = target.with_name(f".{target.name}.{os.getpid()}.parts")
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise UnavailableError(f"cannot be made: {error.strerror}", where=str(folder)) from error
    try:
        parts = Parts(folder, schema_of(order["fields"], order["outcome"]), target.suffix, lasting=False)
        rows = _write(order, parts, desk)
        return {"rows": rows, "bytes": parts.join(target)}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write(order: Mapping[str, Any], parts: Parts, desk: Desk) -> int:
    asked = Asked(**{name: _moment(name, value) for name, value in order["asked"].items()})
    table = Table(order["fields"], order["outcome"])
    with open_traffic(Path(order["traffic"])) as traffic, ThreadPoolExecutor(1) as reader:
        with traffic.read() as tx:
            found = extent(tx, asked)

        def read(after: int) -> Sequence[Any]:
            with traffic.read() as tx:
                return raw_following(tx, asked, after=after, upto=found.last, limit=ROWS)

        rows, some = 0, read(found.first - 1)
        while some:
            if desk.stopping:
                raise Stopped({"rows": rows})
            ahead = reader.submit(read, some[-1].seq)  # while this part is written
            parts.add(rows, rows + len(some), table.columns(some))
            rows, place, some = rows + len(some), some[-1].seq, ahead.result()
            desk.progress(rows=rows, total=_total(found, rows, place))
        return rows


def _total(found: Extent, rows: int, place: int) -> int:
    """How many rows there will be; where nobody has counted them, as many more to a length of the log as so far."""
    if found.rows is not None:
        return max(found.rows, rows)
    return round(rows * (found.last - found.first + 1) / max(1, place - found.first + 1))


def _moment(name: str, value: Any) -> Any:
    return datetime.fromisoformat(value) if name in ("since", "until") and value is not None else value


if __name__ == "__main__":
    helper_main(work)
