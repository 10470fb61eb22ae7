"""Our side of bench_monitoring.py in a process of its own: prints seconds and peak memory as JSON.

python ours.py FOLDER WINDOW rows|counts
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import polars as pl
from memory import forget_peak, peak

from quarterdeck.core.drift.judge import judge_features
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.profile import Profile, build_profile
from quarterdeck.core.profile_frames import count_series
from quarterdeck.core.profile_values import Counts
from quarterdeck.core.values import Task


def train(folder: Path) -> None:
    """The reference profile, as training keeps it."""
    frame = pl.read_parquet(folder / "reference.parquet")
    kinds = {name: FieldKind.STRING if kind == pl.String else FieldKind.NUMBER for name, kind in frame.schema.items()}
    signature = Signature(
        fields=tuple(Field(name=name, kind=kind) for name, kind in kinds.items()), task=Task.BINARY, target="y"
    )
    columns = {
        name: frame[name].to_list() if kind is FieldKind.STRING else frame[name].to_numpy()
        for name, kind in kinds.items()
    }
    (folder / "profile.json").write_text(json.dumps(build_profile(columns, signature).to_json()))


def count_file(profile: Profile, path: Path) -> Counts:
    """One column in memory at a time."""
    features = {f.name: count_series(f, pl.read_parquet(path, columns=[f.name])[f.name]) for f in profile.features}
    return Counts(rows=next(iter(features.values())).rows, features=features)


def main(folder: Path, window: str, what: str) -> None:
    if what == "train":
        train(folder)
        return
    profile = Profile.from_json(json.loads((folder / "profile.json").read_text()))
    path = folder / f"{window}.parquet"
    judge_features(profile, count_file(profile, folder / "small.parquet"))  # libraries are loaded and tables made
    counted = count_file(profile, path) if what == "counts" else None
    taken, before = [], forget_peak()
    for _ in range(3 if what == "rows" else 50):
        began, worked = time.perf_counter(), time.process_time()
        found = judge_features(profile, counted or count_file(profile, path))
        taken.append((time.perf_counter() - began, time.process_time() - worked))
    taken.sort()
    drifted = [item.feature for item in found if item.drifted]
    seconds, cpu = taken[len(taken) // 2]
    print(json.dumps({"seconds": seconds, "cpu_s": cpu, "drifted": drifted} | peak(before)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
