"""Nodes that encode words, and that do so before the pictures are made: for runs in phases."""

from __future__ import annotations

from comfy_api.latest import io

from ...client.models.cards import Card as ModelCard
from ..refusal import refusing
from . import conditioning, expand
from .card_type import Card


class PackshotTextEncode(io.ComfyNode):
    """A text as conditioning: what was encoded ahead, or else what core's node computes."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """CLIP and a text; CONDITIONING."""
        return io.Schema(
            node_id="PackshotTextEncode",
            display_name="Packshot Text Encode",
            category="Packshot/Models",
            description="Core's CLIP Text Encode, which leaves the text encoder alone where the text was encoded ahead."
            " Packshot Encode becomes this.",
            inputs=[
                io.Clip.Input("clip"),
                io.String.Input("text", multiline=True, dynamic_prompts=True, tooltip="What to encode."),
            ],
            outputs=[io.Conditioning.Output(id="encoded", display_name="conditioning")],
            is_dev_only=True,
        )

    @classmethod
    def execute(cls, clip: io.Clip.Type, text: str) -> io.NodeOutput:
        """Read or compute."""
        return io.NodeOutput(conditioning.encode(clip, text))


class PackshotEncodeAhead(io.ComfyNode):
    """Encodes what a Packshot Encode with the same inputs will need, and keeps it on this machine's disk."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """The inputs of Packshot Encode, without the pictures; no output."""
        return io.Schema(
            node_id="PackshotEncodeAhead",
            display_name="Packshot Encode Ahead",
            category="Packshot/Models",
            description="Encodes prompts and keeps them on disk, so that Packshot Encode leaves the text encoder alone."
            " Catalogue runs do this for many rows at once.",
            inputs=[
                io.Clip.Input("clip", tooltip="From Packshot Load Model."),
                Card.Input("card", tooltip="From Packshot Load Model."),
                io.String.Input("positive", multiline=True, tooltip="As in Packshot Encode."),
                io.String.Input("negative", multiline=True, tooltip="As in Packshot Encode."),
                io.Boolean.Input("references", default=False, tooltip="Whether Packshot Encode gets reference images."),
            ],
            outputs=[],
            is_output_node=True,
            is_dev_only=True,
        )

    @classmethod
    def execute(
        cls, clip: io.Clip.Type, card: ModelCard, positive: str, negative: str, references: bool
    ) -> io.NodeOutput:
        """Encode and keep each text."""
        with refusing():
            for text in expand.texts(card, positive, negative, references=references):
                conditioning.encode_ahead(clip, text)
        return io.NodeOutput()
