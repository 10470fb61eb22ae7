"""Bodies in chunks: the same however they are cut, and refused where anything about them is unsure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.scheduler.serving.http import too_large
from quarterdeck.scheduler.serving.http1.chunks import Chunks

MOST = 1_000


def chunks() -> Chunks:
    return Chunks(MOST, lambda: too_large(MOST))


def feed(sent: bytes) -> tuple[bytes, bytes | None]:
    """The body, and what stands behind it; None where it is not whole."""
    reader = chunks()
    behind = reader.feed(sent)
    return reader.body, behind


@pytest.mark.parametrize(
    ("sent", "body", "behind"),
    [
        (b"0\r\n\r\n", b"", b""),
        (b"5\r\nhello\r\n0\r\n\r\n", b"hello", b""),
        (b"5\r\nhello\r\n0\r\n\r\nGET /", b"hello", b"GET /"),
        (b"2\r\nhe\r\n3\r\nllo\r\n000\r\n\r\n", b"hello", b""),
        (b"A;name=value;x\r\n0123456789\r\n0\r\n\r\n", b"0123456789", b""),
        (b"0\r\nX: y\r\nZ:\r\n\r\nnext", b"", b"next"),
        (b"2\r\n\r\n\r\n0\r\n\r\n", b"\r\n", b""),
        (b"5\r\nhel", b"", None),
        (b"0\r\nX: y\r\n", b"", None),
    ],
)
def test_a_body_is_put_together(sent: bytes, body: bytes, behind: bytes | None) -> None:
    assert feed(sent) == (body, behind)


@pytest.mark.parametrize(
    "sent",
    [
        b"x\r\n",
        b"\r\n",
        b"-1\r\n",
        b"+1\r\n",
        b"0x1\r\n",
        b" 1\r\n",
        b"1 \r\n",
        b"1_0\r\n",
        b"1\n",
        b"1;\n\r\n",
        b"1;\0\r\n",
        b"1" * 16 + b"\r\n",
        b"1;" + b"x" * 300,
        b"1\r\nab\r\n",
        b"1\r\na\n",
        b"2\r\na\r\n0\r\n\r\n",
        b"0\r\nno trailer\r\n\r\n",
        b"0\r\nX: a\nY: b\r\n\r\n",
        b"0\r\n X: a\r\n\r\n",
    ],
)
def test_a_chunk_that_could_be_understood_in_two_ways_is_refused(sent: bytes) -> None:
    with pytest.raises(QuarterdeckError) as caught:
        feed(sent + b"0\r\n\r\n" * 60)
    assert caught.value.http_status == 400


def test_a_body_is_bounded_before_it_has_come() -> None:
    assert len(feed(b"3e8\r\n" + b"x" * 1_000 + b"\r\n0\r\n\r\n")[0]) == 1_000
    for sent in (b"3e9\r\n", b"fffffffffffffff\r\n", b"1f4\r\n" + b"x" * 500 + b"\r\n1f5\r\n"):
        with pytest.raises(QuarterdeckError) as caught:
            feed(sent)
        assert caught.value.http_status == 413


def test_trailers_are_bounded() -> None:
    with pytest.raises(QuarterdeckError) as caught:
        feed(b"0\r\n" + b"X: y\r\n" * 3_000)
    assert caught.value.http_status == 431


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.binary(max_size=10), st.data())
def test_a_body_cut_anywhere_is_the_same(parts: list[bytes], behind: bytes, data: st.DataObject) -> None:
    sent = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=6)))
    reader = chunks()
    for start, end in zip([0, *cuts], cuts, strict=False):
        found = reader.feed(sent[start:end])
        assert found is None or (found == b"" and end == len(sent))
    last = cuts[-1] if cuts else 0
    if last < len(sent):
        assert reader.feed(sent[last:] + behind) == behind
    assert reader.body == b"".join(parts)
