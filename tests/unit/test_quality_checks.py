"""Every check on pictures with planted faults, at and beside its threshold, and on real photographs."""

from __future__ import annotations

import math

import imagehash
import numpy as np
import pytest
from PIL import Image
from planted import KELP, PHOTOGRAPHS, SIDE, WHITE, blurred, canvas, encoded, measured, photo, product, shape
from skimage.metrics import structural_similarity

from packshot.errors import InputInvalid
from packshot.quality.checks import Given, Limit, Subject, Unmeasurable, all_checks, find_check, judge, measure
from packshot.quality.colour import luminance
from packshot.quality.look import look_of
from packshot.quality.measures.fidelity import ssim_map
from packshot.quality.picture import Picture
from packshot.quality.siblings import Catalogue, Features, perceptual_hash

BRAND = {"kelp": "#20302D", "oat": "#EFE6D6"}


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


def striped(columns: int, colour: tuple[int, int, int], rest: tuple[int, int, int]) -> np.ndarray:
    """A picture of 100 columns, so many of one colour."""
    pixels = np.full((20, 100, 3), rest, np.uint8)
    pixels[:, :columns] = colour
    return pixels


@pytest.mark.parametrize(
    ("file_format", "options", "passes"),
    [
        ("JPEG", {}, True),
        ("JPEG", {"quality": 30}, True),
        ("JPEG", {"progressive": True}, True),
        ("PNG", {}, True),
        ("PNG", {"optimize": True}, True),
        ("WEBP", {}, False),
        ("GIF", {}, False),
        ("BMP", {}, False),
        ("TIFF", {}, False),
        ("TIFF", {"compression": "tiff_lzw"}, False),
    ],
)
def test_formats(file_format: str, options: dict, passes: bool) -> None:
    verdict = measured("file.format", encoded(product(), file_format, **options), Limit(any_of=("JPEG", "PNG")))
    assert (verdict.value, verdict.passed) == (file_format, passes)
    assert verdict.reason == ("" if passes else "format-not-accepted")


def test_bytes_of_the_file() -> None:
    data = encoded(product(), "PNG")
    for over in (0, 1, 10, 1000, 10**6):
        assert measured("file.bytes", data, Limit(maximum=len(data) + over)).passed
    for under in (1, 2, 10, 100, len(data)):
        assert measured("file.bytes", data, Limit(maximum=len(data) - under)).reason == "file-too-large"


