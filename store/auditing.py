"""Whether the store still says what the ledger says: the chain of entries, and each table against the entries about it.

The chain alone shows neither that its end was cut off, nor that a row was changed past it. So what the entries say is
played again from the first, and held against the names, the versions, the roles, the tokens, the approvals, the
gates and the labels of people as they stand. Whoever can write the database can make both agree; what they cannot do
is to make the hashes that somebody has noted elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select

from quarterdeck.core.gate_sets import gate_from_json, gates_digest
from quarterdeck.core.ledger import ALIAS_ACTS, Entry, Problem, verify_chain
from quarterdeck.core.values import VersionState
from quarterdeck.store import ledger, review_labels
from quarterdeck.store.rows import table
from quarterdeck.store.tables import AliasRow, ApprovalRow, GateSetRow, RoleRow, TokenRow, VersionRow

Key = tuple[str, ...]
Rows = dict[Key, Any]

_ROLES, _TOKENS = ("grant", "revoke"), ("create_token", "rotate_token", "revoke_token")
_APPROVALS, _GATES = ("approve", "unapprove"), ("gate_set",)
_VERSIONS = ("register", "retire", "unretire")


def verify(tx: Connection) -> tuple[int, list[Problem]]:
    """Check every entry, and the tables against them: (how many entries, what is wrong)."""
    said = _Said()
    problems = list(verify_chain(said.heard(ledger.every(tx))))
    for part in (_names, _versions, _roles, _tokens, _approvals, _gate_sets, _labels):
        problems += part(tx, said)
    return said.count, problems


@dataclass(slots=True)
class _Said:
    """What the entries said last of each thing, and in which entry."""

    count: int = 0
    seq: dict[Key, int] = field(default_factory=dict)
    names: Rows = field(default_factory=dict)
    versions: Rows = field(default_factory=dict)
    retired: Rows = field(default_factory=dict)
    roles: Rows = field(default_factory=dict)
    tokens: Rows = field(default_factory=dict)
    approvals: Rows = field(default_factory=dict)
    gate_sets: Rows = field(default_factory=dict)
    labels: Rows = field(default_factory=dict)

    def heard(self, entries: Iterator[Entry]) -> Iterator[Entry]:
        """The entries, as they go by."""
        for entry in entries:
            self.count += 1
            self._take(entry)
            yield entry

    def _take(self, entry: Entry) -> None:
        model, _, number = entry.subject.partition("@")
        where = entry.environment or ""
        if not isinstance(entry.after, dict | None) or not isinstance(entry.evidence, dict):
            return  # text in the place of JSON: the chain says that it was changed
        after: dict[str, Any] = entry.after or {}
        if entry.act in ALIAS_ACTS:
            self._put(self.names, (where, model), after, entry)
        elif entry.act == "register":
            self._put(self.versions, (model, number), entry.evidence, entry)
        elif entry.act in _VERSIONS:
            self._put(self.retired, (model, number), entry.act == "retire", entry)
        elif entry.act in _ROLES:
            self._put(self.roles, (entry.subject, (after or entry.before or {}).get("environment", "")), after, entry)
        elif entry.act in _TOKENS:
            self._put(self.tokens, (entry.subject,), after, entry)
        elif entry.act in _APPROVALS:
            self._put(self.approvals, (where, model, number), after.get("approved_by", []), entry)
        elif entry.act in _GATES:
            digest = entry.evidence.get("digest")
            self._put(self.gate_sets, (model, str(after.get("gate_set"))), digest, entry)
        elif entry.act == review_labels.ACT:
            self._put(self.labels, (entry.subject, str(entry.seq)), entry.evidence.get("digest"), entry)

    def _put(self, rows: Rows, key: Key, value: Any, entry: Entry) -> None:
        rows[key] = value
        self.seq[key] = entry.seq


def _compare(
    said: _Said, expected: Rows, found: Rows, words: Callable[[Key], str], nothing: Any = None
) -> Iterator[Problem]:
    for key in sorted(set(expected) | set(found)):
        have, want = found.get(key, nothing), expected.get(key, nothing)
        if have != want:
            message = f"{words(key)} {_shown(have)}, the ledger says {_shown(want)}"
            yield Problem(seq=said.seq.get(key, 0), message=message)


def _shown(value: Any) -> str:
    return "nothing" if value in (None, {}, [], "") else str(value)


def _names(tx: Connection, said: _Said) -> list[Problem]:
    found: Rows = {}
    for row in tx.execute(select(table(AliasRow))):
        found.setdefault((row.environment, row.model), {})[row.alias] = row.version
    return list(_compare(said, said.names, found, lambda key: f"the aliases of {key[1]} in {key[0]} are", {}))


def _versions(tx: Connection, said: _Said) -> list[Problem]:
    columns = table(VersionRow).c
    rows = tx.execute(select(columns.model, columns.number, columns.state, columns.artifact, columns.metrics))
    found: Rows = {(row.model, str(row.number)): row for row in rows}
    problems = []
    for key in sorted(set(said.versions) | set(found)):
        wrong = _wrong(found.get(key), said.versions.get(key), retired=bool(said.retired.get(key)))
        if wrong is not None:
            problems.append(Problem(seq=said.seq.get(key, 0), message=f"version {'@'.join(key)} {wrong}"))
    return problems


def _wrong(row: Any, registered: Mapping[str, Any] | None, *, retired: bool) -> str | None:
    """How a version's row differs from what the ledger says of it."""
    if row is None:
        return "was registered, and is not there any more"
    if registered is None:
        return "was never registered"
    if registered.get("artifact") not in (None, row.artifact):
        return f"has the artifact {row.artifact}, and was registered with {registered['artifact']}"
    if "metrics" in registered and registered["metrics"] != row.metrics:
        return "has other metrics than it was registered with"
    if (row.state == VersionState.RETIRED.value) is not retired:
        return f"is {row.state}, the ledger says that it {'was' if retired else 'was not'} retired"
    return None


