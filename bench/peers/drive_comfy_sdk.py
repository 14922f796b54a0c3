"""comfy-sdk, which speaks only to comfy-api-proxy, which speaks to ComfyUI."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from _serve import HANG, Harvest, Submit, plain, serve
from comfy_sdk import Comfy

_START = 60.0  # seconds that the proxy may take to answer
_ADDRESS = "127.0.0.1"


def main(url: str, scratch: str) -> None:
    with socket.socket() as probe:
        probe.bind((_ADDRESS, 0))
        port = probe.getsockname()[1]
    program = Path(sys.executable).with_name("comfy-api-proxy")
    command = [str(program), "run", "--comfyui", url, "--host", _ADDRESS, "--port", str(port)]
    with (Path(scratch) / "proxy.log").open("wb") as log:
        proxy = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
    try:
        base = f"http://{_ADDRESS}:{port}"
        _await(proxy, base)
        os.environ["COMFY_BASE_URL"] = base  # the only way to tell it
        serve(_submit())
    finally:
        proxy.terminate()
        proxy.wait()


def _await(proxy: subprocess.Popen[bytes], base: str) -> None:
    deadline = time.monotonic() + _START
    while True:
        try:
            urllib.request.urlopen(base, timeout=5).close()
            return
        except urllib.error.HTTPError:
            return  # it has nothing at this path, but it answers
        except OSError:
            if proxy.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _submit() -> Submit:
    client = Comfy()

    def submit(color: int) -> Harvest:
        job = client.submit(client.workflows.from_json(plain(color)))

        def harvest() -> bytes:
            job.wait(timeout=HANG)
            if job.status != "succeeded":
                raise RuntimeError(f"the job ended {job.status}")
            return bytes(job.get_outputs("2")[0].to_bytes())

        return harvest

    return submit


if __name__ == "__main__":
    main(*sys.argv[1:])
