from __future__ import annotations

import re
from pathlib import Path

import pytest

from packshot.brand import BrandKit
from packshot.errors import BrandInvalid
from packshot.paths import shipped

PALETTE = "name: x\npalette: [{{name: a, hex: '#112233', {}}}]\n"
GOOD = """\
name: Aldern Quay
palette:
  - {name: oat, hex: "#efe6d6", role: background}
prompt:
  prefix: photo of
"""


@pytest.fixture
def kit(tmp_path: Path):
    def write(content: str | bytes) -> Path:
        path = tmp_path / "brand.yaml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def test_folder_and_file_are_the_same_kit(kit):
    file = kit(GOOD)
    loaded = BrandKit.load(file)
    assert loaded == BrandKit.load(file.parent)
    assert (loaded.name, loaded.palette[0].hex, loaded.palette[0].role) == ("Aldern Quay", "#EFE6D6", "background")
    assert (loaded.prompt.prefix, loaded.prompt.suffix, loaded.prompt.negative) == ("photo of", "", "")


def test_the_hash_is_of_what_the_kit_says(kit):
    before = BrandKit.load(kit(GOOD)).hash
    assert re.fullmatch("[0-9a-f]{64}", before)
    again = '# a comment\nprompt: {prefix: "photo of", suffix: ""}\nname: "Aldern Quay"\n'
    again += "palette:\n- role: background\n  hex: '#EFE6D6'\n  name: oat\n"
    assert BrandKit.load(kit(again)).hash == before
    assert BrandKit.load(kit(GOOD.replace("photo", "picture"))).hash != before


def test_the_example_loads():
    loaded = BrandKit.load(shipped("examples") / "brands" / "aldern-quay")
    assert len(loaded.palette) == 5
    assert all([loaded.prompt.prefix, loaded.prompt.suffix, loaded.prompt.negative])


