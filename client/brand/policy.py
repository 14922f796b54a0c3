"""What a brand demands of a LoRA before it is used: that it is the approved file, in time, licensed, for this base."""

from __future__ import annotations

import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from ..errors import BrandInvalid, InputInvalid, LicenceRefused, LoraMismatch, ModelCorrupt, ModelMissing, PackshotError
from ..models.detect.detect import Detection, detect_header
from ..models.detect.findings import CARDS
from ..models.files.read import read_header
from ..models.licensing.licences import Decision, judge, load_profile
from ..models.licensing.parts import Origin, origin_of_file, parts_of_files
from ..models.licensing.profile import PROFILE_LIMIT, Profile, base_name, parse_profile
from .kit import BrandKit
from .lora.index import LoraIndex
from .sections import BrandLora

_EVERYWHERE = datetime.timezone(datetime.timedelta(hours=-12))  # where a day ends last, UTC-12


def brand_day(kit: BrandKit, now: datetime.datetime | None = None) -> datetime.date:
    """Give the day on which the kit's last days are judged, the same on every machine.

    Args:
        now: a moment with its time zone; by default this one.

    Returns:
        The day in the kit's time zone; without one, the day that is not over yet anywhere on Earth.
    """
    zone = ZoneInfo(kit.time_zone) if kit.time_zone else _EVERYWHERE
    return (now or datetime.datetime.now(datetime.timezone.utc)).astimezone(zone).date()


def gate(lora: BrandLora, today: datetime.date) -> list[PackshotError]:
    """What the kit alone says against using a LoRA today."""
    found: list[PackshotError] = []
    place = f"LoRA '{lora.name}'"
    if not lora.approved_by.strip():
        found.append(BrandInvalid("nobody has approved it", place=place, remedy="enter approved_by in the kit"))
    if lora.expires is not None and lora.expires < today:
        remedy = "have it approved again and enter a later day in the kit"
        found.append(BrandInvalid(f"it expired on {lora.expires}", place=place, remedy=remedy))
    return found


def choose(kit: BrandKit, base: str | None, name: str = "") -> list[BrandLora]:
    """The kit's LoRAs for a base, in the kit's order, or the one that is named.

    Args:
        base: of the loaded model; None: it cannot be told.

    Raises:
        BrandInvalid: the kit has no LoRA of that name.
        LoraMismatch: it has none for this base.
    """
    place = f"brand kit of {kit.name}"
    if name and not any(lora.name == name for lora in kit.loras):
        known = ", ".join(lora.name for lora in kit.loras) or "none"
        raise BrandInvalid(f"there is no LoRA '{name}'", place=place, remedy=f"the kit has: {known}")
    named = [lora for lora in kit.loras if not name or lora.name == name]
    found = [lora for lora in named if lora.base == base]
    if not found:
        have = ", ".join(sorted({f"{lora.name} for {lora.base}" for lora in named})) or "no LoRA at all"
        raise LoraMismatch(
            f"the loaded model is {base or 'one that cannot be told'}, and the kit has {have}",
            place=place,
            remedy="load the model that the LoRA was made for, or train one for this model",
        )
    return found


def strength_of(lora: BrandLora, asked: float | None) -> float:
    """The strength to apply, which the kit allows.

    Raises:
        InputInvalid: it is outside of what the kit allows.
    """
    strength = lora.strength if asked is None else asked
    if not lora.min_strength <= strength <= lora.max_strength:
        raise InputInvalid(
            f"strength {strength:g} is not from {lora.min_strength:g} to {lora.max_strength:g}, which the brand allows"
            f" for '{lora.name}'",
            place="input 'strength'",
            remedy=f"choose {lora.strength:g}, or have the kit changed",
        )
    return strength


def judge_lora(
    kit: BrandKit, lora: BrandLora, path: Path, profile: Profile | None = None
) -> tuple[Detection, Decision]:
    """Look at a LoRA's file: it must be the one that the kit names, for the base that the kit says, and licensed.

    Args:
        profile: the user's; by default that of the settings.

    Returns:
        What the file is, and what its licences say.

    Raises:
        ModelMissing: it is not there.
        ModelCorrupt: it is damaged, or another file than the kit names.
        LoraMismatch: it was made for another base than the kit says.
        LicenceRefused: its licence, or that of its base, is unknown or does not allow this use.
    """
    place = f"LoRA '{lora.name}'"
    if not path.is_file():
        raise ModelMissing(
            f"there is no file '{lora.file}'", place=place, remedy=f"put it in {path.parent}, SHA-256 {lora.sha256}"
        )
    with LoraIndex() as index:
        digest = index.hashes(path).file
    if digest != lora.sha256:
        raise ModelCorrupt(
            f"'{lora.file}' is another file than the brand approved: its SHA-256 is {digest}, not {lora.sha256}",
            place=place,
            remedy="put the approved file there, or have the new one approved",
        )
    found = detect_header(read_header(path))
    possible = _bases(found)
    if found.kind != "lora" or (possible and lora.base not in possible):
        made_for = " or ".join(sorted(possible)) or found.kind
        raise LoraMismatch(
            f"'{lora.file}' was made for {made_for}, and the kit says {lora.base}: {'; '.join(found.reasons)}",
            place=place,
            remedy="correct the base in the kit, or enter another file",
        )
    return found, _licence(kit, lora, origin_of_file(path), profile)


def judge_statement(kit: BrandKit, lora: BrandLora, profile: Profile | None = None) -> Decision:
    """Look at what the kit states of a LoRA's licence, without its file, which may be on another machine.

    Args:
        profile: the user's; by default that of the settings.

    Raises:
        LicenceRefused: that licence, or that of its base, is unknown or does not allow this use.
        InputInvalid: the licence profile is not valid.
    """
    return _licence(kit, lora, Origin(CARDS[lora.base], addition=True), profile)


def profile_of(kit: BrandKit, user: Profile | None = None) -> Profile:
    """The kit's own licence profile; the user's where it names none, or was read from no folder that could have it.

    A kit may come from anyone. It says where and for what the brand's pictures are used; which licences the user holds,
    and what the user's own files are, only the user can say.

    Args:
        user: the user's; by default that of the settings.

    Raises:
        InputInvalid: it is not valid.
        BrandInvalid: it is not in the kit's folder.
    """
    user = user or load_profile()
    if kit.folder is None or not kit.licence_profile:
        return user
    stated = parse_profile(kit.read(kit.licence_profile, PROFILE_LIMIT), kit.folder / kit.licence_profile)
    return stated.model_copy(update={"attestations": user.attestations, "declared": user.declared})


def _licence(kit: BrandKit, lora: BrandLora, origin: Origin | None, user: Profile | None) -> Decision:
    """The licences of a LoRA under the user's profile and the kit's: the stricter holds."""
    user = user or load_profile()
    stricter = profile_of(kit, user)
    decisions = []
    for profile in (user,) if stricter == user else (user, stricter):
        licensed = profile.model_copy(update={"declared": {**profile.declared, base_name(lora.file): lora.licence}})
        parts = parts_of_files([lora.file], [], licensed, lambda _: origin)
        decisions.append(judge(parts, licensed))
    decision = Decision.of_all(decisions)
    if decision.decision == "refuse":
        raise LicenceRefused(decision.summary(), place=f"LoRA '{lora.name}'", remedy=decision.remedy())
    return decision


def _bases(found: Detection) -> set[str]:
    """The bases that a file may be for; empty where its header does not tell."""
    possible = {base for base, cards in CARDS.items() if cards and set(cards) <= set(found.cards)}
    return possible if found.base is None else possible | {found.base}
