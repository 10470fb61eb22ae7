"""The story the fuel data carries: a model right in March decays as hulls foul, and retraining helps."""

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, PolynomialFeatures, StandardScaler

from quarterdeck.sample_data import path

NUMBERS = ["speed_through_water", "draft", "wind_speed", "wind_angle", "wave_height", "sea_temperature"]
DRY_DOCKS_DONE = datetime(2025, 10, 23, tzinfo=UTC)


def boosted() -> Pipeline:
    encode = make_column_transformer((OrdinalEncoder(), ["ship"]), ("passthrough", NUMBERS))
    return make_pipeline(encode, HistGradientBoostingRegressor(categorical_features=[0], random_state=0))


def linear() -> Pipeline:
    curves = make_pipeline(StandardScaler(), PolynomialFeatures(3, include_bias=False), StandardScaler())
    return make_pipeline(make_column_transformer((OneHotEncoder(), ["ship"]), (curves, NUMBERS)), Ridge())


MODELS = {"boosted": boosted, "linear": linear}


def between(table: pl.DataFrame, start: datetime, end: datetime) -> pl.DataFrame:
    return table.filter(pl.col("reported").is_between(start, end, closed="left"))


def day(month: int, of_month: int = 1) -> datetime:
    return datetime(2025, month, of_month, tzinfo=UTC)


def trained(kind: str, table: pl.DataFrame) -> Pipeline:
    return MODELS[kind]().fit(table.select("ship", *NUMBERS), table["fuel_rate"].to_numpy())


def absolute_error(model: Pipeline, table: pl.DataFrame) -> NDArray[np.float64]:
    """t/day, shape (n,)."""
    predicted = model.predict(table.select("ship", *NUMBERS))
    return np.asarray(np.abs(predicted - table["fuel_rate"].to_numpy()), dtype=np.float64)


@pytest.fixture(scope="module")
def fuel() -> pl.DataFrame:
    return pl.read_parquet(path("fuel.parquet"))


@pytest.fixture(scope="module", params=sorted(MODELS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def frozen(fuel: pl.DataFrame, kind: str) -> Pipeline:
    """The model trained on January to mid-March and never again."""
    return trained(kind, between(fuel, day(1), day(3, 15)))


@pytest.fixture(scope="module")
def at_first(fuel: pl.DataFrame, frozen: Pipeline) -> float:
    """Its mean error over the rest of March, t/day."""
    return float(absolute_error(frozen, between(fuel, day(3, 15), day(4))).mean())


def test_a_model_of_winter_predicts_the_end_of_march_within_a_few_percent(fuel: pl.DataFrame, at_first: float) -> None:
    assert at_first < 0.05 * fuel["fuel_rate"].to_numpy().mean()


def test_its_error_doubles_within_eight_weeks_of_the_first_fouling(
    fuel: pl.DataFrame, frozen: Pipeline, at_first: float
) -> None:
    weeks_five_to_eight = between(fuel, day(4, 29), day(5, 27))
    assert absolute_error(frozen, weeks_five_to_eight).mean() > 2 * at_first


def test_its_error_grows_from_month_to_month_until_the_hulls_are_cleaned(fuel: pl.DataFrame, frozen: Pipeline) -> None:
    monthly = [absolute_error(frozen, between(fuel, day(m), day(m + 1))).mean() for m in range(3, 10)]
    assert monthly == sorted(monthly)
    assert monthly[-1] > 4 * monthly[0]


def test_a_model_retrained_in_july_errs_less_over_july_and_august_than_the_frozen_one(
    fuel: pl.DataFrame, frozen: Pipeline, kind: str
) -> None:
    summer = between(fuel, day(7), day(9))
    retrained = trained(kind, between(fuel, day(5, 2), day(7)))
    assert absolute_error(retrained, summer).mean() < 0.6 * absolute_error(frozen, summer).mean()


def test_the_frozen_model_is_right_again_after_dry_dock(fuel: pl.DataFrame, frozen: Pipeline, at_first: float) -> None:
    after = between(fuel, DRY_DOCKS_DONE, day(12))
    assert absolute_error(frozen, after).mean() < 1.5 * at_first


def test_the_faulty_speed_log_of_december_misleads_it_on_that_ship(
    fuel: pl.DataFrame, frozen: Pipeline, at_first: float
) -> None:
    fault = between(fuel, day(12, 4), day(12, 14)).filter(pl.col("ship") == "Dunlin")
    assert absolute_error(frozen, fault).mean() > 4 * at_first
