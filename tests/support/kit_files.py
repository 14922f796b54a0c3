"""Brand kits written to files."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import yaml
from PIL import Image

from packshot.brand.kit import BrandKit

TODAY = datetime.date(2026, 11, 21)

LORA = {
    "name": "Tide", "file": "tide.safetensors", "sha256": "a" * 64, "base": "sdxl", "licence": "apache-2.0",
    "approved_by": "Ann",
}  # fmt: skip


def load(folder: Path, content: dict[str, Any]) -> BrandKit:
    folder.mkdir(exist_ok=True)
    (folder / "brand.yaml").write_text(yaml.safe_dump(content, allow_unicode=True))
    return BrandKit.load(folder)


def picture(path: Path, mode: str = "RGBA") -> Path:
    path.parent.mkdir(exist_ok=True)
    Image.new(mode, (8, 8)).save(path)
    return path
