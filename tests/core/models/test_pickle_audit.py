"""What a pickle would call is listed without loading it: proved by a file that nobody writes."""

from __future__ import annotations

import builtins
import contextlib
import io
import operator
import os
import pickle
import pickletools
import struct
import subprocess
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.models.pickle_audit import PickleAudit, audit_pickle
from quarterdeck.core.models.trusted_names import is_denied, refused_in_pickle

CANARY = Path("/tmp") / f"quarterdeck-canary-{os.getpid()}"  # noqa: S108  # its name stands in pickles that must not run


class Calls:
    """An object whose pickle calls a function when it is loaded."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._call = (function, arguments)

    def __reduce__(self) -> Any:
        return self._call


def text(value: str) -> bytes:
    return b"\x8c" + bytes([len(value)]) + value.encode()


TOUCH = f"touch {CANARY}"
# name -> (pickle, a name that must be listed)
MALICIOUS: dict[str, tuple[bytes, str]] = {
    "os.system": (pickle.dumps(Calls(os.system, TOUCH)), "posix.system"),
    "os.system in the oldest protocol": (pickle.dumps(Calls(os.system, TOUCH), 0), "posix.system"),
    "subprocess": (pickle.dumps(Calls(subprocess.call, ["touch", str(CANARY)])), "subprocess.call"),
    "exec": (pickle.dumps(Calls(exec, f"open({str(CANARY)!r}, 'w')")), "builtins.exec"),
    "eval": (pickle.dumps(Calls(eval, f"open({str(CANARY)!r}, 'w')")), "builtins.eval"),
    "getattr": (pickle.dumps(Calls(builtins.getattr, "x", "upper")), "builtins.getattr"),
    "open": (pickle.dumps(Calls(open, str(CANARY), "w")), "io.open"),
    "attrgetter": (pickle.dumps(Calls(operator.attrgetter, "system")), "operator.attrgetter"),
    "a pickle in a pickle": (pickle.dumps(Calls(pickle.loads, pickle.dumps(Calls(os.system, TOUCH)))), "_pickle.loads"),
    "inside an estimator": (
        pickle.dumps(LogisticRegression(C=Calls(os.system, TOUCH))),  # type: ignore[arg-type]
        "posix.system",
    ),
    "an array of a file": (pickle.dumps(Calls(np.memmap, str(CANARY), "uint8", "w+", 0, (4,))), "numpy.memmap"),
    "INST": (b"(S'touch " + str(CANARY).encode() + b"'\nios\nsystem\n.", "os.system"),
    "OBJ": (b"(cos\nsystem\nS'touch " + str(CANARY).encode() + b"'\no.", "os.system"),
    "STACK_GLOBAL": (b"\x80\x04" + text("os") + text("system") + b"\x93" + text(TOUCH) + b"\x85R.", "os.system"),
    "STACK_GLOBAL from the memo": (
        b"\x80\x04" + text("system") + b"\x94" + b"0" + text("os") + b"\x94" + b"0"
        + b"h\x01h\x00\x93" + text(TOUCH) + b"\x85R.",
        "os.system",
    ),
    "STACK_GLOBAL of nested STACK_GLOBALs": (
        b"\x80\x04" + text("builtins") + text("getattr") + b"\x93" + text("os") + b"\x94" + text("system") + b"\x93\x94"
        + b"\x86" + b"h\x01" + text(TOUCH) + b"\x85R.",
        "os.system",
    ),
    "under text that was popped": (
        b"\x80\x04" + text("os") + text("math") + b"0" + text("system") + b"\x93" + text(TOUCH) + b"\x85R.",
        "os.system",
    ),
    "doubled by DUP": (
        b"\x80\x04" + text("code") + b"2\x93" + b")R.",
        "code.code",
    ),
    "after a mark that was dropped": (
        b"\x80\x04" + text("os") + b"(" + text("x") + text("y") + b"1" + text("system") + b"\x93"
        + text(TOUCH) + b"\x85R.",
        "os.system",
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_ran() -> Iterator[None]:
    yield
    assert not CANARY.exists()


@pytest.mark.parametrize("name", MALICIOUS)
def test_a_name_that_does_harm_is_listed_and_refused(name: str) -> None:
    data, wanted = MALICIOUS[name]
    audit = audit_pickle(data)
    assert wanted in audit.names
    assert wanted in refused_in_pickle(audit.names)


@pytest.mark.parametrize("name", MALICIOUS)
def test_the_list_holds_every_name_that_loading_would_ask_for(name: str) -> None:
    assert set(looked_up(MALICIOUS[name][0])) <= set(audit_pickle(MALICIOUS[name][0]).names)


def looked_up(data: bytes) -> list[str]:
    """The names that Python's own loader asks for, with nothing behind any of them."""
    found = []

    class Looks(pickle._Unpickler):  # type: ignore[name-defined,misc]  # the one in Python: it can be watched
        def find_class(self, module: str, name: str) -> Any:
            found.append(f"{module}.{name}")
            return lambda *_, **__: lambda *_, **__: None

    with contextlib.suppress(Exception):  # what the stand-ins cannot do; the names were asked for
        Looks(io.BytesIO(data)).load()
    return found


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x04" + text("os") + b"K\x01\x93.",  # a number as a name
        b"\x80\x04" + text("o") + b"\x85" + text("system") + b"\x93.",  # a tuple as a module
        b"\x80\x04\x82\x01.",  # EXT1
        b"\x80\x04" + text("id") + b"Q.",  # BINPERSID
        b"Pid\n.",  # PERSID
        b"\x80\x04\x93.",  # from an empty stack
    ],
)
def test_a_name_that_cannot_be_told_is_listed_as_unknown(data: bytes) -> None:
    assert audit_pickle(data).unknown


