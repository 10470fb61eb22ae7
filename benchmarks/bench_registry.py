"""The registry beside MLflow's, in the same run: register versions, move an alias, list and filter.

Every write of ours is a transaction of its own, synced to the disk, with its entry in the ledger. Then pages of
100,000 versions. The peer runs in a Python of its own, in `.peers/mlflow`, made at the first run (800 MB, a minute or
two). Needs some minutes; `--listed 2000` is quicker.

    python benchmarks/bench_registry.py [--versions 1000] [--listed 10000] [--many 100000] [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import cycle
from pathlib import Path

from serving.servers import python_of
from sqlalchemy import insert, text

from quarterdeck.core.clock import utc_now
from quarterdeck.core.ledger import Audit
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.registry import Version
from quarterdeck.core.values import Alias, Engine, Task, VersionState
from quarterdeck.store import promotion, registry, steps
from quarterdeck.store.engine import Database
from quarterdeck.store.migrate import migrate
from quarterdeck.store.rows import table
from quarterdeck.store.tables import VersionRow

HERE = Path(__file__).parent
REPEATS = 50
STATES = list(VersionState)


def draft(number: int) -> Version:
    fields = tuple(Field(name=f"feature_{index}", kind=FieldKind.NUMBER, minimum=0, maximum=1) for index in range(15))
    return Version(
        model="flights", number=0, state=VersionState.ACCEPTED, run_id=None, created=utc_now(), artifact="a" * 64,
        onnx=None, engine=Engine.SKLEARN, engine_reason="", max_difference=None,
        signature=Signature(fields=fields, task=Task.BINARY, target="late", classes=(0, 1)),
        metrics={"roc_auc_score": 0.7 + number % 100 / 1000, "log_loss": 0.5}, verdicts=(), profile=None,
        trained_from=None, trained_to=None, rows=20_000, size_bytes=100_000,
    )  # fmt: skip


def ours(folder: Path, versions: int, listed: int, many: int) -> dict[str, float]:
    with Database.sqlite(folder / "quarterdeck.db") as database:
        migrate(database, backup_to=None, now=utc_now())
        with database.write() as tx:
            steps.record_artifact(tx, "a" * 64, kind="model", size=1, now=utc_now())
        found = {"register_one_s": _register(database, versions)}
        found |= _aliases(database)
        _fill(database, versions, listed)
        found |= _pages(database, "")
        _fill(database, listed, many)
        return found | _pages(database, "_of_many")


def _register(database: Database, versions: int) -> float:
    started = time.perf_counter()
    for number in range(versions):
        audit = Audit(actor="bench", environment="production", at=utc_now(), reason="a benchmark")
        with database.write() as tx:
            registry.register(tx, draft(number), audit)
    return (time.perf_counter() - started) / versions


def _aliases(database: Database) -> dict[str, float]:
    """Promotions, each with compare-and-set, states of three versions and a ledger entry; and resolving the name."""
    saw: list[int | None] = [None]
    numbers = cycle((1, 2, 3))

    def promote() -> None:
        number = next(numbers)
        audit = Audit(actor="bench", environment="production", at=utc_now(), reason="a benchmark")
        with database.write() as tx:
            promotion.promote(tx, "flights", number, audit, saw_champion=saw[0])
        saw[0] = number

    def resolve() -> None:
        with database.read() as tx:
            registry.get(tx, "flights", registry.aliases(tx, "flights", "production")[Alias.CHAMPION])

    return {"set_alias_s": _median(promote, REPEATS), "get_alias_s": _median(resolve, REPEATS)}


def _fill(database: Database, start: int, end: int) -> None:
    """More rows, written at once: what is measured is reading them."""
    with database.write() as tx:
        (row,) = tx.execute(table(VersionRow).select().limit(1)).mappings()
        begin = utc_now()
        for chunk in _chunks(range(start, end)):
            rows = [
                dict(row) | {"number": n + 1, "state": STATES[n % 7].value, "created": begin + timedelta(seconds=n)}
                for n in chunk
            ]
            tx.execute(insert(table(VersionRow)), rows)
        tx.execute(text("ANALYZE"))


def _chunks(numbers: range) -> Iterator[range]:
    for start in range(numbers.start, numbers.stop, 1000):
        yield range(start, min(start + 1000, numbers.stop))


def _pages(database: Database, suffix: str) -> dict[str, float]:
    def page(**options: object) -> Callable[[], None]:
        def read() -> None:
            with database.read() as tx:
                assert len(registry.versions(tx, limit=50, **options)) == 50  # type: ignore[arg-type]

        return read

    retired = VersionState.RETIRED
    found = {
        "list_page": page(model="flights"),
        "filter_page": page(model="flights", state=retired),
        "list_all_page": page(),
        "deep_page": page(model="flights", offset=5_000 if not suffix else 50_000),
    }
    return {f"{name}{suffix}_s": _median(read, REPEATS) for name, read in found.items() if _possible(database, name)}


def _possible(database: Database, name: str) -> bool:
    with database.read() as tx:
        return name != "deep_page" or tx.execute(text("SELECT count(*) FROM version")).scalar_one() > 5_050


def _median(act: Callable[[], None], times: int) -> float:
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        act()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def theirs(python: Path, folder: Path, versions: int, listed: int) -> dict[str, float]:
    command = [python, HERE / "peer_mlflow_registry.py", folder, str(versions), str(listed)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def noise() -> float:
    """How unequal the machine's seconds are: the 95th over the 5th percentile of a fixed piece of work."""

    def work() -> float:
        started = time.perf_counter()
        sum(range(300_000))
        return time.perf_counter() - started

    taken = sorted(work() for _ in range(100))
    return taken[95] / taken[5]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--versions", type=int, default=1_000)
    parser.add_argument("--listed", type=int, default=10_000)
    parser.add_argument("--many", type=int, default=100_000)
    parser.add_argument("--peer-python", type=Path, help="a Python that has the peer; else .peers/ is made")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    python = options.peer_python or python_of("mlflow")
    with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-", dir=HERE.parent) as folder:
        (Path(folder) / "ours").mkdir()
        mine = ours(Path(folder) / "ours", options.versions, options.listed, options.many)
        other = theirs(python, Path(folder), options.versions, options.listed)
        again = ours_again(Path(folder), options.versions)
    mine = replace_slower(mine, again)
    result = {"ours": mine, "mlflow": other, "ratio": {k: other[k] / mine[k] for k in other}, "noise": noise()}
    print(json.dumps(result, indent=2) if options.json else _table(result))
    return 0


