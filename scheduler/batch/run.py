"""A batch prediction: `python -m quarterdeck.scheduler.batch.run`, for `quarterdeck predict --in FILE --out FILE`.

Chunk by chunk: read, check, ask, keep the answers as a part, log them. A part is on the disk before its rows are
logged, and the log's place is kept in the same transaction as the rows: after a kill, the next start logs what was
not, with the ids that the part already has, and goes on behind it. No row is answered twice in the file or in the log.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from quarterdeck.core.ids import new_id
from quarterdeck.core.models.signature import Signature
from quarterdeck.core.values import Engine
from quarterdeck.scheduler.batch.answers import Answered, Answerer, Refusal
from quarterdeck.scheduler.batch.job import SKIP, Binding, fingerprint, refused_of, taken
from quarterdeck.scheduler.batch.parts import Parts, check_format, flush
from quarterdeck.scheduler.batch.sources import Source
from quarterdeck.scheduler.helping import Desk, Stopped, helper_main
from quarterdeck.scheduler.serving.live import load
from quarterdeck.scheduler.serving.protocols import encode
from quarterdeck.store.artifacts import ArtifactStore
from quarterdeck.store.engine import Database
from quarterdeck.store.plans import PlannedVersion
from quarterdeck.store.traffic import append_predictions, open_traffic
from quarterdeck.store.traffic_queries import clear_cursor, cursor, set_cursor
from quarterdeck.store.traffic_windows import settle

LOGGED_AT_ONCE = 2_048  # rows in a transaction: the server's writer waits for the same lock


class BatchLog:
    """The job's rows in traffic.db, each once. Its place is the number of input rows that are logged."""

    def __init__(self, database: Database, job: str) -> None:
        self._database = database
        self._name = f"batch {job}"
        with database.read() as tx:
            self.place = cursor(tx, self._name)

    def add(self, answered: Answered, records: Sequence[Any], end: int) -> None:
        """Log a part's rows beyond the place; afterwards the place is `end`."""
        pairs = [(n, record) for n, record in zip(answered.numbers, records, strict=True) if n > self.place]
        for first in range(0, max(len(pairs), 1), LOGGED_AT_ONCE):
            some = pairs[first : first + LOGGED_AT_ONCE]
            last = first + LOGGED_AT_ONCE >= len(pairs)
            with self._database.write() as tx:
                append_predictions(tx, [record for _, record in some], counted=True)  # in no window
                settle(tx, len(some))
                self.place = end if last else some[-1][0]
                set_cursor(tx, self._name, self.place)

    def forget(self) -> None:
        """The job is done."""
        with self._database.write() as tx:
            clear_cursor(tx, self._name)


def work(order: Mapping[str, Any], desk: Desk) -> Mapping[str, Any]:
    """The whole job; the figures of its end."""
    source_path, target = Path(order["source"]), Path(order["target"])
    check_format(target)
    planned = _planned(order)
    source = Source(source_path, planned.signature)
    source.check()
    loaded = load(planned, ArtifactStore(order["artifacts"]))
    answerer = Answerer(loaded, skip=order["on_error"] == SKIP, where=str(source_path))
    digest, lines = fingerprint(source_path)
    total = source.rows()
    if total is None:
        total = lines - 1 if source_path.suffix == ".csv" else lines
    wanted = Binding(
        model=planned.model, version=planned.number, digest=planned.digest, fingerprint=digest,
        on_error=order["on_error"], logged=order["traffic"] is not None,
    )  # fmt: skip
    with taken(target, wanted, restart=order["restart"]) as (folder, binding), _log(order, binding) as log:
        parts = Parts(folder, answerer.schema(ids=log is not None), target.suffix)
        job = _Job(source, answerer, parts, folder, log, desk)
        began = job.resume()
        job.go_on(began, max(total, 0))
        done = job.finish(target)
        if log is not None:
            log.forget()
    return {**done, "began": began, "left_out": list(source.left_out), "version": planned.number}


class _Job:
    def __init__(
        self, source: Source, answerer: Answerer, parts: Parts, folder: Path, log: BatchLog | None, desk: Desk
    ) -> None:
        self._source = source
        self._answerer = answerer
        self._parts = parts
        self._folder = folder
        self._log = log
        self._desk = desk

    def resume(self) -> int:
        """Log what was answered and not logged; the row to go on from."""
        parts = self._parts.found()
        for part in parts:
            if self._log is not None and self._log.place < part.end:
                rows = next(self._source.read(part.start), [])
                answered = self._answerer.answer(rows, part.start)
                ids = self._parts.column(part, "id")
                self._log.add(answered, self._answerer.records(answered, ids), part.end)
        return parts[-1].end if parts else 0

    def go_on(self, start: int, total: int) -> None:
        for rows in self._source.read(start):
            if self._desk.stopping:
                raise Stopped({"rows": start, "total": max(total, start)})
            end = start + len(rows)
            answered = self._answerer.answer(rows, start)
            ids = None if self._log is None else [new_id() for _ in answered.numbers]
            self._refuse(answered.refusals, start, end)
            self._parts.add(start, end, self._answerer.columns(answered, ids))
            if self._log is not None and ids is not None:
                self._log.add(answered, self._answerer.records(answered, ids), end)
            start = end
            self._desk.progress(rows=start, total=max(total, start))

    def _refuse(self, refusals: Sequence[Refusal], start: int, end: int) -> None:
        if not refusals:
            return
        path = self._folder / f"refused-{start:015}-{end:015}.jsonl"
        draft = path.with_suffix(".draft")
        with draft.open("wb") as file:
            for item in refusals:
                file.write(encode(_in_words(item)) + b"\n")
        flush(draft)
        draft.replace(path)

    def finish(self, target: Path) -> dict[str, Any]:
        """Put the files together: the refused rows first, so that they are there when the answers are."""
        parts = self._parts.found()
        refused = self._join_refused(target, {(part.start, part.end) for part in parts})
        size = self._parts.join(target)
        return {"rows": parts[-1].end if parts else 0, "refused": refused, "bytes": size}

    def _join_refused(self, target: Path, done: set[tuple[int, int]]) -> int:
        final = refused_of(target)
        names = [f"refused-{start:015}-{end:015}.jsonl" for start, end in sorted(done)]
        lines = [line for name in names if (self._folder / name).exists() for line in _lines(self._folder / name)]
        if not lines:
            final.unlink(missing_ok=True)  # an earlier job's, of the same file
            return 0
        draft = self._folder / "refused.draft"
        draft.write_bytes(b"".join(lines))
        flush(draft)
        draft.replace(final)
        return len(lines)


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def _in_words(refusal: Refusal) -> dict[str, Any]:
    return {
        "row": refusal.number,
        "where": refusal.where,
        "error": refusal.error,
        "hint": refusal.hint,
        "sent": json.loads(json.dumps(refusal.row, default=str)),
    }


def _planned(order: Mapping[str, Any]) -> PlannedVersion:
    return PlannedVersion(
        model=order["model"],
        number=order["version"],
        artifact=order["artifact"],
        onnx=order["onnx"],
        engine=Engine(order["engine"]),
        signature=Signature.from_json(order["signature"]),
    )


@contextmanager
def _log(order: Mapping[str, Any], binding: Binding) -> Iterator[BatchLog | None]:
    if order["traffic"] is None:
        yield None
        return
    with open_traffic(Path(order["traffic"])) as database:
        yield BatchLog(database, binding.id)


if __name__ == "__main__":
    helper_main(work)
