"""The colours: one calm dark theme. With NO_COLOR the terminal's own colours are left alone."""

from __future__ import annotations

import os

from textual.theme import Theme

NO_COLOR_THEME = "ansi-dark"

QUARTERDECK = Theme(
    name="quarterdeck",
    primary="#6ea8d8",
    secondary="#8fa7bf",
    warning="#d9a860",
    error="#dd7a7f",
    success="#86b98b",
    accent="#e0c38c",
    foreground="#cfd6de",
    background="#12161c",
    surface="#171c24",
    panel="#212834",
    dark=True,
    variables={
        "muted": "#7b8694",
        "rule": "#2b3340",
        "chosen": "#26384b",
        "chosen-blurred": "#1e2733",
        "live": "#3a2a1c",
    },
)

# What the style sheets name and only our theme has; these are for every other theme.
FALLBACKS = {
    "muted": "ansi_bright_black",
    "rule": "ansi_bright_black",
    "chosen": "ansi_blue",
    "chosen-blurred": "ansi_black",
    "live": "ansi_default",
}


def colours_wanted() -> bool:
    """https://no-color.org: set and not empty means none."""
    return not os.environ.get("NO_COLOR")
