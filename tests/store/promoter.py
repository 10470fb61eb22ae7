"""A program for test_contention.py: promotes one of its versions each time it is told what the champion was.

    python promoter.py DATABASE FIRST SECOND

Reads the champion's number from standard input, a line a round, and answers "won", or the name of the error.
"""

from __future__ import annotations

import sys
from pathlib import Path

from quarterdeck.core.clock import utc_now
from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.core.ledger import Audit
from quarterdeck.store import promotion
from quarterdeck.store.engine import Database


def main(path: str, *own: str) -> None:
    with Database.sqlite(Path(path)) as database:
        for line in sys.stdin:
            saw = int(line)
            number = next(int(each) for each in own if int(each) != saw)
            audit = Audit(actor=f"process {own[0]}", environment="production", at=utc_now(), reason="mine is better")
            try:
                with database.write() as tx:
                    promotion.promote(tx, "flights", number, audit, saw_champion=saw)
                said = "won"
            except QuarterdeckError as error:
                said = type(error).__name__
            print(said, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
