"""Tests of live performance, on few rows."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # boosting on so few rows only waits for its threads
