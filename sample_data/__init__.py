"""The data that ships with Quarterdeck, and the programs that make it.

Read in this order:

- `SOURCES.md`: origin, licence, columns and units of every file, and what was left out.
- `make_flights.py`: `flights.parquet` and `weather.parquet`, real departures and weather of 2013.
- `fuel_physics.py`, `fuel_voyages.py`, `fuel_truth.py`, `make_fuel.py`: `fuel.parquet` and
  `fuel.truth.json`, a generated year of a fleet whose hulls foul.
"""

from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def path(name: str) -> Path:
    """Path of a file that ships here, such as `path("flights.parquet")`.

    Raises FileNotFoundError, which lists the files that do exist, when there is none of that name.
    """
    found = FOLDER / name
    if not found.is_file():
        shipped = ", ".join(sorted(p.name for p in FOLDER.glob("*.parquet")))
        raise FileNotFoundError(f"no sample data file {name!r} in {FOLDER}; it has: {shipped or 'none'}")
    return found
