"""Installs the ComfyUI that Packshot manages, with everything pinned, or takes one that the user already has.

Each finished step leaves a stamp that names its pins and those of the steps before it. An install that was killed goes
on at the step it was in; one whose pins have changed redoes what they touch; a finished one does nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from ..compose.matting import pip_commands
from ..errors import HostFailed
from ..paths import write_text, writing
from . import torch_fit
from .source import COMFYUI_VERSION, SOURCE, SOURCE_SHA256, Shell, fetch_source

# These three go together. All of them are pinned, and asked for in one call, so that pip takes whichever build of torch
# it finds first (CPU, CUDA, ROCm) and no newer torchaudio or torchvision pulls in another.
TORCH = ("torch==2.13.0", "torchvision==0.28.0", "torchaudio==2.11.0")

_PIP = "pip>=25.2"  # from here on, a download that breaks off is resumed

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Installation:
    """A ComfyUI on this machine, ready to be started.

    Attributes:
        comfyui: the folder that holds ``main.py``.
        python: the interpreter that has ComfyUI's requirements.
        version: ComfyUI's version, as ``comfyui_version.py`` says it.
        adopted: whether it is the user's own, which keeps its own folders for models, outputs and nodes.
    """

    comfyui: Path
    python: Path
    version: str
    adopted: bool = False


def install(home: Path, progress: Progress) -> Installation:
    """Install the pinned ComfyUI below ``home``, or finish an install that was interrupted there.

    Leaves ``ComfyUI``, ``venv``, ``steps`` (one stamp for each that is done) and ``install.log`` (what pip said).

    Args:
        home: folder of the managed host; made where it is missing.
        progress: called with one line as each step begins, and one for each larger download.

    Raises:
        HostFailed: a step failed, or what was fetched is not what was pinned; finished steps are kept.
        OutputUnwritable: the folder or the disk refuses.
    """
    home = home.expanduser().absolute()
    with writing(home):
        (home / "steps").mkdir(parents=True, exist_ok=True)
        with locked(home / "install.lock", lambda: progress("another install is running here; waiting for its end")):
            return _Installer(home, progress).run()


def adopt(comfyui: Path, python: Path | None = None) -> Installation:
    """Take a ComfyUI that the user installed, without changing it.

    Args:
        comfyui: its folder.
        python: its interpreter; where None, one is looked for in ``.venv``, ``venv`` and ``../python_embeded``.

    Raises:
        HostFailed: the folder is not ComfyUI's, or no interpreter was named or found.
    """
    comfyui = comfyui.expanduser().resolve()
    version_file = comfyui / "comfyui_version.py"
    version = None
    if (comfyui / "main.py").is_file() and version_file.is_file():
        version = re.search(r"__version__\s*=\s*[\"']([^\"']+)", version_file.read_text(encoding="utf-8"))
    if version is None:
        raise HostFailed(
            "there is no ComfyUI in this folder",
            place=str(comfyui),
            remedy="name the folder that holds ComfyUI's main.py and comfyui_version.py",
        )
    candidates = [python.expanduser()] if python else [_interpreter(comfyui / name) for name in (".venv", "venv")]
    if python is None:
        candidates.append(comfyui.parent / "python_embeded" / "python.exe")
    for candidate in candidates:
        if candidate.is_file():
            # Not resolved: a venv's interpreter is a link, and following it would lead out of the venv.
            return Installation(comfyui, candidate.absolute(), version[1], adopted=True)
    raise HostFailed(
        f"no Python at {candidates[0]}" if python else "which Python runs this ComfyUI?",
        place=str(comfyui),
        remedy="name its interpreter with --python",
    )


def remember(home: Path, installation: Installation) -> None:
    """Make ``installation`` the one that the host in ``home`` starts from now on."""
    write_text(home / "installation.json", json.dumps(asdict(installation), default=str, indent=2))


def remembered(home: Path) -> Installation | None:
    """The installation that the host in ``home`` starts, or None before the first one, or once its files are gone."""
    try:
        record = json.loads((home / "installation.json").read_text(encoding="utf-8"))
        installation = Installation(
            Path(record["comfyui"]), Path(record["python"]), record["version"], bool(record["adopted"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return installation if installation.python.exists() and (installation.comfyui / "main.py").is_file() else None


@contextlib.contextmanager
def locked(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock file at ``path``; ``waiting`` is called once if another holds it. A killed holder frees it."""
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        waiting()
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


