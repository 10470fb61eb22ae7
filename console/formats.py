"""How the console writes ages, counts, numbers and times: short, and the same on every screen and in every
command.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from quarterdeck.core.durations import format_duration
from quarterdeck.core.values import TriggerKind

_STEPS = ((60, "s"), (3_600, "m"), (86_400, "h"), (86_400 * 60, "d"), (86_400 * 730, "w"))
_SIZES = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800, "y": 31_557_600}


def clean(text: object, limit: int = 2_000) -> str:
    """One printable line: escapes, line ends and direction marks become a dot, so no text can draw."""
    return "".join(char if char.isprintable() else "·" for char in str(text)[:limit])


def age(delta: timedelta) -> str:
    """Coarse, so that a screen at rest stays at rest: "<1m", "5m", "3h", "12d", "9w", "2y"."""
    seconds = max(0.0, delta.total_seconds())
    if seconds < 60:
        return "<1m"
    unit = next((unit for limit, unit in _STEPS if seconds < limit), "y")
    return f"{int(seconds // _SIZES[unit])}{unit}"


def lasted(delta: timedelta) -> str:
    """How long something took: "0.4s", "12s", "3m 20s", "2h 5m"."""
    seconds = max(0.0, delta.total_seconds())
    if seconds < 10:
        return f"{seconds:.1f}s"
    if seconds < 60:
        return f"{seconds:.0f}s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes}m {rest}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes}m"


def count(number: int | None) -> str:
    """Four characters at most up to a billion: "999", "12k", "1.2M"; "-" for none."""
    if number is None:
        return "-"
    if number < 10_000:
        return str(number)
    for size, unit in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if number >= size:
            short = number / size
            return f"{short:.1f}{unit}" if short < 9.95 else f"{short:.0f}{unit}"
    return str(number)


def counted(found: int, what: str, many: str = "") -> str:
    """ "1 problem", "2 problems"; `many` where the word takes more than an s."""
    return f"{found:,} {what if found == 1 else many or f'{what}s'}"


def number(value: float | None) -> str:
    """Four significant digits: "0.9410", "212.4", "18,210"; "-" for none."""
    if value is None:
        return "-"
    if not math.isfinite(value):
        return str(value)
    size = abs(float(f"{value:.4g}"))  # 9.9999 is written as 10.00
    if size >= 1_000:
        return f"{value:,.0f}"
    if size >= 1:
        return f"{value:.{3 - int(math.log10(size))}f}"
    return f"{value:.4f}" if size >= 0.0001 or size == 0 else f"{value:.1e}"


def signed(value: float | None) -> str:
    """A difference, with its sign."""
    if value is None:
        return "-"
    return number(value) if value < 0 else f"+{number(value)}"


def rate(per_second: float | None) -> str:
    """Requests a second, coarse: "0.4/s", "12/s", "1.2k/s"."""
    if per_second is None:
        return "-"
    if per_second <= 0:
        return "0/s"
    return f"{per_second:.1f}/s" if per_second < 9.95 else f"{count(round(per_second))}/s"


def milliseconds(value: float | None) -> str:
    """ "0.42ms", "12ms", "1.2s"."""
    if value is None:
        return "-"
    if value < 9.95:
        return f"{value:.1f}ms"
    return f"{value:.0f}ms" if value < 1_000 else f"{value / 1_000:.1f}s"


def size(octets: int) -> str:
    """ "812 B", "38 MB"."""
    value = float(octets)
    for unit in ("B", "kB", "MB"):
        if value < 1_000:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 10 else f"{value:.1f} {unit}"
        value /= 1_000
    return f"{value:.1f} GB"


def clock(moment: datetime | None, now: datetime) -> str:
    """A wall-clock time: the time alone within the last day, with the date before that. UTC."""
    if moment is None:
        return "-"
    return f"{moment:%H:%M:%S}" if abs(now - moment) < timedelta(hours=20) else f"{moment:%m-%d %H:%M}"


def minute(moment: datetime | None) -> str:
    """An event time to the minute, UTC; midnight is the day alone."""
    if moment is None:
        return "-"
    return f"{moment:%Y-%m-%d}" if (moment.hour, moment.minute) == (0, 0) else f"{moment:%Y-%m-%d %H:%M}"


def until(moment: datetime | None, now: datetime) -> str:
    """How long from now: "in 3h", "due" once it is past, "-" for never."""
    if moment is None:
        return "-"
    return "due" if moment <= now else f"in {age(moment - now)}"


def trigger_condition(kind: str, spec: Mapping[str, Any]) -> str:
    """When a trigger fires, in words: "0 3 * * * America/New_York", "3 features over PSI 0.25"."""
    windows = int(spec.get("windows") or 1)
    in_a_row = f", {windows} windows in a row" if windows > 1 else ""
    if spec.get("cron"):
        return f"{spec['cron']} {spec.get('timezone') or 'UTC'}"
    if spec.get("every"):
        return f"every {format_duration(timedelta(seconds=float(spec['every'])))}"
    if kind == TriggerKind.DRIFT:
        return f"{spec.get('features', 1)} features over PSI {spec.get('threshold', 0):g}{in_a_row}"
    if kind == TriggerKind.DECAY:
        estimate = " (or its estimate)" if spec.get("on_estimate") else ""
        return f"{spec.get('metric')}{estimate} worse by {float(spec.get('worse_by') or 0):.0%}{in_a_row}"
    if kind == TriggerKind.NEW_DATA:
        wanted = counted(int(spec.get("rows") or spec.get("files") or 1), "new row" if spec.get("rows") else "new file")
        return f"{wanted} in {spec.get('source')}"
    if kind == TriggerKind.FEEDBACK:
        return f"{counted(int(spec.get('labels') or 1), 'label')} since the last training"
    if kind == TriggerKind.CODE:
        return f"a commit on {spec.get('branch') or 'HEAD'}"
    return "a signed call" if kind == TriggerKind.WEBHOOK else "by hand"
