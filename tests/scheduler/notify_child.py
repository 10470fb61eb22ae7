"""A process that sends what is due in a workspace, as the daemon does, until nothing waits: `DIR NAME URL`."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

from quarterdeck.core.clock import utc_now
from quarterdeck.core.receivers import Receiver
from quarterdeck.scheduler.notifier import Notifier
from quarterdeck.scheduler.state import open_state
from quarterdeck.store import deliveries
from quarterdeck.store.workspace import Workspace

_, root, name, url = sys.argv
with open_state(Workspace(root=Path(root))) as state:
    receivers = (Receiver(name=name, url=url),)
    notifier = Notifier(replace(state, settings=replace(state.settings, notifications=receivers)))
    waiting = True
    while waiting:
        notifier.tick(utc_now())
        time.sleep(0.01)
        with state.database.read() as tx:
            waiting = bool(deliveries.waiting(tx)) or notifier.busy()
