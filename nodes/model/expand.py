"""What our nodes become: small graphs of core nodes, built from a card.

Pure functions over a graph builder (core's ``comfy_execution.graph_utils.GraphBuilder``), so that what a card expands
into can be seen without running it. A link is what ``graph.node(...).out(i)`` returns, or the value of a linked input.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...client.errors import InputInvalid
from ...client.models.cards import Card, Component, Control, ModelFile
from ...client.models.rules import Settings

Link = Any

FRAME_RATE = 25.0  # a second, of LTX-2's template; the length of a video follows from it

_UNION_TYPES = {"canny": "canny/lineart/anime_lineart/mlsd", "depth": "depth"}  # core's names for them

_CLIP_LOADERS = {1: "CLIPLoader", 2: "DualCLIPLoader", 3: "TripleCLIPLoader"}


def load(
    graph: Any, card: Card, files: Mapping[Component, ModelFile], names: Mapping[Component, str]
) -> tuple[Link, Link, Link]:
    """Core's loaders for a card's files: MODEL, CLIP, VAE.

    Args:
        files: the file chosen for each component.
        names: the same file as core's lists name it, below its folder.
    """
    model = clip = vae = None
    for component in card.slot("checkpoint"):
        checkpoint = graph.node("CheckpointLoaderSimple", ckpt_name=names[component])
        model, clip, vae = checkpoint.out(0), checkpoint.out(1), checkpoint.out(2)
    for component in card.slot("diffusion_model"):
        custom = files[component].node
        inputs: dict[str, Any] = {"unet_name": names[component]} | ({} if custom else {"weight_dtype": "default"})
        model = graph.node(custom or "UNETLoader", **inputs).out(0)
    encoders = [names[component] for component in card.slot("text_encoder")]
    if card.encoding.clip_type == "ltxv":  # the projection of the text is in the checkpoint
        (checkpoint_name,) = (names[component] for component in card.slot("checkpoint"))
        inputs = {"text_encoder": encoders[0], "ckpt_name": checkpoint_name, "device": "default"}
        clip = graph.node("LTXAVTextEncoderLoader", **inputs).out(0)
    elif encoders:
        inputs = {"clip_name": encoders[0]} if len(encoders) == 1 else _numbered("clip_name", encoders)
        if len(encoders) < 3:  # core's triple loader is for Stable Diffusion 3 alone and takes no type
            inputs["type"] = card.encoding.clip_type
        clip = graph.node(_CLIP_LOADERS[len(encoders)], **inputs).out(0)
    for component in card.slot("vae"):
        vae = graph.node("VAELoader", vae_name=names[component]).out(0)
    for component in card.slot("lora"):
        model = graph.node("LoraLoaderModelOnly", model=model, lora_name=names[component], strength_model=1.0).out(0)
    return model, clip, vae


def _numbered(name: str, values: Sequence[str]) -> dict[str, Any]:
    return {f"{name}{number}": value for number, value in enumerate(values, 1)}


def encode(
    graph: Any,
    card: Card,
    clip: Link,
    positive: str,
    negative: str,
    references: Sequence[Link] = (),
    vae: Link | None = None,
) -> tuple[Link, Link]:
    """Positive and negative conditioning, with reference images as the model takes them.

    Raises:
        InputInvalid: the model takes no reference images, not so many, or they come without a VAE.
    """
    encoding = card.encoding
    if references:
        _check_references(card, len(references), vae)
    if not texts(card, positive, negative, references=bool(references)):
        # The text encoder sees the pictures too, beside the negative prompt as well.
        pictures = _numbered("image", references)
        pictures["image1"] = graph.node("FluxKontextImageScale", image=references[0]).out(0)
        both = []
        for text in (positive, negative):
            seen = graph.node("TextEncodeQwenImageEditPlus", clip=clip, prompt=text, vae=vae, **pictures)
            method = {"conditioning": seen.out(0), "reference_latents_method": "index_timestep_zero"}
            both.append(graph.node("FluxKontextMultiReferenceLatentMethod", **method).out(0))
        return both[0], both[1]
    words = graph.node("PackshotTextEncode", clip=clip, text=positive).out(0)
    if card.sampling.negative == "zero":
        against = graph.node("ConditioningZeroOut", conditioning=words).out(0)
    else:
        against = graph.node("PackshotTextEncode", clip=clip, text=negative).out(0)
    if card.kind == "video":
        both = graph.node("LTXVConditioning", positive=words, negative=against, frame_rate=FRAME_RATE)
        words, against = both.out(0), both.out(1)
    for picture in references:
        # Lanczos, because photographs have finer detail than a megapixel holds, and the nearest pixel aliases it.
        size = {"megapixels": encoding.reference_megapixels, "resolution_steps": 1}
        scaled = graph.node("ImageScaleToTotalPixels", image=picture, upscale_method="lanczos", **size)
        latent = graph.node("VAEEncode", pixels=scaled.out(0), vae=vae).out(0)
        words = graph.node("ReferenceLatent", conditioning=words, latent=latent).out(0)
        against = graph.node("ReferenceLatent", conditioning=against, latent=latent).out(0)
    return words, against


def texts(card: Card, positive: str, negative: str, *, references: bool) -> tuple[str, ...]:
    """What :func:`encode` has the text encoder read by itself, which is what can be encoded ahead.

    Nothing where it sees the reference images too.
    """
    if references and card.encoding.edit == "qwen-image-edit-plus":
        return ()
    return (positive,) if card.sampling.negative == "zero" else (positive, negative)


def _check_references(card: Card, count: int, vae: Link | None) -> None:
    most = card.encoding.max_references
    if count > most:
        raise InputInvalid(
            f"{card.name} takes no reference images"
            if not most
            else f"{count} reference images; {card.name} takes {most}",
            place="Packshot Encode, input 'references'",
            remedy="choose a card that edits, such as flux2-klein-4b" if not most else "unlink some of them",
        )
    if vae is None:
        raise InputInvalid(
            "reference images need the VAE",
            place="input 'vae'",
            remedy="link it to the VAE of Packshot Load Model",
        )


def control(
    graph: Any,
    chosen: Control,
    name: str,
    kind: str,
    picture: Link,
    *,
    model: Link,
    positive: Link,
    negative: Link,
    vae: Link,
    strength: float,
    start: float,
    end: float,
) -> tuple[Link, Link, Link]:
    """Steer by a picture: core's ControlNet on the conditioning, or a patch on the model. MODEL, positive, negative.

    Args:
        name: the weights as core's list names them.
        picture: a photograph, whose edges are detected, or a depth map, brighter where it is nearer.
        start, end: share of the steps; a patch of the model works in all of them.
    """
    if kind == "canny":
        picture = graph.node("Canny", image=picture, low_threshold=0.3, high_threshold=0.6).out(0)
    if chosen.slot == "model_patch":
        patch = graph.node("ModelPatchLoader", name=name).out(0)
        inputs = {"model": model, "model_patch": patch, "vae": vae, "image": picture, "strength": strength}
        return graph.node("QwenImageDiffsynthControlnet", **inputs).out(0), positive, negative
    net = graph.node("ControlNetLoader", control_net_name=name).out(0)
    if chosen.typed:
        net = graph.node("SetUnionControlNetType", control_net=net, type=_UNION_TYPES[kind]).out(0)
    applied = graph.node(
        "ControlNetApplyAdvanced",
        positive=positive,
        negative=negative,
        control_net=net,
        image=picture,
        vae=vae,
        strength=strength,
        start_percent=start,
        end_percent=end,
    )
    return model, applied.out(0), applied.out(1)


def empty_latent(graph: Any, card: Card, width: int, height: int, batch_size: int, frames: int = 1) -> Link:
    """An empty latent of the model's own format; ``frames`` pictures long where that is a video's."""
    inputs = {"width": width, "height": height, "batch_size": batch_size}
    if card.kind == "video":
        inputs["length"] = frames
    return graph.node(card.latent.node, **inputs).out(0)


def sample(
    graph: Any,
    card: Card,
    chosen: Settings,
    *,
    model: Link,
    positive: Link,
    negative: Link,
    latent: Link,
    size: tuple[int, int],
    seed: int,
    denoise: float = 1.0,
) -> Link:
    """Core's sampler with the settings chosen; the sampled latent.

    Args:
        size: width and height in pixels, which the FLUX.2 schedule depends on.
        denoise: how much of the schedule runs, from its low-noise end: 1 all of it, less for image to image.
    """
    if chosen.shift is not None and card.sampling.shift_node is not None:
        patch = {"max_shift": chosen.shift, "base_shift": 0.5, "width": size[0], "height": size[1]}
        if card.sampling.shift_node != "ModelSamplingFlux":
            patch = {"shift": chosen.shift}
        model = graph.node(card.sampling.shift_node, model=model, **patch).out(0)
    if card.sampling.cfg_norm is not None:
        model = graph.node("CFGNorm", model=model, strength=card.sampling.cfg_norm, pre_cfg=False).out(0)
    if chosen.guidance is not None:
        positive = graph.node("FluxGuidance", conditioning=positive, guidance=chosen.guidance).out(0)
    if chosen.scheduler not in ("flux2", "ltxv"):
        return graph.node(
            "KSampler",
            model=model,
            positive=positive,
            negative=negative,
            latent_image=latent,
            seed=seed,
            steps=chosen.steps,
            cfg=chosen.cfg,
            sampler_name=chosen.sampler,
            scheduler=chosen.scheduler,
            denoise=denoise,
        ).out(0)
    if chosen.scheduler == "flux2":
        sigmas = graph.node("Flux2Scheduler", steps=chosen.steps, width=size[0], height=size[1]).out(0)
    else:
        shifts = {"max_shift": 2.05, "base_shift": 0.95, "stretch": True, "terminal": 0.1}  # core's own defaults
        sigmas = graph.node("LTXVScheduler", steps=chosen.steps, latent=latent, **shifts).out(0)
    if denoise < 1.0:
        sigmas = graph.node("SplitSigmasDenoise", sigmas=sigmas, denoise=denoise).out(1)
    guider = graph.node("CFGGuider", model=model, positive=positive, negative=negative, cfg=chosen.cfg)
    return graph.node(
        "SamplerCustomAdvanced",
        noise=graph.node("RandomNoise", noise_seed=seed).out(0),
        guider=guider.out(0),
        sampler=graph.node("KSamplerSelect", sampler_name=chosen.sampler).out(0),
        sigmas=sigmas,
        latent_image=latent,
    ).out(0)
