"""Nodes that encode words and reference pictures, and sample, as the model of a card takes it."""

from __future__ import annotations

import comfy.samplers
from comfy_api.latest import io
from comfy_execution.graph_utils import GraphBuilder

from ...client.errors import InputInvalid, PackshotError
from ...client.models.cards import Card as ModelCard
from ...client.models.rules import settings
from ..refusal import refusing, tell
from . import expand
from .card_type import Card

_OWN = "card"  # stands for the card's own sampler or scheduler


class PackshotEncode(io.ComfyNode):
    """Positive and negative prompt, and reference images, as conditioning of the card's model."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """CLIP, card, two prompts, references and the VAE that these need; positive and negative CONDITIONING."""
        return io.Schema(
            node_id="PackshotEncode",
            display_name="Packshot Encode",
            category="Packshot/Models",
            description="Encodes the prompts as the model takes them, and reference images where it edits.",
            search_aliases=["prompt", "clip text encode", "reference latent", "edit", "conditioning"],
            inputs=[
                io.Clip.Input("clip", raw_link=True, tooltip="From Packshot Load Model."),
                Card.Input("card", tooltip="From Packshot Load Model."),
                io.String.Input(
                    "positive", multiline=True, dynamic_prompts=True, tooltip="What the picture shows, or the edit."
                ),
                io.String.Input(
                    "negative",
                    multiline=True,
                    dynamic_prompts=True,
                    tooltip="What it must not show, where the model reads it.",
                ),
                io.Vae.Input(
                    "vae", optional=True, raw_link=True, tooltip="From Packshot Load Model; only for reference images."
                ),
                io.Autogrow.Input(
                    "references",
                    optional=True,
                    template=io.Autogrow.TemplatePrefix(
                        io.Image.Input("image", raw_link=True), prefix="image", min=0, max=10
                    ),
                    tooltip="Pictures to edit or to take from, in the order in which the prompt speaks of them.",
                ),
                io.Boolean.Input(
                    "allow_empty",
                    default=False,
                    optional=True,
                    advanced=True,
                    tooltip="Encode a positive prompt without a word, and do not refuse it.",
                ),
            ],
            outputs=[
                io.Conditioning.Output(id="positive_out", display_name="positive"),
                io.Conditioning.Output(id="negative_out", display_name="negative"),
            ],
            hidden=[io.Hidden.unique_id],
            enable_expand=True,
        )

    @classmethod
    def validate_inputs(
        cls, positive: str | None, allow_empty: bool | None = False, references: object = None
    ) -> bool | str:
        """Refuse an empty prompt before anything is queued; what is linked, `execute` checks.

        The host gives ``references`` to whoever validates anything, because their number may grow.
        """
        del references
        try:
            _check_prompt(positive, allow_empty)
        except PackshotError as error:
            return error.report()
        return True

    @classmethod
    def execute(
        cls,
        clip: io.Clip.Type,
        card: ModelCard,
        positive: str,
        negative: str,
        vae: io.Vae.Type | None = None,
        references: dict[str, io.Image.Type] | None = None,
        allow_empty: bool = False,
    ) -> io.NodeOutput:
        """Expand into core's text encoding, and into its reference latents where there are pictures."""
        pictures = [picture for picture in (references or {}).values() if picture is not None]
        graph = GraphBuilder()
        with refusing():
            _check_prompt(positive, allow_empty)
            links = expand.encode(graph, card, clip, positive, negative, pictures, vae)
        warnings = []
        if negative.strip() and card.sampling.negative == "zero":
            warnings.append(f"{card.name} reads no negative prompt; say in the positive one what you want instead")
        return io.NodeOutput(*links, ui=tell(cls.hidden.unique_id, warnings), expand=graph.finalize())


def _check_prompt(positive: str | None, allow_empty: bool | None) -> None:
    """Refuse a prompt without a word, as a bypassed node leaves it, unless that is meant. None is not known yet.

    Raises:
        InputInvalid: the prompt is empty.
    """
    if positive is not None and allow_empty is False and not positive.strip():
        raise InputInvalid(
            "the prompt is empty",
            place="input 'positive'",
            remedy="write it there; where another node gives it, turn that one on if it is bypassed or muted; or turn"
            " on 'allow_empty'",
        )


class PackshotSample(io.ComfyNode):
    """Samples with the card's own settings, each of which can be overridden."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Model, conditioning, latent, card, seed and overrides; the sampled LATENT."""
        return io.Schema(
            node_id="PackshotSample",
            display_name="Packshot Sample",
            category="Packshot/Models",
            description="Samples with the steps, CFG or guidance, sampler, scheduler and shift that the card names."
            " 0 and 'card' stand for the card's own; anything else overrides it.",
            search_aliases=["ksampler", "sampler", "steps", "cfg", "guidance", "shift"],
            inputs=[
                io.Model.Input("model", raw_link=True),
                io.Conditioning.Input("positive", raw_link=True),
                io.Conditioning.Input("negative", raw_link=True),
                io.Latent.Input("latent"),
                Card.Input("card", tooltip="From Packshot Load Model."),
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    control_after_generate=True,
                    tooltip="Another number gives another picture; the same one gives the same again.",
                ),
                io.Int.Input("steps", default=0, min=0, max=10000, tooltip="0: the card's."),
                io.Float.Input(
                    "cfg",
                    default=0.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    tooltip="0: the card's.",
                ),
                io.Float.Input(
                    "guidance",
                    default=0.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    tooltip="0: the card's.",
                ),
                io.Combo.Input(
                    "sampler", options=[_OWN, *comfy.samplers.SAMPLER_NAMES], default=_OWN, tooltip="card: the card's."
                ),
                io.Combo.Input(
                    "scheduler",
                    options=[_OWN, *comfy.samplers.SCHEDULER_NAMES],
                    default=_OWN,
                    tooltip="card: the card's.",
                ),
                io.Float.Input(
                    "shift", default=0.0, min=0.0, max=100.0, step=0.01, tooltip="0: the card's. Of the noise schedule."
                ),
                io.Float.Input(
                    "denoise", default=1.0, min=0.0, max=1.0, step=0.01, tooltip="Below 1 for image to image."
                ),
            ],
            outputs=[io.Latent.Output(id="sampled", display_name="latent")],
            hidden=[io.Hidden.unique_id],
            enable_expand=True,
        )

    @classmethod
    def execute(
        cls,
        model: io.Model.Type,
        positive: io.Conditioning.Type,
        negative: io.Conditioning.Type,
        latent: io.Latent.Type,
        card: ModelCard,
        seed: int,
        steps: int,
        cfg: float,
        guidance: float,
        sampler: str,
        scheduler: str,
        shift: float,
        denoise: float,
    ) -> io.NodeOutput:
        """Expand into core's sampler."""
        chosen, warnings = settings(
            card,
            steps=steps,
            cfg=cfg,
            guidance=guidance,
            sampler="" if sampler == _OWN else sampler,
            scheduler="" if scheduler == _OWN else scheduler,
            shift=shift,
        )
        width, height = card.resolution.native
        if card.kind == "image":  # a video's latent may hold its sound beside it, and no video model asks for the size
            height, width = (side * card.latent.compression for side in latent["samples"].shape[-2:])
        graph = GraphBuilder()
        sampled = expand.sample(
            graph,
            card,
            chosen,
            model=model,
            positive=positive,
            negative=negative,
            latent=latent,
            size=(width, height),
            seed=seed,
            denoise=denoise,
        )
        return io.NodeOutput(sampled, ui=tell(cls.hidden.unique_id, warnings), expand=graph.finalize())
