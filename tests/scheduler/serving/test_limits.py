"""The limits of a request are those of the settings."""

from __future__ import annotations

from quarterdeck.core.settings import Settings
from quarterdeck.scheduler.serving.limits import DEFAULT, Limits


def test_without_settings_the_limits_are_the_settings_defaults() -> None:
    assert Limits.of(Settings()) == DEFAULT == Limits()


def test_a_setting_reaches_its_limit() -> None:
    assert Limits.of(Settings(body_rows=7, answer_seconds=2.0)) == DEFAULT._replace(body_rows=7, answer_seconds=2.0)
