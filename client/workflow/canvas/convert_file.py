"""Files of the canvas made into files of the API, as the canvas itself would submit them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import InputInvalid, PackshotError, WorkflowInvalid
from ...paths import atomic_write
from .convert import convert
from .definitions import ObjectInfo
from .graph import parse, read_json


@dataclass(frozen=True, slots=True)
class Conversion:
    """What became of one file.

    Attributes:
        file: the workflow.
        out: the API file; it is written only where there are no problems.
        problems: what is wrong with the workflow.
    """

    file: Path
    out: Path
    problems: tuple[PackshotError, ...]

    def as_dict(self) -> dict[str, Any]:
        """Give the file's line of ``packshot workflow convert --json``."""
        return {
            "file": str(self.file),
            "out": None if self.problems else str(self.out),
            "problems": [problem.as_dict() for problem in self.problems],
        }


def convert_workflow(file: Path, out: Path, info: ObjectInfo) -> Conversion:
    """Convert a workflow from the canvas's format to the API's, and write it where nothing is wrong with it.

    Args:
        file: a workflow saved from the canvas.
        out: the API file to write.
        info: node definitions: a client's ``object_info``, or the host's answer to ``/object_info`` as it was saved.

    Raises:
        OutputUnwritable: the folder or the disk refuses.
        HostUnreachable: the host whose definitions these are does not answer.
    """
    try:
        api = convert(parse(read_json(file), str(file)), info, str(file))
        text = "" if api.problems else json.dumps(api.nodes, ensure_ascii=False, indent=2)
        content = text.encode(errors="surrogatepass")
    except WorkflowInvalid as error:
        return Conversion(file, out, (error,))
    except RecursionError:
        deep = WorkflowInvalid("nested too deeply: not a workflow", place=str(file), remedy="save it again")
        return Conversion(file, out, (deep,))
    if not api.problems:
        with atomic_write(out, durable=False) as written:
            written.write(content)
    return Conversion(file, out, tuple(api.problems))


def api_files(files: Sequence[Path], folder: Path) -> dict[Path, Path]:
    """Name the API file of each workflow: in a folder, with the workflow's own name.

    Raises:
        InputInvalid: two workflows have the same name, or one would be written over.
    """
    names = Counter(file.name for file in files)
    for file in files:
        if names[file.name] > 1:
            raise InputInvalid(
                f"{names[file.name]} files are called '{file.name}'", place=str(file), remedy="convert them separately"
            )
        if (folder / file.name).resolve() == file.resolve():
            raise InputInvalid("it would be written over", place=str(file), remedy="choose another --out-dir")
    return {file: folder / file.name for file in files}
