"""What a ship burns: textbook formulas, the fleet they are applied to, and its hulls' fouling.

Sources:
- Calm water: the Admiralty coefficient, power = displacement^(2/3) * speed^3 / coefficient.
- Wind and waves: the forms of ISO 15016 (wind: a drag coefficient on the area across the ship; waves:
  STAWAVE-1, for head seas in moderate heights), here with one drag coefficient for all angles, and with
  the waves' part fading to nothing on the beam.
- Fouling raises the resistance of the hull, not that of wind and waves (R. L. Townsin, "The ship hull
  fouling penalty", Biofouling 19, 2003). Its growth, quick at first and then slower, is a plausible
  curve chosen for this data, not a measured one.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

SECONDS_PER_DAY = 86_400.0
METRES_PER_SECOND_PER_KNOT = 1852.0 / 3600.0


@dataclass(frozen=True, kw_only=True)
class Physics:
    """Constants shared by the fleet."""

    sea_density: float = 1025.0
    """Sea water, kg/m3."""
    air_density: float = 1.225
    """Air at 15 degrees Celsius and sea level, kg/m3."""
    gravity: float = 9.81
    """m/s2."""
    wind_drag: float = 0.8
    """Drag coefficient of hull and superstructure in head wind; no unit."""
    propulsive_efficiency: float = 0.70
    """Towing power over shaft power; no unit."""


@dataclass(frozen=True, kw_only=True)
class Ship:
    """One bulk carrier: its hull, its engine, and the three dates and sizes of its fouling."""

    name: str
    displacement: float
    """Loaded, t; at other drafts in proportion to the draft, as for a full hull form."""
    draft_loaded: float
    """m."""
    draft_ballast: float
    """m."""
    length: float
    """Between perpendiculars, m."""
    beam: float
    """m."""
    windage: float
    """Area across the ship above water when loaded, m2; in ballast the risen hull is added."""
    speed: float
    """Service speed through water, kn."""
    admiralty: float
    """Admiralty coefficient of the clean hull, with t, kn and kW."""
    consumption: float
    """Specific fuel oil consumption of the main engine, g/kWh."""
    fouling_starts: datetime
    """When growth starts; the hull is clean before."""
    fouling_limit: float
    """Share of the clean hull's resistance that fouling tends to add in the end."""
    cleaned: datetime
    """When the ship enters dry dock; its hull is clean after."""


@dataclass(frozen=True, kw_only=True)
class FoulingCurve:
    """How fouling grows on every ship of the fleet."""

    days: float = 80.0
    """Time constant: 63 % of the limit is reached this many days after the start."""
    dock_days: float = 4.0
    """Days in dry dock, without reports."""


PHYSICS = Physics()
CURVE = FoulingCurve()


def _ship(name: str, size: tuple[float, ...], drive: tuple[float, ...], fouling: tuple[int, int, float, int]) -> Ship:
    """A ship from its size and drive, in the order of the fields, and (month, day, limit, October day)."""
    displacement, loaded, ballast, length, beam, windage = size
    speed, admiralty, consumption = drive
    month, day, limit, cleaned = fouling
    return Ship(
        name=name,
        displacement=displacement,
        draft_loaded=loaded,
        draft_ballast=ballast,
        length=length,
        beam=beam,
        windage=windage,
        speed=speed,
        admiralty=admiralty,
        consumption=consumption,
        fouling_starts=datetime(2025, month, day, tzinfo=UTC),
        fouling_limit=limit,
        cleaned=datetime(2025, 10, cleaned, tzinfo=UTC),
    )


HANDY = (50_000.0, 10.8, 6.6, 177.0, 30.0, 540.0)
SUPRA = (68_000.0, 12.8, 7.2, 193.0, 32.3, 600.0)
PANAMAX = (92_000.0, 14.2, 7.8, 222.0, 32.3, 640.0)

FLEET = (
    _ship("Albatross", HANDY, (13.6, 585.0, 176.0), (4, 1, 0.27, 14)),
    _ship("Bittern", HANDY, (13.4, 570.0, 178.0), (3, 29, 0.30, 16)),
    _ship("Cormorant", SUPRA, (14.0, 600.0, 174.0), (4, 3, 0.25, 11)),
    _ship("Dunlin", SUPRA, (13.8, 590.0, 175.0), (4, 1, 0.28, 18)),
    _ship("Eider", SUPRA, (14.2, 605.0, 172.0), (4, 5, 0.26, 13)),
    _ship("Fulmar", PANAMAX, (14.0, 610.0, 171.0), (3, 30, 0.29, 17)),
    _ship("Gannet", PANAMAX, (14.3, 620.0, 170.0), (4, 2, 0.24, 12)),
    _ship("Heron", PANAMAX, (13.7, 600.0, 173.0), (4, 4, 0.31, 15)),
)


def undocked(ship: Ship, curve: FoulingCurve = CURVE) -> datetime:
    """When the ship leaves dry dock."""
    return ship.cleaned + timedelta(days=curve.dock_days)


def fouling(ship: Ship, times: NDArray[np.datetime64], curve: FoulingCurve = CURVE) -> Numbers:
    """Share by which fouling raises the hull's resistance at each UTC time, shape (n,), 0 to the limit."""
    start, end = (np.datetime64(t.replace(tzinfo=None), "us") for t in (ship.fouling_starts, ship.cleaned))
    days = (times - start) / np.timedelta64(1, "D")
    grown = ship.fouling_limit * -np.expm1(-np.maximum(days, 0.0) / curve.days)
    return np.where(times < end, grown, 0.0)


def calm_power(ship: Ship, speed: Numbers, draft: Numbers) -> Numbers:
    """Shaft power of the clean hull in calm water, kW; speed in kn, draft in m, shape (n,) each."""
    displacement = ship.displacement * draft / ship.draft_loaded
    return displacement ** (2 / 3) * speed**3 / ship.admiralty


def wind_resistance(ship: Ship, speed: Numbers, draft: Numbers, wind: Numbers, angle: Numbers) -> Numbers:
    """Added by wind, N; wind over the deck in m/s, its angle in degrees off the bow; below 0 it pushes.

    The still air's part is taken off, since the Admiralty coefficient holds it already.
    """
    area = ship.windage + ship.beam * (ship.draft_loaded - draft)
    own = speed * METRES_PER_SECOND_PER_KNOT
    along = wind**2 * np.cos(np.radians(angle)) - own**2
    return np.asarray(0.5 * PHYSICS.air_density * PHYSICS.wind_drag * area * along, dtype=np.float64)


def wave_resistance(ship: Ship, height: Numbers, angle: Numbers) -> Numbers:
    """Added by waves, N; significant height in m, direction in degrees off the bow; 0 from the beam aft."""
    bow = 0.2 * ship.length  # length of the bow at the waterline, up to the full beam
    head = PHYSICS.sea_density * PHYSICS.gravity / 16 * height**2 * ship.beam * np.sqrt(ship.beam / bow)
    return np.asarray(head * np.maximum(np.cos(np.radians(angle)), 0.0) ** 2, dtype=np.float64)


def fuel_rate(ship: Ship, power: Numbers) -> Numbers:
    """Fuel of the main engine, t/day, at a shaft power in kW."""
    return power * ship.consumption * 24 / 1e6
