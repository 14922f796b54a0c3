"""Where the pictures of a run lie, and how an earlier one makes room for the next."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath

from ...paths import sync_folder, write_text, writing

ATTEMPTS = "attempts"  # pictures that another one replaced


def earlier_place(file: str, prompt_id: str) -> str:
    """Where a job's picture is kept once another one takes its place; both relative to the run's folder."""
    path = PurePosixPath(file)
    return file if path.parent.name == ATTEMPTS else f"{ATTEMPTS}/{prompt_id[:8]}-{path.name}"


def move_picture(folder: Path, file: str, place: str, prompt_id: str) -> None:
    """Move a job's picture with its record and its further outputs to where earlier ones are kept.

    What lies there already stays: a crash came between the move and its entry in the ledger, and what is at ``file``
    may be the next picture.

    Raises:
        OutputUnwritable: the folder or the disk refuses.
    """
    source, target = folder / file, folder / place
    if not source.is_file() or target.exists():
        return
    sidecar = source.with_suffix(".json")
    try:
        record = json.loads(sidecar.read_text("utf-8"))
        outputs = {str(one["file"]): one for one in record["outputs"]}
    except (OSError, ValueError, KeyError, TypeError):
        record, outputs = None, {}  # removed, or changed by somebody: the picture itself matters
    with writing(target):
        target.parent.mkdir(exist_ok=True)
        for name, output in outputs.items():
            output["file"] = earlier_place(name, prompt_id)
            beside = source.with_name(PurePosixPath(name).name)
            if beside != source and beside.is_file():
                beside.replace(folder / output["file"])
        if record is not None:
            write_text(target.with_suffix(".json"), json.dumps(record, indent=2, ensure_ascii=False) + "\n")
            sidecar.unlink()
        source.replace(target)  # last: its being there says that all is done
        sync_folder(target.parent)
