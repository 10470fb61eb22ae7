"""The entry point of `quarterdeck` and `qd`. `--version` is answered before anything else is loaded."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        sys.exit(_version())
    # start-up time: the version must not wait for the command line's libraries
    from quarterdeck.console.cli.boundary import run

    sys.exit(run(arguments))


def _version() -> int:
    from importlib.metadata import version

    print(f"quarterdeck {version('quarterdeck')}")
    return 0


if __name__ == "__main__":
    main()
