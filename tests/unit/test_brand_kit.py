"""The sections of a kit beyond colours and prompt, its hash and approvals, checks, differences, commands."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

from packshot.brand import kit_diff
from packshot.brand.check import check_kit
from packshot.brand.kit import BrandKit
from packshot.brand.palette import contrast, swatches
from packshot.brand.policy import choose, gate, strength_of
from packshot.brand.prompt import compose
from packshot.brand.sections import BrandLora
from packshot.catalog.planning.items import DEFAULT_MAPPING
from packshot.catalog.planning.templates import Templates
from packshot.cli.main import app
from packshot.errors import BrandInvalid, InputInvalid, LoraMismatch, PackshotError
from packshot.paths import shipped
from support import loras

TODAY = datetime.date(2026, 11, 21)
LORA = {
    "name": "Tide", "file": "tide.safetensors", "sha256": "a" * 64, "base": "sdxl", "licence": "apache-2.0",
    "approved_by": "Ann",
}  # fmt: skip


def load(folder: Path, content: dict[str, Any]) -> BrandKit:
    folder.mkdir(exist_ok=True)
    (folder / "brand.yaml").write_text(yaml.safe_dump(content, allow_unicode=True))
    return BrandKit.load(folder)


@pytest.mark.parametrize(
    ("content", "place", "message", "remedy"),
    [
        ({"palete": []}, "palete", "no field 'palete'", "'palette'"),
        ({"logos": [{"name": "a", "file": "../x.png"}]}, "logos[0].file", "below the kit's folder", "correct"),
        ({"logos": [{"name": "a", "file": "/x.png"}]}, "logos[0].file", "below the kit's folder", "correct"),
        ({"logos": [{"name": "a", "file": "C:\\x.png"}]}, "logos[0].file", "below the kit's folder", "correct"),
        ({"logos": [{"name": "a", "file": "a.png", "sha256": "A" * 64}]}, "logos[0].sha256", "should match", "correct"),
        ({"logos": [{"name": "a", "file": "a.png", "clearspace": 1}]}, "logos[0].clearspace", "no field", "'clear_sp"),
        ({"fonts": [{"family": "a", "use": "headin"}]}, "fonts[0].use", "not one of the choices", "'heading'"),
        ({"palette": [{"name": "a", "hex": "#112233", "min_share": 0.5, "max_share": 0}]}, "palette[0]", "is more", ""),
        ({"palette": [{"name": "a", "hex": "#112233", "tolerance": -1}]}, "palette[0].tolerance", "greater than", ""),
        ({"locales": {"German": {}}}, "locales.German.[key]", "should match", ""),
        ({"locales": {"de": {"promt": {}}}}, "locales.de.promt", "no field 'promt'", "'prompt'"),
        ({"locales": {"de": {"glossary": [{"terms": "x"}]}}}, "locales.de.glossary[0].term", "missing", "term"),
        ({"loras": [{**LORA, "base": "sdxxl"}]}, "loras[0].base", "there is no base 'sdxxl'; known: flux1", "correct"),
        ({"loras": [{**LORA, "strength": 2.0}]}, "loras[0]", "strength 2 is not from 0 to 1.5", "correct"),
        ({"loras": [{**LORA, "min_strength": 2.0}]}, "loras[0]", "min_strength 2 is more", "correct"),
        ({"loras": [{**LORA, "schedule": [{"start": 0.5, "strength": 1}]}]}, "loras[0]", "begins with 'start: 0'", ""),
        ({"loras": [{**LORA, "expires": "soon"}]}, "loras[0].expires", "valid date", "correct"),
        ({"loras": [{k: v for k, v in LORA.items() if k != "licence"}]}, "loras[0].licence", "missing", "licence"),
        ({"approvals": [{"by": "Ann", "date": TODAY, "of": "x"}]}, "approvals[0].of", "should match", "correct"),
        ({"locales": {False: {}}}, "locales[0].[key]", "the key False is no text", "quotes"),
        ({"channels": ["Amazon Main"]}, "channels[0]", "should match", "correct"),
        ({"products": {"keep_pixels": "yes"}}, "products.keep_pixels", "valid boolean", "correct"),
    ],
)  # fmt: skip
def test_a_wrong_section_says_where_and_what_to_do(
    tmp_path: Path, content: dict[str, Any], place: str, message: str, remedy: str
) -> None:
    with pytest.raises(BrandInvalid) as caught:
        load(tmp_path, {"name": "x", **content})
    assert caught.value.place == f"{tmp_path / 'brand.yaml'}, {place}"
    assert message in caught.value.message
    assert remedy in caught.value.remedy


def test_a_kit_keeps_its_hash_when_it_is_approved_or_says_a_default(tmp_path: Path) -> None:
    plain = load(tmp_path, {"name": "x", "loras": [LORA]})
    said = {"name": "x", "loras": [{**LORA, "strength": 1.0, "schedule": []}], "channels": [], "photography": {}}
    assert load(tmp_path, said).hash == plain.hash
    approved = load(tmp_path, {**said, "approvals": [{"by": "Ann", "date": TODAY, "of": plain.hash}]})
    assert approved.hash == plain.hash
    assert approved.approved_by == ("Ann",)
    changed_since = load(
        tmp_path, {**said, "version": "2", "approvals": [{"by": "Ann", "date": TODAY, "of": plain.hash}]}
    )
    assert changed_since.hash != plain.hash
    assert changed_since.approved_by == ()


def test_a_kit_survives_json(tmp_path: Path) -> None:
    for folder in sorted((shipped("examples") / "brands").iterdir()):
        kit = BrandKit.load(folder)
        again = BrandKit.model_validate_json(json.dumps(kit.model_dump(mode="json")))
        assert again.hash == kit.hash
        assert again.folder is None
        assert kit.folder == folder.resolve()
    dated = load(tmp_path, {"name": "x", "loras": [{**LORA, "expires": TODAY}]})
    assert BrandKit.model_validate_json(dated.model_dump_json()).loras[0].expires == TODAY


def test_a_kit_travels_as_text_and_keeps_its_hash(tmp_path: Path) -> None:
    kit = load(tmp_path, {"name": "ü", "loras": [{**LORA, "expires": TODAY}], "approvals": [
        {"by": "Ann", "date": TODAY, "of": "0" * 64}]})  # fmt: skip
    read = BrandKit.parse(kit.text(), "input 'content'")
    assert (read.hash, read.loras, read.approvals) == (kit.hash, kit.loras, kit.approvals)
    assert read.folder is None
    assert BrandKit.parse("name: x\n", "here").name == "x"
    for text in (
        "",
        "[]",
        "{",
        '"x"',
        '{"name": ""}',
        '{"name": "x", "names": 1}',
        "a: [",
        "{" * 100_000,
        "x" * 300_000,
    ):
        with pytest.raises(BrandInvalid) as caught:
            BrandKit.parse(text, "input 'content'")
        assert caught.value.place.startswith("input 'content'")
        assert caught.value.remedy


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


def picture(path: Path, mode: str = "RGBA") -> Path:
    path.parent.mkdir(exist_ok=True)
    Image.new(mode, (8, 8)).save(path)
    return path


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


@pytest.mark.parametrize(("first", "second", "ratio"), [
    ("#000000", "#FFFFFF", 21.0), ("#FFFFFF", "#FFFFFF", 1.0), ("#777777", "#FFFFFF", 4.48),
    ("#FF0000", "#FFFFFF", 4.0),
])  # fmt: skip
def test_contrast_is_that_of_wcag(first: str, second: str, ratio: float) -> None:
    assert contrast(first, second) == pytest.approx(ratio, abs=0.005)
    assert contrast(second, first) == contrast(first, second)


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
    import hashlib

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


def test_the_policy_picks_the_lora_for_the_base(tmp_path: Path) -> None:
    kit = load(
        tmp_path, {"name": "x", "loras": [LORA, {**LORA, "name": "Reef"}, {**LORA, "name": "F", "base": "flux1"}]}
    )
    assert [lora.name for lora in choose(kit, "sdxl")] == ["Tide", "Reef"]
    assert [lora.name for lora in choose(kit, "sdxl", "Reef")] == ["Reef"]
    with pytest.raises(LoraMismatch, match="the loaded model is z-image, and the kit has F for flux1, Reef for sdxl"):
        choose(kit, "z-image")
    with pytest.raises(LoraMismatch, match="one that cannot be told"):
        choose(kit, None)
    with pytest.raises(LoraMismatch, match="the kit has Reef for sdxl"):
        choose(kit, "flux1", "Reef")
    with pytest.raises(BrandInvalid, match=r"no LoRA 'Reaf'.*the kit has: Tide, Reef, F"):
        choose(kit, "sdxl", "Reaf")
    lora = BrandLora.model_validate({**LORA, "strength": 0.8, "min_strength": 0.5, "max_strength": 1.0})
    assert (strength_of(lora, None), strength_of(lora, 0.5)) == (0.8, 0.5)
    with pytest.raises(InputInvalid, match=r"strength 1\.2 is not from 0\.5 to 1, which the brand allows"):
        strength_of(lora, 1.2)
    assert gate(lora, TODAY) == []


def test_a_prompt_is_that_of_catalogue_runs() -> None:
    template = Templates(DEFAULT_MAPPING, ("product", "variant", "row", "brand"), "here")
    for folder in (shipped("examples") / "brands").iterdir():
        kit = BrandKit.load(folder)
        context = {"product": {"title": "a mug"}, "variant": {"look": ()}, "row": {}, "brand": kit.model_dump()}
        made = compose(kit, "a mug")
        assert {"prompt": made.positive, "negative": made.negative} == {
            name: template.render(name, context) for name in ("prompt", "negative")
        }


def test_words_of_the_brand_are_not_translated(tmp_path: Path) -> None:
    kit = load(tmp_path, {
        "name": "x",
        "prompt": {"prefix": "photo of", "suffix": "soft light", "negative": "text"},
        "glossary": [{"term": "tidal green", "instead_of": ["green", "dark green", "潮の緑"]}],
        "locales": {
            "de": {"prompt": {"prefix": "Foto von"}, "glossary": [{"term": "Becher", "instead_of": ["Tasse"]}]},
            "pt-BR": {},
        },
    })  # fmt: skip
    assert compose(kit, "a Dark Green mug").positive == "photo of a tidal green mug, soft light"
    assert compose(kit, "a greenish mug").positive == "photo of a greenish mug, soft light"
    assert compose(kit, "この潮の緑の急須").positive == "photo of このtidal greenの急須, soft light"
    made = compose(kit, "eine tasse in green", locale="de-AT")
    assert made.positive == "Foto von eine Becher in tidal green, soft light"
    assert made.replaced == (("tasse", "Becher"), ("green", "tidal green"))
    assert compose(kit, "a mug", locale="PT-br").positive == "photo of a mug, soft light"
    with pytest.raises(InputInvalid, match="no words for 'fr'"):
        compose(kit, "une tasse", locale="fr")
    assert compose(load(tmp_path, {"name": "y"}), "une tasse", locale="fr").positive == "une tasse"


def test_what_a_catalogue_has_said_already_is_not_said_twice() -> None:
    kit = BrandKit.load(shipped("examples") / "brands" / "aldern-quay")
    once = compose(kit, "Cup")
    again = compose(kit, once.positive, negative=once.negative, triggers=["tide style"])
    assert again.positive == f"tide style, {once.positive}"
    assert again.negative == once.negative
    assert compose(kit, "Cup", negative="cups").negative == f"{kit.prompt.negative}, cups"
    assert compose(kit, "Cup", negative="people").negative == kit.prompt.negative
    bare = BrandKit(name="none")
    assert compose(bare, " Cup ", negative="text").positive == "Cup"
    assert compose(bare, "Cup", negative="text").negative == "text"


def test_trigger_words_are_said_once(tmp_path: Path) -> None:
    kit = load(tmp_path, {"name": "x", "prompt": {"prefix": "tide style photo of"}})
    made = compose(kit, "a mug", triggers=["Tide Style", "reef", "reef", "mu"])
    assert made.positive == "reef, mu, tide style photo of a mug"


def test_differences_go_by_names(tmp_path: Path) -> None:
    before = load(
        tmp_path, {"name": "x", "palette": [{"name": "a", "hex": "#111111"}, {"name": "b", "hex": "#222222"}]}
    )
    after = load(tmp_path, {"name": "x", "palette": [
        {"name": "c", "hex": "#333333"}, {"name": "b", "hex": "#222222"}, {"name": "a", "hex": "#111112"},
    ], "prompt": {"suffix": "light"}})  # fmt: skip
    said = {(change.what, change.where): (change.before, change.after) for change in kit_diff.diff(before, after)}
    assert said == {
        ("changed", "palette[a].hex"): ("#111111", "#111112"),
        ("added", "palette[c].name"): (None, "c"),
        ("added", "palette[c].hex"): (None, "#333333"),
        ("added", "prompt.suffix"): (None, "light"),
    }
    assert kit_diff.diff(before, before) == []


def test_swatches_have_the_exact_colours() -> None:
    kit = BrandKit.load(shipped("examples") / "brands" / "aldern-quay")
    pixels = {"#{:02X}{:02X}{:02X}".format(*pixel) for _, pixel in swatches(kit.palette).getcolors(1 << 20)}
    assert {colour.hex for colour in kit.palette} <= pixels
    assert swatches(()).size[0] > 0


def run(*words: str, code: int = 0) -> str:
    answer = CliRunner().invoke(app, ["brand", *words])
    if isinstance(answer.exception, PackshotError):
        raise answer.exception
    assert answer.exit_code == code, answer.output
    return answer.stdout


def test_from_logo_and_colours_to_a_checked_kit(tmp_path: Path) -> None:
    logo = picture(tmp_path / "mark.PNG")
    kit = tmp_path / "kiln-harbor"
    colours = ["--colour", "oat=#EFE6D6", "--colour", "ink=#20302D"]
    new = json.loads(run("new", str(kit), "--name", 'Kiln "&" Harbor: ü', *colours, "--logo", str(logo), "--json"))
    assert new["file"] == str(kit / "brand.yaml")
    answer = json.loads(run("check", str(kit), "--json"))
    assert answer["ok"] is True
    assert answer["name"] == 'Kiln "&" Harbor: ü'
    assert [problem["place"] for problem in answer["problems"]] == ["approvals"]
    assert run("hash", str(kit)).strip() == answer["hash"] == new["hash"]
    assert json.loads(run("hash", str(kit), "--json")) == {"hash": answer["hash"]}
    assert "ink" in run("show", str(kit))
    assert json.loads(run("show", str(kit), "--json"))["palette"][0]["role"] == "background"
    with pytest.raises(BrandInvalid, match="there is a kit already"):
        run("new", str(kit), "--name", "x")
    with (kit / "brand.yaml").open("a") as file:
        file.write(f'\napprovals:\n  - {{by: Ann, date: 2026-11-21, of: "{answer["hash"]}"}}\n')
    assert "good, approved by Ann" in run("check", str(kit))
    (kit / "logo.png").write_bytes(b"x")
    assert "error logos[0].file" in run("check", str(kit), code=3)
    other = json.loads(run("diff", str(kit), str(shipped("examples") / "brands" / "aldern-quay"), "--json"))
    assert {"what": "changed", "where": "name", "before": 'Kiln "&" Harbor: ü', "after": "Aldern Quay"} in other[
        "changes"
    ]
    assert run("diff", str(kit), str(kit)).strip() == "they say the same"
    assert (
        CliRunner().invoke(app, ["brand", "new", str(tmp_path / "b"), "--name", "x", "--colour", "a=red"]).exit_code
        == 2
    )


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
FIELDS = st.sampled_from(sorted(BrandKit.model_fields))


@given(st.dictionaries(FIELDS, anything, max_size=6))
def test_content_of_any_kind_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: dict[str, object]
) -> None:
    folder = tmp_path_factory.getbasetemp() / "fuzz"
    folder.mkdir(exist_ok=True)
    (folder / "brand.yaml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    look(folder)


@given(st.binary(max_size=400))
def test_bytes_of_any_kind_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.getbasetemp() / "fuzz"
    folder.mkdir(exist_ok=True)
    (folder / "brand.yaml").write_bytes(content)
    look(folder)


EXAMPLE = (shipped("examples") / "brands" / "aldern-quay" / "brand.yaml").read_bytes()


@given(st.integers(0, len(EXAMPLE)), st.integers(0, 40), st.binary(max_size=12))
def test_a_damaged_example_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, at: int, cut: int, put: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp() / "fuzz"
    folder.mkdir(exist_ok=True)
    (folder / "brand.yaml").write_bytes(EXAMPLE[:at] + put + EXAMPLE[at + cut :])
    look(folder)


def look(folder: Path) -> None:
    """Read, check and compare a kit; whatever is refused says where and why."""
    refusal = None
    try:
        kit = BrandKit.load(folder)
    except BrandInvalid as error:
        refusal = error
    if refusal is not None:
        assert refusal.message
        assert "\n" not in refusal.message
        assert refusal.remedy
        return
    assert len(kit.hash) == 64
    check_kit(kit, today=TODAY)
    assert kit_diff.diff(kit, kit) == []
    assert BrandKit.model_validate_json(kit.model_dump_json()).hash == kit.hash
