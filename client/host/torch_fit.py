"""Makes a venv's torchvision and torchaudio import beside its torch, where they were compiled for another build of it.

A package index may hold a CPU build of torch and only the CUDA builds of the other two. Their compiled parts then
cannot load. ComfyUI uses neither of them on its own paths, so the Python parts are enough; two small changes let those
import. Each is made only after the import was seen to fail in the way that it cures, and undone before the next look.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from ..errors import HostFailed

_SHIM = "_packshot_torchvision"

# torchvision registers Python implementations for operators that its compiled part declares. Where that part cannot
# load, the declarations are missing; they must exist before `import torchvision`. A path hook does it at that moment,
# so that an interpreter which never needs torchvision does not import torch either.
_SHIM_SOURCE = '''\
"""Declares torchvision's operators, whose compiled part does not fit this torch. Written by Packshot."""
import sys


class _BeforeTorchvision:
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name == "torchvision":
            sys.meta_path.remove(cls)
            import torch

            for operator in ("nms", "qnms"):
                torch.library.define(
                    f"torchvision::{operator}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
                )
        return None


sys.meta_path.insert(0, _BeforeTorchvision)
'''

_UNFIT = ".unfit"


def fit(python: Path, progress: Callable[[str], None]) -> None:
    """See that torch, torchvision and torchaudio import in the environment of ``python``; adapt it where they do not.

    Raises:
        HostFailed: they do not import, and not for the reason that can be cured here.
    """
    site = Path(_ask(python, "import sysconfig; print(sysconfig.get_path('purelib'))"))
    compiled = site / "torchaudio" / "lib"
    _undo(site, compiled)
    _require(python, "torch", _import_error(python, "torch"))
    error = _import_error(python, "torchvision")
    if "operator torchvision::nms does not exist" in error:
        progress("torchvision was compiled for another build of torch: declaring its operators")
        (site / f"{_SHIM}.py").write_text(_SHIM_SOURCE, encoding="utf-8")
        (site / f"{_SHIM}.pth").write_text(f"import {_SHIM}\n", encoding="utf-8")
        error = _import_error(python, "torchvision")
    _require(python, "torchvision", error)
    error = _import_error(python, "torchaudio")
    if "Could not load this library" in error and "_torchaudio" in error:
        progress("torchaudio was compiled for another build of torch: setting its compiled part aside")
        for library in compiled.glob("_torchaudio*"):
            library.rename(library.with_name(library.name + _UNFIT))
        error = _import_error(python, "torchaudio")
    _require(python, "torchaudio", error)


def _undo(site: Path, compiled: Path) -> None:
    for suffix in (".pth", ".py"):
        (site / f"{_SHIM}{suffix}").unlink(missing_ok=True)
    for library in compiled.glob(f"_torchaudio*{_UNFIT}"):
        library.rename(library.with_name(library.name.removesuffix(_UNFIT)))


def _require(python: Path, module: str, error: str) -> None:
    if error:
        raise HostFailed(
            f"{module} was installed but does not import:\n{error}",
            place=str(python),
            remedy="see that the package index offers builds of torch, torchvision and torchaudio that go together",
        )


def _import_error(python: Path, module: str) -> str:
    """The end of the traceback of ``import module``; empty when it imports."""
    result = _run(python, f"import {module}")
    return "" if result.returncode == 0 else "\n".join(result.stderr.splitlines()[-8:]) or f"exit {result.returncode}"


def _ask(python: Path, code: str) -> str:
    result = _run(python, code)
    if result.returncode:
        raise HostFailed(
            f"this Python does not run:\n{result.stderr[-500:]}",
            place=str(python),
            remedy="remove it, and install again",
        )
    return result.stdout.strip()


def _run(python: Path, code: str) -> subprocess.CompletedProcess[str]:
    # -I keeps PYTHONPATH, the working directory and the user's site-packages out of the answer.
    return subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, errors="replace", check=False)
