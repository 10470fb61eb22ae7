"""Many processes promote different versions at the same moment, all having seen the same champion."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from quarterdeck.core.ledger import Audit
from quarterdeck.core.registry import Version
from quarterdeck.core.values import Alias, VersionState
from quarterdeck.store import auditing, ledger, promotion, registry
from quarterdeck.store.engine import Database

PROCESSES = 8
PROGRAM = Path(__file__).parent / "promoter.py"

Process = subprocess.Popen[str]


@contextmanager
def promoter(path: Path, *own: int) -> Iterator[Process]:
    command = [sys.executable, str(PROGRAM), str(path), *map(str, own)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None and process.stdout is not None
    try:
        yield process
    finally:
        process.stdin.close()
        assert process.wait(30) == 0
        process.stdout.close()


def a_round(processes: list[Process], champion: int) -> Counter[str]:
    """Tell all of them before any is heard."""
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(f"{champion}\n")
        process.stdin.flush()
    answers = []
    for process in processes:
        assert process.stdout is not None
        answers.append(process.stdout.readline().strip())
    return Counter(answers)


@pytest.mark.parametrize("rounds", [20, pytest.param(200, marks=[pytest.mark.slow, pytest.mark.timeout(600)])])
def test_of_processes_that_promote_at_once_exactly_one_wins_each_time(
    rounds: int, database: Database, register: Callable[..., Version], now: datetime, tmp_path: Path
) -> None:
    for _ in range(2 * PROCESSES):
        register()
    with database.write() as tx:
        audit = Audit(actor="ops", environment="production", at=now, reason="the first")
        promotion.promote(tx, "flights", 1, audit, saw_champion=None)
    with ExitStack() as stack:
        pairs = [(2 * place + 1, 2 * place + 2) for place in range(PROCESSES)]
        processes = [stack.enter_context(promoter(tmp_path / "quarterdeck.db", *pair)) for pair in pairs]
        champion = 1
        for _ in range(rounds):
            assert a_round(processes, champion) == {"won": 1, "ConflictError": PROCESSES - 1}
            with database.read() as tx:
                names = registry.aliases(tx, "flights", "production")
            assert names[Alias.PREVIOUS] == champion
            champion = names[Alias.CHAMPION]
    _nothing_is_lost(database, rounds, champion)


def _nothing_is_lost(database: Database, rounds: int, champion: int) -> None:
    with database.read() as tx:
        count, problems = auditing.verify(tx)
        promotions = ledger.entries(tx, act="promote", limit=rounds + 10)
        states = Counter(version.state for version in registry.versions(tx, model="flights"))
    assert problems == []
    assert len(promotions) == rounds + 1
    assert count == len(promotions) + 2 * PROCESSES  # and the registrations
    chain = [(entry.before.get("champion"), entry.after["champion"]) for entry in reversed(promotions)]
    assert all(before[1] == after[0] for before, after in itertools.pairwise(chain))
    assert chain[-1][1] == champion
    assert (states[VersionState.CHAMPION], states[VersionState.PREVIOUS]) == (1, 1)
