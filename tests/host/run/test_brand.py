"""A brand's LoRAs in catalogue runs and single runs: applied, recorded, and refused before anything is made."""

from __future__ import annotations

import csv
import datetime
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from packshot import Client
from packshot.brand import BrandKit
from support.host.brand_kits import kit

OVER = datetime.datetime.now(datetime.timezone.utc).date() - datetime.timedelta(days=2)  # everywhere on Earth


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["sku", "title"], ["A-1", "Red mug"], ["A-2", "Lamp"]])
    return path


def write_kit(folder: Path, content: dict[str, Any]) -> Path:
    folder.mkdir()
    (folder / "brand.yaml").write_text(yaml.safe_dump(content))
    return folder


def packshot(home: Path, *arguments: object, code: int = 0) -> dict[str, Any]:
    """Run the command as a person on another machine than the host's would: with settings of its own."""
    command = [sys.executable, "-m", "packshot", *map(str, arguments), "--json"]
    environment = {**os.environ, "XDG_CONFIG_HOME": str(home / "config"), "PACKSHOT_HOME": str(home / "state")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, env=environment)
    assert done.returncode == code, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return dict(json.loads(done.stdout))


def catalog(client: Client, home: Path, table: Path, folder: Path, out: Path, code: int = 0) -> dict[str, Any]:
    small = ("--set", "steps=1", "--set", "width=128", "--set", "height=128")
    return packshot(
        home, "catalog", "run", table, "--brand", folder, "--out", out, "--host", client.url, *small, code=code
    )


def pixels(out: Path, name: str) -> bytes:
    with Image.open(out / "pictures" / f"{name}.png") as image:
        return image.convert("RGB").tobytes()


def test_a_catalogue_has_the_brands_loras_and_says_so(
    brand_client: Client, brand_home: Path, table: Path, tmp_path: Path
) -> None:
    loras = brand_home / "models" / "loras"
    folder = write_kit(tmp_path / "kit", kit(loras))
    plain = write_kit(tmp_path / "plain", {**kit(loras), "loras": []})
    assert catalog(brand_client, tmp_path, table, folder, tmp_path / "run")["done"] == 2
    assert catalog(brand_client, tmp_path, table, plain, tmp_path / "plain-run")["done"] == 2
    for sku in ("A-1", "A-2"):
        assert pixels(tmp_path / "run", sku) != pixels(tmp_path / "plain-run", sku)
        record = json.loads((tmp_path / "run" / "pictures" / f"{sku}.json").read_text())
        loaded = BrandKit.load(folder)
        assert record["brand"] == {"name": "Tests", "hash": loaded.hash}
        (look,) = (one for one in record["look"] if "loras" in one)
        assert (look["kit"], look["brand"]) == (loaded.hash, "Tests")
        (lora,) = look["loras"]
        assert (lora["name"], lora["sha256"], lora["strength"]) == ("Tide", loaded.loras[0].sha256, 0.8)
        assert (lora["matched"], lora["total"], lora["base"]) == (12, 12, "starter")
        assert lora["norm"] > 0
        with Image.open(tmp_path / "run" / "pictures" / f"{sku}.png") as image:
            words = json.loads(image.info["prompt"])
        assert json.loads(words["11"]["inputs"]["content"])["loras"][0]["sha256"] == loaded.loras[0].sha256


REFUSED = {
    "not approved": ({"approved_by": ""}, "brand-invalid", "nobody has approved it"),
    "expired": ({"expires": OVER}, "brand-invalid", "it expired on"),
    "another base": ({"base": "sdxl"}, "lora-mismatch", "the loaded model is starter, and the kit has Tide for sdxl"),
    "unknown licence": ({"licence": "my-own-words"}, "licence-refused", "no licence 'my-own-words'"),
    "missing": ({"file": "nowhere.safetensors"}, "model-missing", "no LoRA file 'nowhere.safetensors'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_may_not_be_used_stops_the_catalogue_before_its_first_picture(
    brand_client: Client, brand_home: Path, table: Path, tmp_path: Path, case: str
) -> None:
    changes, slug, words = REFUSED[case]
    folder = write_kit(tmp_path / "kit", kit(brand_home / "models" / "loras", **changes))
    error = catalog(brand_client, tmp_path, table, folder, tmp_path / "run", code=2)["error"]
    assert error["slug"] == slug
    assert words in error["message"]
    assert error["remedy"]
    assert not list((tmp_path / "run").glob("pictures/*"))


def test_another_file_is_refused_on_the_host_where_it_lies(
    brand_client: Client, brand_home: Path, table: Path, tmp_path: Path
) -> None:
    folder = write_kit(tmp_path / "kit", kit(brand_home / "models" / "loras", sha256="0" * 64))
    error = catalog(brand_client, tmp_path, table, folder, tmp_path / "run", code=2)["error"]
    assert error["slug"] == "model-corrupt"
    assert "another file than the brand approved" in error["message"]
    assert "PackshotBrandLoRA" in error["place"]
    assert not list((tmp_path / "run").glob("pictures/*.png"))


def test_a_workflow_without_the_brands_node_says_that_no_lora_is_applied(
    brand_client: Client, brand_home: Path, table: Path, tmp_path: Path
) -> None:
    folder = write_kit(tmp_path / "kit", kit(brand_home / "models" / "loras"))
    command = [sys.executable, "-m", "packshot", "catalog", "run", table, "--brand", folder, "--host", brand_client.url]
    more = ["--workflow", "product-shot@1.1.0", "--out", tmp_path / "run", "--limit", "1", "--set", "steps=1"]
    done = subprocess.run(list(map(str, command + more)), capture_output=True, text=True, check=True, timeout=300)
    assert "product-shot has no Packshot Brand LoRA node: the LoRAs of Tests are not applied" in done.stderr


def test_a_single_run_takes_a_kit_too(brand_client: Client, brand_home: Path, tmp_path: Path) -> None:
    folder = write_kit(tmp_path / "kit", kit(brand_home / "models" / "loras"))
    small = ("--set", "steps=1", "--set", "width=128", "--set", "height=128", "--set", "prompt=a mug")
    command = ("run", "product-shot", *small, "--host", brand_client.url, "--out", tmp_path / "out")
    made = packshot(tmp_path, *command, "--brand", folder)
    said = {key: value for one in made["look"] for key, value in one.items()}
    assert said["loras"][0]["name"] == "Tide"
    assert (said["positive"], said["negative"]) == ("tide style, photo of a mug", "text, watermark, people, clutter")
    assert packshot(tmp_path, *command)["look"] == []
