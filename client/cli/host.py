"""``packshot host``: install, start, stop and look at the ComfyUI that Packshot manages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ..host.managed import HostStatus, ManagedHost, remote_status
from .common import JsonOption, echo, steps

app = typer.Typer(no_args_is_help=True, help="Install, start, stop and look at a ComfyUI on this machine.")

ComfyUI = Annotated[Path | None, typer.Option("--comfyui", help="Folder of a ComfyUI that you installed yourself.")]
Python = Annotated[Path | None, typer.Option(help="The interpreter of that ComfyUI, where it is not found.")]


@app.command()
def install(comfyui: ComfyUI = None, python: Python = None, as_json: JsonOption = False) -> None:
    """Install ComfyUI and the starter model, or take your own ComfyUI. Goes on where an earlier install stopped."""
    host = _host(comfyui, python)
    with steps() as begin:
        installation = host.install(begin)
    answer = {
        "comfyui": str(installation.comfyui),
        "version": installation.version,
        "python": str(installation.python),
        "models": str(host.models),
    }
    ready = f"ComfyUI {installation.version} is ready in {installation.comfyui}"
    _print(answer, as_json, ready, "start it with: packshot host up")


@app.command()
def up(
    comfyui: ComfyUI = None,
    python: Python = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="By default, a free one.")] = None,
    cpu: Annotated[
        bool | None, typer.Option("--cpu/--no-cpu", help="By default, the CPU where there is no accelerator.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Start the host and wait until it answers; one that is up stays up."""
    host = _host(comfyui, python)
    with steps() as begin:
        status = host.up(port=port, cpu=cpu, progress=begin)
    _print_status(status, as_json)


@app.command()
def down(as_json: JsonOption = False) -> None:
    """Stop the host."""
    stopped = ManagedHost().down()
    _print({"stopped": stopped}, as_json, "stopped" if stopped else "it was not up")


@app.command()
def status(
    url: Annotated[str | None, typer.Option("--host", "--url", help="Look at this host, in place of ours.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Say where the host is and whether it can work. Exit code 4 where it should and cannot."""
    seen = remote_status(url) if url else ManagedHost().status()
    _print_status(seen, as_json)
    if seen.url and not seen.healthy:
        raise typer.Exit(4)


@app.command()
def logs(
    lines: Annotated[int, typer.Option("-n", "--lines", min=0, help="How many lines of the end.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on printing what is added, until Ctrl-C.")] = False,
) -> None:
    """Print the end of the host's log."""
    for text in ManagedHost().logs(lines, follow=follow):
        echo(text.replace("\r", "\n"), nl=False)  # a bar that is drawn over itself becomes lines


def _host(comfyui: Path | None, python: Path | None) -> ManagedHost:
    """The managed host, or that of a ComfyUI that the user named."""
    if comfyui is not None:
        return ManagedHost.adopt(comfyui, python)
    if python is not None:
        raise typer.BadParameter("--python goes with --comfyui")
    return ManagedHost()


def _print_status(status: HostStatus, as_json: bool) -> None:
    state = "healthy" if status.healthy else status.reason
    details = [] if status.url is None else [f"{status.url}  ComfyUI {status.comfyui} on {status.device}"]
    details += [] if status.pid is None else [f"process {status.pid}, log {status.log}"]
    _print(status.as_dict(), as_json, state, *details)


def _print(answer: dict[str, Any], as_json: bool, *lines: str) -> None:
    echo(json.dumps(answer) if as_json else "\n".join(lines))
