"""Nodes that take a model card: load the model, say what is known of it, size its latent."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io, ui
from comfy_execution.graph_utils import GraphBuilder

from ...client.errors import PackshotError
from ...client.models import cards
from ...client.models.rules import fit_size, own_size_like
from ..refusal import refusing, tell
from . import card_files, expand
from .card_type import Card

_PRECISIONS = [card_files.AUTO, "bf16", "fp16", "fp8", "int8", "nvfp4", "fp4", "gguf-q8", "gguf-q5", "gguf-q4"]


def card_input(tooltip: str) -> Any:
    """The widget that chooses a card, shipped or the user's own."""
    return io.Combo.Input("card", options=cards.card_ids(), default="starter", tooltip=tooltip)


class PackshotLoadModel(io.ComfyNode):
    """Becomes core's loaders for the files of a card, once they are there, are what they should be, and may be used."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Card, precision, licence profile; MODEL, CLIP, VAE and the card for the nodes that follow."""
        return io.Schema(
            node_id="PackshotLoadModel",
            display_name="Packshot Load Model",
            category="Packshot/Models",
            description="Loads the model of a card with core's own loaders. Missing or wrong files, and a use that the"
            " licence does not allow, are refused before anything runs.",
            search_aliases=["checkpoint", "unet", "diffusion model", "text encoder", "vae", "licence"],
            inputs=[
                card_input("The model. The other Packshot nodes follow it."),
                io.Combo.Input(
                    "precision",
                    options=_PRECISIONS,
                    default=card_files.AUTO,
                    tooltip="auto: of the files that are there, the best that this device runs fast.",
                ),
                io.Combo.Input(
                    "licence_profile",
                    options=card_files.profiles(),
                    default=card_files.SETTINGS,
                    tooltip="What the pictures are for: profile.yaml in your Packshot settings, or one of profiles/.",
                ),
            ],
            outputs=[
                io.Model.Output(display_name="model"),
                io.Clip.Output(display_name="clip"),
                io.Vae.Output(display_name="vae"),
                Card.Output(display_name="card", tooltip="For the other Packshot nodes."),
            ],
            enable_expand=True,
        )

    @classmethod
    def validate_inputs(cls, card: str | None, precision: str | None, licence_profile: str | None) -> bool | str:
        """Refuse what cannot run before it is queued. A linked input is not known yet: `execute` checks it."""
        if card is None or precision is None or licence_profile is None:
            return True
        try:
            _ready(card, precision, licence_profile)
        except PackshotError as error:
            return error.report()
        return True

    @classmethod
    def fingerprint_inputs(cls, card: str, precision: str, licence_profile: str) -> str:
        """The card and the files: a changed one is loaded again."""
        loaded, chosen = _ready(card, precision, licence_profile)
        return f"{loaded!r} {chosen.stamps()}"

    @classmethod
    def execute(cls, card: str, precision: str, licence_profile: str) -> io.NodeOutput:
        """Expand into core's loaders."""
        with refusing():
            loaded, chosen = _ready(card, precision, licence_profile)
        graph = GraphBuilder()
        links = expand.load(graph, loaded, chosen.files, chosen.names)
        return io.NodeOutput(*links, loaded, expand=graph.finalize())


def _ready(card_id: str, precision: str, profile: str) -> tuple[cards.Card, card_files.Chosen]:
    card = cards.load_card(card_id)
    card_files.decide(card, profile).enforce(card.name)
    chosen = card_files.choose_files(card, precision)
    card_files.check_files(card, chosen)
    return card, chosen


