"""Feeds in RSS and Atom, and XML of other shops."""

from __future__ import annotations

import pytest

from packshot.catalog.table import xml_rows as module
from packshot.catalog.table.read import read_table
from support.tables import fault

RSS = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel><title>Shop</title><image><url>logo</url></image>
<item><title>For people</title><g:id>0042</g:id><g:title><![CDATA[Krug & Becher]]></g:title>
  <g:image_link>https://x/1.jpg</g:image_link><g:additional_image_link>https://x/2.jpg</g:additional_image_link>
  <g:additional_image_link>https://x/3.jpg</g:additional_image_link><g:item_group_id>K</g:item_group_id>
  <g:color>Grün</g:color><g:shipping><g:country>DE</g:country><g:price>4 EUR</g:price></g:shipping></item>
<item><g:id>0043</g:id><g:title>Krug</g:title><g:image_link>https://x/4.jpg</g:image_link>
  <g:item_group_id>K</g:item_group_id><g:color>Rot</g:color></item>
</channel></rss>"""

ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0"><title>Shop</title>
<entry><id>tag:1</id><g:id>A</g:id><title>Mug</title><link href="https://x/p"/><g:image_link>https://x/1.jpg</g:image_link>
</entry></feed>"""

SHOP = """<?xml version="1.0" encoding="windows-1250"?><catalog><product id="7"><sku>A</sku><name>Żółty kubek</name>
<images><image>https://x/1.jpg</image><image>https://x/2.jpg</image></images></product></catalog>"""


def test_an_rss_feed(read):
    table = read(RSS)
    assert (table.format, table.dialect, table.problems) == ("xml", "google", ())
    (product,) = table.products
    assert (product.handle, product.title) == ("K", "Krug & Becher")
    assert product.images == ("https://x/1.jpg", "https://x/2.jpg", "https://x/3.jpg", "https://x/4.jpg")
    assert [(v.sku, v.title, v.image) for v in product.variants] == [
        ("0042", "Grün", "https://x/1.jpg"),
        ("0043", "Rot", "https://x/4.jpg"),
    ]
    assert product.row["shipping.price"] == "4 EUR"
    assert table.place(product.variants[1].row).endswith("row 3 (line 7)")


def test_an_atom_feed(read):
    (product,) = read(ATOM).products
    assert (product.handle, product.title, product.images) == ("A", "Mug", ("https://x/1.jpg",))


def test_xml_of_another_shop_in_its_own_encoding(tmp_path):
    path = tmp_path / "feed.xml"
    path.write_bytes(SHOP.encode("cp1250"))
    table = read_table(path, columns={"images": "images.image"})
    (product,) = table.products
    assert (product.handle, product.title, product.row["id"]) == ("A", "Żółty kubek", "7")
    assert product.images == ("https://x/1.jpg", "https://x/2.jpg")


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            f'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY l0 "ha">{LAUGHS}]><rss><item><id>&l9;</id></item></rss>',
            "entities",
        ),
        ('<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><item><id>&x;</id></item></rss>', "entities"),
        ("<rss><item><id>1</id></rss>", "cannot be read"),
        ("<rss><channel><title>Empty</title></channel></rss>", "holds no products"),
        (f"<rss><item>{'<a>' * 60}x{'</a>' * 60}</item></rss>", "more than 50 deep"),
        ("<!DOCTYPE html><html><body>Log in</body></html>", "web page"),
    ],
)
def test_xml_that_is_refused(tmp_path, content, message):
    path = tmp_path / "feed.xml"
    path.write_text(content)
    assert message in fault(path).message


def test_more_than_a_table_may_have_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_MOST_TEXTS", 3)
    path = tmp_path / "feed.xml"
    path.write_text(RSS)
    assert "more than a table may have" in fault(path).message
