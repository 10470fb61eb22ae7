"""Every event lies in one window, whatever the widths were and however often they changed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.widths import EARLIEST, Widths

HOUR, DAY = 3_600, 86_400
times = st.integers(-(10**17), 10**17)


@st.composite
def widths(draw: st.DrawFn) -> Widths:
    found = Widths.of(draw(st.integers(1, 10**6)))
    for width, newest in draw(st.lists(st.tuples(st.integers(1, 10**6), st.integers(-(10**7), 10**7)), max_size=5)):
        found = found.changed(width, newest)
    return found


@given(widths(), times)
def test_a_window_holds_its_event_and_all_of_its_events_have_that_window(found: Widths, event: int) -> None:
    start, end = found.window(event)
    assert start <= event < end
    assert found.window(start) == found.window(end - 1) == (start, end)
    assert found.window(end)[0] == end
    assert found.window(start - 1)[1] == start


@given(widths(), st.integers(1, 10**6), st.integers(-(10**7), 10**7))
def test_a_change_of_width_moves_no_event_that_was_counted(found: Widths, width: int, newest: int) -> None:
    after = found.changed(width, newest)
    since = after.steps[-1][0]
    assert newest < since and after.width == width
    for event in (newest, newest - 1, newest - width, newest - 10**6):
        start, end = found.window(event)
        assert after.window(event) == (start, min(end, since))  # the one under way may be cut, behind all its events


def test_an_hour_after_days_begins_at_the_next_hour_and_cuts_the_day() -> None:
    found = Widths.of(DAY).changed(HOUR, 10 * HOUR + 5)
    assert found.window(10 * HOUR) == (0, 11 * HOUR)
    assert found.window(11 * HOUR) == (11 * HOUR, 12 * HOUR)


def test_a_day_after_hours_begins_when_the_hour_ends_and_is_shorter_once() -> None:
    found = Widths.of(HOUR).changed(DAY, 10 * HOUR + 5)
    assert found.window(10 * HOUR) == (10 * HOUR, 11 * HOUR)
    assert found.window(12 * HOUR) == (11 * HOUR, DAY)
    assert found.window(DAY) == (DAY, 2 * DAY)


def test_a_change_that_no_event_has_reached_is_taken_back_without_a_trace() -> None:
    once = Widths.of(DAY).changed(HOUR, 5)
    assert once.changed(60, 7).steps == ((EARLIEST, DAY), (60, 60))


def test_where_nothing_was_counted_the_new_width_holds_for_all_time() -> None:
    assert Widths.of(DAY).changed(HOUR, None) == Widths.of(HOUR)