class PackshotModelInfo(io.ComfyNode):
    """Says what is known of a model and what is missing on this host, without loading it."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """A card; its report as text, shown on the node."""
        return io.Schema(
            node_id="PackshotModelInfo",
            display_name="Packshot Model Info",
            category="Packshot/Models",
            description="What a card says of its model: licence, files, memory and defaults; and which files are here.",
            search_aliases=["licence", "license", "missing models", "vram"],
            inputs=[card_input("The model to report on.")],
            outputs=[io.String.Output(id="report", display_name="report", tooltip="The same text as on the node.")],
            is_output_node=True,
        )

    @classmethod
    def fingerprint_inputs(cls, card: str) -> str:
        """The report itself: the node runs again exactly when it has something else to say."""
        return _report(cards.load_card(card))

    @classmethod
    def execute(cls, card: str) -> io.NodeOutput:
        """Make the report."""
        with refusing():
            text = _report(cards.load_card(card))
        return io.NodeOutput(text, ui=ui.PreviewText(text))


def _report(card: cards.Card) -> str:
    own, rule = card.sampling, card.resolution
    guidance = f", guidance {own.guidance:g}" if own.guidance is not None else ""
    lines = [
        f"{card.name} ({card.id}): {card.summary}",
        f"Licence: {card.licence}; for your profile: {card_files.decide(card, card_files.SETTINGS).summary()}",
        f"Defaults: {own.steps} steps, CFG {own.cfg:g}{guidance}, {own.sampler}/{own.scheduler},"
        f" {rule.native[0]} x {rule.native[1]}",
    ]
    for part in card.components:
        for file in part.files:
            name = card_files.listed(part, file)
            size = f", {file.size / 1024**3:.1f} GiB" if file.size else ""
            state = f"here as {name}" if name else "not here"
            lines.append(f"{part.title} {file.precision}{size}: {part.folder}/{file.name}, {state}")
    try:
        card_files.check_files(card, card_files.choose_files(card, card_files.AUTO))
        lines.append("Ready.")
    except PackshotError as error:
        lines.append(f"Not ready: {error.message}; {error.remedy}")
    return "\n".join(lines)


class PackshotEmptyLatent(io.ComfyNode):
    """An empty latent of the card's model, at a size that the model can make."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Card and size in pixels; LATENT, and the size that came out."""
        size = {"default": 0, "min": 0, "max": 16384, "step": 8}
        return io.Schema(
            node_id="PackshotEmptyLatent",
            display_name="Packshot Empty Latent",
            category="Packshot/Models",
            description="An empty latent in the model's own format. Sizes become multiples that the model can make;"
            " the node warns outside the sizes that it was made for.",
            search_aliases=["resolution", "size", "empty latent image"],
            inputs=[
                Card.Input("card", tooltip="From Packshot Load Model."),
                io.Int.Input("width", tooltip="In pixels; 0: the model's own.", **size),
                io.Int.Input("height", tooltip="In pixels; 0: the model's own.", **size),
                io.Int.Input("batch_size", default=1, min=1, max=4096, tooltip="Pictures made at once."),
                io.Int.Input("frames", default=1, min=1, max=4096, tooltip="Length of a video; 1 for a picture."),
                io.Image.Input("like", optional=True, tooltip="With width and height 0: takes its proportions."),
            ],
            outputs=[
                io.Latent.Output(display_name="latent"),
                io.Int.Output(id="width_out", display_name="width", tooltip="In pixels, as it came out."),
                io.Int.Output(id="height_out", display_name="height", tooltip="In pixels, as it came out."),
            ],
            hidden=[io.Hidden.unique_id],
            enable_expand=True,
        )

    @classmethod
    def execute(
        cls,
        card: cards.Card,
        width: int,
        height: int,
        batch_size: int,
        frames: int,
        like: io.Image.Type | None = None,
    ) -> io.NodeOutput:
        """Expand into core's node for the model's latent format."""
        if like is not None and not width and not height:
            width, height = own_size_like(card, width=like.shape[2], height=like.shape[1])
        width, height, warnings = fit_size(card, width, height)
        if frames > 1 and card.kind != "video":
            warnings.append(f"{frames} frames are not made: {card.name} makes pictures")
        graph = GraphBuilder()
        latent = expand.empty_latent(graph, card, width, height, batch_size, frames)
        return io.NodeOutput(latent, width, height, ui=tell(cls.hidden.unique_id, warnings), expand=graph.finalize())
