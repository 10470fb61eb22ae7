"""docs/triggers.md names every kind of trigger and every key, and its examples are accepted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from quarterdeck.core.manifest_reader import check_manifest
from quarterdeck.core.manifest_triggers import TRIGGER_KEYS, TRIGGER_KEYS_BY_KIND
from quarterdeck.core.toml_lines import TomlDocument, parse_toml

PAGE = (Path(__file__).parents[2] / "docs" / "triggers.md").read_text(encoding="utf-8")
HEAD = '[pipeline]\nname = "p"\ntask = "binary"\ntarget = "late"\n[steps.rows]\n'


def test_every_kind_and_every_key_is_named() -> None:
    for kind, keys in TRIGGER_KEYS_BY_KIND.items():
        assert f"| `{kind}` |" in PAGE
        for key in (*TRIGGER_KEYS, *keys):
            assert re.search(rf"`{key}\b|^{key} = ", PAGE, re.MULTILINE), key


@pytest.mark.parametrize("example", re.findall(r"```toml\n(.+?)```", PAGE, re.DOTALL))
def test_the_examples_are_accepted(example: str, tmp_path: Path) -> None:
    document: TomlDocument = parse_toml(HEAD + example, name="p.toml")
    assert check_manifest(document, tmp_path / "p").triggers
