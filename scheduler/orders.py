"""What is asked of a daemon from outside while it works: to stop, to leave the server running, to read its settings."""

from __future__ import annotations

import signal
import threading


class Orders:
    """Set by signal handlers, looked at between rounds."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self.reload = threading.Event()
        self.keep_server = False

    def stop(self, *, keep_server: bool = False) -> None:
        """End after this round."""
        self.keep_server = keep_server
        self.stopping.set()

    def follow_signals(self) -> None:
        """SIGTERM and SIGINT stop; SIGUSR1 stops and leaves the server running; SIGHUP reads the settings anew."""
        signal.signal(signal.SIGTERM, lambda *_: self.stop())
        signal.signal(signal.SIGINT, lambda *_: self.stop())
        signal.signal(signal.SIGUSR1, lambda *_: self.stop(keep_server=True))
        signal.signal(signal.SIGHUP, lambda *_: self.reload.set())
