"""The node that saves a picture as a channel accepts it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, cast

import folder_paths
import numpy as np
from comfy_api.latest import io, ui
from server import PromptServer

import nodes as core

from ...client.compose.photograph import inspect_photograph
from ...client.compose.pixels import Pixels, mask_of_size
from ...client.errors import InputInvalid, PackshotError
from ...client.paths import config_dir, resolve_within
from ...client.provenance.credentials import Credentials, load_credentials, make_test_credentials
from ...client.provenance.history import History, history_of
from ...client.provenance.manifest import Ingredient
from ...client.provenance.marking import Making, Statement
from ...client.provenance.names import file_name
from ...client.provenance.writer import WriteOptions, Written, write_picture
from ...client.quality.channels import Channel, channel_ids, load_channel
from ...client.quality.colour import hex_to_rgb
from ...client.quality.picture import Picture
from ...client.quality.placing import place
from ...client.quality.run import check_file, check_picture
from ..info import pack_version
from ..memory.record import carried, lowered
from ..refusal import refusing
from . import batch

_OWN = "the channel's"
_ENDINGS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}
_FROM_GRAPH = "from the graph"
_WHERE_THERE, _TEST, _NEVER = "where there is a certificate", "with a test certificate", "never"
_SIGNABLE = (".jpg", ".jpeg", ".png", ".webp")


class PackshotSaveForChannel(io.ComfyNode):
    """A file by a channel's rules, that says how it came about, read back after it was written."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Picture, channel and what names the product; what was written."""
        return io.Schema(
            node_id="PackshotSaveForChannel",
            display_name="Packshot Save for Channel",
            category="Packshot/Save",
            description="Saves the picture as a sales channel accepts it: size, format, colour profile, largest file"
            " and name. Writes into it how it came about, and reads it back.",
            search_aliases=["save image", "jpeg", "webp", "export", "amazon", "metadata", "c2pa"],
            is_output_node=True,
            inputs=[
                io.Image.Input("image"),
                io.Mask.Input(
                    "mask", optional=True, tooltip="The product, where it cannot be told from its background."
                ),
                io.Combo.Input("channel", options=channel_ids(), default="plain"),
                io.String.Input("sku", default="", tooltip="Names the file; for Amazon the ASIN or GTIN."),
                io.String.Input(
                    "variant", default="1", tooltip="The part of the name after the SKU, where it has one."
                ),
                io.String.Input("gtin", default="", tooltip="For names by GS1's rule: 8, 12, 13 or 14 digits."),
                io.String.Input("title", default="", tooltip="Written into the file."),
                io.String.Input("rights", default="", tooltip="Copyright notice, written into the file."),
                io.String.Input("folder", default="packshot", tooltip="Within the output folder."),
                io.Boolean.Input(
                    "fit",
                    default=True,
                    tooltip="Resize, pad and place the product as the channel asks, where it does not pass as it is.",
                ),
                io.Combo.Input("format", options=[_OWN, *_ENDINGS], default=_OWN),
                io.String.Input(
                    "name",
                    default="",
                    advanced=True,
                    tooltip="Such as {sku}.PT01 or {gtin14}_A1N1; empty: the channel's.",
                ),
                io.Combo.Input(
                    "made",
                    options=[_FROM_GRAPH, "generated", "composite", "retouched"],
                    default=_FROM_GRAPH,
                    advanced=True,
                    tooltip="What is said of how it came about. The graph cannot tell of a loaded picture what it is.",
                ),
                io.Boolean.Input(
                    "keep_graph", default=False, advanced=True, tooltip="Leave graph and prompts in a PNG for ComfyUI."
                ),
                io.Combo.Input(
                    "sign",
                    options=[_WHERE_THERE, _TEST, _NEVER],
                    default=_WHERE_THERE,
                    advanced=True,
                    tooltip="A C2PA manifest. Your certificate: c2pa/chain.pem and key.pem in Packshot's settings.",
                ),
            ],
            outputs=[
                io.String.Output(
                    id="record", display_name="record", tooltip="JSON: each file, its SHA-256, its checks."
                )
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.prompt, io.Hidden.extra_pnginfo],
        )

    @classmethod
    def validate_inputs(
        cls, channel: str | None, sku: str | None, variant: str | None, gtin: str | None, folder: str | None,
        name: str | None, format: str | None, keep_graph: bool | None,
    ) -> bool | str:  # fmt: skip
        """Refuse a name that cannot be made, or that leads elsewhere, before anything is queued."""
        if None in (channel, sku, variant, gtin, folder, name, format, keep_graph):
            return True  # one of them is another node's, and known only then
        try:
            rules = load_channel(str(channel))
            _folder(str(folder))
            _name(rules, _format(rules, str(format)), str(name), {"sku": sku, "variant": variant, "gtin": gtin})
            if keep_graph and _format(rules, str(format)) != "PNG":
                raise InputInvalid("only a PNG keeps a graph", place="input 'keep_graph'", remedy="choose PNG")
        except PackshotError as error:
            return error.report()
        return True

    @classmethod
    def execute(
        cls,
        image: io.Image.Type,
        channel: str,
        sku: str,
        variant: str,
        gtin: str,
        title: str,
        rights: str,
        folder: str,
        fit: bool,
        format: str,
        name: str,
        made: str,
        keep_graph: bool,
        sign: str,
        mask: io.Mask.Type | None = None,
    ) -> io.NodeOutput:
        """Write a file for each picture of the batch."""
        hidden = cls.hidden
        canvas = (hidden.extra_pnginfo or {}).get("workflow", {})
        with refusing():
            rules = load_channel(channel)
            kind = _format(rules, format)
            target = _folder(folder)
            steps = lowered()
            history = history_of(hidden.prompt or {}, str(hidden.unique_id), _generates, _workflow(canvas))
            recipe = {**history.recipe, "sku": sku, "channel": rules.id, **_photographs(history)}
            statement = Statement(
                history.making if made == _FROM_GRAPH else cast(Making, made),
                title,
                rights,
                recipe={**recipe, **({"memory": steps} if steps else {})},
            )
            options = WriteOptions(
                kind,
                quality=rules.output.quality,
                max_bytes=rules.output.max_bytes,
                background=hex_to_rgb(rules.background),
                graph={"prompt": json.dumps(hidden.prompt), "workflow": json.dumps(canvas)} if keep_graph else None,
                credentials=_credentials(sign),
                ingredients=_ingredients(history) if sign != _NEVER else (),
                version=pack_version(),
            )
            file = _name(rules, kind, name, {"sku": sku, "variant": variant, "gtin": gtin})
            numbers = itertools.count(1)

            def save(values: Pixels, product: Pixels | None) -> tuple[Written, list[str]]:
                pixels = _pixels(values, product, rules, fit)
                written = write_picture(pixels, target, file, statement, options, next(numbers))
                return written, list(check_file(written.file, rules).reasons)

            pictures = [picture.cpu().float().numpy() for picture in image]
            products = None if mask is None else batch.masks(mask)
            written = batch.each(batch.together(image=pictures, mask=products), save)
        files = [{**one.as_dict(), "file": _relative(one.file), "reasons": reasons} for one, reasons in written]
        said = [f"{one['file']}: {', '.join(one['reasons']) or f'passes {rules.id}'}" for one in files]
        if written[0][0].file.name != file:
            said.append(f"another picture has the name {file}, and is kept")
        PromptServer.instance.send_progress_text("\n".join([*said, *steps]), hidden.unique_id)
        record = {"channel": rules.id, "digital_source_type": statement.source_type, "files": files}
        below = target.relative_to(_output()).as_posix()
        saved = [
            ui.SavedResult(one.file.name, "" if below == "." else below, io.FolderType.output) for one, _ in written
        ]
        return io.NodeOutput(json.dumps(record), ui={**ui.SavedImages(saved).as_dict(), **carried()})


