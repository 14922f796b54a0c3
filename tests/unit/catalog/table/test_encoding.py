"""Which encoding a table is in: read as what it is, or refused; never as something else."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packshot.catalog.table.read import read_table
from packshot.errors import CatalogInvalid
from support.tables import fault

# Titles as shops write them, by language.
TITLES = {
    "German": ["Große Schüssel, weiß", "Kännchen für zwölf 5 €", "Öllampe", "Becher „Nord“", "Ø 12 cm"],
    "French": [
        "Crème brûlée façon grand-mère",
        "Théière à fleurs",
        "Bol en grès émaillé",
        "Forêt d'été",
        "Où",
        "Tapis 3 m²",
    ],
    "Spanish": ["¿Taza o cuenco? Cerámica", "Jarrón pequeño", "Mañana", "Diseño español", "Baño"],
    "Danish": ["Kop blå, hvid og grøn", "Skål på fod", "Fløde", "Æble", "Ærø"],
    "Polish": ["Kubek żółty, łagodny", "Talerz głęboki śliwkowy", "Dzbanek źródlany", "Ćwierć", "Sól"],
    "Czech": ["Hrneček červený", "Talíř hluboký žlutý", "Šálek", "Ďábelský kůň", "Těžítko"],
    "Hungarian": ["Bögre, kézzel festett", "Fűszertartó", "Őszi színű", "Üveg", "Tál"],
    "Turkish": ["Kırmızı fincan, büyük", "Yeşil çaydanlık", "Gümüş kaşık", "Ağır", "Örtü"],
    "Lithuanian": ["Puodelis žalias, didelė lėkštė", "Šaukštas", "Ąžuolas", "Dubuo", "Grūdų"],
    "Russian": ["Кружка керамическая", "Синяя тарелка, большая", "Чайник", "Ваза", "Подсвечник"],
    "Greek": ["Κούπα κεραμική", "Πιάτο βαθύ", "Τσαγιέρα", "Βάζο", "Ποτήρι"],
    "Hebrew": ["ספל קרמי", "צלחת עמוקה", "אגרטל גדול", "כוס", "קנקן"],
    "Japanese": ["大きなマグカップ", "陶器の美しい花瓶", "青い皿、5個", "急須", "ガラスの器"],
    "Chinese": ["陶瓷马克杯", "蓝色盘子，大号", "玻璃花瓶", "茶壶", "木碗"],
    "Korean": [
        "도자기 머그컵",
        "파란 접시, 큰",
        "유리 꽃병",
        "하얀 촛대와 구리 냄비",
        "찻주전자",
        "나무 그릇",
        "손으로 만든 도자기 그릇과 접시 세트 선물 상자 포장",
    ],
}
ENCODINGS = (
    *("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252", "iso8859-15", "cp1250", "iso8859-2", "cp1254", "cp1257"),
    *("cp1251", "koi8-r", "cp1253", "cp1255", "cp932", "euc_jp", "gb18030", "euc_kr", "mac-roman", "cp850", "cp852"),
)


def write(path: Path, encoding: str, delimiter: str, titles: list[str]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerows([["sku", "title", "note"], *([f"{n:04}", title, f"a{n} b"] for n, title in enumerate(titles))])
    path.write_bytes(text.getvalue().encode(encoding))


@settings(deadline=None, max_examples=400)
@given(data=st.data())
def test_a_table_in_any_encoding_is_read_as_it_is_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    language = data.draw(st.sampled_from(sorted(TITLES)), "language")
    titles = data.draw(st.lists(st.sampled_from(TITLES[language]), min_size=1, max_size=8), "titles")
    encoding = data.draw(st.sampled_from(ENCODINGS), "encoding")
    delimiter = data.draw(st.sampled_from(",;\t|"), "delimiter")
    path = tmp_path_factory.getbasetemp() / "table.csv"
    try:
        write(path, encoding, delimiter, titles)
    except UnicodeEncodeError:
        return
    try:
        table = read_table(path)
    except CatalogInvalid:
        table = read_table(path, encoding=encoding)
    assert [(p.handle, p.title) for p in table.products] == [(f"{n:04}", title) for n, title in enumerate(titles)]


@pytest.mark.parametrize(
    ("language", "encoding"),
    [
        ("German", "cp1252"),
        ("German", "mac-roman"),
        ("French", "cp1252"),
        ("Spanish", "cp1252"),
        ("Danish", "cp1252"),
        ("Polish", "cp1250"),
        ("Polish", "iso8859-2"),
        ("Czech", "cp1250"),
        ("Hungarian", "cp1250"),
        ("Turkish", "cp1254"),
        ("Lithuanian", "cp1257"),
        ("Russian", "cp1251"),
        ("Russian", "koi8-r"),
        ("Japanese", "cp932"),
        ("Chinese", "gb18030"),
        ("Korean", "cp949"),
        ("Korean", "utf-16"),
        ("Chinese", "utf-16-be"),
    ],
)
def test_what_a_spreadsheet_writes_is_read_and_noted(tmp_path, language, encoding):
    path = tmp_path / "table.csv"
    write(path, encoding, ";", TITLES[language])
    table = read_table(path)
    assert [p.title for p in table.products] == TITLES[language]
    assert table.encoding == encoding
    assert table.notes[0].startswith(f"not UTF-8 but {encoding}")


@pytest.mark.parametrize(
    ("titles", "encoding", "readings"),
    [
        (["Mug", "dzień"], "cp1250", ["'dzieñ' in cp1252", "'dzień' in cp1250"]),
        (["kırmızı"], "cp1254", ["'kýrmýzý' in cp1252", "'kırmızı' in cp1254"]),
        (["myš"], "iso8859-2", ["'myš' in iso8859-2", "'myą' in cp1250"]),
        (["Crème"], "cp1252", ["'Crème' in cp1252", "'Crčme' in cp1250"]),
        (["머그컵"], "cp949", ["'머그컵' in cp949", "in gb18030"]),
    ],
)
def test_two_plausible_readings_are_both_shown_and_one_can_be_chosen(tmp_path, titles, encoding, readings):
    path = tmp_path / "table.csv"
    write(path, encoding, ",", titles)
    error = fault(path)
    assert all(reading in error.message for reading in readings)
    assert "--encoding" in error.remedy
    assert error.place.endswith(f"line {len(titles) + 1}")
    table = read_table(path, encoding=encoding)
    assert ([p.title for p in table.products], table.notes) == (titles, ())


@pytest.mark.parametrize(
    ("encoding", "message"),
    [
        ("cp1253", "not cp1253: byte 0xff at offset 14"),
        ("utf-8", "not utf-8"),
        ("base64", "no encoding 'base64'"),
        ("x", "'x'"),
    ],
)
def test_a_choice_that_cannot_be_right_is_refused(table, encoding, message):
    path = table(b"sku,title\nA,Fl\xffsse\n")
    with pytest.raises(CatalogInvalid, match=re.escape(message)) as caught:
        read_table(path, encoding=encoding)
    assert caught.value.remedy


def test_a_format_that_says_its_own_takes_no_encoding(read):
    with pytest.raises(CatalogInvalid, match="a file in XML says its own"):
        read_table(
            read("<rss><item><id>1</id><title>x</title><image_link>y</image_link></item></rss>").where, encoding="utf-8"
        )


def test_a_part_in_another_encoding_is_refused(table):
    error = fault(table("sku,title\nA,Grüße aus der Küche\nB,Äpfel\n".encode() + "C,für dich\n".encode("cp1252")))
    assert "no other encoding fits the whole file" in error.message
    assert error.place.endswith("line 4")
