"""The checks of a kit: its files, colours, LoRAs and approvals."""

from __future__ import annotations

import datetime
import hashlib
from pathlib import Path
from typing import Any

import pytest

from packshot.brand.check import check_kit
from packshot.brand.kit import BrandKit
from packshot.paths import shipped
from support import loras
from support.kit_files import LORA, TODAY, load, picture


def test_the_examples_are_complete_and_good() -> None:
    folders = sorted((shipped("examples") / "brands").iterdir())
    assert len(folders) == 2
    palettes = []
    for folder in folders:
        kit = BrandKit.load(folder)
        assert [finding for finding in check_kit(kit) if finding.level == "error"] == []
        assert [finding.place for finding in check_kit(kit)] == ["approvals"]
        for section in (kit.palette, kit.forbidden_colours, kit.logos, kit.fonts, kit.glossary, kit.channels):
            assert section
        palettes.append({colour.hex for colour in kit.palette})
    assert not palettes[0] & palettes[1]


def found(kit: BrandKit, **options: Any) -> dict[str, str]:
    return {finding.place: finding.message for finding in check_kit(kit, today=TODAY, **options)}


def test_checking_files(tmp_path: Path) -> None:
    folder = tmp_path / "kit"
    picture(folder / "good.png")
    picture(folder / "opaque.png", "RGB")
    (folder / "broken.png").write_bytes(b"no picture")
    (folder / "drawn.svg").write_text("<svg/>")
    (folder / "font.ttf").write_bytes(b"no font")
    (folder / "font.otf").write_bytes(b"OTTO" + bytes(20))
    names = ["good.png", "opaque.png", "broken.png", "drawn.svg", "gone.png"]
    kit = load(folder, {
        "name": "x",
        "palette": [{"name": "oat", "hex": "#EFE6D6"}],
        "logos": [{"name": n, "file": n, "sha256": "0" * 64, "backgrounds": ["oat"]} for n in names]
        + [{"name": "unpinned", "file": "good.png", "backgrounds": ["sand"]}],
        "fonts": [{"family": "a", "file": "font.ttf"}, {"family": "b", "file": "font.otf"}, {"family": "c"}],
    })  # fmt: skip
    said = found(kit)
    assert "another file than the kit was made with" in said["logos[0].sha256"]
    assert "no transparency" in said["logos[1].file"]
    assert "no picture that can be read" in said["logos[2].file"]
    assert "logos[3].file" not in said
    assert "cannot be read" in said["logos[4].file"]
    assert "not pinned" in said["logos[5].sha256"]
    assert "no colour 'sand'" in said["logos[5].backgrounds"]
    assert "no TrueType" in said["fonts[0].file"]
    assert "fonts[1].file" not in said
    pinned = check_kit(kit)
    digest = next(finding.remedy for finding in pinned if finding.place == "logos[5].sha256")
    assert len(digest.split('"')[1]) == 64


def test_checking_colours(tmp_path: Path) -> None:
    kit = load(tmp_path, {
        "name": "x",
        "palette": [
            {"name": "paper", "hex": "#FFFFFF", "role": "background", "min_share": 0.7},
            {"name": "ash", "hex": "#BBBBBB", "role": "text", "min_share": 0.4},
            {"name": "white", "hex": "#ffffff"},
        ],
        "forbidden_colours": [{"name": "no", "hex": "#BBBBBB"}],
    })  # fmt: skip
    said = found(kit)
    assert "contrast of 1.9:1" in said["palette[1]"]
    assert "more than a picture" in said["palette"]
    assert "the same colour as paper" in said["palette[2].hex"]
    assert "is 'ash' of the palette" in said["forbidden_colours[0].hex"]


def test_checking_loras(tmp_path: Path) -> None:
    day = datetime.timedelta(days=1)
    kit = load(tmp_path, {"name": "x", "loras": [
        LORA,
        {**LORA, "approved_by": " "},
        {**LORA, "expires": TODAY - day},
        {**LORA, "expires": TODAY},
        {**LORA, "licence": "mine"},
    ]})  # fmt: skip
    said = found(kit)
    assert "loras[0]" not in said
    assert "nobody has approved" in said["loras[1]"]
    assert "it expired on 2026-11-20" in said["loras[2]"]
    assert "loras[3]" not in said
    assert "expires on" in said["loras[3].expires"]
    assert "no licence 'mine'" in said["loras[4].licence"]
    assert "no file 'tide.safetensors'" in found(kit, loras=tmp_path)["loras[0]"]


def test_checking_the_files_of_loras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    path = loras.write(tmp_path / "tide.safetensors", layers=loras.STARTER)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    own = {**LORA, "base": "starter", "sha256": digest}
    kit = load(tmp_path, {"name": "x", "loras": [own, {**own, "base": "sdxl"}, LORA, {**own, "licence": "mine"}]})
    said = found(kit, loras=tmp_path)
    assert "loras[0]" not in said
    assert "was made for starter, and the kit says sdxl" in said["loras[1]"]
    assert "another file than the brand approved" in said["loras[2]"]
    assert "no licence 'mine'" in said["loras[3]"]


def test_loras_of_a_kit_that_fight_are_said_before_any_picture(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("two", 1), ("three", 3)):
        loras.write(tmp_path / f"{name}.safetensors", seed=seed, layers=loras.STARTER)
    own = [{**LORA, "name": name, "file": f"{name}.safetensors", "base": "starter"} for name in ("one", "two", "three")]
    said = found(load(tmp_path, {"name": "x", "loras": own}), loras=tmp_path)
    assert "one and two: 100% of the change is in the same directions" in said["loras[0] and loras[1]"]
    assert not [place for place in said if "loras[2]" in place and " and " in place]


def test_loras_that_no_picture_can_show_are_said_before_any(tmp_path: Path) -> None:
    entries = []
    for name, make in (("trained", loras.peft), ("untrained", loras.untrained), ("turned", loras.oft_of_peft)):
        path = loras.write(tmp_path / f"{name}.safetensors", make, layers=loras.STARTER)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        entries.append({**LORA, "name": name, "file": path.name, "base": "starter", "sha256": digest})
    said = found(load(tmp_path, {"name": "x", "loras": entries}), loras=tmp_path)
    assert "loras[0]" not in said
    assert "adds zero to every weight" in said["loras[1]"]
    assert "OFT of PEFT" in said["loras[2]"]
