"""A batch prediction: one version for the whole file, as the server would answer, each row once."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from quarterdeck.core.errors import InputError
from quarterdeck.core.values import Engine


def frame(rows: int) -> pl.DataFrame:
    return pl.DataFrame(
        {"a": [float(n % 9) for n in range(rows)], "b": [1.0] * rows, "ship": [f"s{n}" for n in range(rows)]}
    )


def with_a_wrong_row(rows: int, wrong: int) -> pl.DataFrame:
    """`a` is far out of range in one row, the first being 0."""
    return frame(rows).with_columns(
        pl.when(pl.int_range(pl.len()) == wrong).then(1e6).otherwise(pl.col("a")).alias("a")
    )


def write(table: pl.DataFrame, path: Path) -> Path:
    {".parquet": table.write_parquet, ".csv": table.write_csv, ".jsonl": table.write_ndjson}[path.suffix](path)
    return path


def read(path: Path) -> pl.DataFrame:
    found: pl.DataFrame = {".parquet": pl.read_parquet, ".csv": pl.read_csv, ".jsonl": pl.read_ndjson}[path.suffix](
        path
    )
    return found


@pytest.mark.parametrize("source", [".parquet", ".csv", ".jsonl"])
@pytest.mark.parametrize("target", [".parquet", ".csv", ".jsonl"])
def test_every_row_is_answered_in_order_from_and_to_every_format(predict, tmp_path, source: str, target: str) -> None:
    rows = frame(9_000)  # two parts
    told = predict(write(rows, tmp_path / f"rows{source}"), tmp_path / f"out{target}")
    assert (told["rows"], told["refused"]) == (9_000, 0)
    found = read(tmp_path / f"out{target}")
    assert found["row"].to_list() == list(range(1, 9_001))
    assert found["value"].to_list() == [row["a"] + row["b"] for row in rows.to_dicts()]
    assert found["ship"].to_list() == rows["ship"].to_list()
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("kind", [pl.Decimal(10, 3), pl.Decimal(18, 0), pl.Decimal(38, 0)])
def test_decimals_are_read_as_numbers(predict, tmp_path, kind: pl.Decimal) -> None:
    rows = frame(20).with_columns(pl.col("a").cast(kind), pl.lit(None, dtype=kind).alias("b"))
    rows = rows.with_columns(pl.when(pl.int_range(pl.len()) % 2 == 0).then(2).otherwise(3).cast(kind).alias("b"))
    predict(write(rows, tmp_path / "rows.parquet"), tmp_path / "out.parquet")
    expected = [float(row["a"]) + float(row["b"]) for row in rows.to_dicts()]
    assert read(tmp_path / "out.parquet")["value"].to_list() == expected


@pytest.mark.parametrize("engine", [Engine.ONNX, Engine.SKLEARN])
def test_the_answers_are_the_servers(lab, predict, tmp_path, engine: Engine) -> None:
    lab.promote("sort", lab.add_fitted("sort", lab.sorter(), engine))
    rows = pl.DataFrame(np.random.default_rng(3).normal(size=(300, 2)), schema=["a", "b"])
    predict(write(rows, tmp_path / "rows.parquet"), tmp_path / "out.parquet", model="sort")
    answers = lab.start().predict("sort", rows.to_dicts()).json()["predictions"]
    found = read(tmp_path / "out.parquet").to_dicts()
    for name in ("label", "probability"):
        assert [row[name] for row in found] == [row[name] for row in answers]
    for name in ("high", "low", "mid"):
        assert [row[f"probability.{name}"] for row in found] == [row["probabilities"][name] for row in answers]
    logged = lab.logged("arm = 'batch'")
    assert [json.loads(row.answer) for row in logged] == [row["label"] for row in answers]
    assert len(json.loads(logged[0].probabilities)) == 3


def test_rows_are_logged_once_under_an_arm_of_their_own(lab, predict, tmp_path) -> None:
    predict(write(frame(9_000), tmp_path / "rows.parquet"), tmp_path / "out.parquet")
    logged = lab.logged()
    assert {(row.endpoint, row.version, row.arm) for row in logged} == {("line", 1, "batch")}
    assert [row.id for row in logged] == read(tmp_path / "out.parquet")["id"].to_list()
    assert json.loads(logged[7].inputs) == {"a": 7.0, "b": 1.0, "ship": "s7"}
    assert (logged[7].entity, logged[7].score) == ("s7", 8.0)


def test_without_the_log_there_are_no_ids(lab, predict, tmp_path) -> None:
    predict(write(frame(10), tmp_path / "rows.csv"), tmp_path / "out.csv", log=False)
    assert lab.logged() == []
    assert read(tmp_path / "out.csv").columns == ["row", "ship", "value"]


def test_a_time_in_the_file_is_the_event_time_of_the_log(lab, predict, tmp_path) -> None:
    rows = frame(2).with_columns(sailed=pl.datetime(2026, 3, 1, time_zone="UTC"))
    for name in ("rows.parquet", "rows.csv"):
        predict(write(rows, tmp_path / name), tmp_path / "out.csv")
    assert {row.event_at for row in lab.logged()} == {1_772_323_200_000_000}


@pytest.mark.parametrize(
    ("table", "where"),
    [
        (pl.DataFrame({"a": [1.0], "bb": [2.0]}), "column 'b'"),
        (pl.DataFrame({"a": ["x"], "b": [2.0]}), "column 'a'"),
        (pl.DataFrame({"a": [True], "b": [2.0]}), "column 'a'"),
    ],
)
def test_no_row_is_asked_before_the_columns_are_right(lab, predict, tmp_path, table: pl.DataFrame, where: str) -> None:
    with pytest.raises(InputError) as refused:
        predict(write(table, tmp_path / "rows.parquet"), tmp_path / "out.parquet")
    assert where in (refused.value.where or "")
    assert lab.logged() == [] and not list(tmp_path.glob("*out*"))


def test_a_missing_column_is_named_with_the_one_that_may_be_meant(predict, tmp_path) -> None:
    with pytest.raises(InputError, match="is it 'bb'"):
        predict(write(pl.DataFrame({"a": [1.0], "bb": [2.0]}), tmp_path / "rows.csv"), tmp_path / "out.csv")


def test_a_column_that_is_there_twice_is_refused(predict, tmp_path) -> None:
    (tmp_path / "rows.csv").write_text("a,b,a\n1,2,3\n")
    with pytest.raises(InputError, match="twice"):
        predict(tmp_path / "rows.csv", tmp_path / "out.csv")


@pytest.mark.parametrize("kind", [".parquet", ".csv", ".jsonl"])
def test_a_wrong_row_is_named_by_number_and_field_and_nothing_is_written(predict, tmp_path, kind: str) -> None:
    source = write(with_a_wrong_row(9_000, 8_500), tmp_path / f"rows{kind}")
    with pytest.raises(InputError, match="out of range") as refused:
        predict(source, tmp_path / "out.parquet")
    assert refused.value.where == f"{source}, row 8501, field 'a'"
    assert not (tmp_path / "out.parquet").exists()


def test_wrong_rows_are_skipped_on_request_and_kept_beside(predict, tmp_path) -> None:
    source, target = tmp_path / "rows.csv", tmp_path / "out.csv"
    source.write_text("a,b,ship\n1,1,x\nhigh,1,y\n2,5,z\n3\n4,1,w\n")
    told = predict(source, target, on_error="skip")
    assert (told["rows"], told["refused"]) == (5, 2)
    assert read(target)["row"].to_list() == [1, 3, 5] and read(target)["value"].to_list() == [2.0, 7.0, 5.0]
    refused = [json.loads(line) for line in (tmp_path / "out.refused.jsonl").read_text().splitlines()]
    assert [(item["row"], item["where"]) for item in refused] == [(2, "row 2, field 'a'"), (4, "row 4")]
    assert refused[0]["sent"] == {"a": "high", "b": 1.0, "ship": "y"}
    predict(write(frame(3), source), target, on_error="skip")
    assert not (tmp_path / "out.refused.jsonl").exists()


def test_a_file_of_wrong_rows_alone_gives_no_answers(predict, tmp_path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"a": 1.0}\n[1]\n')
    assert predict(tmp_path / "rows.jsonl", tmp_path / "out.parquet", on_error="skip")["refused"] == 2
    assert len(read(tmp_path / "out.parquet")) == 0


def test_rows_on_which_the_model_fails_are_refused_like_wrong_ones(lab, predict, tmp_path) -> None:
    lab.add_onnx("table", lab.table_model())
    source = write(pl.DataFrame({"a": [1.0, 50.0, 2.0], "b": [0.0] * 3}), tmp_path / "rows.csv")
    with pytest.raises(InputError, match="the model failed") as refused:
        predict(source, tmp_path / "out.csv", model="table")
    assert refused.value.where == f"{source}, row 2"
    predict(source, tmp_path / "out.csv", model="table", on_error="skip")
    assert read(tmp_path / "out.csv")["row"].to_list() == [1, 3]


def test_nan_and_an_empty_cell_are_missing_values(predict, tmp_path) -> None:
    (tmp_path / "rows.csv").write_text("a,b\n,1\n")
    write(pl.DataFrame({"a": [float("nan")], "b": [1.0]}), tmp_path / "rows.parquet")
    for name in ("rows.csv", "rows.parquet"):
        with pytest.raises(InputError, match="found null"):
            predict(tmp_path / name, tmp_path / "out.csv")


def test_columns_that_the_model_does_not_take_are_left_out_and_told(predict, tmp_path) -> None:
    rows = frame(3).with_columns(y=pl.lit(3.0))
    assert predict(write(rows, tmp_path / "rows.parquet"), tmp_path / "out.parquet")["left_out"] == ["y"]


@pytest.mark.parametrize("kind", [".parquet", ".csv"])
def test_a_file_without_rows_gives_a_file_without_answers(predict, tmp_path, kind: str) -> None:
    predict(write(frame(0), tmp_path / f"rows{kind}"), tmp_path / f"out{kind}")
    assert read(tmp_path / f"out{kind}").columns == ["row", "id", "ship", "value"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rows.jsonl", '{"a": 1,\n'),
        ("rows.csv", "a,b\n1,\xff\n"),
        ("rows.parquet", "PAR1"),
        ("rows.csv", ""),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_refused(predict, tmp_path, name: str, text: str) -> None:
    (tmp_path / name).write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError) as refused:
        predict(tmp_path / name, tmp_path / "out.csv")
    assert str(tmp_path / name) in (refused.value.where or "")


def test_a_job_that_stopped_at_a_wrong_row_may_go_on_and_skip_it(lab, predict, tmp_path) -> None:
    source = write(with_a_wrong_row(9_000, 8_500), tmp_path / "rows.parquet")
    with pytest.raises(InputError):
        predict(source, tmp_path / "out.parquet")
    assert predict(source, tmp_path / "out.parquet", on_error="skip")["began"] == 8_192
    assert len(read(tmp_path / "out.parquet")) == len(lab.logged()) == 8_999


@pytest.mark.parametrize("place", [0, 1_000, 8_192])
def test_a_part_that_was_not_wholly_logged_is_logged_with_its_own_ids(lab, predict, tmp_path, place: int) -> None:
    """As a kill between the part and its log leaves it."""
    source = write(with_a_wrong_row(9_000, 8_500), tmp_path / "rows.parquet")
    with pytest.raises(InputError):
        predict(source, tmp_path / "out.parquet")
    with lab.traffic.write() as tx:
        tx.exec_driver_sql("DELETE FROM prediction WHERE seq > ?", (place,))
        tx.exec_driver_sql("UPDATE cursor SET seq = ? WHERE name LIKE 'batch %'", (place,))
    predict(source, tmp_path / "out.parquet", on_error="skip")
    assert [row.id for row in lab.logged()] == read(tmp_path / "out.parquet")["id"].to_list()
