"""Every check on pictures with planted faults, at and beside its threshold, and on real photographs."""

from __future__ import annotations

import io
import math
from collections import Counter
from functools import partial

import numpy as np
import pytest
from PIL import Image, ImageCms

from packshot.quality.checks import Given, Limit, Subject, Unmeasurable, measure
from packshot.quality.look import look_of
from packshot.quality.picture import Picture
from packshot.quality.registry import all_checks
from packshot.quality.siblings import Catalogue, Features
from support.marks import MARKS
from support.planted import (
    BRAND,
    KELP,
    PHOTOGRAPHS,
    PNG,
    SIDE,
    WHITE,
    Planted,
    blurred,
    canvas,
    encoded,
    measured,
    members,
    named,
    photo,
    photograph,
    product,
    shape,
    striped,
)


def centred(width: int, height: int | None = None, dx: int = 0, dy: int = 0) -> np.ndarray:
    height = width if height is None else height
    left, top = (SIDE - width) // 2 + dx, (SIDE - height) // 2 + dy
    return product((left, top, left + width, top + height))


def two_levels(level: int, share: float) -> np.ndarray:
    """A picture of 100 grey, with a share of its rows another level."""
    pixels = canvas((100, 100, 100))
    pixels[: round(SIDE * share)] = level
    return pixels


def speck(levels: int) -> np.ndarray:
    """A product on white, and one pixel in a corner that is darker by so many levels."""
    pixels = product()
    pixels[5, 5] = 255 - levels
    return pixels


