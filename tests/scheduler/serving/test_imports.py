"""The server starts fast because it loads only what answering needs."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("sqlmodel", "sklearn", "polars", "textual", "apscheduler", "scipy", "alembic", "onnxruntime")


def test_the_server_loads_nothing_that_an_onnx_model_does_not_need() -> None:
    code = (
        "import sys, quarterdeck.scheduler.serving.__main__ as m; assert callable(m.main); "
        f"print(*[name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
