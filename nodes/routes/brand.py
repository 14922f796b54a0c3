"""Brand kits and model cards as the canvas shows them, and checks of pictures that lie on this host or are dropped.

``GET /packshot/brands`` · ``GET /packshot/brands/{kit}`` · ``POST /packshot/brands/{kit}/check`` ·
``GET /packshot/cards/{card}``
"""

from __future__ import annotations

import asyncio
import datetime
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import folder_paths
from aiohttp import web

from ...client.brand.check import check_kit
from ...client.brand.kit import BrandKit, kits
from ...client.brand.lora.tags import find_file
from ...client.brand.policy import brand_day, gate
from ...client.brand.sections import BrandLora
from ...client.errors import PackshotError
from ...client.models import cards
from ...client.models.licensing.licences import load_licence
from ...client.quality.channels import channel_ids, load_channel
from ...client.quality.checks import Given
from ...client.quality.picture import read_picture
from ...client.quality.run import check_picture
from ..model import card_files
from .serving import answer, get, inside, post, read_body, read_object, refuse, text_of

_PICTURE_LIMIT = 64 << 20  # bytes of a dropped picture
_FOLDERS = {"output", "input", "temp"}


def register() -> None:
    """Add the routes."""

    @get("/packshot/brands")
    async def brands(_: web.Request) -> web.Response:
        return answer({"kits": sorted(kits()), "channels": channel_ids()})

    @get("/packshot/brands/{kit}")
    async def brand(request: web.Request) -> web.Response:
        kit = _kit(request)
        return answer(await asyncio.to_thread(describe, kit))

    @post("/packshot/brands/{kit}/check")
    async def check(request: web.Request) -> web.Response:
        kit, channel = _kit(request), request.query.get("channel", "plain")
        if request.content_type.startswith("image/"):
            name = request.query.get("name", "")[:200] or "picture"
            source: Path | bytes = await read_body(request, _PICTURE_LIMIT)
        else:
            named = await read_object(request, 4096)
            source = _of_host(named)
            name = source.name
        return answer(await asyncio.to_thread(_check, kit, channel, source, name))

    @get("/packshot/cards/{card}")
    async def card(request: web.Request) -> web.Response:
        wanted = request.match_info["card"]
        if wanted not in cards.card_ids():
            raise refuse(404, f"there is no card '{wanted[:80]}'")
        return answer(await asyncio.to_thread(describe_card, cards.load_card(wanted)))


def _kit(request: web.Request) -> BrandKit:
    """The kit that an address names: one of those to choose from, never a path."""
    name, known = request.match_info["kit"], kits()
    if name not in known:
        raise refuse(404, f"there is no brand kit '{name[:80]}'")
    return BrandKit.load(known[name])


def describe(kit: BrandKit) -> dict[str, Any]:
    """What the Brand panel shows of a kit: colours, LoRAs, approvals, and what is wrong with it."""
    return {
        "name": kit.name,
        "version": kit.version,
        "hash": kit.hash,
        "approved_by": list(kit.approved_by),
        "palette": [{"name": each.name, "hex": each.hex, "role": each.role} for each in kit.palette],
        "loras": [_lora(lora, brand_day(kit)) for lora in kit.loras],
        "findings": [
            {"level": each.level, "place": each.place, "message": each.message, "remedy": each.remedy}
            for each in check_kit(kit)
        ],
    }


def _lora(lora: BrandLora, today: datetime.date) -> dict[str, Any]:
    """A LoRA of a kit; its file is looked for and not read, which can take a while for a large one."""
    refused = [error.message for error in gate(lora, today)]
    try:
        find_file(lora.file, folder_paths.get_filename_list("loras"), f"LoRA '{lora.name}'")
        here = True
    except PackshotError:
        here = False
    try:
        licence = load_licence(lora.licence).name
    except PackshotError as error:
        licence = ""
        refused.append(error.message)
    return {
        "name": lora.name,
        "file": lora.file,
        "here": here,
        "base": lora.base,
        "strength": lora.strength,
        "licence": lora.licence,
        "licence_name": licence,
        "approved_by": lora.approved_by,
        "expires": lora.expires.isoformat() if lora.expires else "",
        "refused": refused,
    }


def _of_host(named: Mapping[str, Any]) -> Path:
    """A picture of this host, by name, subfolder and folder, as core's events name the outputs of nodes."""
    folder = text_of(named, "type") or "output"
    if folder not in _FOLDERS:
        raise refuse(400, f"there is no folder '{folder[:80]}'", place="'type'")
    root = Path(folder_paths.get_directory_by_type(folder)).resolve()
    subfolder = text_of(named, "subfolder", 1000)
    if os.sep == "\\":  # as core names them there
        subfolder = subfolder.replace(os.sep, "/")
    return inside(root, "/".join(part for part in (subfolder, text_of(named, "filename", 1000)) if part))


def _check(kit: BrandKit, channel: str, source: Path | bytes, name: str) -> dict[str, Any]:
    if channel not in channel_ids():
        raise refuse(404, f"there is no channel '{channel[:80]}'")
    given = Given(palette={colour.name: colour.hex for colour in kit.palette})
    found = check_picture(read_picture(source, name), load_channel(channel), given, file=name)
    return {**found.as_dict(), "brand": kit.name, "channel": channel}


def describe_card(card: cards.Card) -> dict[str, Any]:
    """What a loader's badges say: the licence, what it means for the user's profile, and the size of the files."""
    try:
        files: Mapping[Any, cards.ModelFile] = card_files.choose_files(card, card_files.AUTO).files
        missing = ""
    except PackshotError as error:
        files, missing = {part: part.files[0] for part in card.components}, error.message
    decision = card_files.decide(card, card_files.SETTINGS)
    return {
        "id": card.id,
        "name": card.name,
        "licence": card.licence,
        "decision": decision.decision,
        "summary": decision.summary(),
        "bytes": sum(file.size or 0 for file in files.values()),
        "missing": missing,
    }
