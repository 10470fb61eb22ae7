"""Turns a pickle that a person signed for into skops: the one place where a pickle is loaded, in a process of its own.

    python -m quarterdeck.scheduler.unpickling        (asked by scheduler/importing, see children.py)

What keeps it from doing harm, one behind the other: its names were listed and are all known (trusted_names.py); the
loader gives it those names and no others; when it is loaded, an audit hook ends the process at the first file opened
for writing, process, socket or code compiled; the process has limits and no secrets in its environment; and what
leaves it is skops, which is audited again by the one who asked.
"""

from __future__ import annotations

import io
import os
import pickle
import sys
import warnings
from collections.abc import Callable, Collection
from typing import Any

from quarterdeck.core.errors import QuarterdeckError, RefusedError
from quarterdeck.core.models.pickle_audit import audit_pickle
from quarterdeck.core.models.skops_io import dumps
from quarterdeck.core.models.trusted_names import refused_in_pickle
from quarterdeck.scheduler.children import child_main

_ENDING = (
    "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "os.startfile", "subprocess.",
    "socket.", "pty.", "shutil.", "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.chmod", "os.chown", "os.link",
    "os.symlink", "os.truncate", "os.putenv", "os.kill", "ctypes.", "ftplib.", "smtplib.", "urllib.",
    "webbrowser.", "tempfile.", "sqlite3.", "mmap.", "code.__new__", "function.__new__",
)  # fmt: skip
_WHILE_LOADING = ("compile", "exec")  # what comes after needs them: NumPy parses the headers of its files
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Unpickler(pickle.Unpickler):
    """Finds exactly the names that were listed."""

    def __init__(self, data: bytes, names: Collection[str]) -> None:
        super().__init__(io.BytesIO(data))
        self._names = frozenset(names)

    def find_class(self, module: str, name: str) -> Any:
        if f"{module}.{name}" not in self._names or "." in name:
            raise RefusedError(f"the pickle asks for {module}.{name}, which was not listed", hint="do not use the file")
        return super().find_class(module, name)

    def persistent_load(self, pid: Any) -> Any:
        raise RefusedError("the pickle asks for something outside itself", hint="do not use the file")


def convert(header: dict[str, Any], data: bytes) -> bytes:
    """The pickle's estimator as skops. RefusedError where its names are not those listed, or it is no estimator."""
    audit = audit_pickle(data)
    if sorted(header["names"]) != list(audit.names) or audit.unknown or refused_in_pickle(audit.names):
        raise RefusedError("the pickle names other things than were listed", hint="do not use the file")
    _import(audit.names)
    end_of_loading = guard()
    warnings.simplefilter("ignore")  # of another scikit-learn's version: the trial on rows shows what it is worth
    try:
        estimator = Unpickler(data, audit.names).load()
    except QuarterdeckError:
        raise
    except Exception as error:  # a file from elsewhere: anything can come out of it
        hint = "was it made with another scikit-learn? Save it as skops there"
        raise RefusedError(
            f"the pickle cannot be loaded: {type(error).__name__}: {str(error)[:300]}", hint=hint
        ) from error
    end_of_loading()
    if not hasattr(estimator, "predict") or isinstance(estimator, type):
        raise RefusedError(f"the pickle holds a {type(estimator).__name__}, no estimator that predicts")
    return dumps(estimator)


def _import(names: Collection[str]) -> None:
    """Import what will be asked for before the guard stands: importing opens and compiles files."""
    for name in names:
        module = name.rpartition(".")[0]
        try:
            __import__({"__builtin__": "builtins", "copy_reg": "copyreg"}.get(module, module))
        except ImportError as error:
            raise RefusedError(
                f"{module} is not installed here", hint="install it, or save the model as skops"
            ) from error


def guard() -> Callable[[], None]:
    """From now on the process ends at the first event that loading numbers does not need; gives what says that the
    loading is done.
    """
    forbidden = [*_ENDING, *_WHILE_LOADING]

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[2], int) and not arguments[2] & _WRITES:
            return
        if event == "open" or event.startswith(tuple(forbidden)):
            sys.stderr.write(f"the pickle tried: {event}\n")
            sys.stderr.flush()
            os._exit(9)

    def done() -> None:
        del forbidden[len(_ENDING) :]

    sys.addaudithook(watch)
    return done


if __name__ == "__main__":
    child_main(convert)
