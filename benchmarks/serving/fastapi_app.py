"""FastAPI in front of scikit-learn, as its tutorials do it. Served by uvicorn."""

from __future__ import annotations

import os

from fastapi import FastAPI
from models import fitted
from pydantic import BaseModel

app = FastAPI()
model = fitted(os.environ["BENCH_MODEL"])[0]


class Rows(BaseModel):
    rows: list[list[float]]


@app.post("/predict")
def predict(body: Rows) -> dict[str, list[list[float]]]:
    return {"probabilities": model.predict_proba(body.rows).tolist()}
