"""Writes a model's folder for MLServer: `python mlserver_model.py NAME FOLDER PORT`. Served by `mlserver start`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import joblib
from models import fitted

name, folder, port = sys.argv[1:]
place = Path(folder)
place.mkdir()
joblib.dump(fitted(name)[0], place / "model.joblib")
settings = {"name": name, "implementation": "mlserver_sklearn.SKLearnModel", "parameters": {"uri": "./model.joblib"}}
(place / "model-settings.json").write_text(json.dumps(settings))
server = {"http_port": int(port), "grpc_port": int(port) + 1, "metrics_port": int(port) + 2, "host": "127.0.0.1"}
(place / "settings.json").write_text(json.dumps(server | {"debug": False}))
