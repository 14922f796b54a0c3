"""The node that steers a picture by edges or depth, with the ControlNet or patch that the card names."""

from __future__ import annotations

from comfy_api.latest import io
from comfy_execution.graph_utils import GraphBuilder

from ...client.errors import InputInvalid
from ...client.models.cards import Card as ModelCard
from ..refusal import refusing, tell
from . import card_files, expand
from .card_type import Card


class PackshotControl(io.ComfyNode):
    """Becomes core's ControlNet nodes, or core's model patch, for the model of the card."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Model, conditioning, VAE, card, a picture and how to read it; MODEL and CONDITIONING that follow it."""
        share = {"min": 0.0, "max": 1.0, "step": 0.01}
        return io.Schema(
            node_id="PackshotControl",
            display_name="Packshot Control",
            category="Packshot/Models",
            description="Keeps to the edges or the depth of a picture, with the ControlNet that the card names.",
            search_aliases=["controlnet", "canny", "depth", "edges", "structure"],
            inputs=[
                io.Model.Input("model", raw_link=True),
                io.Conditioning.Input("positive", raw_link=True),
                io.Conditioning.Input("negative", raw_link=True),
                io.Vae.Input("vae", raw_link=True),
                Card.Input("card", tooltip="From Packshot Load Model."),
                io.Image.Input("image", raw_link=True, tooltip="A photograph for canny; a depth map for depth."),
                io.Combo.Input("kind", options=["canny", "depth"], default="canny", tooltip="What to keep to."),
                io.Float.Input("strength", default=0.8, min=0.0, max=10.0, step=0.01, tooltip="0: not at all."),
                io.Float.Input("start", default=0.0, tooltip="Share of the steps after which it begins.", **share),
                io.Float.Input("end", default=1.0, tooltip="Share of the steps after which it ends.", **share),
                io.Combo.Input(
                    "licence_profile",
                    options=card_files.profiles(),
                    default=card_files.SETTINGS,
                    tooltip="As in Packshot Load Model; these weights have a licence of their own.",
                ),
            ],
            outputs=[
                io.Model.Output(id="model_out", display_name="model"),
                io.Conditioning.Output(id="positive_out", display_name="positive"),
                io.Conditioning.Output(id="negative_out", display_name="negative"),
            ],
            hidden=[io.Hidden.unique_id],
            enable_expand=True,
        )

    @classmethod
    def execute(
        cls,
        model: io.Model.Type,
        positive: io.Conditioning.Type,
        negative: io.Conditioning.Type,
        vae: io.Vae.Type,
        card: ModelCard,
        image: io.Image.Type,
        kind: str,
        strength: float,
        start: float,
        end: float,
        licence_profile: str,
    ) -> io.NodeOutput:
        """Expand into core's nodes for these weights."""
        with refusing():
            chosen = card.control(kind)
            if chosen is None:
                raise InputInvalid(
                    f"{card.name} cannot be steered by {kind}",
                    place="input 'kind'",
                    remedy="choose a card that can, such as sdxl, qwen-image or z-image-turbo",
                )
            card_files.decide_control(card, chosen, licence_profile).enforce(card.name)
            name = card_files.find_control(card, chosen)
        warnings = []
        if chosen.slot == "model_patch" and (start > 0 or end < 1):
            warnings.append(f"start and end are not applied: {chosen.title} works in every step")
        graph = GraphBuilder()
        links = expand.control(
            graph,
            chosen,
            name,
            kind,
            image,
            model=model,
            positive=positive,
            negative=negative,
            vae=vae,
            strength=strength,
            start=start,
            end=end,
        )
        return io.NodeOutput(*links, ui=tell(cls.hidden.unique_id, warnings), expand=graph.finalize())
