"""Words of many scripts, and the fonts of this system."""

from __future__ import annotations

import pytest

from packshot.compose.typesetting.fallback import assign_faces
from packshot.compose.typesetting.fonts import AUTO, FontFace, find_fonts, system_folders
from packshot.errors import InputInvalid

WORDS = {
    "latin": "Handmade stoneware, fired twice: café & crème",
    "arabic": "مجموعة الصيف الجديدة",
    "hebrew": "קולקציית קיץ (חדשה)",
    "chinese": "全新陶瓷系列，手工制作，每一件都独一无二。",
    "japanese": "夏の新作コレクション「手づくりの器」を、ぜひご覧ください。",
    "korean": "도자기 컵 모음전",
    "mixed": "Kiln Harbor: מהדורה 2026, limited",
    "thai": "แก้วเซรามิกทำมือ ออกแบบมาเพื่อการใช้งานในชีวิตประจำวัน",
    "devanagari": "नमस्ते Kiln & Co. 2026",
    "emoji": "Sale 🔥 -50 % 👩‍👩‍👧 🇩🇪 1️⃣",
    "three scripts": "Tee 茶 شاي",
}

FACES = find_fonts(system_folders())


def faces_for(text: str, font: str = AUTO) -> list[FontFace]:
    """The face of each character; a test is skipped where this system has no font for one of them."""
    try:
        return assign_faces(text, FACES, font)
    except InputInvalid as error:
        pytest.skip(f"this system lacks a font: {error.message}")


def face_for(text: str) -> FontFace:
    """The face of the first character."""
    return faces_for(text)[0]
