"""Read and check `[rollout.service]` of a pipeline.toml, and its `load`."""

from __future__ import annotations

from datetime import timedelta

from quarterdeck.core.service_spec import (
    LONGEST,
    MOST_CONNECTIONS,
    MOST_PROCESSES,
    MOST_RATE,
    MOST_ROWS,
    LoadSpec,
    ServiceSpec,
)
from quarterdeck.core.toml_table import Table, shown

# Every key that the tables may have; the documentation is tested against these.
SERVICE_KEYS = ("test", "load")
LOAD_KEYS = (
    "rate",
    "connections",
    "duration",
    "ramp",
    "rows",
    "processes",
    "p99_ms",
    "error_rate",
    "min_qps",
)


def read_service(table: Table) -> ServiceSpec:
    """The table as a value; what is wrong goes to the table's problems."""
    table.only(SERVICE_KEYS)
    test = flag(table, "test", default=True)
    if not test and "load" not in table:
        table.wrong("test", "is false, and there is no `load`: nothing would be asked; expected one of them")
    return ServiceSpec(test=test, load=_load(table.table("load")) if "load" in table else None)


def flag(table: Table, key: str, *, default: bool = False) -> bool:
    found = table.values.get(key, default)
    if isinstance(found, bool):
        return found
    table.wrong(key, f"is {shown(found)}; expected true or false")
    return default


def _load(table: Table) -> LoadSpec:
    table.only(LOAD_KEYS)
    default = LoadSpec()
    if ("rate" in table) is ("connections" in table):
        found = "both" if "rate" in table else "neither"
        table.problems.add(table.path, f"`load` has {found} of `rate` and `connections`; expected one of them")
    return LoadSpec(
        rate=table.number(
            "rate",
            None,
            expected=f"requests a second, above 0, up to {MOST_RATE:g}",
            check=lambda found: 0 < found <= MOST_RATE,
        ),
        connections=table.integer("connections", None, minimum=1, maximum=MOST_CONNECTIONS),
        duration=_length(table, "duration", default.duration),
        ramp=timedelta(0) if table.values.get("ramp") == "0s" else _length(table, "ramp", default.ramp),
        rows=table.integer("rows", default.rows, minimum=1, maximum=MOST_ROWS),
        processes=table.integer("processes", default.processes, minimum=1, maximum=MOST_PROCESSES),
        p99_ms=_positive(table, "p99_ms", default.p99_ms),
        error_rate=table.number(
            "error_rate", default.error_rate, expected="a share from 0 to 1", check=lambda found: 0 <= found <= 1
        ),
        min_qps=_positive(table, "min_qps", default.min_qps),
    )


def _positive(table: Table, key: str, default: float | None) -> float | None:
    return table.number(key, default, expected="a number above 0", check=lambda found: found > 0)


def _length(table: Table, key: str, default: timedelta) -> timedelta:
    found = table.duration(key, default)
    if found > LONGEST:
        table.wrong(key, f'is "{table.values[key]}"; expected at most 10 minutes')
        return default
    return found