@pytest.mark.parametrize(
    ("content", "place", "message", "remedy"),
    [
        ("nme: x\nname: y\n", ", nme", "no field 'nme'", "did you mean 'name'?"),
        ("name: x\nprompt: {prefx: a}\n", ", prompt.prefx", "no field 'prefx'", "did you mean 'prefix'?"),
        ("name: x\npalette: [{nam: a, hex: '#000000'}]\n", ", palette[0].name", "missing", "add 'name:'"),
        ("palette: []\n", ", name", "missing", "add 'name:'"),
        (
            "name: x\npalette: [{name: a, hex: '#12345'}]\n",
            ", palette[0].hex",
            "'#12345' is not a colour",
            "as CSS does",
        ),
        ("name: x\npalette: [{name: a, hex: '#FF000080'}]\n", ", palette[0].hex", "see-through", "#FF0000"),
        ("name: x\npalette: [{name: a, hex: 112233}]\n", ", palette[0].hex", "112233 is not a colour", "quotes"),
        ("name: x\npalette:\n- name: a\n  hex: #112233\n", ", palette[0].hex", "the colour is empty", "quotes"),
        ("name: x\npalette: [{name: a, hex: '#112233', role: akcent}]\n", ", palette[0].role", "choices", "'accent'"),
        ("name: 7\n", ", name", "7 is no text", "quotes"),
        ("name:\n", ", name", "the field is empty", "write"),
        ("name: ''\n", ", name", "the text is empty", "write"),
        ("name: ' '\n", ", name", "the text is blank", "write"),
        (f"name: {'x' * 81}\n", ", name", "has 81 characters; it may have 80", "shorten it by 1"),
        (f"name: x\nprompt: {{suffix: {'x' * 2001}}}\n", ", prompt.suffix", "2,001 characters", "shorten"),
        (
            "name: x\npalette:\n" + "- {name: a, hex: '#112233'}\n" * 40,
            ", palette",
            "40 entries; it may have 32",
            "take 8 of them out",
        ),
        ("name: x\npalette: red\n", ", palette", "'red' is no list", "'- '"),
        ("name: x\npalette: [red]\n", ", palette[0]", "'red' is no section", "'name: value'"),
        ("name: x\nlocales: []\n", ", locales", "[] is no section", "'name: value'"),
        ("name: x\nlocales: {EN: {}}\n", ", locales", "'EN' is no language", "pt-BR"),
        ("name: x\nlocales: {no: {}}\n", ", locales", "the key False is no text", "quotes"),
        ("name: x\nprompt: {colours: maybe}\n", ", prompt.colours", "neither true nor false", "true or false"),
        ("name: x\nchannels: [A B]\n", ", channels[0]", "'A B' is no id of a channel", "amazon-main"),
        ("name: x\nlogos: [{name: a, file: ''}]\n", ", logos[0].file", "the text is empty", "write"),
        ("name: x\nlogos: [{name: a, file: x, sha256: z}]\n", ", logos[0].sha256", "'z' is no SHA-256", "64 digits"),
        ("name: x\nlogos: [{name: a, file: x, min_width: 1.5}]\n", ", logos[0].min_width", "no whole number", "64"),
        ("name: x\nlogos: [{name: a, file: x, min_width: 0}]\n", ", logos[0].min_width", "less than 1", "1 or more"),
        (PALETTE.format("tolerance: 101"), ", palette[0].tolerance", "101 is more than 100", "100 or less"),
        (PALETTE.format("tolerance: .nan"), ", palette[0].tolerance", "nan is no number", "number"),
        (PALETTE.format("tolerance: '6'"), ", palette[0].tolerance", "'6' is no number", "without quotes"),
        (
            f"name: x\napprovals: [{{by: a, date: soon, of: {'0' * 64}}}]\n",
            ", approvals[0].date",
            "'soon' is no date",
            "2026-11-30",
        ),
        ("name: a\nname: b\n", ", line 2, column 1", "'name' stands twice", "correct"),
        ("name: x\nprompt: {suffix: a, suffix: b}\n", ", line 2, column 21", "'suffix' stands twice", "correct"),
        ("name: [x\n", ", line 2, column 1", "expected", "correct"),
        ("name: !!python/object/apply:os.getcwd []\n", ", line 1, column 7", "constructor", "correct"),
        ("? [a]\n: b\n", ", line 1, column 3", "unhashable", "correct"),
        ("- a\n- b\n", "", "no fields", "name:"),
        ("", "", "no fields", "name:"),
        ("[" * 5000, "", "nested too deeply", "correct"),
        ("#" * 300_000, "", "300,000 bytes", "brand.yaml"),
        (b"name: Caf\xe9\n", ", line 1", "0xe9 at offset 9", "UTF-8"),
        ("name: \x01\n", "", "not valid YAML", "correct"),
    ],
)
def test_a_wrong_kit_says_where_and_what_to_do(kit, content, place, message, remedy):
    path = kit(content)
    with pytest.raises(BrandInvalid) as caught:
        BrandKit.load(path)
    error = caught.value
    assert (error.slug, error.exit_code) == ("brand-invalid", 2)
    assert message in error.message
    assert "\n" not in error.message
    assert remedy in error.remedy
    if place:
        assert error.place == f"{path}{place}"
    else:
        assert error.place.startswith(str(path))


def test_all_problems_are_counted(kit):
    with pytest.raises(BrandInvalid, match="2 more problems"):
        BrandKit.load(kit("nam: x\npalette: [{name: a, hex: blau}]\n"))


@pytest.mark.parametrize("name", ["", "nowhere", "nowhere.yaml"])
def test_no_kit_there(tmp_path, name):
    with pytest.raises(BrandInvalid, match=r"no such brand kit.*brand\.yaml"):
        BrandKit.load(tmp_path / name)


def test_a_kit_with_a_wrong_colour_is_not_begun(tmp_path: Path) -> None:
    with pytest.raises(BrandInvalid, match="not a colour"):
        BrandKit.new(tmp_path / "kit", "Kiln", {"oat": "oats"})
    with pytest.raises(BrandInvalid, match="cannot be read"):
        BrandKit.new(tmp_path / "kit", "Kiln", {}, tmp_path / "logo.png")
    assert not (tmp_path / "kit").exists()
    kit = BrandKit.new(tmp_path / "kit", "Kiln", {"oat": "#EFE6D6"})
    assert kit.palette[0].role == "background"
    assert kit.show()["hash"] == kit.hash
    assert [change.where for change in kit.diff(kit.model_copy(update={"version": "2"}))] == ["version"]


def test_a_kit_has_one_hash_in_whichever_form_its_colours_are_written(kit) -> None:
    hexadecimal, css = (
        BrandKit.load(kit(f"name: x\npalette: [{{name: a, hex: '{code}'}}]\n"))
        for code in ("#FF0000", " rgb(255 0 0) ")
    )
    assert css.hash == hexadecimal.hash
    assert css.palette[0].hex == "#FF0000"
