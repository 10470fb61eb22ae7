"""`quarterdeck model card` prints Markdown, writes it, or gives JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def test_the_card_is_markdown_on_stdout(quarterdeck: Any) -> None:
    said = quarterdeck("model", "card", "flights@champion")
    assert said.code == 0 and said.err == ""
    assert said.out.startswith("# Model card: flights@2\n") and "## Limits" in said.out
    assert "\x1b" not in said.out


def test_the_card_goes_to_a_file(quarterdeck: Any, tmp_path: Path) -> None:
    target = tmp_path / "card.md"
    said = quarterdeck("model", "card", "flights@3", "--out", str(target))
    assert (said.code, said.out) == (0, "") and str(target) in said.err
    assert target.read_text(encoding="utf-8").startswith("# Model card: flights@3\n")


def test_the_card_as_json_has_sections_of_blocks(quarterdeck: Any) -> None:
    found = quarterdeck("model", "card", "flights@3", "--json").json
    assert found["version"] == "flights@3"
    titles = [section["title"] for section in found["card"]["sections"]]
    assert {"In short", "Purpose", "Gates", "Limits", "History"} <= set(titles)
    kinds = {block["kind"] for section in found["card"]["sections"] for block in section["blocks"]}
    assert kinds == {"text", "list", "facts", "table"}


def test_a_file_and_json_at_once_a_wrong_place_and_a_wrong_version_are_refused(quarterdeck: Any) -> None:
    assert quarterdeck("model", "card", "flights@3", "--out", "x.md", "--json").code == 2
    lost = quarterdeck("model", "card", "flights@3", "--out", "no/such/folder/x.md")
    assert lost.code == 7 and "no/such/folder/x.md" in lost.err
    assert quarterdeck("model", "card", "flights@99").code == 3
