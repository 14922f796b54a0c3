"""The node that says what a prompt took of memory, and carries it to whoever submitted it."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io
from server import PromptServer

from .record import carried, current


class PackshotMemoryReport(io.ComfyNode):
    """Peak and resident memory of each phase so far, how LoRAs were applied, and what was stepped down."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Anything, which comes out as it is, after which the report is made; the report as text."""
        kind = io.MatchType.Template("any")
        return io.Schema(
            node_id="PackshotMemoryReport",
            display_name="Packshot Memory Report",
            category="Packshot/Memory",
            description="What each phase took of memory: peak, weights resident and streamed, how LoRAs were applied,"
            " and every step of the out-of-memory ladder. On the node, as text, and in the job's record.",
            search_aliases=["vram usage", "memory usage", "peak memory", "telemetry", "profile"],
            inputs=[
                io.MatchType.Input(
                    "value", template=kind, tooltip="Comes out as it is: the report is of what ran before it."
                )
            ],
            outputs=[
                io.MatchType.Output(template=kind, id="value_out", display_name="value"),
                io.String.Output(id="report", display_name="report", tooltip="The same text as on the node."),
            ],
            hidden=[io.Hidden.unique_id],
            is_output_node=True,
            not_idempotent=True,
        )

    @classmethod
    def execute(cls, value: Any) -> io.NodeOutput:
        """Read the record of this prompt."""
        phases = current()
        nothing = "nothing was noted: what goes through Packshot VRAM Policy is, and so are Packshot's VAE nodes"
        text = "\n".join(phase.sentence() for phase in phases) or nothing
        if cls.hidden.unique_id is not None:
            PromptServer.instance.send_progress_text(text, cls.hidden.unique_id)
        return io.NodeOutput(value, text, ui={"text": [text], **carried()})