@pytest.mark.parametrize(
    ("name", "passes"),
    [
        ("MUG-1.jpg", True),
        ("a.png", True),
        ("A-b-3.webp", True),
        ("0.gif", True),
        ("x9.jpg", True),
        ("mug 1.jpg", False),
        ("mug_1.jpg", False),
        ("mug.jpeg", False),
        ("-mug.jpg", False),
        ("mug--1.jpg", False),
        ("mügge.jpg", False),
        ("mug.jpg\n", False),
        ("", False),
    ],
)
def test_names(name: str, passes: bool) -> None:
    rule = Limit(pattern=r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*\.(jpg|png|gif|webp)")
    verdict = measured("file.name", encoded(product(), "PNG"), rule, name=name)
    assert (verdict.passed, verdict.reason) == (passes, "" if passes else "name-not-accepted")


@pytest.mark.parametrize(
    ("mode", "passes"), [("RGB", 1), ("L", 1), ("P", 1), ("RGBA", 1), ("LA", 1), ("CMYK", 0), ("I;16", 0), ("1", 0)]
)
def test_modes(mode: str, passes: int) -> None:
    image = Image.fromarray(product())
    image = (
        Image.fromarray(np.asarray(image)[..., 0].astype(np.uint16) * 257) if mode == "I;16" else image.convert(mode)
    )
    data = encoded(np.asarray(image), "PNG") if mode == "I;16" else _saved(image, "TIFF" if mode == "CMYK" else "PNG")
    allowed = Limit(any_of=("RGB", "RGBA", "L", "LA", "P"))
    assert measured("file.mode", data, allowed).passed == bool(passes)


def _saved(image: Image.Image, file_format: str, **options: object) -> bytes:
    import io

    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("frames", [1, 2, 3, 5])
@pytest.mark.parametrize("file_format", ["GIF", "WEBP", "PNG", "TIFF"])
def test_frames(frames: int, file_format: str) -> None:
    images = [Image.fromarray(product((40, 40, 300 + 10 * i, 360))) for i in range(frames)]
    data = _saved(images[0], file_format, save_all=True, append_images=images[1:])
    verdict = measured("file.frames", data, Limit(maximum=1))
    assert (verdict.passed, verdict.value) == (frames == 1, min(frames, 2))


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


@pytest.mark.parametrize("columns", [0, 10, 29, 30, 31, 60, 100])
def test_palette_coverage(columns: int) -> None:
    verdict = measured("palette.coverage", striped(columns, KELP, (250, 20, 200)), given=Given(palette=BRAND))
    assert verdict.value == columns / 100
    assert (verdict.passed, verdict.reason) == ((True, "") if columns >= 30 else (False, "off-brand"))


@pytest.mark.parametrize("columns", [0, 10, 24, 25, 26, 60, 100])
def test_colours_that_are_not_the_brands(columns: int) -> None:
    verdict = measured("palette.off", striped(columns, (250, 20, 200), KELP), given=Given(palette=BRAND))
    assert verdict.value == columns / 100
    assert (verdict.passed, verdict.reason) == ((True, "") if columns <= 25 else (False, "foreign-colours"))


@pytest.mark.parametrize("level", [0, 64, 128, 192, 255])
def test_grey_is_nobodys_colour(level: int) -> None:
    assert measured("palette.off", canvas((level,) * 3), given=Given(palette={"red": "#C4513A"})).value == 0


@pytest.mark.parametrize("delta", [0, 1, 2, -1, -2, 3, 4, -3, 50, 200])
def test_one_level_of_one_pixel_of_the_product(delta: int) -> None:
    original = Picture.from_array(shape())
    pixels = original.pixels.astype(int)
    pixels[200, 180, 1] = np.clip(pixels[200, 180, 1] + delta, 0, 255)
    verdict = measured("fidelity.max-difference", pixels.astype(np.uint8), given=Given(original=original))
    expected = int(abs(pixels - original.pixels.astype(int)).max())
    assert verdict.value == expected
    assert verdict.passed == (expected <= 2)


@pytest.mark.parametrize("strength", [0, 1, 2, 4, 6, 10, 20, 60, 100, 150])
def test_structure_of_the_product(strength: int) -> None:
    original = photo("coffee.png")
    noise = np.random.default_rng(1).normal(0, strength, original.pixels.shape)
    noisy = (original.pixels + noise).clip(0, 255).astype(np.uint8)
    verdict = measured("fidelity.ssim", noisy, given=Given(original=original))
    assert verdict.passed == (strength <= 6), verdict
    assert verdict.reason == ("" if verdict.passed else "product-structure-changed")


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_ssim_is_that_of_scikit_image(name: str) -> None:
    one = luminance(photo(name).pixels)
    other = luminance(blurred(photo(name), 1.5).pixels)
    expected = structural_similarity(one, other, full=True, data_range=255)[1]
    assert np.abs(ssim_map(one, other) - expected).max() < 2e-3
    assert abs(float(ssim_map(one, other).mean()) - float(expected.mean())) < 1e-4


@pytest.mark.parametrize("shift", [0, 1, 2, 3, 4, 20, 30, 40, 60, 90])
def test_colour_of_the_product(shift: int) -> None:
    original = photo("coffee.png")
    pixels = original.pixels.copy()
    pixels[..., 2] = np.clip(pixels[..., 2].astype(int) + shift, 0, 255)
    verdict = measured("fidelity.delta-e", pixels, given=Given(original=original))
    assert verdict.passed == (shift <= 4), verdict


def test_an_original_of_another_size_is_refused() -> None:
    with pytest.raises(InputInvalid, match="600 x 400"):
        measured("fidelity.ssim", product(), given=Given(original=photo("coffee.png")))


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


def test_two_references_are_too_few() -> None:
    with pytest.raises(InputInvalid, match="2 references"):
        look_of(photo(name) for name in PHOTOGRAPHS[:2])


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_hashes_are_those_of_imagehash(name: str) -> None:
    pixels = photo(name).pixels
    expected = imagehash.phash(Image.fromarray(pixels)).hash.ravel()
    assert np.unpackbits(perceptual_hash(pixels)).astype(bool).tolist() == expected.tolist()


def members(*named: tuple[str, np.ndarray]) -> Catalogue:
    return Catalogue([Subject(Picture.from_array(pixels), Given(), name=name).features for name, pixels in named])


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_near_duplicates(name: str) -> None:
    picture = photo(name)
    others = [(other, photo(other).pixels) for other in PHOTOGRAPHS]
    alone = Given(catalogue=members(*others))
    subject = Subject(picture, alone, name=name)
    assert judge(find_check("catalogue.nearest"), subject).passed
    twin = np.asarray(Image.fromarray(picture.pixels).resize((picture.width * 3 // 4, picture.height * 3 // 4)))
    given = Given(catalogue=members(*others, ("twin", twin)))
    assert judge(find_check("catalogue.nearest"), Subject(picture, given, name=name)).reason == "near-duplicate"


def test_the_only_picture_is_no_duplicate() -> None:
    given = Given(catalogue=members(("a", product())))
    verdict = judge(find_check("catalogue.nearest"), Subject(Picture.from_array(product()), given, name="a"))
    assert (verdict.value, verdict.passed) == (64, True)


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        ("catalogue.background", [product(background=(b,) * 3) for b in (255, 254, 252, 250, 248)],
         [product(background=(b,) * 3) for b in (235, 220, 200, 128, 0)]),
        ("catalogue.fill", [centred(w) for w in (300, 301, 310, 319, 280)],
         [centred(w) for w in (321, 330, 279, 270, 100)]),
        ("catalogue.base", [centred(300, dy=d) for d in (0, 5, 19, 20, -20)],
         [centred(300, dy=d) for d in (21, 30, -21, -30, -49)]),
    ],
)  # fmt: skip
def test_what_stands_out_of_a_catalogue(check: str, good: list, bad: list) -> None:
    others = members(*((str(position), centred(300)) for position in range(9)))
    for pixels in good:
        assert measured(check, pixels, given=Given(catalogue=others)).passed
    for pixels in bad:
        assert not measured(check, pixels, given=Given(catalogue=others)).passed


def test_every_shipped_check_can_fail_with_a_reason() -> None:
    checks = all_checks()
    assert len(checks) >= 30
    for check in checks.values():
        assert check.reasons, check.id
        assert check.definition.endswith("."), check.id
        assert check.source, check.id


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

        checks._REGISTRY.pop("own.corner")


def test_an_unknown_check_is_named() -> None:
    with pytest.raises(InputInvalid, match="did you mean"):
        find_check("product.offst")


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
