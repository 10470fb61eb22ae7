"""From `uses` to functions."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from quarterdeck.core.errors import ManifestError, NotFoundError, StepError
from quarterdeck.core.manifest import Manifest
from quarterdeck.core.manifest_reader import read_manifest
from quarterdeck.core.pipeline.components import BUILT_IN, component_names, load_component
from quarterdeck.core.pipeline.loading import load_functions, load_user_function


def pipeline(root: Path, name: str, steps: str, code: dict[str, str]) -> Manifest:
    folder = root / "pipelines" / name
    for file, text in code.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    head = f'[pipeline]\nname = "{name}"\ntask = "binary"\ntarget = "y"\n'
    (folder / "pipeline.toml").write_text(head + steps)
    return read_manifest(folder / "pipeline.toml")


def test_a_step_is_the_function_of_its_name_in_steps_py(tmp_path: Path) -> None:
    manifest = pipeline(tmp_path, "p", "[steps.one]\n", {"steps.py": "def one(): return 1\n"})
    assert load_functions(manifest)["one"]() == 1


def test_two_pipelines_with_modules_of_the_same_names_do_not_clash(tmp_path: Path) -> None:
    found = {}
    for name in ("p", "q"):
        code = {
            "steps.py": "from .helpers import NAME\ndef one(): return NAME\n"
            "def late():\n from .helpers import NAME\n return NAME\n",
            "helpers.py": f"NAME = {name!r}\n",
        }
        found[name] = load_functions(pipeline(tmp_path, name, "[steps.one]\n[steps.late]\n", code))
    assert {name: (functions["one"](), functions["late"]()) for name, functions in found.items()} == {
        "p": ("p", "p"),
        "q": ("q", "q"),
    }


def test_loading_leaves_the_path_and_the_folder_as_they_were(tmp_path: Path) -> None:
    manifest = pipeline(tmp_path, "p", "[steps.one]\n", {"steps.py": "def one(): return 1\n"})
    before = list(sys.path)
    load_functions(manifest)
    assert sys.path == before
    assert "steps" not in sys.modules
    assert sorted(path.name for path in manifest.folder.iterdir()) == ["pipeline.toml", "steps.py"]


def test_an_edit_of_the_same_size_and_second_is_seen(tmp_path: Path) -> None:
    manifest = pipeline(tmp_path, "p", "[steps.one]\n", {"steps.py": "def one(): return 1\n"})
    file = manifest.folder / "steps.py"
    os.utime(file, (1, 1))
    assert load_functions(manifest)["one"]() == 1
    file.write_text("def one(): return 2\n")
    os.utime(file, (1, 1))
    assert load_functions(manifest)["one"]() == 2


def test_a_module_in_a_folder_can_be_named(tmp_path: Path) -> None:
    manifest = pipeline(
        tmp_path, "p", '[steps.a]\nuses = "lib.build:make"\n', {"lib/build.py": "def make(): return 3\n"}
    )
    assert load_functions(manifest)["a"]() == 3


def test_a_kpi_is_a_function_of_steps_py(tmp_path: Path) -> None:
    manifest = pipeline(tmp_path, "p", "[steps.one]\n", {"steps.py": "def cost(y_true, y_pred): return 1.0\n"})
    assert load_user_function(manifest, "cost")([], []) == 1.0
    with pytest.raises(ManifestError, match="did you mean `cost`") as caught:
        load_user_function(manifest, "costs", where="p.toml:9")
    assert caught.value.where == "p.toml:9"


@pytest.mark.parametrize(
    ("code", "line", "said"),
    [
        (
            "import math\n\nimport no_such_library\n",
            3,
            "ModuleNotFoundError: No module named 'no_such_library'",
        ),
        ("def one(:\n", 1, "SyntaxError: invalid syntax"),
        ("x = 1\ny = x / 0\n", 2, "ZeroDivisionError: division by zero"),
        ("def f():\n    raise KeyError('k')\n\nf()\n", 2, "KeyError: 'k'"),
        ("import json\njson.loads('{')\n", 2, "JSONDecodeError"),
        ("raise SystemExit(3)\n", 1, "SystemExit: 3"),
    ],
)
def test_code_that_fails_to_import_is_named_with_file_line_and_reason(
    tmp_path: Path, code: str, line: int, said: str
) -> None:
    manifest = pipeline(tmp_path, "p", "[steps.one]\n", {"steps.py": code})
    with pytest.raises(StepError) as caught:
        load_functions(manifest)
    assert caught.value.where == f"pipelines/p/steps.py:{line}"
    assert caught.value.message.startswith(said)


def test_a_failing_helper_is_named_not_the_one_that_imports_it(tmp_path: Path) -> None:
    code = {"steps.py": "from .helpers import x\n", "helpers.py": "\n\nx = nothing\n"}
    with pytest.raises(StepError, match="NameError") as caught:
        load_functions(pipeline(tmp_path, "p", "[steps.one]\n", code))
    assert caught.value.where == "pipelines/p/helpers.py:3"


def test_a_neighbour_imported_without_a_dot_is_explained(tmp_path: Path) -> None:
    code = {"steps.py": "import helpers\n", "helpers.py": ""}
    with pytest.raises(StepError) as caught:
        load_functions(pipeline(tmp_path, "p", "[steps.one]\n", code))
    assert caught.value.hint == "it stands beside: from .helpers import ..."


@pytest.mark.parametrize(
    ("uses", "said"),
    [
        ("read_tabel", 'there is no component "read_tabel"; expected one of read_table'),
        ("steps:on", "steps.py has no function `on`; expected one, other; did you mean `one`?"),
        ("step:one", "there is no module step.py"),
        ("os:system", "there is no module os.py"),
        ("steps:VALUE", "`VALUE` in steps.py is a int; expected a function"),
        ("steps:waits", "async or yields"),
        ("steps:yields", "async or yields"),
    ],
)
def test_what_names_nothing_is_refused_at_the_line_of_its_step(tmp_path: Path, uses: str, said: str) -> None:
    code = "VALUE = 1\ndef one(): ...\ndef other(): ...\nasync def waits(): ...\ndef yields(): yield\n"
    manifest = pipeline(tmp_path, "p", f'[steps.one]\nuses = "{uses}"\n', {"steps.py": code})
    with pytest.raises(ManifestError) as caught:
        load_functions(manifest)
    assert caught.value.where == "pipelines/p/pipeline.toml:5"
    assert said.split(";")[0] in caught.value.message
    assert said.split("; ")[-1].removeprefix("expected one of read_table") in caught.value.message


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_component_of_ours_loads_and_is_documented(name: str) -> None:
    function = load_component(name)
    assert function.__name__ == name
    assert function.__doc__


def add_package(root: Path, monkeypatch: pytest.MonkeyPatch, entries: str) -> None:
    (root / "other.py").write_text("VALUE = 1\ndef deduplicate(table): return table\n")
    info = root / "other-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[quarterdeck.components]\n{entries}")
    monkeypatch.syspath_prepend(str(root))
    monkeypatch.delitem(sys.modules, "other", raising=False)


def test_a_package_adds_components_but_cannot_replace_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_package(tmp_path, monkeypatch, "deduplicate = other:deduplicate\nread_table = other:deduplicate\n")
    assert component_names() == (*BUILT_IN, "deduplicate")
    assert load_component("deduplicate")("x") == "x"
    assert load_component("read_table").__name__ == "read_table"
    with pytest.raises(NotFoundError, match="did you mean `deduplicate`"):
        load_component("deduplicat")


@pytest.mark.parametrize(
    ("reference", "said"),
    [("nowhere:f", "cannot be loaded: ModuleNotFoundError"), ("other:VALUE", "is a int")],
)
def test_a_component_of_a_package_that_cannot_be_used_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: str, said: str
) -> None:
    add_package(tmp_path, monkeypatch, f"broken = {reference}\n")
    with pytest.raises(StepError, match=said) as caught:
        load_component("broken")
    assert caught.value.where == reference
