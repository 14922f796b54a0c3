"""The node that writes one LoRA file for several."""

from __future__ import annotations

from pathlib import Path

import folder_paths
from comfy_api.latest import io

from ...client.brand.lora.merge import Part, merge
from ...client.brand.lora.tags import find_file, read_tags
from ...client.brand.lora.tensors import WRITTEN
from ...client.errors import PackshotError
from ..refusal import refusing, tell

_AS_SOURCE = "as the files"
_FOLDER = "loras"


class PackshotLoRAMerge(io.ComfyNode):
    """Writes a LoRA that adds what several add, each at its strength."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """LoRAs as text, method, rank, dtype and name; the new file's name and a report."""
        return io.Schema(
            node_id="PackshotLoRAMerge",
            display_name="Packshot LoRA Merge",
            category="Packshot/Brand",
            description="Writes one LoRA for several into the output folder `loras`: exactly, by concatenation, or of"
            " one rank, by singular values, with its error stated. Refuses what cannot be added up, with the reason.",
            search_aliases=["merge lora", "combine lora", "svd", "save lora"],
            inputs=[
                io.String.Input("text", multiline=True, tooltip="<lora:first:0.8> <lora:second:0.5>"),
                io.Combo.Input("method", options=["concat", "svd"], default="concat", tooltip="concat: exact."),
                io.Int.Input("rank", default=16, min=1, max=1024, tooltip="Of every layer; with svd only."),
                io.Combo.Input("dtype", options=[_AS_SOURCE, *WRITTEN], default=_AS_SOURCE, tooltip="Of the new file."),
                io.String.Input("filename_prefix", default="loras/merged", tooltip="Below the output folder."),
            ],
            outputs=[
                io.String.Output(id="file", display_name="file", tooltip="As the LoRA loaders name it."),
                io.String.Output(id="report", display_name="report", tooltip="The same text as on the node."),
            ],
            hidden=[io.Hidden.unique_id],
            is_output_node=True,
        )

    @classmethod
    def validate_inputs(cls, text: str | None) -> bool | str:
        """Refuse missing files before the queue."""
        try:
            _parts(text or "")
        except PackshotError as error:
            return error.report()
        return True

    @classmethod
    def execute(cls, text: str, method: str, rank: int, dtype: str, filename_prefix: str) -> io.NodeOutput:
        """Merge and write."""
        folder, stem, counter, _, _ = folder_paths.get_save_image_path(
            filename_prefix, folder_paths.get_output_directory()
        )
        out = Path(folder) / f"{stem}_{counter:05}_.safetensors"
        with refusing():
            done = merge(
                _parts(text),
                out,
                method="svd" if method == "svd" else "concat",
                rank=rank if method == "svd" else None,
                dtype=None if dtype == _AS_SOURCE else dtype,
            )
        ranks = " to ".join(str(one) for one in dict.fromkeys((*done.ranks[:1], *done.ranks[-1:])))
        report = f"{out.name}: {done.layers} layers, rank {ranks}, {done.dtype}, relative error {done.error:.2e}"
        return io.NodeOutput(out.name, report, ui=tell(cls.hidden.unique_id, [report]))


def _parts(text: str) -> list[Part]:
    listed = folder_paths.get_filename_list(_FOLDER)
    names = [(find_file(choice.name, listed, "input 'text'"), choice.model) for choice in read_tags(text)]
    return [Part(Path(folder_paths.get_full_path_or_raise(_FOLDER, name)), strength) for name, strength in names]
