"""What tests of several folders share: a receiver of webhooks."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def outside() -> Iterator[Any]:
    """A real receiver on loopback, as webhook_receiver.py has it: tests are no package, so it is loaded by its path."""
    path = Path(__file__).with_name("webhook_receiver.py")
    spec = importlib.util.spec_from_file_location("webhook_receiver", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up
    spec.loader.exec_module(module)
    with module.receiving() as found:
        yield found