def saved(image: Image.Image, file_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def frames(count: int, file_format: str) -> bytes:
    images = [Image.fromarray(product((40, 40, 300 + 10 * i, 360))) for i in range(count)]
    return saved(images[0], file_format, save_all=True, append_images=images[1:])


def in_mode(mode: str, file_format: str = "PNG") -> bytes:
    image = Image.fromarray(product())
    if mode == "I;16":
        return encoded(np.asarray(image)[..., 0].astype(np.uint16) * 257, file_format)
    return saved(image.convert(mode), file_format)


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

with Image.open(photograph("rocket.jpg")) as _rocket:
    ADOBE = _rocket.info["icc_profile"]

FILES = [
    Planted("file.format", Limit(any_of=("JPEG", "PNG")),
            [encoded(product(), "JPEG"), encoded(product(), "JPEG", quality=30),
             encoded(product(), "JPEG", progressive=True), PNG, encoded(product(), "PNG", optimize=True)],
            [encoded(product(), kind) for kind in ("WEBP", "GIF", "BMP", "TIFF")]
            + [encoded(product(), "TIFF", compression="tiff_lzw")], "format-not-accepted"),
    Planted("file.bytes", Limit(maximum=len(PNG) + 10), [PNG + bytes(more) for more in (0, 1, 5, 9, 10)],
            [PNG + bytes(more) for more in (11, 12, 20, 1000, 10**6)], "file-too-large"),
    Planted("file.name", Limit(pattern=r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*\.(jpg|png|gif|webp)"),
            [partial(named, name) for name in ("MUG-1.jpg", "a.png", "A-b-3.webp", "0.gif", "x9.jpg")],
            [partial(named, name) for name in ("mug 1.jpg", "mug_1.jpg", "mug.jpeg", "-mug.jpg", "mug--1.jpg",
                                               "mügge.jpg", "mug.jpg\n", "")], "name-not-accepted"),
    Planted("file.mode", Limit(any_of=("RGB", "RGBA", "L", "LA", "P")),
            [in_mode(mode) for mode in ("RGB", "L", "P", "RGBA", "LA")],
            [in_mode("CMYK", "TIFF"), in_mode("CMYK", "JPEG"), in_mode("I;16"), in_mode("1"), in_mode("1", "TIFF")],
            "mode-not-accepted"),
    Planted("file.frames", Limit(maximum=1),
            [PNG, *(frames(1, kind) for kind in ("GIF", "WEBP", "PNG", "TIFF"))],
            [frames(2, "GIF"), frames(2, "WEBP"), frames(2, "PNG"), frames(2, "TIFF"), frames(5, "GIF")], "animated"),
    Planted("file.colour-profile", Limit(any_of=("sRGB", "none")),
            [PNG, encoded(product(), "JPEG"),
             *(encoded(product(), kind, icc_profile=SRGB) for kind in ("PNG", "JPEG", "WEBP"))],
            [encoded(product(), "PNG", icc_profile=bytes(200)), photograph("rocket.jpg").read_bytes(),
             *(encoded(product(), kind, icc_profile=ADOBE) for kind in ("PNG", "JPEG", "WEBP"))],
            "profile-not-accepted"),
]  # fmt: skip


@pytest.mark.parametrize("count", [1, 2, 3, 5])
@pytest.mark.parametrize("file_format", ["GIF", "WEBP", "PNG", "TIFF"])
def test_frames(count: int, file_format: str) -> None:
    assert measured("file.frames", frames(count, file_format)).value == min(count, 2)


NUMBERS = [
    # check, limit, values' pictures by what was planted: those that pass, those that fail, the reason
    ("size.longest-side", Limit(minimum=400), [(400, 10), (10, 400), (401, 2), (500, 500), (400, 400)],
     [(399, 399), (399, 1), (1, 399), (200, 100), (1, 1)], "side-too-short"),
    ("size.shortest-side", Limit(minimum=100), [(100, 100), (100, 300), (300, 100), (101, 900), (150, 150)],
     [(99, 300), (300, 99), (1, 400), (99, 99), (50, 100)], "side-too-short"),
    ("size.width", Limit(minimum=76), [(76, 1), (77, 10), (100, 100), (76, 110), (300, 20)],
     [(75, 300), (1, 1), (75, 75), (10, 400), (74, 110)], "width-too-small"),
    ("size.height", Limit(maximum=110), [(1, 110), (300, 109), (76, 110), (5, 5), (400, 1)],
     [(1, 111), (76, 111), (10, 400), (400, 112), (111, 111)], "height-too-large"),
    ("size.ratio", Limit(1.43, 1.45), [(100, 143), (100, 144), (100, 145), (200, 288), (50, 72)],
     [(100, 146), (100, 150), (10, 20), (200, 291), (75, 109)], "ratio-too-tall"),
    ("size.ratio", Limit(1.43, 1.45), [(100, 143), (100, 144), (100, 145), (200, 288), (50, 72)],
     [(100, 142), (100, 100), (144, 100), (200, 285), (76, 108)], "ratio-too-wide"),
    ("size.megapixels", Limit(maximum=0.01), [(100, 100), (10, 1000), (1, 1), (99, 101), (50, 200)],
     [(101, 100), (100, 101), (1000, 11), (200, 51), (400, 400)], "too-many-pixels"),
]  # fmt: skip


@pytest.mark.parametrize(("check", "limit", "good", "bad", "reason"), NUMBERS)
def test_sizes(check: str, limit: Limit, good: list, bad: list, reason: str) -> None:
    for width, height in good:
        assert measured(check, np.zeros((height, width, 3), np.uint8), limit).passed
    for width, height in bad:
        assert measured(check, np.zeros((height, width, 3), np.uint8), limit).reason == reason


PICTURES = [
    # check, limit (None: its own), pictures that pass, pictures that fail, the reason
    ("technical.contrast", None, [two_levels(107, 0.1), two_levels(104, 0.5), two_levels(255, 0.01), product(),
     centred(8)],
     [canvas(), canvas((0, 0, 0)), two_levels(106, 0.1), two_levels(103, 0.5), two_levels(101, 0.5)], "flat"),
    ("technical.black", None, [two_levels(0, s) for s in (0.0, 0.5, 0.97, 0.98)] + [two_levels(8, 1.0)],
     [two_levels(7, 1.0), *(two_levels(0, s) for s in (0.9825, 0.985, 0.99, 1.0))], "black"),
    ("background.exact", None, [product(), product((0, 100, 300, 400)), centred(20), centred(4), speck(0)],
     [speck(1), speck(3), speck(200), product(background=(254, 255, 255)), product(background=(250, 250, 250))],
     "background-not-exact"),
    ("background.deviation", Limit(maximum=4), [speck(d) for d in range(5)],
     [speck(5), speck(6), speck(255), product(background=(255, 255, 250)), product(background=(120, 250, 250))],
     "background-deviates"),
    ("background.tint", None, [product(background=c) for c in (WHITE, (200,) * 3, (255, 255, 253), (90, 91, 92),
                                                                    (9, 11, 10))],
     [product(background=c) for c in ((255, 255, 252), (250, 255, 255), (200, 203, 200), (255, 0, 255), (90, 93, 92))],
     "background-tinted"),
    ("product.fill-side", None, [centred(340), centred(10, 340), centred(340, 3), centred(360), centred(398)],
     [centred(339), centred(338, 10), centred(10, 339), centred(100), centred(2)], "product-too-small"),
    ("product.fill-side", Limit(0.75, 0.9), [centred(300), centred(301), centred(360), centred(10, 359), centred(330)],
     [centred(361), centred(362), centred(361, 3), centred(10, 370), centred(398)], "product-too-large"),
    ("product.fill-box", Limit(0.25, 0.5), [centred(200), centred(201), centred(282), centred(200, 240),
     centred(160, 250)],
     [centred(199), centred(100), centred(398, 99), centred(20), centred(199, 200)], "product-too-small"),
    ("product.fill-mask", Limit(maximum=0.25), [centred(200), centred(199), centred(100), centred(398, 100),
     centred(2)],
     [centred(201), centred(200, 201), centred(300), centred(398, 101), centred(398)], "product-too-large"),
    ("product.offset", None, [centred(200, dx=x, dy=y) for x, y in ((0, 0), (12, 0), (0, -12), (12, 12), (-5, 3))],
     [centred(200, dx=x, dy=y) for x, y in ((13, 0), (0, 13), (-13, 0), (0, -13), (90, 90))], "off-centre"),
    ("product.margin", None, [product(b) for b in ((4, 4, 396, 396), (5, 9, 9, 20), (100, 4, 200, 300), (9, 9, 396, 30),
                                                    (50, 50, 300, 396))],
     [product(b) for b in ((3, 4, 396, 396), (4, 3, 396, 396), (4, 4, 397, 396), (4, 4, 396, 397), (0, 50, 90, 90))],
     "margin-too-small"),
    ("product.cut-off", None, [product(b) for b in ((1, 1, 399, 399), (1, 9, 9, 20), (9, 1, 20, 90), (90, 90, 399, 99),
                                                     (50, 50, 60, 399))],
     [product(b) for b in ((0, 200, 9, 210), (9, 0, 19, 9), (390, 9, 400, 20), (9, 390, 20, 400), (0, 0, 20, 20))],
     "product-cut-off"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("check", "limit", "good", "bad", "reason"), PICTURES, ids=[f"{row[0]}:{row[4]}" for row in PICTURES]
)
def test_planted_faults(check: str, limit: Limit | None, good: list, bad: list, reason: str) -> None:
    assert len(good) >= 5
    assert len(bad) >= 5
    for position, pixels in enumerate(good):
        verdict = measured(check, pixels, limit)
        assert verdict.passed, (position, verdict)
        assert verdict.reason == ""
    for position, pixels in enumerate(bad):
        verdict = measured(check, pixels, limit)
        assert (verdict.passed, verdict.reason) == (False, reason), (position, verdict)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 100])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_values_that_are_no_numbers(count: int, value: float) -> None:
    floats = np.linspace(0, 1, 30 * 30 * 3, dtype=np.float32).reshape(30, 30, 3)
    floats.ravel()[:count] = value
    verdict = measured("technical.not-finite", floats)
    assert (verdict.value, verdict.passed) == (count, count == 0)


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_photographs_are_sharp_and_blurred_ones_are_not(name: str) -> None:
    picture = photo(name)
    assert measured("technical.sharpness", picture).passed
    for radius in (4, 5, 6, 8, 12):
        assert measured("technical.sharpness", blurred(picture, radius)).reason == "blurred"


NEEDS = {
    "palette": Given(palette=BRAND),
    "original": Given(original=photo("coffee.png")),
    "references": Given(look=look_of(photo(name) for name in PHOTOGRAPHS[:4])),
    "catalogue": Given(catalogue=Catalogue([Features.of(name, photo(name), None) for name in PHOTOGRAPHS])),
}


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_a_photographs_own_values_are_the_thresholds(name: str) -> None:
    """Whatever a check measures of a real picture passes as its limit, and fails one step beyond."""
    tried = 0
    for check in all_checks().values():
        given = NEEDS.get(check.need, Given())
        if not (check.need in ("nothing", "channel") or given.has(check.need)):
            continue
        if check.need == "original" and name != "coffee.png":
            continue
        value = measured(check.id, photo(name), Limit(), given).value
        if not isinstance(value, float | int):
            continue
        sides = (("below", value, math.inf), ("above", -math.inf, value))
        for side, low, high in sides:
            if side not in check.reasons:
                continue
            assert measured(check.id, photo(name), Limit(low, high), given).passed, check.id
            beyond = (
                Limit(minimum=math.nextafter(low, math.inf))
                if side == "below"
                else Limit(maximum=math.nextafter(high, -math.inf))
            )
            assert measured(check.id, photo(name), beyond, given).reason == check.reasons[side], check.id
            tried += 1
    assert tried >= 12


def test_jpeg_leaves_its_marks_only_beside_the_product() -> None:
    rgba = shape()
    pixels = np.where(rgba[..., 3:] > 0, rgba[..., :3], 255).astype(np.uint8)
    for quality in (70, 80, 90, 95, 100):
        assert measured("background.exact", encoded(pixels, "JPEG", quality=quality, subsampling=0)).passed
    spoiled = pixels.copy()
    spoiled[:60] -= np.where(spoiled[:60] == 255, 2, 0).astype(np.uint8)
    for quality in (70, 80, 90, 95, 100):
        data = encoded(spoiled, "JPEG", quality=quality, subsampling=0)
        assert measured("background.exact", data).reason == "background-not-exact"


@pytest.mark.parametrize("name", [n for n in PHOTOGRAPHS if n != "retina.jpg"])
def test_a_scene_has_no_product_to_measure(name: str) -> None:
    verdict = measured("product.fill-side", photo(name))
    assert (verdict.value, verdict.passed, verdict.reason) == (None, False, "no-product-on-plain-background")
    assert measured("product.fill-side", photo(name), Limit()).passed  # where it is only reported


LOOK = look_of(photo(name) for name in PHOTOGRAPHS[:5])


@pytest.mark.parametrize("name", PHOTOGRAPHS[:5])
def test_the_look_of_references(name: str) -> None:
    picture = photo(name)
    given = Given(look=LOOK)
    half = np.asarray(Image.fromarray(picture.pixels).reduce(2))
    assert measured("colour.distribution", picture, given=given).value == pytest.approx(0)
    assert measured("colour.distribution", half, given=given).passed
    neon = np.zeros_like(picture.pixels)
    neon[..., 1] = 255
    neon[: len(neon) // 2, :, 0] = 255
    assert measured("colour.distribution", neon, given=given).reason == "colours-unlike-references"


COFFEE = photo("coffee.png")

ROUND = Picture.from_array(shape())


def touched(delta: int) -> np.ndarray:
    """The round product with one level of one pixel changed."""
    pixels = ROUND.pixels.copy()
    pixels[200, 180, 0] = int(pixels[200, 180, 0]) + delta
    return pixels


def noisy(strength: float) -> np.ndarray:
    noise = np.random.default_rng(1).normal(0, strength, COFFEE.pixels.shape)
    return (COFFEE.pixels + noise).clip(0, 255).astype(np.uint8)


def bluer(shift: int) -> np.ndarray:
    pixels = COFFEE.pixels.copy()
    pixels[..., 2] = np.clip(pixels[..., 2].astype(int) + shift, 0, 255)
    return pixels


def floats(*bad: float) -> np.ndarray:
    values = np.linspace(0, 1, 30 * 30 * 3, dtype=np.float32).reshape(30, 30, 3)
    values.ravel()[: len(bad)] = bad
    return values


def scaled(name: str, share: float) -> np.ndarray:
    picture = photo(name)
    size = (round(picture.width * share), round(picture.height * share))
    return np.asarray(Image.fromarray(picture.pixels).resize(size, Image.Resampling.LANCZOS))


NEON = (250, 20, 200)

PALETTE = Given(palette=BRAND)

ROW = Given(catalogue=members(*((str(position), centred(300)) for position in range(9))))

GIVEN = [
    Planted("technical.not-finite", None, [floats(), floats(0), floats(-1), floats(2), floats(1e30)],
            [floats(bad) for bad in (math.nan, math.inf, -math.inf)] + [floats(math.nan, math.inf),
                                                                        floats(*[math.nan] * 100)], "not-finite"),
    Planted("technical.sharpness", None, [partial(photo, name) for name in PHOTOGRAPHS],
            [partial(blurred, photo(name), 4) for name in PHOTOGRAPHS[:5]], "blurred"),
    Planted("palette.coverage", None, [striped(part, KELP, NEON) for part in (30, 31, 60, 90, 100)],
            [striped(part, KELP, NEON) for part in (0, 10, 20, 28, 29)], "off-brand", PALETTE),
    Planted("palette.off", None, [striped(part, NEON, KELP) for part in (0, 10, 20, 24, 25)],
            [striped(part, NEON, KELP) for part in (26, 27, 40, 60, 100)], "foreign-colours", PALETTE),
    Planted("fidelity.max-difference", None, [touched(delta) for delta in (0, 1, 2, -1, -2)],
            [touched(delta) for delta in (3, -3, 4, 20, -30)], "product-changed", Given(original=ROUND)),
    Planted("fidelity.ssim", None, [partial(noisy, strength) for strength in (0, 1, 2, 4, 6)],
            [partial(noisy, strength) for strength in (10, 20, 60, 100, 150)], "product-structure-changed",
            Given(original=COFFEE)),
    Planted("fidelity.delta-e", None, [partial(bluer, shift) for shift in (0, 1, 2, 3, 4)],
            [partial(bluer, shift) for shift in (20, 30, 40, 60, 90)], "product-colour-changed",
            Given(original=COFFEE)),
    Planted("colour.distribution", None, [partial(photo, name) for name in PHOTOGRAPHS[:5]],
            [canvas(colour) for colour in ((0, 255, 0), (255, 255, 0), NEON, (0, 255, 255), (0, 0, 255))],
            "colours-unlike-references", Given(look=LOOK)),
    Planted("catalogue.nearest", None, [partial(photo, name) for name in PHOTOGRAPHS[1:]],
            [partial(scaled, PHOTOGRAPHS[0], share) for share in (0.5, 0.75, 0.9, 1.0, 1.5)], "near-duplicate",
            Given(catalogue=members((PHOTOGRAPHS[0], photo(PHOTOGRAPHS[0]).pixels)))),
    Planted("catalogue.background", None, [product(background=(b,) * 3) for b in (255, 254, 252, 250, 248)],
            [product(background=(b,) * 3) for b in (235, 220, 200, 128, 0)], "background-unlike-others", ROW),
    Planted("catalogue.fill", None, [centred(w) for w in (300, 301, 310, 319, 280)],
            [centred(w) for w in (321, 330, 279, 270, 100)], "size-unlike-others", ROW),
    Planted("catalogue.base", None, [centred(300, dy=d) for d in (0, 5, 19, 20, -20)],
            [centred(300, dy=d) for d in (21, 30, -21, -30, -49)], "horizon-unlike-others", ROW),
]  # fmt: skip


@pytest.mark.parametrize("planted", [*FILES, *GIVEN], ids=str)
def test_faults_of_files_and_against_what_is_given(planted: Planted) -> None:
    planted.verify()


def test_every_check_has_pictures_that_pass_and_pictures_that_fail() -> None:
    good, bad = Counter(), Counter()
    for check, _limit, passing, failing, _reason in [*NUMBERS, *PICTURES]:
        good[check] += len(passing)
        bad[check] += len(failing)
    for planted in [*FILES, *GIVEN, *MARKS]:
        good[planted.check] += len(planted.good)
        bad[planted.check] += len(planted.bad)
    few = {check: (good[check], bad[check]) for check in all_checks() if min(good[check], bad[check]) < 5}
    assert not few


def test_a_check_of_ones_own_takes_part() -> None:
    @measure("own.corner", unit="levels", definition="The first level.", source="here", need="nothing",
             default=Limit(maximum=7), above="corner-bright")  # fmt: skip
    def corner(subject: Subject) -> int:
        if subject.pixels[0, 0, 0] == 99:
            raise Unmeasurable("corner-missing")
        return int(subject.pixels[0, 0, 0])

    try:
        assert measured("own.corner", canvas((7, 7, 7))).passed
        assert measured("own.corner", canvas((8, 7, 7))).reason == "corner-bright"
        assert measured("own.corner", canvas((99, 7, 7))).reason == "corner-missing"
        with pytest.raises(ValueError, match="is there already"):
            measure("own.corner", unit="", definition="", source="")(corner)
        with pytest.raises(ValueError, match="without a reason code"):
            measure("own.other", unit="", definition="", source="", default=Limit(minimum=1))
    finally:
        from packshot.quality import checks

        checks.REGISTERED.pop("own.corner")


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ((40, 40, 360, 360), ""),
        ((50, 20, 350, 360), ""),
        ((50, 50, 349, 349), "product-too-small"),
        ((9, 9, 391, 391), "product-too-large"),
    ],
)
def test_in_a_scene_the_originals_mask_says_where_the_product_is(box: tuple, reason: str) -> None:
    scene = np.random.default_rng(3).integers(0, 255, (SIDE, SIDE, 3)).astype(np.uint8)
    alpha = np.zeros((SIDE, SIDE), np.uint8)
    left, top, right, bottom = box
    alpha[top:bottom, left:right] = 255
    limit = Limit(0.75, 0.905)
    assert measured("product.fill-side", scene, limit).reason == "no-product-on-plain-background"
    original = Given(original=Picture.from_array(np.dstack([scene, alpha])))
    assert measured("product.fill-side", scene, limit, original).reason == reason