@pytest.mark.parametrize("protocol", range(6))
def test_a_fitted_estimator_names_nothing_that_is_refused(protocol: int) -> None:
    rng = np.random.default_rng(0)
    rows, labels = rng.normal(size=(80, 3)), rng.integers(0, 2, 80)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, labels)
    for estimator in (model, HistGradientBoostingClassifier(max_iter=2).fit(rows, labels)):
        data = pickle.dumps(estimator, protocol)
        audit = audit_pickle(data)
        assert set(looked_up(data)) <= {name.replace("copy_reg.", "copyreg.") for name in audit.names} | set(
            audit.names
        )
        assert not audit.unknown
        assert not refused_in_pickle(audit.names) or protocol == 0


@pytest.mark.parametrize("cut", [1, 2, 10, 50, -1, -2])
def test_a_pickle_that_is_cut_off_is_refused(cut: int) -> None:
    data = pickle.dumps(LogisticRegression())
    with pytest.raises(RefusedError):
        audit_pickle(data[:cut])


@pytest.mark.parametrize("data", [b"", b"no pickle", b"\x80\x09.", b"\xff" * 100, b"PK\x03\x04"])
def test_what_is_no_pickle_is_refused(data: bytes) -> None:
    with pytest.raises(RefusedError):
        audit_pickle(data)


def test_bytes_behind_the_end_are_refused() -> None:
    with pytest.raises(RefusedError, match="follow the end"):
        audit_pickle(pickle.dumps(1) + pickle.dumps(Calls(os.system, TOUCH)))


def test_a_length_that_the_file_does_not_have_is_refused() -> None:
    with pytest.raises(RefusedError):
        audit_pickle(b"\x80\x04\x8d" + struct.pack("<Q", 1 << 40) + b"os")


@pytest.mark.parametrize("compress", [0, 3, ("gzip", 3), ("bz2", 3), ("xz", 3)])
def test_a_joblib_file_with_arrays_is_refused_with_the_reason(compress: Any, tmp_path: Path) -> None:
    model = LogisticRegression().fit(np.arange(8.0).reshape(4, 2), [0, 1, 0, 1])
    joblib.dump(model, tmp_path / "m.joblib", compress=compress)
    with pytest.raises(RefusedError, match="joblib"):
        audit_pickle((tmp_path / "m.joblib").read_bytes())


def test_a_compressed_pickle_is_not_unpacked() -> None:
    with pytest.raises(RefusedError, match="compressed"):
        audit_pickle(zlib.compress(pickle.dumps(Calls(os.system, TOUCH))))


def test_a_large_pickle_is_listed() -> None:
    data = pickle.dumps([[number] for number in range(300_000)] + [Calls(os.system, TOUCH)])
    assert audit_pickle(data).names == ("posix.system",)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner)),
       st.integers(0, 5), st.booleans())  # fmt: skip
def test_plain_values_name_nothing_of_their_own(value: Any, protocol: int, optimise: bool) -> None:
    data = pickle.dumps(value, protocol)
    audit = audit_pickle(pickletools.optimize(data) if optimise else data)
    assert set(audit.names) <= {"_codecs.encode", "__builtin__.bytes"} and not audit.unknown


@given(st.binary(max_size=400))
def test_any_bytes_are_listed_or_refused(data: bytes) -> None:
    try:
        audit = audit_pickle(b"\x80\x04" + data)
    except RefusedError:
        return
    assert isinstance(audit, PickleAudit)


@pytest.mark.parametrize(
    "name",
    ["os.system", "posix.system", "subprocess.Popen", "builtins.eval", "builtins.getattr", "importlib.import_module",
     "urllib.request.urlopen", "numpy.testing._private.utils.runstring", "functools.partial", "torch.hub.load"],
)  # fmt: skip
def test_some_modules_are_never_trusted(name: str) -> None:
    assert is_denied(name)


@pytest.mark.parametrize(
    "name", ["sklearn.linear_model._base.LinearRegression", "mypackage.model.Os", "oslo.x", "io2.a"]
)
def test_a_module_is_denied_by_its_whole_name(name: str) -> None:
    assert not is_denied(name)
