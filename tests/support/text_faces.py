"""Words of many scripts, and fonts that have their letters."""

from __future__ import annotations

import pytest

from packshot.compose import fonts
from packshot.compose.fonts import FontFace, find_fonts, system_folders
from packshot.compose.text import needed_characters
from packshot.errors import InputInvalid

WORDS = {
    "latin": "Handmade stoneware, fired twice: café & crème",
    "arabic": "مجموعة الصيف الجديدة",
    "hebrew": "קולקציית קיץ (חדשה)",
    "chinese": "全新陶瓷系列，手工制作，每一件都独一无二。",
    "japanese": "夏の新作コレクション「手づくりの器」を、ぜひご覧ください。",
    "korean": "도자기 컵 모음전",
    "mixed": "Kiln Harbor: מהדורה 2026, limited",
}

FACES = find_fonts(system_folders())


def face_for(text: str) -> FontFace:
    try:
        return fonts.chosen(FACES, fonts.AUTO, needed_characters(text))
    except InputInvalid:
        pytest.skip(f"this system has no font for {text}")
