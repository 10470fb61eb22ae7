"""`quarterdeck rollout`: what people see of rollouts and do to them, through the command line."""

from __future__ import annotations

import pytest

from quarterdeck.core.ledger import Audit
from quarterdeck.core.values import Alias, VersionState
from quarterdeck.store import auditing, ledger, registry, splits

START = ("rollout", "start", "flights@4", "--reason", "try it", "--yes", "--json")


def live(database) -> dict[Alias, int]:
    with database.read() as tx:
        return registry.aliases(tx, "flights", "production")


def acts(database) -> list[str]:
    with database.read() as tx:
        assert auditing.verify(tx)[1] == []
        return [entry.act for entry in reversed(ledger.entries(tx))]


@pytest.fixture
def accepted(database) -> None:
    """One more version of flights that passed its gates: flights@4, made as version 1 was."""
    with database.write() as tx:
        first = registry.get(tx, "flights", 1)
        entry = ledger.entries(tx, act="register", limit=1)[0]
        audit = Audit(actor="ann", environment="production", at=entry.at, reason="trained")
        made = registry.register(tx, first, audit)
        registry.set_state(tx, made, VersionState.ACCEPTED)


@pytest.mark.usefixtures("accepted")
@pytest.mark.slow
def test_a_canary_is_started_looked_at_paused_resumed_and_aborted(quarterdeck, database) -> None:
    said = quarterdeck(*START, "--strategy", "canary")
    assert said.code == 0, said.err
    assert (said.json["rollout"]["state"], said.json["step"]) == ("running", "canary 5 %, look 1 of 3")
    with database.read() as tx:
        share = splits.find(tx, "production", "flights")
    assert share is not None and share.weight == 5.0
    shown = quarterdeck("rollout", "show", "flights", "--json").json
    assert shown["steps"] == ["canary 5 %", "canary 25 %", "canary 50 %", "promote"]
    assert (shown["at"], shown["looks"], shown["verdict"]) == (0, [], None)
    assert "[canary 5 %] -> canary 25 %" in quarterdeck("rollout", "show").out
    paused = quarterdeck("rollout", "pause", "flights", "--reason", "lunch")
    assert paused.code == 0
    for said in (paused, quarterdeck("rollout", "show"), quarterdeck("rollout", "list")):
        assert said.err == "no daemon runs: nothing moves until `quarterdeck daemon start`\n"
    assert quarterdeck("rollout", "pause", "flights").code == 1
    row = quarterdeck("rollout", "list", "--json").json[0]
    assert (row["state"], row["reason"], row["work"]) == ("paused", "lunch", "paused: canary 5 %, look 1 of 3")
    assert quarterdeck("rollout", "resume", "1").out == "flights@4: rollout 1 is running, canary 5 %, look 1 of 3\n"
    assert quarterdeck("rollout", "abort", "1", "--reason", "no", "--yes").code == 0
    assert live(database) == {Alias.CHAMPION: 2, Alias.PREVIOUS: 1}
    assert acts(database)[-4:] == ["pause_rollout", "resume_rollout", "withdraw", "abort_rollout"]
    assert quarterdeck("rollout", "abort", "1", "--reason", "no", "--yes").code == 1
    assert quarterdeck("rollout", "show", "1").err == ""  # it has ended: nothing waits


@pytest.mark.usefixtures("accepted")
def test_promote_skips_the_rest(quarterdeck, database) -> None:
    quarterdeck(*START, "--strategy", "shadow")
    assert quarterdeck("rollout", "promote", "flights", "--reason", "seen enough").code == 2  # nobody to ask
    said = quarterdeck("rollout", "promote", "flights", "--reason", "seen enough", "--yes", "--json")
    assert said.code == 0, said.err
    assert said.json["rollout"]["state"] == "promoted"
    assert live(database) == {Alias.CHAMPION: 4, Alias.PREVIOUS: 2}
    with database.read() as tx:
        entry = ledger.entries(tx, act="promote", limit=1)[0]
    assert (entry.reason, entry.evidence["rollout"]) == ("seen enough", 1)


@pytest.mark.usefixtures("accepted")
def test_a_promotion_that_lacks_approvals_changes_nothing(quarterdeck, database, root) -> None:
    manifest = root / "pipelines" / "flights" / "pipeline.toml"
    manifest.write_text(manifest.read_text().replace("[rollout]\n", "[rollout]\napprovals = 2\n"))
    quarterdeck(*START)
    said = quarterdeck("rollout", "promote", "flights", "--reason", "now", "--yes")
    assert said.code == 5, said.err
    assert live(database)[Alias.CHAMPION] == 2
    assert quarterdeck("rollout", "list", "--json").json[0]["state"] == "running"
    assert acts(database)[-1] == "refused"


@pytest.mark.slow
def test_versions_that_may_not_are_refused(quarterdeck) -> None:
    assert quarterdeck("rollout", "start", "flights@2", "--reason", "r", "--yes").code == 1  # the champion
    assert quarterdeck("rollout", "start", "flights@3", "--reason", "r", "--yes").code == 1  # its gate failed
    assert quarterdeck("rollout", "start", "flights", "--reason", "r", "--yes").code == 2
    assert quarterdeck("rollout", "start", "flights@9", "--reason", "r", "--yes").code == 3
    assert quarterdeck("rollout", "show").code == 3
    assert quarterdeck("rollout", "show", "flights").code == 3
    assert quarterdeck("--read-only", "rollout", "start", "flights@2", "--reason", "r", "--yes").code == 5
    assert quarterdeck("rollout", "list").out.startswith("No rollouts yet")
