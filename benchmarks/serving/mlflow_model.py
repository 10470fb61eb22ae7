"""Saves a model: `python mlflow_model.py NAME FOLDER tensor|columns`. Served by `mlflow models serve`."""

from __future__ import annotations

import sys

import mlflow.sklearn
from mlflow.models import infer_signature
from models import fitted

name, folder, form = sys.argv[1:]
model, rows = fitted(name, frame=form == "columns")
# its default refuses forests
how = {"serialization_format": mlflow.sklearn.SERIALIZATION_FORMAT_CLOUDPICKLE}
mlflow.sklearn.save_model(model, folder, signature=infer_signature(rows, model.predict(rows)), **how)
