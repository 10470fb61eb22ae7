"""A trigger on code: the newest commit of a branch that touched the pipeline's folder."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from quarterdeck.core.manifest import TriggerSpec
from quarterdeck.core.operations import Trigger
from quarterdeck.scheduler.look_values import Finding, Settled
from quarterdeck.store import git, runs


class CodeLook:
    """The commit of the first look is not new. A training that began since a commit was there has it."""

    def __init__(self, trigger: Trigger, spec: TriggerSpec, folder: Path) -> None:
        self._trigger = trigger
        self._spec = spec
        self._folder = folder
        self._since: tuple[str, datetime] | None = None  # when the newest commit was first seen

    def see(self, place: dict[str, Any] | None) -> git.Change | str | None:
        """The change, or in words why there can be none, or None while nothing was committed."""
        if not git.is_repository(self._folder):
            return "the workspace lies in no git repository, or git is not installed: no commit can start a run"
        if self._spec.branch != "HEAD" and not git.has_branch(self._folder, self._spec.branch):
            return f"the repository has no branch {self._spec.branch}"
        return git.last_change(self._folder, self._spec.branch)

    def settle(
        self, tx: Connection, seen: git.Change | str | None, place: dict[str, Any] | None, now: datetime
    ) -> Settled:
        if isinstance(seen, str):
            return Settled(place=place, problem=seen)
        if place is not None and place.get("branch") != self._spec.branch:
            place = None
        if place is None:
            return Settled(place=self._place(None if seen is None else seen.sha))
        if seen is None or seen.sha == place["commit"]:
            return Settled(place=place)
        if self._since is None or self._since[0] != seen.sha:
            self._since = (seen.sha, now)
        after = self._place(seen.sha)
        last = runs.last_started(tx, self._trigger.pipeline)
        if last is not None and last.started_at is not None and last.started_at >= self._since[1]:
            return Settled(place=after)
        evidence = {
            "commit": seen.sha,
            "subject": seen.subject[:200],
            "author": seen.author[:200],
            "branch": self._spec.branch,
            "before": place["commit"],
        }
        message = f"commit {seen.sha[:10]}: {seen.subject[:80]}"
        return Settled(place=place, finding=Finding(message=message, evidence=evidence, place=after))

    def _place(self, commit: str | None) -> dict[str, Any]:
        return {"branch": self._spec.branch, "commit": commit}
