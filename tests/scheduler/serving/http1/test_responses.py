"""The first lines of answers."""

from __future__ import annotations

from quarterdeck.scheduler.serving.http import Reply
from quarterdeck.scheduler.serving.http1.responses import Responses

MOMENT = 784_111_777.9  # RFC 9110 writes it as Sun, 06 Nov 1994 08:49:37 GMT


def test_the_answer_to_most_requests_has_its_date_type_and_length_and_names_no_server() -> None:
    assert Responses(lambda: MOMENT).ordinary(b'{"a":1}') == (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
        b'content-length: 7\r\n\r\n{"a":1}'
    )


def test_any_other_has_its_status_and_headers_and_says_what_becomes_of_the_connection() -> None:
    reply = Reply(404, b"{}", [("x-a", "b")])
    assert Responses(lambda: MOMENT).whole(reply, connection="close") == (
        b"HTTP/1.1 404 Not Found\r\nx-a: b\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
        b"connection: close\r\ncontent-length: 2\r\n\r\n{}"
    )


def test_the_answer_to_head_says_the_length_of_the_body_that_it_leaves_out() -> None:
    said = Responses(lambda: MOMENT).whole(Reply(200, b"{}"), connection=None, bodiless=True)
    assert said.endswith(b"content-length: 2\r\n\r\n")


def test_the_date_is_the_clocks_at_the_last_tick() -> None:
    moments = iter([MOMENT, MOMENT + 1])
    responses = Responses(lambda: next(moments))
    assert b"08:49:37" in responses.ordinary(b"")
    responses.tick()
    assert b"08:49:38" in responses.ordinary(b"") and b"08:49:38" in responses.whole(Reply(200, b""), connection=None)


def test_no_value_can_end_its_line() -> None:
    said = Responses(lambda: MOMENT).whole(Reply(200, b"", [("x", "a\r\nset-cookie: b\0")]), connection=None)
    assert b"\r\nx: a  set-cookie: b \r\n" in said
