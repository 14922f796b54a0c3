"""comfy-cli: a process for each job. It prints addresses; the picture is fetched here."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from _serve import HANG, Harvest, plain, serve


def main(url: str, scratch: str) -> None:
    program = [str(Path(sys.executable).with_name("comfy")), "--skip-prompt"]
    subprocess.run([*program, "tracking", "disable"], capture_output=True, check=True)
    address = urlsplit(url)
    target = ["--host", str(address.hostname), "--port", str(address.port)]

    def submit(color: int) -> Harvest:
        file = Path(scratch) / f"{color}.json"
        file.write_text(json.dumps(plain(color)), encoding="utf-8")
        command = [*program, "--json", "run", "--workflow", str(file), *target, "--wait", "--timeout", f"{HANG:g}"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

        def harvest() -> bytes:
            try:
                printed, complaints = process.communicate(timeout=HANG)
            finally:
                process.kill()
            if process.returncode:
                raise RuntimeError(f"exit code {process.returncode}: {complaints.decode()[-200:]}")
            picture = json.loads(printed)["data"]["outputs"][0]
            with urllib.request.urlopen(picture, timeout=HANG) as response:
                return bytes(response.read())

        return harvest

    serve(submit)


if __name__ == "__main__":
    main(*sys.argv[1:])
