"""Back, forth, and the last screen."""

from __future__ import annotations

from quarterdeck.console.tui.history import History, Place

A, B, C = (Place(view=name) for name in ("overview", "registry", "live"))


def test_back_and_forward_walk_the_same_places() -> None:
    history = History()
    history.leave(A)
    history.leave(B)
    assert history.back(C) == B
    assert history.back(B) == A
    assert history.back(A) is None
    assert history.forward(A) == B
    assert history.forward(B) == C
    assert history.forward(C) is None


def test_going_on_forgets_what_was_ahead() -> None:
    history = History()
    history.leave(A)
    assert history.back(B) == A
    history.leave(A)
    assert history.forward(C) is None


def test_the_last_screen_is_another_screen_and_comes_back() -> None:
    history = History()
    history.leave(A)
    history.leave(B)
    assert history.last(Place(view="registry")) == A
    assert history.last(A) == Place(view="registry")