def _pixels(values: Pixels, product: Pixels | None, channel: Channel, fit: bool) -> np.ndarray[Any, Any]:
    """What is written: uint8 ``[H, W, 3]``, or with alpha where the picture has some and is left as it is."""
    picture = Picture.from_array(values)
    if picture.not_finite:
        raise InputInvalid(
            f"{picture.not_finite:,} values of the picture are not finite",
            place="input 'image'",
            remedy="make it again",
        )
    known = None if product is None else mask_of_size(product, picture.width, picture.height) >= 0.5
    if fit and not check_picture(picture, channel, mask=known).passed:
        return place(picture, channel.output, mask=known)
    if picture.alpha is None:
        return picture.pixels
    levels = np.rint(np.clip(values[..., :3], 0, 1) * 255).astype(np.uint8)
    return np.dstack([levels, picture.alpha])


def _format(channel: Channel, chosen: str) -> Any:
    return channel.output.format if chosen == _OWN else chosen


def _name(channel: Channel, kind: str, template: str, fields: Mapping[str, Any]) -> str:
    ending = channel.output.ending if kind == channel.output.format else _ENDINGS[kind]
    return file_name(template or channel.output.name, {key: str(value) for key, value in fields.items()}, ending)


def _output() -> Path:
    return Path(folder_paths.get_output_directory()).resolve()


