"""Identifiers sort by time and never repeat."""

from __future__ import annotations

import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.errors import UsageError
from quarterdeck.core.ids import IdMaker, new_id, time_of


def test_an_id_is_a_uuid_of_version_7_and_variant_rfc() -> None:
    parsed = uuid.UUID(new_id())
    assert parsed.version == 7
    assert parsed.variant == uuid.RFC_4122


@given(st.lists(st.integers(0, 2**44), min_size=2, max_size=50))
def test_ids_rise_whatever_the_clock_does(milliseconds: list[int]) -> None:
    ticks = iter(milliseconds)
    maker = IdMaker(lambda: next(ticks) * 1_000_000)
    ids = [maker() for _ in milliseconds]
    assert ids == sorted(set(ids))


def test_ids_of_one_millisecond_rise_and_stay_ids() -> None:
    maker = IdMaker(lambda: 1_700_000_000_123_456_789)
    ids = [maker() for _ in range(20_000)]
    assert ids == sorted(set(ids))
    assert {uuid.UUID(text).version for text in ids} == {7}
    assert {time_of(text) for text in ids} == {datetime(2023, 11, 14, 22, 13, 20, 123_000, tzinfo=UTC)}


def test_a_full_counter_runs_on_into_the_next_millisecond() -> None:
    maker = IdMaker(lambda: 1_000_000)
    first = maker()
    maker._counter = (1 << 74) - 1
    second = maker()
    assert second > first
    assert time_of(second) > time_of(first)


def test_the_example_of_the_rfc_gives_its_time() -> None:
    example = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"  # RFC 9562, appendix A.6
    assert time_of(example) == datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC)


def test_threads_never_share_an_id() -> None:
    maker = IdMaker()
    with ThreadPoolExecutor(4) as pool:
        batches = list(pool.map(lambda _: [maker() for _ in range(2_000)], range(4)))
    assert len({text for batch in batches for text in batch}) == 8_000


def test_a_forked_process_does_not_repeat_its_parents_ids() -> None:
    program = (
        "import os, time\nfrom quarterdeck.core.ids import new_id\nnew_id._clock_ns = lambda: 1_000_000\n"
        "new_id()\nchild = os.fork()\nchild and os.waitpid(child, 0)\nprint(new_id(), flush=True)\n"
    )
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    first, second = said.split()
    assert second[:8] == first[:8]
    assert second[14:] != first[14:]


@pytest.mark.parametrize(
    "text",
    ["", "x" * 36, str(uuid.uuid4()), new_id().upper().replace("-", "")],
    ids=["empty", "letters", "version 4", "no dashes"],
)
def test_other_text_has_no_time(text: str) -> None:
    with pytest.raises(UsageError, match="is not an id"):
        time_of(text)
