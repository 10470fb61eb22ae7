"""Send an event once, in the way of its receiver: to a webhook, or to a command of the user's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from quarterdeck.core.clock import utc_now
from quarterdeck.core.notices import Outcome
from quarterdeck.core.receivers import Receiver

# A command needs none of the secrets of this project, nor those of the other receivers.
OURS = ("QUARTERDECK_TOKEN", "QUARTERDECK_TOKEN_FILE", "PGPASSWORD")


def send_once(
    receiver: Receiver, event: Mapping[str, Any], *, root: Path, receivers: Iterable[Receiver] = ()
) -> Outcome:
    """What came of it. `event` is a CloudEvent; `root` is where relative paths begin."""
    # start-up time: few workspaces notify
    from quarterdeck.scheduler import notify_command, notify_webhook

    if not receiver.command:
        return notify_webhook.send(receiver, event, root=root, now=utc_now())
    named = {name for each in receivers for name in (each.secret_env, each.url_env) if name is not None}
    return notify_command.hand_over(receiver, event, root=root, hidden={*OURS, *named})


def source_of(root: Path, environment: str) -> str:
    """What a CloudEvent's `source` says: which environment of which workspace."""
    return f"/quarterdeck/{root.name}/{environment}"
