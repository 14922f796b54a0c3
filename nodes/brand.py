"""Nodes that follow a brand kit: the kit itself, its LoRAs, and its words."""

from __future__ import annotations

import datetime
from pathlib import Path

import folder_paths
import numpy as np
import torch
from comfy_api.latest import io, ui

from ..client.brand.kit import FILE_NAME, BrandKit
from ..client.brand.lora.tags import find_file
from ..client.brand.palette import swatches
from ..client.brand.policy import choose, gate, judge_lora, strength_of
from ..client.brand.prompt import compose
from ..client.brand.sections import BrandLora
from ..client.errors import BrandInvalid, PackshotError
from ..client.paths import config_dir, shipped
from . import lora_apply
from .brand_type import Brand
from .refusal import refusing, tell


def kits() -> dict[str, Path]:
    """The kits to choose from: folders of ``brands`` in the user's settings, and the examples that ship."""
    folders = (shipped("examples") / "brands", config_dir() / "brands")
    return {file.parent.name: file.parent for folder in folders for file in sorted(folder.glob(f"*/{FILE_NAME}"))}


def _load(name: str) -> BrandKit:
    known = kits()
    if name not in known:
        raise BrandInvalid(
            f"there is no brand kit '{name}'",
            place="input 'kit'",
            remedy=f"put its folder in {config_dir() / 'brands'}, and reload the page",
        )
    return BrandKit.load(known[name])


