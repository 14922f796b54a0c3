"""The node that applies several LoRAs of the user's own, and refuses those that are missing or do not fit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import folder_paths
from comfy_api.latest import io

from ...client.brand.lora.tags import Choice, find_file, read_tags
from ...client.errors import PackshotError
from ...client.models.files.read import read_header
from ..refusal import refusing, tell
from . import lora_apply

_NONE = "none"
_ROWS = 5
_FOLDER = "loras"


class PackshotLoRAStack(io.ComfyNode):
    """Applies the LoRAs of its rows, then those of its text, in this order."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Model, CLIP, five rows of a file and a strength, and text; the patched model, trigger words and a report."""
        files = [_NONE, *folder_paths.get_filename_list(_FOLDER)]
        strength = {"default": 1.0, "min": -100.0, "max": 100.0, "step": 0.01, "optional": True}
        rows: list[Any] = []
        for row in range(1, _ROWS + 1):
            tooltip = "none: the row is empty."
            rows.append(io.Combo.Input(f"lora_{row}", options=files, default=_NONE, optional=True, tooltip=tooltip))
            rows.append(io.Float.Input(f"strength_{row}", tooltip="On model and text encoder. 0: off.", **strength))
        return io.Schema(
            node_id="PackshotLoRAStack",
            display_name="Packshot LoRA Stack",
            category="Packshot/Brand",
            description="Applies up to five LoRAs, and more as text. A missing file is refused before the queue; one"
            " of which ComfyUI loads less than nine tenths is refused before the first step. Reads the names of every"
            " common trainer. Says how much of each is loaded, and which of them fight over the same directions.",
            search_aliases=["lora loader", "load lora", "power lora loader", "lora stacker", "<lora:name:0.8>"],
            inputs=[
                io.Model.Input("model"),
                io.Clip.Input("clip", optional=True, tooltip="For LoRAs that change the text encoder too."),
                *rows,
                io.String.Input(
                    "text",
                    multiline=True,
                    default="",
                    optional=True,
                    tooltip="More of them: <lora:name:0.8>, or <lora:name:0.8:0.5> with a strength for the text"
                    " encoder of its own. The name may be without folder and ending.",
                ),
                io.Boolean.Input(
                    "compare",
                    default=True,
                    optional=True,
                    tooltip="Say which of them fight over the same directions; takes a moment for large files.",
                ),
            ],
            outputs=[
                io.Model.Output(id="model_out", display_name="model"),
                io.Clip.Output(id="clip_out", display_name="clip"),
                io.String.Output(id="triggers", display_name="triggers", tooltip="Trigger words of all files."),
                io.String.Output(id="report", display_name="report", tooltip="The same text as on the node."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def validate_inputs(
        cls,
        lora_1: str | None = None,
        lora_2: str | None = None,
        lora_3: str | None = None,
        lora_4: str | None = None,
        lora_5: str | None = None,
        text: str | None = None,
    ) -> bool | str:
        """Refuse files that are missing or no weights, and text that names none; what is linked, `execute` checks."""
        rows = {f"lora_{row}": name for row, name in enumerate((lora_1, lora_2, lora_3, lora_4, lora_5), start=1)}
        try:
            widgets = {**rows, **{f"strength_{row}": 1.0 for row in range(1, _ROWS + 1)}, "text": text}
            for path, _ in _chosen(widgets):
                read_header(path)
        except PackshotError as error:
            return error.report()
        return True

    @classmethod
    def fingerprint_inputs(cls, **widgets: Any) -> str:
        """The choices and the files: a changed one is applied again."""
        stamps = [(path.stat().st_size, path.stat().st_mtime_ns) for path, _ in _chosen(widgets)]
        return f"{sorted(widgets.items(), key=str)} {stamps}"

    @classmethod
    def execute(
        cls, model: io.Model.Type, clip: io.Clip.Type | None = None, compare: bool = True, **widgets: Any
    ) -> io.NodeOutput:
        """Apply each with core's own function."""
        applied, files = [], []
        lines: list[str] = []
        target = lora_apply.target_of(model, clip)
        with refusing():
            for path, choice in _chosen(widgets):
                if not (choice.model or choice.clip):
                    lines.append(f"Warning: {choice.name} is at strength 0 and not applied")
                    continue
                file = lora_apply.load(path)
                found = lora_apply.admitted(target, file, f"LoRA '{choice.name}'")
                model, clip = lora_apply.patched(model, clip, file, found, choice.model, choice.clip)
                applied.append(
                    lora_apply.Applied.of(file, found, choice.model, choice.clip, lora_apply.ADDED, name=choice.name)
                )
                files.append(file)
            lines = [*(lora_file.line() for lora_file in applied), *lines]
            lines += [warning for lora_file in applied for warning in lora_file.warnings()]
            if compare:
                lines += lora_apply.conflicts(files)
        words = lora_apply.triggers(files)
        look = {"loras": [one.record() for one in applied], "report": lines}
        told = {**(tell(cls.hidden.unique_id, lines) or {}), "look": [look]} if lines else None
        return io.NodeOutput(model, clip, words, "\n".join(lines), ui=told)


def _chosen(widgets: Mapping[str, Any]) -> list[tuple[Path, Choice]]:
    """The files, in their order; rows that are linked or empty are left out."""
    listed = folder_paths.get_filename_list(_FOLDER)
    found: list[tuple[str, Choice]] = []
    for row in range(1, _ROWS + 1):
        name, strength = widgets.get(f"lora_{row}"), widgets.get(f"strength_{row}", 1.0)
        if name in (None, _NONE) or strength is None:
            continue
        found.append((f"input 'lora_{row}'", Choice(name, float(strength), float(strength))))
    found += [("input 'text'", choice) for choice in read_tags(widgets.get("text") or "")]
    return [
        (Path(folder_paths.get_full_path_or_raise(_FOLDER, find_file(choice.name, listed, place))), choice)
        for place, choice in found
    ]
