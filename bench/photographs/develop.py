"""Develops what was rendered as a camera does: a little noise and sharpness, JPEG, and what the file says of itself."""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, ImageFilter

from packshot.compose.icc import rgb_profile
from packshot.provenance.encoding import srgb_profile

MOST_BYTES = 400_000
#: IPTC NewsCodes, "digital creation": made by people with tools that are not generative.
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCreation"
_P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.3127, 0.3290))  # SMPTE EG 432-1, with D65
_NOISE = 1.1  # levels, standard deviation
_ORIENTATION, _SOFTWARE, _RIGHTS = 0x0112, 0x0131, 0x8298
_TURNED = 6  # the top of the picture is the right side of what is stored (CIPA DC-008, 4.6.5.1)
_PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<xmp:CreatorTool>{tool}</xmp:CreatorTool>
<Iptc4xmpExt:DigitalSourceType>{source_type}</Iptc4xmpExt:DigitalSourceType>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>"""


@dataclass(frozen=True, slots=True)
class Label:
    """What a photograph's file says of itself.

    Attributes:
        title: what it shows.
        tool: what rendered it, with its version.
    """

    title: str
    tool: str


def develop(rendered: Path, photograph: Path, label: Label, *, push: float, phone: bool) -> None:
    """Write a JPEG.

    Args:
        rendered: a picture in sRGB.
        push: stops by which it is made brighter.
        phone: as phones write it: in Display P3, and turned by EXIF.

    Raises:
        ValueError: it would be larger than 400 KB.
    """
    with Image.open(rendered) as opened:
        image = opened.convert("RGB")
    levels = _pushed(np.asarray(image.filter(ImageFilter.UnsharpMask(1.2, 45, 1)), float), push)
    random = np.random.default_rng(zlib.crc32(photograph.stem.encode()))
    levels += random.normal(0, _NOISE, (*levels.shape[:2], 1)) + random.normal(0, _NOISE / 2, levels.shape)
    image = Image.fromarray(np.rint(levels).clip(0, 255).astype(np.uint8))
    profile = srgb_profile()
    if phone:
        wide = rgb_profile(_P3, None, "Display P3")
        image = _converted(image, wide).transpose(Image.Transpose.ROTATE_90)
        profile = wide
    exif = Image.Exif()
    exif[_SOFTWARE], exif[_RIGHTS] = label.tool, "The Packshot authors"
    exif[_ORIENTATION] = _TURNED if phone else 1
    packet = _PACKET.format(title=escape(label.title), tool=escape(label.tool), source_type=SOURCE_TYPE)
    image.save(photograph, "JPEG", quality=88, optimize=True, icc_profile=profile, exif=exif, xmp=packet.encode())
    if (size := photograph.stat().st_size) > MOST_BYTES:
        raise ValueError(f"{photograph} has {size:,} bytes; at most {MOST_BYTES:,} are wanted")


def _pushed(levels: npt.NDArray[np.float64], push: float) -> npt.NDArray[np.float64]:
    """Brighten levels by stops; white stays white, and nothing is clipped."""
    dark = 1 - (levels.clip(0, 255) / 255) ** 2.2
    pushed: npt.NDArray[np.float64] = 255 * (1 - dark ** (2**push)) ** (1 / 2.2)
    return pushed


def _converted(image: Image.Image, profile: bytes) -> Image.Image:
    source, target = (ImageCms.ImageCmsProfile(io.BytesIO(data)) for data in (srgb_profile(), profile))
    shown = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    assert shown is not None  # it is only where the picture is changed in place
    return shown