def ours_again(folder: Path, versions: int) -> dict[str, float]:
    """Registration once more after the peer, so that a quiet moment before it counts for nothing."""
    (folder / "again").mkdir()
    with Database.sqlite(folder / "again" / "quarterdeck.db") as database:
        migrate(database, backup_to=None, now=utc_now())
        with database.write() as tx:
            steps.record_artifact(tx, "a" * 64, kind="model", size=1, now=utc_now())
        return {"register_one_s": _register(database, versions)} | _aliases(database)


def replace_slower(first: dict[str, float], second: dict[str, float]) -> dict[str, float]:
    return first | {name: max(first[name], value) for name, value in second.items()}


def _table(result: dict[str, dict[str, float]]) -> str:
    lines = [f"{'':<26}{'ours ms':>10}{'MLflow ms':>12}{'ratio':>8}"]
    for name, value in result["ours"].items():
        other = result["mlflow"].get(name)
        rest = "" if other is None else f"{other * 1000:>12.2f}{other / value:>8.1f}"
        lines.append(f"{name.removesuffix('_s'):<26}{value * 1000:>10.3f}{rest}")
    return "\n".join([*lines, f"noise (p95/p5 of a fixed loop) {result['noise']:.2f}"])


if __name__ == "__main__":
    sys.exit(main())
