"""`quarterdeck web`: the terminal console in a browser on this machine."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Annotated

import typer

from quarterdeck.console.cli.noun import single
from quarterdeck.console.cli.session import opened
from quarterdeck.core.errors import UnavailableError

if TYPE_CHECKING:
    from quarterdeck.console.web.server import WebConsole

app = single()


@app.command(help="Serve the terminal console to a browser on this machine, behind a token, until ctrl+c.")
def web(
    ctx: typer.Context,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port on loopback; 0: any free one.")] = 8790,
) -> None:
    try:
        # start-up time, and an extra: no other command needs a web server
        from quarterdeck.console.web.server import WebConsole, listen
    except ModuleNotFoundError as error:
        hint = "pip install 'quarterdeck[web]'"
        raise UnavailableError(f"the browser's console needs {error.name}", hint=hint) from error
    with opened(ctx) as console:
        root, read_only = console.workspace.root, console.read_only
    served = WebConsole(listen(port), root, read_only=read_only)
    number = served.port
    print(f"the console is at {served.address}", flush=True)
    tunnel = f"ssh -L {number}:127.0.0.1:{number} THIS-MACHINE"
    print(f"from another machine: {tunnel}, then the same address; ctrl+c ends it", flush=True)
    asyncio.run(_until_stopped(served))


async def _until_stopped(served: WebConsole) -> None:
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    await served.answer(stopped)
