"""Which font is taken for which text."""

from __future__ import annotations

from pathlib import Path

from packshot.compose.typesetting.fonts import find_fonts, system_folders
from support.text_faces import FACES, WORDS, face_for


def test_auto_takes_an_upright_sans_and_the_han_of_the_language() -> None:
    assert "Bold" not in face_for("abc").name.split()
    assert {"Italic", "Oblique", "Serif", "Mono"}.isdisjoint(face_for("abc").name.split())
    for name, region in (("japanese", "JP"), ("korean", "KR"), ("chinese", "SC")):
        marked = [face for face in FACES if region in face.split()]
        assert not marked or region in face_for(WORDS[name]).name.split()


def test_files_that_are_no_fonts_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "broken.ttf").write_bytes(b"not a font")
    (tmp_path / "empty.otf").write_bytes(b"")
    (tmp_path / "cut.ttf").write_bytes(face_for("abc").path.read_bytes()[:400])
    assert find_fonts([tmp_path, tmp_path / "nowhere"]) == {}


def test_fonts_of_the_users_own_folder_come_before_the_systems(tmp_path: Path) -> None:
    own = face_for("abc")
    (tmp_path / "deep").mkdir()
    copy = tmp_path / "deep" / own.path.name
    copy.write_bytes(own.path.read_bytes())
    assert find_fonts([tmp_path, *system_folders()])[own.name].path == copy