class PackshotBrand(io.ComfyNode):
    """A brand kit, for the nodes that follow it."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """A kit by its folder's name; the kit, and its hash."""
        return io.Schema(
            node_id="PackshotBrand",
            display_name="Packshot Brand",
            category="Packshot/Brand",
            description="A brand kit: colours, words, LoRAs and rules. Shows its colours; a kit that is not valid is"
            " refused before the queue.",
            search_aliases=["brand kit", "palette", "style guide"],
            inputs=[
                io.Combo.Input(
                    "kit",
                    options=sorted(kits()),
                    default="aldern-quay",
                    tooltip="A folder in `brands` in your Packshot settings, or an example.",
                )
            ],
            outputs=[
                Brand.Output(id="brand", display_name="brand"),
                io.String.Output(id="hash", display_name="hash", tooltip="SHA-256 of what the kit says."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def validate_inputs(cls, kit: str | None) -> bool | str:
        """Refuse a kit that is not there or not valid before anything is queued."""
        try:
            if kit is not None:
                _load(kit)
        except PackshotError as error:
            return error.report()
        return True

    @classmethod
    def fingerprint_inputs(cls, kit: str) -> str:
        """What the kit says: a changed one is read again."""
        return _load(kit).model_dump_json()

    @classmethod
    def execute(cls, kit: str) -> io.NodeOutput:
        """Read the kit and show its colours."""
        with refusing():
            loaded = _load(kit)
        picture = np.asarray(swatches(loaded.palette), np.float32) / 255
        shown = ui.PreviewImage(torch.from_numpy(picture)[None], cls=cls).as_dict()
        approved = f"approved by {', '.join(loaded.approved_by)}" if loaded.approved_by else "not approved"
        text = f"{loaded.name} {loaded.version}".strip() + f": {approved}, hash {loaded.hash}"
        return io.NodeOutput(loaded, loaded.hash, ui={**shown, **(tell(cls.hidden.unique_id, [text]) or {})})


class PackshotBrandLoRA(io.ComfyNode):
    """Applies the kit's LoRAs for the loaded model, after every rule of the kit has been kept."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Model, CLIP, brand, a LoRA's name and a strength; the patched model, trigger words and a report."""
        return io.Schema(
            node_id="PackshotBrandLoRA",
            display_name="Packshot Brand LoRA",
            category="Packshot/Brand",
            description="Applies the brand's LoRAs for the loaded model. Refuses a file that is not the approved one,"
            " has expired, was made for another model, fits it by less than nine tenths, or whose licence is unknown.",
            search_aliases=["lora loader", "brand style", "load lora"],
            inputs=[
                io.Model.Input("model"),
                Brand.Input("brand", tooltip="From Packshot Brand."),
                io.Clip.Input("clip", optional=True, tooltip="For LoRAs that change the text encoder too."),
                io.String.Input(
                    "lora",
                    default="",
                    tooltip="Name of one of the kit's LoRAs. Empty: all that were made for the loaded model.",
                ),
                io.Float.Input(
                    "strength",
                    default=0.0,
                    min=-4.0,
                    max=4.0,
                    step=0.05,
                    tooltip="0: the kit's own. Anything else must be within what the kit allows.",
                ),
            ],
            outputs=[
                io.Model.Output(id="model_out", display_name="model"),
                io.Clip.Output(id="clip_out", display_name="clip"),
                io.String.Output(id="triggers", display_name="triggers", tooltip="For Packshot Brand Prompt."),
                io.String.Output(id="report", display_name="report", tooltip="The same text as on the node."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def fingerprint_inputs(cls, lora: str, strength: float) -> str:
        """The day: what is allowed today may have expired tomorrow."""
        return f"{lora} {strength} {_today()}"

    @classmethod
    def execute(
        cls,
        model: io.Model.Type,
        brand: BrandKit,
        lora: str,
        strength: float,
        clip: io.Clip.Type | None = None,
    ) -> io.NodeOutput:
        """Check each LoRA against the kit and the model, and apply it with core's own functions."""
        lines = [f"{brand.name}: kit {brand.hash}"]
        files: list[lora_apply.LoraFile] = []
        words: dict[str, None] = {}
        base = lora_apply.base_of(model).base
        target = lora_apply.target_of(model, clip)
        with refusing():
            for one in choose(brand, base, lora.strip()):
                at = strength_of(one, strength or None)
                path = _allowed(brand, one)
                file = lora_apply.load(path)
                found = lora_apply.match(target, file)
                found.enforce(f"LoRA '{one.name}'", target)
                if one.schedule and not strength:
                    steps = [(step.start, step.strength) for step in one.schedule]
                    clip = lora_apply.scheduled(clip, file, steps, at)
                    said = ", ".join(f"{value:g} from {start:.0%} of the steps" for start, value in steps)
                    lines.append(lora_apply.described(file, found, said, f"for {base}, by the conditioning's hooks"))
                else:
                    model, clip = lora_apply.patched(model, clip, target, file, at, at)
                    lines.append(lora_apply.described(file, found, f"{at:g}", f"for {base}, added to the weights"))
                files.append(file)
                words |= dict.fromkeys(one.trigger_words)
            lines += lora_apply.conflicts(files)
        report = "\n".join(lines)
        return io.NodeOutput(model, clip, ", ".join(words), report, ui=tell(cls.hidden.unique_id, lines))


def _allowed(kit: BrandKit, lora: BrandLora) -> Path:
    """The file of a LoRA, once the kit and its licences allow it."""
    for error in gate(lora, _today()):
        raise error
    place = f"LoRA '{lora.name}' of {kit.name}"
    name = find_file(lora.file, folder_paths.get_filename_list("loras"), place)
    path = Path(folder_paths.get_full_path_or_raise("loras", name))
    judge_lora(kit, lora, path)
    return path


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.timezone.utc).date()


class PackshotBrandPrompt(io.ComfyNode):
    """The brand's words around the product's."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Brand, the product's text, its language and trigger words; positive and negative prompt."""
        return io.Schema(
            node_id="PackshotBrandPrompt",
            display_name="Packshot Brand Prompt",
            category="Packshot/Brand",
            description="Puts trigger words, prefix, palette and suffix of the brand around what the product is. The"
            " brand's own terms take the place of the words that stand for them, in any language.",
            search_aliases=["prompt", "prefix", "suffix", "glossary", "trigger words"],
            inputs=[
                Brand.Input("brand", tooltip="From Packshot Brand."),
                io.String.Input("product", multiline=True, dynamic_prompts=True, tooltip="What the product is."),
                io.String.Input(
                    "locale", default="", tooltip="Language of the text, as de or pt-BR. Empty: the kit's own words."
                ),
                io.String.Input(
                    "triggers", default="", optional=True, tooltip="From Packshot Brand LoRA; separated by commas."
                ),
            ],
            outputs=[
                io.String.Output(id="positive", display_name="positive"),
                io.String.Output(id="negative", display_name="negative"),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, brand: BrandKit, product: str, locale: str, triggers: str = "") -> io.NodeOutput:
        """Put the words together."""
        with refusing():
            words = [word for part in triggers.split(",") if (word := part.strip())]
            made = compose(brand, product, locale=locale, triggers=words)
        said = [f"'{found}' became '{term}', the brand's own word" for found, term in made.replaced]
        return io.NodeOutput(made.positive, made.negative, ui=tell(cls.hidden.unique_id, said))