class _Installer:
    """One install, with the state its steps share: which pins lead up to the step at hand."""

    def __init__(self, home: Path, progress: Progress) -> None:
        self.home = home
        self.progress = progress
        self.shell = Shell(home / "install.log", progress)
        self.venv = home / "venv"
        self.python = _interpreter(self.venv)
        self.comfyui = home / "ComfyUI"
        self.pins = ""

    def run(self) -> Installation:
        if not _runs(self.python):
            # Never made, or the Python that it was made from has been removed since.
            self._stamp("environment").unlink(missing_ok=True)
        pack = importlib.metadata.requires("packshot") or []
        self._step("environment", [_PIP], "making a Python environment for ComfyUI", self._make_venv)
        self._step("source", [SOURCE, SOURCE_SHA256], f"fetching ComfyUI {COMFYUI_VERSION}", self._fetch_source)
        self._step("torch", TORCH, f"installing {', '.join(TORCH)}", self._install_torch)
        self._step("requirements", pack, "installing ComfyUI's requirements", lambda: self._install_requirements(pack))
        matting = [" ".join(command) for command in self._matting()]
        self._step("matting", matting, "installing what cuts products out", self._install_matting)
        self._step("fit", [], "checking that torch, torchvision and torchaudio go together", self._fit)
        installation = Installation(self.comfyui, self.python, COMFYUI_VERSION)
        if remembered(self.home) != installation:
            remember(self.home, installation)
        return installation

    def _step(self, name: str, pins: Iterable[str], line: str, action: Callable[[], None]) -> None:
        self.pins = hashlib.sha256("\n".join([self.pins, name, *pins]).encode()).hexdigest()
        stamp = self._stamp(name)
        if stamp.is_file() and stamp.read_text(encoding="utf-8") == self.pins:
            return
        stamp.unlink(missing_ok=True)
        self.progress(line)
        action()
        write_text(stamp, self.pins)

    def _stamp(self, name: str) -> Path:
        return self.home / "steps" / name

    def _make_venv(self) -> None:
        if self.venv.exists():
            shutil.rmtree(self.venv)
        self.shell.run([sys.executable, "-m", "venv", str(self.venv)])
        self.shell.pip(self.python, "install", "--upgrade", _PIP)

    def _fetch_source(self) -> None:
        scratch = self.home / ".source"
        if scratch.exists():  # of an install that was killed in this step
            shutil.rmtree(scratch)
        scratch.mkdir()
        try:
            tree = fetch_source(self.python, scratch, self.shell)
            if self.comfyui.exists():
                self.comfyui.rename(scratch / "replaced")
            tree.rename(self.comfyui)
        finally:
            shutil.rmtree(scratch)

    def _install_torch(self) -> None:
        self.shell.pip(self.python, "install", *TORCH)

    def _install_requirements(self, pack: Iterable[str]) -> None:
        constraints = self.home / "constraints.txt"
        write_text(constraints, "\n".join(TORCH) + "\n")
        # The node pack's own dependencies, as ComfyUI-Manager would install them; pip skips the lines of our extras.
        wanted = self.home / "pack-requirements.txt"
        write_text(wanted, "\n".join(pack) + "\n")
        files = ("--requirement", str(self.comfyui / "requirements.txt"), "--requirement", str(wanted))
        self.shell.pip(self.python, "install", "--constraint", str(constraints), *files)

    def _matting(self) -> list[list[str]]:
        return pip_commands(self.home / "models" / "background_removal")

    def _install_matting(self) -> None:
        for command in self._matting():
            self.shell.pip(self.python, *command)

    def _fit(self) -> None:
        torch_fit.fit(self.python, self.progress)


def _interpreter(venv: Path) -> Path:
    return venv / "Scripts" / "python.exe" if sys.platform == "win32" else venv / "bin" / "python"


def _runs(python: Path) -> bool:
    return (
        python.exists() and subprocess.run([python, "-I", "-c", ""], capture_output=True, check=False).returncode == 0
    )
