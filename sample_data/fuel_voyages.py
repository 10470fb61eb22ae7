"""A year of one ship at sea: when it sails, in what sea, and what its crew reports.

The weather and the voyages are drawn so that they hardly change over the year: what changes is the hull.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.sample_data import fuel_physics as physics
from quarterdeck.sample_data.fuel_physics import Numbers, Ship

YEAR = 2025
HOURS = 4
STEPS = 365 * 24 // HOURS


@dataclass(frozen=True, kw_only=True)
class Sea:
    """Weather of the tropical routes; a reading every four hours."""

    wind: float = 7.0
    """Mean true wind, m/s."""
    wind_spread: float = 2.6
    """Standard deviation of the true wind, m/s."""
    wind_season: float = 0.2
    """How much more the mean wind blows in January, and less in July, m/s."""
    persistence: float = 0.85
    """Correlation of wind, swell or temperature with that of four hours earlier."""
    wave_per_wind: float = 0.0214
    """Height of a fully developed sea over the wind's square, s2/m: 0.21 / g (Pierson and Moskowitz)."""
    swell: float = 1.0
    """Mean height of the swell, m."""
    temperature: float = 27.5
    """Mean sea temperature, degrees Celsius."""
    temperature_spread: float = 1.5
    """Standard deviation of the sea temperature between routes, degrees Celsius."""
    temperature_season: float = 0.15
    """How much warmer the sea is in July than the mean, degrees Celsius."""


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Errors of what is reported: standard deviations."""

    speed: float = 0.06
    """Speed log, kn."""
    draft: float = 0.05
    """Draft, m."""
    wind: float = 0.4
    """Anemometer, m/s."""
    angle: float = 4.0
    """Wind vane, degrees."""
    wave: float = 0.12
    """Wave height as seen from the bridge, as a share of it."""
    fuel: float = 0.015
    """Fuel measurement, as a share of it."""


SEA = Sea()
NOISE = Noise()


def persistent(rng: np.random.Generator, steps: int, persistence: float) -> Numbers:
    """A first-order autoregressive series of mean 0 and variance 1, shape (steps,)."""
    shocks = rng.normal(size=steps)
    series = np.empty(steps)
    series[0] = shocks[0]
    for i in range(1, steps):
        series[i] = persistence * series[i - 1] + np.sqrt(1 - persistence**2) * shocks[i]
    return series


def legs(rng: np.random.Generator) -> Iterator[tuple[int, int, bool]]:
    """First step, step after the last, and loaded or not, of each passage: 2 to 5 days; a port takes 1."""
    step, loaded = -int(rng.integers(0, 30)), bool(rng.integers(0, 2))
    while step < STEPS:
        end = step + int(rng.integers(12, 31))
        yield max(step, 0), min(max(end, 0), STEPS), loaded
        step, loaded = end + int(rng.integers(5, 10)), not loaded


def sail(ship: Ship, rng: np.random.Generator) -> pl.DataFrame:
    """Speed (kn) and draft (m) at each step of the year; null in port."""
    speed, draft = np.full(STEPS, np.nan), np.full(STEPS, np.nan)
    for first, last, loaded in legs(rng):
        count = last - first
        ordered = ship.speed * rng.uniform(0.82, 1.0)
        speed[first:last] = ordered + 0.4 * persistent(rng, max(count, 1), 0.7)[:count]
        departure = (ship.draft_loaded if loaded else ship.draft_ballast) - abs(rng.normal(0, 0.25))
        draft[first:last] = departure - 0.003 * np.arange(count)  # fuel and water used on the way
    return pl.DataFrame({"speed": speed, "draft": draft}).fill_nan(None)


def sea_state(rng: np.random.Generator) -> dict[str, Numbers]:
    """True wind (m/s), its angle off the bow (degrees), wave height (m) and sea temperature, by step."""
    winter = np.cos(2 * np.pi * np.arange(STEPS) / STEPS)
    wind = SEA.wind + SEA.wind_season * winter + SEA.wind_spread * persistent(rng, STEPS, SEA.persistence)
    wind = np.maximum(wind, 0.5)
    swell = SEA.swell * np.exp(0.3 * persistent(rng, STEPS, SEA.persistence))
    temperature = SEA.temperature + SEA.temperature_spread * persistent(rng, STEPS, SEA.persistence)
    return {
        "wind": wind,
        "angle": (rng.uniform(0, 360) + np.cumsum(rng.normal(0, 25, STEPS))) % 360,
        "waves": np.hypot(SEA.wave_per_wind * wind**2, swell),
        "temperature": temperature - SEA.temperature_season * winter,
    }


def over_deck(wind: Numbers, angle: Numbers, speed: Numbers) -> tuple[Numbers, Numbers]:
    """Wind as felt on board, m/s, and its angle off the bow, 0 (ahead) to 180 degrees, from the true wind."""
    ahead = wind * np.cos(np.radians(angle)) + speed * physics.METRES_PER_SECOND_PER_KNOT
    across = wind * np.sin(np.radians(angle))
    return np.hypot(ahead, across), np.degrees(np.arctan2(np.abs(across), ahead))


def burn(ship: Ship, voyage: pl.DataFrame) -> Numbers:
    """True fuel rate, t/day, of rows with speed, draft, wind over deck, waves and fouling; shape (n,)."""
    speed, draft = voyage["speed"].to_numpy(), voyage["draft"].to_numpy()
    added = physics.wind_resistance(
        ship, speed, draft, voyage["deck_wind"].to_numpy(), voyage["deck_angle"].to_numpy()
    ) + physics.wave_resistance(ship, voyage["waves"].to_numpy(), voyage["angle"].to_numpy())
    own = speed * physics.METRES_PER_SECOND_PER_KNOT
    added_power = added * own / physics.PHYSICS.propulsive_efficiency / 1000
    hull = physics.calm_power(ship, speed, draft) * (1 + voyage["fouling"].to_numpy())
    return physics.fuel_rate(ship, hull + added_power)


def simulate(ship: Ship, rng: np.random.Generator) -> pl.DataFrame:
    """The true year of one ship, a row for each watch at sea, before anything is measured."""
    start, end = datetime(YEAR, 1, 1, tzinfo=UTC), datetime(YEAR + 1, 1, 1, tzinfo=UTC)
    watches = pl.datetime_range(start, end, f"{HOURS}h", closed="left", eager=True)
    reported = watches + minutes(rng.integers(0, 20, STEPS))  # no watch reports to the minute
    at_sea = sail(ship, rng).hstack(pl.DataFrame(sea_state(rng))).with_columns(reported=reported)
    docked = pl.col("reported").is_between(ship.cleaned, physics.undocked(ship), closed="left")
    voyage = at_sea.drop_nulls().filter(~docked)
    wind, angle = over_deck(*(voyage[name].to_numpy() for name in ("wind", "angle", "speed")))
    fouled = physics.fouling(ship, voyage["reported"].to_numpy())
    return voyage.with_columns(deck_wind=wind, deck_angle=angle, fouling=fouled)


def report(ship: Ship, voyage: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """What the crew of one ship writes down: the truth with the errors of the instruments."""

    def noisy(name: str, spread: float) -> Numbers:
        return voyage[name].to_numpy() + rng.normal(0, spread, voyage.height)

    share = rng.normal(0, 1, (2, voyage.height))
    columns = {
        "speed_through_water": noisy("speed", NOISE.speed),
        "draft": noisy("draft", NOISE.draft),
        "wind_speed": np.maximum(noisy("deck_wind", NOISE.wind), 0.0),
        "wind_angle": 180.0 - np.abs(180.0 - np.abs(noisy("deck_angle", NOISE.angle))),
        "wave_height": voyage["waves"].to_numpy() * np.exp(NOISE.wave * share[0]),
        "sea_temperature": noisy("temperature", 0.2),
        "fuel_rate": burn(ship, voyage) * np.exp(NOISE.fuel * share[1]),
    }
    return pl.DataFrame(columns).with_columns(
        reported=voyage["reported"],
        ship=pl.lit(ship.name),
        measured=next_sounding(voyage["reported"], rng),
    )


def next_sounding(reported: pl.Series, rng: np.random.Generator) -> pl.Series:
    """When the fuel of each watch is known: the tanks are sounded at the next noon, which takes a while."""
    noon = reported.dt.offset_by("12h").dt.truncate("1d").dt.offset_by("12h")
    return noon + minutes(rng.integers(30, 90, len(noon)))


def minutes(count: NDArray[np.int64]) -> pl.Series:
    """Whole minutes as durations."""
    return pl.Series(count * 60_000_000).cast(pl.Duration("us"))
