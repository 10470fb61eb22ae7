"""The digest of a manifest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from quarterdeck.core.manifest import Manifest, manifest_digest, manifest_json
from quarterdeck.core.manifest_reader import check_manifest
from quarterdeck.core.toml_lines import parse_toml

TEXT = """\
[pipeline]
name = "p"
task = "regression"
target = "y"
[steps.table]
uses = "read_table"
with = { source = "data", last = "90d" }
timeout = "10m"
"""


def manifest(text: str, folder: str = "/a/p") -> Manifest:
    return check_manifest(parse_toml(text, name="p.toml"), Path(folder))


def test_the_digest_is_the_same_for_another_layout_and_another_place() -> None:
    other = "# a comment\n" + TEXT.replace(
        'with = { source = "data", last = "90d" }', 'with.last = "90d"\nwith.source = "data"'
    ).replace('"10m"', '"600s"')
    assert manifest_digest(manifest(TEXT)) == manifest_digest(manifest(other, "/b/p"))


@pytest.mark.parametrize(
    ("old", "new"),
    [("90d", "91d"), ("10m", "11m"), ('"y"', '"z"'), ("regression", "binary"), ("source", "sources")],
)
def test_the_digest_differs_for_another_meaning(old: str, new: str) -> None:
    assert manifest_digest(manifest(TEXT)) != manifest_digest(manifest(TEXT.replace(old, new)))


def test_the_json_is_json_and_says_nothing_of_the_disk() -> None:
    found = manifest_json(manifest(TEXT))
    assert json.loads(json.dumps(found)) == found
    assert found["steps"][0]["timeout"] == 600.0
    assert "folder" not in found and "where" not in found["steps"][0]


def test_the_digest_is_64_hex_digits() -> None:
    digest = manifest_digest(manifest(TEXT))
    assert len(digest) == 64 and int(digest, 16) >= 0
