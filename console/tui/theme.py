"""The colours: a calm dark theme and a light one. With NO_COLOR the terminal's own colours are left alone."""

from __future__ import annotations

import os

from textual.theme import Theme

from quarterdeck.console.preferences import Look

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

QUARTERDECK_LIGHT = Theme(
    name="quarterdeck-light",
    primary="#1f5f99",
    secondary="#4a6076",
    warning="#8a5a00",
    error="#a8232b",
    success="#2c6a34",
    accent="#7a5410",
    foreground="#1d242c",
    background="#f7f8fa",
    surface="#eef0f3",
    panel="#e2e6eb",
    dark=False,
    variables={
        "muted": "#5d6772",
        "rule": "#c3cad2",
        "chosen": "#cfe0f1",
        "chosen-blurred": "#e3eaf2",
        "live": "#f6e6cf",
    },
)

THEMES = {Look.DARK: QUARTERDECK.name, Look.LIGHT: QUARTERDECK_LIGHT.name, Look.TERMINAL: NO_COLOR_THEME}

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
