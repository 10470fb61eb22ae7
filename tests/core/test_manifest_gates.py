"""The gates and the slices of a pipeline.toml: what is read, and what is refused and how."""

from __future__ import annotations

from pathlib import Path

import pytest

from quarterdeck.core.errors import ManifestError
from quarterdeck.core.manifest import EvaluationSpec, GateSpec, Manifest
from quarterdeck.core.manifest_gates import EVALUATION_KEYS, GATE_KEYS
from quarterdeck.core.manifest_reader import check_manifest
from quarterdeck.core.toml_lines import parse_toml

HEAD = '[pipeline]\nname = "flights"\ntask = "binary"\ntarget = "late"\n[steps.features]\n'
SLICED = '[[gates]]\nmetric = "a"\nmin = 0.6\nslice = "carrier"\n'
TARGET = '[[gates]]\nmetric = "target_compatible"\n'


def check(text: str) -> Manifest:
    return check_manifest(parse_toml(HEAD + text, name="p.toml"), Path("/w/pipelines/flights"))


def test_every_kind_reaches_its_fields_and_has_a_key_of_its_own() -> None:
    gates = check(
        f"{SLICED}rows = 50\nconfidence = 0.9\n"
        '[[gates]]\nmetric = "a"\nnot_worse_than = "champion"\nmargin = 0.1\nslice = "carrier"\n'
        '[[gates]]\nmetric = "latency_p99_ms"\nmax = 5\n'
        f'{TARGET}memory_mb = 500\nseconds = 3\ninterpreter = "/opt/python"\n'
    ).gates
    assert gates == (
        GateSpec(metric="a", minimum=0.6, slice="carrier", rows=50, confidence=0.9),
        GateSpec(metric="a", not_worse_than="champion", margin=0.1, slice="carrier"),
        GateSpec(metric="latency_p99_ms", maximum=5.0),
        GateSpec(metric="target_compatible", memory_mb=500.0, seconds=3.0, interpreter="/opt/python"),
    )
    keys = [gate.key for gate in gates]
    assert keys == ["a min[carrier]", "a not_worse_than[carrier]", "latency_p99_ms max", "target_compatible"]


def test_the_columns_to_slice_by_are_read() -> None:
    assert check("").evaluation == EvaluationSpec(slices=(), minimum_rows=100)
    read = check('[evaluation]\nslices = ["carrier", "hour"]\nminimum_rows = 30\n').evaluation
    assert read == EvaluationSpec(slices=("carrier", "hour"), minimum_rows=30)


@pytest.mark.parametrize(
    ("lines", "where", "said"),
    [
        ('[[gates]]\nmetric = "a"\nmin = 1\nslise = "carrier"', 9, "did you mean `slice`?"),
        ('[[gates]]\nmetric = "a"\nmin = 1\nrows = 50', 9, "only beside slice"),
        ('[[gates]]\nmetric = "a"\nmin = 1\nconfidence = 0.9', 9, "only beside not_worse_than or slice"),
        (SLICED + "margin = 0.1", 10, "only beside not_worse_than"),
        (SLICED + "rows = 1", 10, "from 2 on"),
        (SLICED + SLICED, 12, "already set by the gate in line 6"),
        ('[[gates]]\nmetric = "a"\nmin = 1\nmemory_mb = 9', 9, 'only beside metric = "target_compatible"'),
        ('[[gates]]\nmetric = "latency_p99_ms"\nmin = 1', 8, "which has a max alone"),
        ('[[gates]]\nmetric = "artifact_size_mb"\nmax = 1\nslice = "c"', 9, "which has a max alone"),
        (TARGET + "max = 1", 8, "is not expected for target_compatible"),
        (TARGET + "memory_mb = 0", 8, "a number above 0"),
        (TARGET + TARGET, 9, "already set by the gate in line 6"),
        ('[evaluation]\nslices = "carrier"', 7, "expected a list of columns' names"),
        ('[evaluation]\nslices = ["a", "a"]', 7, 'names "a" twice'),
        ("[evaluation]\nslice = []", 7, "did you mean `slices`?"),
    ],
)
def test_a_wrong_key_is_refused_at_its_line(lines: str, where: int, said: str) -> None:
    with pytest.raises(ManifestError) as caught:
        check(lines + "\n")
    assert f"p.toml:{where}: " in f"{caught.value.where}: {caught.value.message}"
    assert said in str(caught.value)


def test_a_metric_may_have_a_gate_in_all_rows_and_one_in_every_slice() -> None:
    assert len(check(SLICED + '[[gates]]\nmetric = "a"\nmin = 0.7\n').gates) == 2


def test_every_key_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "gates.md").read_text()
    assert [key for key in (*GATE_KEYS, *EVALUATION_KEYS) if f"`{key}" not in text] == []
