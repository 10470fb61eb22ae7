"""The console beside others on a pseudo-terminal: how soon it is there, what it sends, and how soon it answers a key.

Seconds from exec to the first frame and to data on it, memory, bytes and processor time of an idle minute, bytes of a
tick in which one row changed, and from key to paint among 10,000 runs and 100,000 versions while another process
commits a hundred times a second. Harlequin and posting run in environments of their own, in the same rounds.

    python benchmarks/bench_console.py [--rounds 5] [--idle 60] [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench_registry import noise
from looking.terminal import Terminal
from looking.workspace import filled, one_row_changes, writing
from serving.servers import python_of

from quarterdeck.store.workspace import Workspace

HERE = Path(__file__).parent
RUNS, VERSIONS, COMMITS = 10_000, 100_000, 100.0
OURS = [sys.executable, "-m", "quarterdeck.console.main"]
KEYS = 12  # key presses of each kind


def first_frames(commands: dict[str, tuple[list[str], str]], rounds: int, folder: Path) -> dict[str, float]:
    """Median seconds to each one's first frame, in turn: a busy moment meets all of them."""
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, (command, shows) in commands.items():
            terminal = Terminal(command, columns=140, rows=40, folder=folder)
            try:
                taken[name].append(terminal.until(lambda text, shows=shows: shows in text, patience=15.0))
            except (TimeoutError, EOFError):
                print(f"{name} did not come up", file=sys.stderr)
            terminal.close()
    return {name: statistics.median(values) for name, values in taken.items() if values}


def commands_of(workspace: Path) -> dict[str, tuple[list[str], str]]:
    """What is started, and what its first full frame shows."""
    ours = [*OURS, "--workspace", str(workspace)]
    return {
        "bare Textual": ([sys.executable, str(HERE / "looking" / "bare.py")], "ready for it"),
        "Quarterdeck, first frame": (ours, "1 Overview"),
        "Quarterdeck, data on it": (ours, "flights"),
        "Harlequin": ([str(python_of("harlequin").parent / "harlequin")], "Data Catalog"),
        "posting": ([str(python_of("posting").parent / "posting"), "default", "--collection", str(HERE)], "Send"),
    }


def at_rest(workspace: Path, seconds: float) -> dict[str, float]:
    """An idle minute at 80x24, what it holds, and what one changed row costs."""
    terminal = Terminal([*OURS, "--workspace", str(workspace)])
    terminal.until(lambda text: "flights" in text)
    sent, used = terminal.idle(seconds)
    found = {"idle_bytes": sent, "idle_cpu_percent": 100 * used / seconds, "memory_mb": terminal.memory_mb()}
    terminal.press("2")
    terminal.until(lambda text: "RUN" in text and "PROGRESS" in text)
    terminal.idle(3.0)
    ticks = []
    for _ in range(KEYS):
        before = terminal.bytes
        one_row_changes(Workspace(root=workspace))
        deadline = time.monotonic() + 10
        while terminal.bytes == before and time.monotonic() < deadline:
            terminal.read(0.05)
        terminal.idle(1.0)
        ticks.append(terminal.bytes - before)
    terminal.close()
    return found | {"one_row_bytes": statistics.median(ticks)}


def under_load(workspace: Path) -> dict[str, float]:
    """Milliseconds from key to paint, by the kind of key, while a writer commits."""
    terminal = Terminal([*OURS, "--workspace", str(workspace)], columns=140, rows=40)
    terminal.until(lambda text: "flights" in text)
    found = {}
    with writing(Workspace(root=workspace), COMMITS):
        for name, screen, head in (("runs", "2", "PROGRESS"), ("versions", "3", "GATES")):
            terminal.press(screen)
            terminal.until(lambda text, head=head: head in text)
            if name == "runs":
                terminal.press("\t")
            terminal.idle(2.0)
            found[f"{name}_down_ms"] = _keys(terminal, "j")
            found[f"{name}_up_ms"] = _keys(terminal, "k")
            found[f"{name}_page_ms"] = _keys(terminal, "\x1b[6~")
            found[f"{name}_filter_ms"] = _filter(terminal)
    terminal.close()
    return found


def _keys(terminal: Terminal, key: str) -> float:
    taken = []
    for _ in range(KEYS):
        while terminal.read(0.02):
            pass
        before = terminal.text
        taken.append(terminal.pressed(key, lambda text, before=before: _cursor(text) != _cursor(before)))
    return 1000 * statistics.median(taken)


def _cursor(text: str) -> tuple[int, ...]:
    """The rows that a cursor stands on, and what they say: it may scroll under a cursor that stays."""
    lines = text.splitlines()
    return tuple(hash((row, line[:40])) for row, line in enumerate(lines) if line.startswith(">"))


def _filter(terminal: Terminal) -> float:
    terminal.press("/")
    terminal.until(lambda text: any(line.lstrip().startswith("/") for line in text.splitlines()))
    taken = terminal.pressed("zzzz", lambda text: "nothing matches" in text)
    terminal.press("\x1b")
    terminal.until(lambda text: "nothing matches" not in text)
    return 1000 * taken


def command_line(workspace: Path, rounds: int) -> dict[str, float]:
    """Median seconds of whole commands."""
    commands = {"--version": ["--version"], "model list": ["--workspace", str(workspace), "model", "list"]}
    found = {}
    for name, words in commands.items():
        taken = []
        for _ in range(rounds):
            begun = time.monotonic()
            subprocess.run([*OURS, *words], check=True, stdout=subprocess.DEVNULL)
            taken.append(time.monotonic() - begun)
        found[name] = statistics.median(taken)
    return found


def modules_loaded(workspace: Path) -> int:
    """How many modules the console has loaded when its first data is there."""
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from quarterdeck.console.context import Console\n"
        "from quarterdeck.console.tui.app import QuarterdeckApp\n"
        "async def main():\n"
        "    with Console.open(Path(sys.argv[1])) as console:\n"
        "        app = QuarterdeckApp(console)\n"
        "        async with app.run_test() as pilot:\n"
        "            while not app.models():\n"
        "                await pilot.pause()\n"
        "            print(len(sys.modules))\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(workspace)], check=True, capture_output=True, text=True)
    return int(done.stdout)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--idle", type=float, default=60.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-") as folder:
        root = filled(Path(folder) / "workspace", run_count=RUNS, versions=VERSIONS).root
        result: dict[str, dict[str, float]] = {
            "seconds": first_frames(commands_of(root), options.rounds, Path(folder)),
            "commands": command_line(root, options.rounds),
            "rest": at_rest(root, options.idle) | {"modules": modules_loaded(root)},
            "load": under_load(root),
        }
    print(json.dumps(result, indent=2) if options.json else _table(result))
    return 0


def _line(name: str, value: float, unit: str = "") -> str:
    return f"{name:<30}{value:>8.2f} {unit}"


def _table(result: dict[str, dict[str, float]]) -> str:
    peer = result["seconds"]["Harlequin"]
    lines = [f"{'seconds from exec':<30}{'median':>8}{'of Harlequin':>14}"]
    lines += [f"{name:<30}{value:>8.2f}{value / peer:>14.2f}" for name, value in result["seconds"].items()]
    lines += [_line(f"quarterdeck {name}", value, "s") for name, value in result["commands"].items()]
    lines += [_line(name.replace("_", " "), value) for name, value in result["rest"].items()]
    lines += [_line(name.replace("_", " "), value) for name, value in result["load"].items()]
    return "\n".join([*lines, f"noise (p95/p5 of a fixed loop) {noise():.2f}"])


if __name__ == "__main__":
    sys.exit(main())
