"""Addresses, in every form that HTTP has for them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.scheduler.serving.http1.target import read_target


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"/predict/line", "/predict/line", ""),
        (b"/predict/line?version=2", "/predict/line", "version=2"),
        (b"/?", "/", ""),
        (b"/a?b?c=%2F", "/a", "b?c=%2F"),
        (b"/predict/%6Cine", "/predict/line", ""),
        (b"/predict/a%2Fb", "/predict/a%2Fb", ""),  # an encoded slash separates nothing
        (b"/predict/a%2fb", "/predict/a%2Fb", ""),
        (b"/predict%2Fline", "/predict%2Fline", ""),
        (b"/caf%C3%A9", "/café", ""),
        (b"/a%00b", "/a\0b", ""),
        (b"/a/../b", "/a/../b", ""),  # nothing is resolved
        (b"//a", "//a", ""),
        (b"http://host/a?b", "/a", "b"),
        (b"HTTPS://host:8780", "/", ""),
        (b"http://host?b", "/", "b"),
    ],
)
def test_an_address_is_read(target: bytes, path: str, query: str) -> None:
    assert read_target("GET", target) == (path, query)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (b"/%ff", "UTF-8"),
        (b"/%C3%28", "UTF-8"),
        (b"/%zz", "hexadecimal"),
        (b"/%", "hexadecimal"),
        (b"/a%2", "hexadecimal"),
        (b"/a#b", "fragment"),
        (b"/\xc3\xa9", "ASCII"),
        (b"*", "no address"),
        (b"a", "no address"),
        (b"", "no address"),
        (b"ftp://host/a", "no address"),
        (b"http:///a", "no address"),
        (b"http://user@host/a", "no address"),
    ],
)
def test_what_is_no_address_is_refused(target: bytes, words: str) -> None:
    with pytest.raises(QuarterdeckError, match=words) as caught:
        read_target("GET", target)
    assert caught.value.http_status == 400


def test_the_whole_server_may_be_meant_by_options_alone() -> None:
    assert read_target("OPTIONS", b"*") == ("*", "")


def test_nothing_is_tunnelled() -> None:
    with pytest.raises(QuarterdeckError) as caught:
        read_target("CONNECT", b"host:80")
    assert caught.value.http_status == 405


@given(st.binary(max_size=30))
def test_any_bytes_are_an_address_or_refused(target: bytes) -> None:
    try:
        path, _ = read_target("GET", target)
    except QuarterdeckError as error:
        assert error.http_status == 400
    else:
        assert path.startswith("/")
