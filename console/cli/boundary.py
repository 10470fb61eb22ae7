"""The one place where errors end: as lines on stderr and an exit code.

Exit codes: those of the error classes (core/errors.py), 130 after ctrl+c, and 70 (EX_SOFTWARE of sysexits.h)
for a mistake of Quarterdeck itself, whose traceback goes to a file.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

from typer import Abort, TyperException

from quarterdeck.console.cli.app import PROGRAM, command
from quarterdeck.console.cli.crash import crash_file
from quarterdeck.core.clock import utc_now
from quarterdeck.core.errors import QuarterdeckError, UnavailableError

INTERRUPTED = 130
BROKEN = 70


def run(arguments: Sequence[str]) -> int:
    """Run one command line; gives the exit code."""
    if sys.stdout is None:  # closed (`>&-`): refused before anything is done, since nothing could be said of it
        return _unwritable("it is closed")
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        return _closed_pipe()
    except OSError as error:
        return _unwritable((error.strerror or str(error)).lower())
    return code


def _run(arguments: Sequence[str]) -> int:
    try:
        code = command().main(list(arguments), prog_name=PROGRAM, standalone_mode=False)
        if code == INTERRUPTED:  # the library has turned ctrl+c into this
            print("interrupted", file=sys.stderr)
        return code if isinstance(code, int) else 0
    except QuarterdeckError as error:
        return report(error)
    except (KeyboardInterrupt, Abort):
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except TyperException as error:
        return _usage(error)
    except BrokenPipeError:
        return _closed_pipe()
    except SystemExit as leaving:
        # the library meets a closed pipe before we do, and leaves with 1
        if isinstance(leaving.__context__, BrokenPipeError):
            return _closed_pipe()
        raise
    except Exception as error:  # a boundary: what was not foreseen is kept in a file, not thrown at the operator
        if isinstance(error, OSError):
            print(flush=True)  # where it was standard output that failed, it fails again, and run() says so
        return _broken(error, arguments)


def report(error: QuarterdeckError) -> int:
    """Print what happened, where, and what to do; gives the exit code of the error's class."""
    print(f"error: {error.message}", file=sys.stderr)
    if error.where:
        print(f"where: {error.where}", file=sys.stderr)
    if error.hint:
        print(f"do:    {error.hint}", file=sys.stderr)
    return error.exit_code


def _usage(error: TyperException) -> int:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else PROGRAM
    print(f"error: {error.format_message()}", file=sys.stderr)
    print(f"do:    {path} --help", file=sys.stderr)
    return 2


def _closed_pipe() -> int:
    """The reader has gone (`| head`): nothing more can be said."""
    _say_no_more()
    return 0


def _unwritable(why: str) -> int:
    hint = "send the output elsewhere; `quarterdeck audit list` shows whether anything was changed"
    error = UnavailableError(f"cannot write to standard output: {why}", hint=hint)
    if sys.stdout is not None:
        _say_no_more()
    return report(error)


def _say_no_more() -> None:
    """Python must not try to write what is left at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _broken(error: Exception, arguments: Sequence[str]) -> int:
    file = crash_file()
    with file.open("a", encoding="utf-8") as log:
        log.write(f"{utc_now().isoformat()} {PROGRAM} {' '.join(arguments)}\n")
        traceback.print_exception(error, file=log)
    print(f"error: {type(error).__name__}: {error}", file=sys.stderr)
    print(f"where: {file}", file=sys.stderr)
    print("do:    this is a mistake of Quarterdeck: report it with that file", file=sys.stderr)
    return BROKEN
