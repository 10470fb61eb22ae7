"""`[review]` of a manifest: what is read, what is refused, and that each key is documented."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from quarterdeck.core.errors import ManifestError
from quarterdeck.core.manifest import Manifest, manifest_json
from quarterdeck.core.manifest_reader import read_manifest
from quarterdeck.core.manifest_review import REVIEW_KEYS
from quarterdeck.core.review_spec import ReviewSpec

DOCS = Path(__file__).parents[2] / "docs" / "review.md"
HEAD = '[pipeline]\nname = "flights"\ntask = "{task}"\ntarget = "late"\n[steps.rows]\nuses = "read_table"\n'


def read(tmp_path: Path, text: str, task: str = "binary") -> Manifest:
    folder = tmp_path / "pipelines" / "flights"
    folder.mkdir(parents=True)
    path = folder / "pipeline.toml"
    path.write_text(HEAD.format(task=task) + text)
    return read_manifest(path)


def test_every_key_reaches_its_field_and_comes_back_from_json(tmp_path: Path) -> None:
    text = """[review]
confidence_below = 0.6
outside_range = true
random_share = 0.05
most_waiting = 50
reviewers = 2
blind = true
expires = "7d"
reasons = ["weather", "data entry"]
"""
    spec = read(tmp_path, text).review
    assert spec == ReviewSpec(
        confidence_below=0.6, outside_range=True, random_share=0.05, most_waiting=50, reviewers=2, blind=True,
        expires=timedelta(days=7), reasons=("weather", "data entry"),
    )  # fmt: skip
    assert ReviewSpec.from_json(spec.to_json()) == spec


def test_without_the_section_nothing_waits_and_with_an_empty_one_one_in_a_hundred(tmp_path: Path) -> None:
    assert read(tmp_path / "a", "").review is None
    manifest = read(tmp_path / "b", "[review]\n")
    assert manifest.review == ReviewSpec(random_share=0.01)
    assert manifest_json(manifest)["review"]["expires"] == 30 * 86_400.0


@pytest.mark.parametrize(
    ("text", "task", "said"),
    [
        ("confidence = 0.6", "binary", "did you mean `confidence_below`?"),
        ("confidence_below = 0.6", "regression", "a value has no confidence"),
        ("confidence_below = 1.5", "binary", "expected a probability above 0, up to 1"),
        ("random_share = 2", "binary", "expected a share from 0 to 1"),
        ("random_share = 0", "binary", "nothing else chooses a prediction"),
        ("most_waiting = 0", "binary", "from 1 to 100000"),
        ("reviewers = 3", "binary", "from 1 to 2"),
        ("blind = 1", "binary", "expected true or false"),
        ('expires = "soon"', "binary", "`expires`"),
        ('reasons = "weather"', "binary", "expected at most 20 texts"),
        ('reasons = ["a", ""]', "binary", "expected at most 20 texts"),
    ],
)
def test_a_wrong_key_is_refused_with_what_was_expected(tmp_path: Path, text: str, task: str, said: str) -> None:
    with pytest.raises(ManifestError) as caught:
        read(tmp_path, f"[review]\n{text}\n", task)
    assert said in str(caught.value) and "pipeline.toml:8" in str(caught.value)


def test_the_table_must_be_a_table(tmp_path: Path) -> None:
    folder = tmp_path / "pipelines" / "flights"
    folder.mkdir(parents=True)
    (folder / "pipeline.toml").write_text("review = true\n" + HEAD.format(task="binary"))
    with pytest.raises(ManifestError, match="expected a table"):
        read_manifest(folder / "pipeline.toml")


@pytest.mark.parametrize("key", REVIEW_KEYS)
def test_every_key_is_documented(key: str) -> None:
    assert f"| `{key}` |" in DOCS.read_text(encoding="utf-8")
