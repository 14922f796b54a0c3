"""Nodes that follow a brand kit: the kit itself, its LoRAs, and its words."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import folder_paths
import numpy as np
import torch
from comfy_api.latest import io, ui

from ...client.brand.kit import BrandKit, kits
from ...client.brand.lora.tags import find_file
from ...client.brand.palette import swatches
from ...client.brand.policy import brand_day, choose, gate, judge_lora, strength_of
from ...client.brand.prompt import compose
from ...client.brand.sections import BrandLora
from ...client.errors import BrandInvalid, InputInvalid, PackshotError
from ...client.paths import config_dir
from ..refusal import refusing, tell
from . import lora_apply
from .brand_type import Brand, Triggers
from .lora_match import LoadedLora

_NONE = "none"
_NO_BRAND = BrandKit(name=_NONE)
_UNLINKED = "made without a brand: no Packshot Brand is linked, or it is bypassed or muted"


def _load(name: str, content: str = "") -> BrandKit:
    if content.strip():
        return BrandKit.parse(content, "input 'content'")
    if name == _NONE:
        return _NO_BRAND
    known = kits()
    if name not in known:
        raise BrandInvalid(
            f"there is no brand kit '{name}'",
            place="input 'kit'",
            remedy=f"put its folder in {config_dir() / 'brands'}, and reload the page",
        )
    return BrandKit.load(known[name])


class PackshotBrand(io.ComfyNode):
    """A brand kit, for the nodes that follow it.

    What it shows goes to the canvas as ``ui``, each key a list as core wants it:

    - ``palette``: ``{"name": str, "hex": "#RRGGBB", "role": str}`` for each colour, in the kit's order;
    - ``brand``: one ``{"name": str, "version": str, "hash": str, "approved_by": [str]}``;
    - ``images``: one picture of the swatches, and ``text``: one line. All are empty without a brand.
    """

    @classmethod
    def define_schema(cls) -> io.Schema:
        """A kit by its folder's name, or its content; the kit, and its hash."""
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
                    options=[_NONE, *sorted(kits())],
                    default="aldern-quay",
                    tooltip="A folder in `brands` in your Packshot settings, or an example. none: no brand.",
                ),
                io.String.Input(
                    "content",
                    multiline=True,
                    default="",
                    optional=True,
                    tooltip="A whole brand.yaml, in place of the kit chosen. Catalogue runs send theirs so.",
                    advanced=True,
                ),
            ],
            outputs=[
                Brand.Output(id="brand", display_name="brand"),
                io.String.Output(id="hash", display_name="hash", tooltip="SHA-256 of what the kit says."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def validate_inputs(cls, kit: str | None, content: str | None = None) -> bool | str:
        """Refuse a kit that is not there or not valid before anything is queued."""
        try:
            if kit is not None or content:
                _load(kit or _NONE, content or "")
        except PackshotError as error:
            return error.report()
        return True

    @classmethod
    def fingerprint_inputs(cls, kit: str, content: str = "") -> str:
        """What the kit says: a changed one is read again."""
        return _load(kit, content).model_dump_json()

    @classmethod
    def execute(cls, kit: str, content: str = "") -> io.NodeOutput:
        """Read the kit and show its colours."""
        with refusing():
            loaded = _load(kit, content)
        if loaded is _NO_BRAND:
            return io.NodeOutput(loaded, "")
        picture = np.asarray(swatches(loaded.palette), np.float32) / 255
        shown = ui.PreviewImage(torch.from_numpy(picture)[None], cls=cls).as_dict()
        approved = f"approved by {', '.join(loaded.approved_by)}" if loaded.approved_by else "not approved"
        text = f"{loaded.name} {loaded.version}".strip() + f": {approved}, hash {loaded.hash}"
        colours = [{"name": colour.name, "hex": colour.hex, "role": colour.role} for colour in loaded.palette]
        said = {
            "name": loaded.name,
            "version": loaded.version,
            "hash": loaded.hash,
            "approved_by": list(loaded.approved_by),
        }
        told = tell(cls.hidden.unique_id, [text]) or {}
        return io.NodeOutput(loaded, loaded.hash, ui={**shown, **told, "palette": colours, "brand": [said]})


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
            " has expired, was made for another model, is loaded by less than 90 %, or whose licence is unknown.",
            search_aliases=["lora loader", "brand style", "load lora"],
            inputs=[
                io.Model.Input("model"),
                Brand.Input("brand", optional=True, tooltip="From Packshot Brand; without one nothing is changed."),
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
            not_idempotent=True,  # of two nodes alike, each says what it did: that goes into the picture's record
        )

    @classmethod
    def fingerprint_inputs(cls, **_: Any) -> str:
        """The hour and the files: what is allowed now may have expired when a day ends, or be another file."""
        return f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H} {_stamps()}"

    @classmethod
    def execute(
        cls,
        model: io.Model.Type,
        lora: str,
        strength: float,
        brand: BrandKit | None = None,
        clip: io.Clip.Type | None = None,
    ) -> io.NodeOutput:
        """Check each LoRA against the kit and the model, and apply it with core's own functions."""
        if brand is None:
            return _answer(cls, model, clip, _NO_BRAND, (), [_UNLINKED], [])
        if brand is _NO_BRAND:
            return io.NodeOutput(model, clip, "", "no brand")
        lines = [f"{brand.name}: kit {brand.hash}"]
        if not brand.loras:
            lines.append("the kit has no LoRA, and nothing was changed")
            return _answer(cls, model, clip, brand, (), lines, [])
        files: list[LoadedLora] = []
        applied: list[lora_apply.Applied] = []
        words: dict[str, None] = {}
        target = lora_apply.target_of(model, clip)
        with refusing():
            for one in choose(brand, target.base, lora.strip()):
                at = strength_of(one, strength or None)
                path = _allowed(brand, one)
                file = lora_apply.load(path)
                found = lora_apply.admitted(target, file, f"LoRA '{one.name}'")
                if one.schedule and not strength:
                    steps = tuple((step.start, step.strength) for step in one.schedule)
                    clip = lora_apply.scheduled(clip, found, steps, at)
                    way = "by the conditioning's hooks"
                else:
                    steps = ()
                    model, clip = lora_apply.patched(model, clip, file, found, at, at)
                    way = lora_apply.ADDED
                done = lora_apply.Applied.of(file, found, at, at, way, name=one.name, base=one.base, steps=steps)
                applied.append(done)
                files.append(file)
                words |= dict.fromkeys(one.trigger_words)
            lines += [one.line() for one in applied]
            lines += [warning for lora_file in applied for warning in lora_file.warnings()]
            lines += lora_apply.conflicts(files)
        return _answer(cls, model, clip, brand, words, lines, applied)


def _answer(
    cls: type[io.ComfyNode],
    model: io.Model.Type,
    clip: io.Clip.Type | None,
    brand: BrandKit,
    words: Iterable[str],
    lines: list[str],
    applied: Sequence[lora_apply.Applied],
) -> io.NodeOutput:
    """The outputs, and as ``ui`` the report and ``look``: what the picture's record keeps of it."""
    look = {**_named(brand), "loras": [one.record() for one in applied], "report": lines}
    told = tell(cls.hidden.unique_id, lines) or {}
    triggers = Triggers(", ".join(words))
    triggers.look = look
    return io.NodeOutput(model, clip, triggers, "\n".join(lines), ui={**told, "look": [look]})


def _named(brand: BrandKit) -> dict[str, str]:
    """The brand in a picture's record."""
    return {"brand": brand.name, "kit": "" if brand is _NO_BRAND else brand.hash}


def _allowed(kit: BrandKit, lora: BrandLora) -> Path:
    """The file of a LoRA, once the kit and its licences allow it."""
    for error in gate(lora, brand_day(kit)):
        raise error
    place = f"LoRA '{lora.name}' of {kit.name}"
    name = find_file(lora.file, folder_paths.get_filename_list("loras"), place)
    path = Path(folder_paths.get_full_path_or_raise("loras", name))
    judge_lora(kit, lora, path)
    return path


def _stamps() -> str:
    """A hash over size and time of change of the host's LoRA files; which of them a kit names is not known yet."""
    digest = hashlib.sha256()
    for name in folder_paths.get_filename_list("loras"):
        if (path := folder_paths.get_full_path("loras", name)) is not None:
            stat = Path(path).stat()
            digest.update(f"{name} {stat.st_size} {stat.st_mtime_ns}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


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
                Brand.Input("brand", optional=True, tooltip="From Packshot Brand; without one the text is the prompt."),
                io.String.Input("product", multiline=True, dynamic_prompts=True, tooltip="What the product is."),
                io.String.Input(
                    "locale", default="", tooltip="Language of the text, as de or pt-BR. Empty: the kit's own words."
                ),
                io.String.Input(
                    "triggers", default="", optional=True, tooltip="From Packshot Brand LoRA; separated by commas."
                ),
                io.String.Input(
                    "negative",
                    multiline=True,
                    dynamic_prompts=True,
                    default="",
                    optional=True,
                    tooltip="What this picture must not show, beside what the brand's must not.",
                ),
            ],
            outputs=[
                io.String.Output(id="positive", display_name="positive"),
                io.String.Output(id="negative", display_name="negative"),
            ],
            hidden=[io.Hidden.unique_id],
            not_idempotent=True,  # as Packshot Brand LoRA
        )

    @classmethod
    def validate_inputs(cls, product: str | None) -> bool | str:
        """Refuse a text without a word before anything is queued; what is linked, `execute` checks."""
        try:
            _check_words(product)
        except PackshotError as error:
            return error.report()
        return True

    @classmethod
    def execute(
        cls, product: str, locale: str, brand: BrandKit | None = None, triggers: str = "", negative: str = ""
    ) -> io.NodeOutput:
        """Put the words together."""
        kit = _NO_BRAND if brand is None else brand
        with refusing():
            _check_words(product)
            words = [word for part in triggers.split(",") if (word := part.strip())]
            made = compose(kit, product, locale=locale, triggers=words, negative=negative)
        if brand is _NO_BRAND:
            return io.NodeOutput(made.positive, made.negative)
        said = [f"'{found}' became '{term}', the brand's own word" for found, term in made.replaced]
        if brand is None:
            said.append(_UNLINKED)
        looks = [triggers.look] if isinstance(triggers, Triggers) else []
        looks.append({**_named(kit), "positive": made.positive, "negative": made.negative})
        told = tell(cls.hidden.unique_id, said) or {}
        return io.NodeOutput(made.positive, made.negative, ui={**told, "look": looks})


def _check_words(product: str | None) -> None:
    """Refuse a text without a word: the brand's own words alone would be a picture of nothing. None is not known yet.

    Raises:
        InputInvalid: the text is empty.
    """
    if product is not None and not product.strip():
        raise InputInvalid(
            "the prompt does not say what the product is",
            place="input 'product'",
            remedy="write it there; where another node gives it, turn that one on if it is bypassed or muted",
        )