def _folder(text: str) -> Path:
    folder = resolve_within(_output(), text.strip().replace("\\", "/"))
    if folder is None:
        raise InputInvalid(
            f"{text!r} leads out of the output folder", place="input 'folder'", remedy="name a folder within it"
        )
    return folder


def _relative(file: Path) -> str:
    return file.relative_to(_output()).as_posix()


def _generates(kind: str) -> bool:
    """Whether a kind of node makes pictures with a model: it works in a latent space, or asks a service."""
    node = core.NODE_CLASS_MAPPINGS.get(kind)
    return node is not None and (
        "LATENT" in getattr(node, "RETURN_TYPES", ()) or bool(getattr(node, "API_NODE", False))
    )


def _workflow(canvas: Mapping[str, Any]) -> str:
    """The name and version of a released workflow that the graph was opened from."""
    said = canvas.get("extra", {}).get("packshot", {})
    return f"{said['name']}@{said['version']}" if said.get("name") and said.get("version") else ""


def _credentials(sign: str) -> Credentials | None:
    if sign == _TEST:
        return make_test_credentials()
    chain, key = (config_dir() / "c2pa" / name for name in ("chain.pem", "key.pem"))
    if sign == _NEVER or find_spec("c2pa") is None or not (chain.is_file() and key.is_file()):
        return None
    return load_credentials(chain, key)


def _photographs(history: History) -> dict[str, Any]:
    """What the recipe says of the photographs in the picture; those that are gone by now it leaves out."""
    files = {name: Path(folder_paths.get_annotated_filepath(name)) for name in history.photographs}
    records = [inspect_photograph(file, name) for name, file in files.items() if file.is_file()]
    entries = [{"file": record.file, "sha256": record.sha256, "changes": list(record.changes)} for record in records]
    return {"photographs": entries} if entries else {}


def _ingredients(history: History) -> list[Ingredient]:
    """The photographs that are in the picture: the one that was retouched, or the products of a composite."""
    if history.making == "generated":
        return []
    files = [Path(folder_paths.get_annotated_filepath(name)) for name in history.photographs]
    there = [file for file in files if file.is_file() and file.suffix.casefold() in _SIGNABLE]
    role: Literal["original", "product"] = (
        "original" if history.making == "retouched" and len(there) == 1 else "product"
    )
    return [Ingredient(file, role) for file in there]