def _roles(tx: Connection, said: _Said) -> list[Problem]:
    found: Rows = {
        (row.person, row.environment): {"environment": row.environment, "role": row.role, "gates": row.gates}
        for row in tx.execute(select(table(RoleRow)))
    }
    expected = {key: after for key, after in said.roles.items() if after}
    return list(_compare(said, expected, found, lambda key: f"the role of {key[0]} in {key[1]} is"))


def _tokens(tx: Connection, said: _Said) -> list[Problem]:
    """Which there are, and which were revoked; of the secrets the ledger knows nothing."""
    found: Rows = {
        (f"token:{row.name}",): "revoked" if row.revoked_at is not None else "given"
        for row in tx.execute(select(table(TokenRow)))
    }
    expected = {key: "revoked" if after.get("revoked_at") else "given" for key, after in said.tokens.items()}
    return list(_compare(said, expected, found, lambda key: f"the token {key[0]} is"))


def _approvals(tx: Connection, said: _Said) -> list[Problem]:
    found: Rows = {}
    for row in tx.execute(select(table(ApprovalRow)).order_by(table(ApprovalRow).c.person)):
        found.setdefault((row.environment, row.model, str(row.version)), []).append(row.person)
    expected = {key: people for key, people in said.approvals.items() if people}
    return list(_compare(said, expected, found, lambda key: f"{key[1]}@{key[2]} in {key[0]} is approved by", []))


def _gate_sets(tx: Connection, said: _Said) -> list[Problem]:
    found: Rows = {}
    for row in tx.execute(select(table(GateSetRow))):
        key: Key = (str(row.model), str(row.number))
        noted = said.gate_sets.get(key, "")
        # sets of before digests were noted: that they are there is all that can be told
        found[key] = None if noted is None else gates_digest(tuple(gate_from_json(item) for item in row.gates))
    problems = []
    for key in sorted(set(said.gate_sets) | set(found)):
        if key not in found or key not in said.gate_sets or found[key] != said.gate_sets[key]:
            message = f"set {key[1]} of the gates of {key[0]} is not what the ledger says: it was changed"
            problems.append(Problem(seq=said.seq.get(key, 0), message=message))
    return problems


def _labels(tx: Connection, said: _Said) -> list[Problem]:
    """Whether people's labels are what they were when they went into the training data."""
    found = {str(seq): digest for seq, digest in review_labels.digests(tx).items()}
    return [
        Problem(seq=said.seq[key], message=f"labels of {key[0]} that people gave are not what the ledger says")
        for key, digest in sorted(said.labels.items())
        if found.get(key[1]) != digest
    ]
