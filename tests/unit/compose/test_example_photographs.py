"""The photographs of the example catalogue: whole, upright, labelled, and true to the table and to their masks."""

from __future__ import annotations

import csv
import re

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from packshot.catalog.table.read import read_table
from packshot.compose.photograph import read_photograph
from packshot.paths import shipped
from packshot.provenance.xmp import read_xmp
from support.places import ROOT

EXAMPLES = shipped("examples")
FOLDER = EXAMPLES / "photographs"
MASKS = ROOT / "tests" / "data" / "photographs" / "masks"
PHONE = "bluetenvase"
NAMES = sorted(path.stem for path in FOLDER.glob("*.jpg"))
MOST_BYTES, MOST_BYTES_TOGETHER, MOST_BYTES_OF_A_MASK = 400_000, 5_000_000, 60_000


def mask_of(name: str) -> npt.NDArray[np.uint8]:
    with Image.open(MASKS / f"{name}.png") as mask:
        assert mask.mode == "L"
        return np.asarray(mask)


@pytest.mark.parametrize("name", NAMES)
def test_a_photograph_opens_upright_in_srgb(name: str) -> None:
    photograph = read_photograph(FOLDER / f"{name}.jpg")
    record = photograph.record
    assert max(record.width, record.height) == 1600
    assert photograph.alpha is None
    assert (record.format, record.changes) == ("JPEG", ("upright", "converted") if name == PHONE else ())
    assert record.profile == ("Display P3" if name == PHONE else "sRGB")


@pytest.mark.parametrize("name", NAMES)
def test_its_mask_is_the_product(name: str) -> None:
    pixels, mask = read_photograph(FOLDER / f"{name}.jpg").pixels.astype(float), mask_of(name)
    assert mask.shape == pixels.shape[:2]
    assert not np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]]).any(), "the frame cuts the product off"
    rows, columns = np.nonzero(mask > 127)
    fill = max(np.ptp(rows) / mask.shape[0], np.ptp(columns) / mask.shape[1])
    assert 0.7 <= fill <= 0.9
    # Colours change where the mask does, and less so beside it: it is neither turned nor moved.
    slope = sum(np.hypot(*np.gradient(pixels[..., channel])) for channel in range(3))
    outline = np.hypot(*np.gradient(mask.astype(float))) > 40
    for axis, step in ((0, -5), (0, 5), (1, -5), (1, 5)):
        assert slope[outline].mean() > 1.4 * slope[np.roll(outline, step, axis)].mean()


@pytest.mark.parametrize("name", NAMES)
def test_it_says_that_it_was_rendered(name: str) -> None:
    packet = read_xmp(read_photograph(FOLDER / f"{name}.jpg").xmp)
    assert packet.source_type == "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCreation"
    assert "Cycles" in packet.tool
    assert packet.title


def test_the_files_are_small() -> None:
    sizes = [path.stat().st_size for path in FOLDER.glob("*.jpg")]
    assert max(sizes) <= MOST_BYTES
    assert sum(sizes) <= MOST_BYTES_TOGETHER
    assert max(path.stat().st_size for path in MASKS.glob("*.png")) <= MOST_BYTES_OF_A_MASK


def test_each_product_of_the_table_has_its_photograph_and_each_photograph_its_product() -> None:
    products = read_table(EXAMPLES / "catalogs" / "aldern-quay.csv").products
    first = {product.handle: product.variants[0] for product in products}
    assert sorted(first) == NAMES == sorted(path.stem for path in MASKS.glob("*.png"))
    assert {handle: variant.image for handle, variant in first.items()} == {name: f"{name}.jpg" for name in NAMES}
    page = (ROOT / "examples" / "photographs" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(.+?)\.jpg` \| (\S+) \|", page, re.MULTILINE)
    assert dict(rows) == {handle: variant.sku for handle, variant in first.items()}


def test_only_first_variants_name_a_photograph() -> None:
    """The other variants look different."""
    with (EXAMPLES / "catalogs" / "aldern-quay.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sum(bool(row["Variant image URL"]) for row in rows) == len(NAMES) == 10
