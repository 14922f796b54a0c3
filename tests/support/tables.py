"""Tables as shops and marketplaces export them."""

from __future__ import annotations

from pathlib import Path

import pytest

from packshot.catalog.table.read import read_table
from packshot.errors import CatalogInvalid

GOOGLE = (
    "id\ttitle\tdescription\tlink\timage link\tadditional image link\tbrand\tgtin\titem group id\tcolor\tsize\n"
    "M-S\tBlue mug\tA mug\thttps://x/m\thttps://x/1.jpg\thttps://x/2.jpg,https://x/3.jpg\tUs\t4006381333931\tMUG\tSand\tS\n"
    "M-L\tBlue mug, large\tA mug\thttps://x/m\thttps://x/4.jpg\t\tUs\t\tMUG\tKelp\tL\n"
    "V\tVase\tTall\thttps://x/v\thttps://x/v.jpg\t\tUs\t\t\t\t\n"
)

AMAZON = (
    "TemplateType=fptcustom\tVersion=2026.0101\tThe top 3 rows are for Amazon.com use only.\t\t\t\t\t\t\n"
    "Product Type\tSeller SKU\tProduct Name\tBrand\tParentage\tParent SKU\tMain Image\tOther Image\tColour\n"
    "feed_product_type\titem_sku\titem_name\tbrand_name\tparent_child\tparent_sku\tmain_image_url"
    "\tother_image_url1\tcolor_name\n"
    "shirt\tP\tShirt\tUs\tparent\t\thttps://x/p.jpg\t\t\n"
    "shirt\tC-R\tShirt, red\tUs\tchild\tP\thttps://x/r.jpg\thttps://x/r2.jpg\tRed\n"
    "shirt\tC-B\tShirt, blue\tUs\tchild\tP\thttps://x/b.jpg\t\tBlue\n"
    "hat\tH\tHat\tUs\t\t\thttps://x/h.jpg\t\tBlack\n"
)

MAGENTO = (
    "sku,store_view_code,attribute_set_code,product_type,name,description,base_image,additional_images,"
    "additional_attributes,configurable_variations\n"
    'T-R,,Top,simple,Tee red,,/r.jpg,"/r1.jpg,/r2.jpg","color=Red,size=S,note=a, b",\n'
    'T-B,,Top,simple,Tee blue,,/b.jpg,,"color=Blue,size=S",\n'
    'T,,Top,configurable,Tee,<p>Soft</p>,/t.jpg,,,"sku=T-R,color=Red|sku=T-B,color=Blue"\n'
    "T,de,,,Hemd,<p>Weich</p>,,,,\n"
    "C,,Cup,simple,Cup,,/c.jpg,,,\n"
)

AKENEO = (
    "sku;family;parent;categories;enabled;name-en_US;name-de_DE;description-de_DE-ecommerce;color;image\n"
    "A-1;mugs;mug;cups,home;1;Mug;Becher;Ein Becher;sand;files/a.jpg\n"
    "A-2;mugs;mug;cups,home;1;;Becher gross;;kelp;\n"
    "B;vases;;home;0;;Vase;;;files/b.jpg\n"
)

HEADER = "Handle,Title,Body (HTML),Tags,Option1 Name,Option1 Value,Option2 Name,Option2 Value,Variant SKU\n"

MUGS = HEADER + (
    'mug,Blue Mug,<p>One</p><p>Two</p>,"a, b",Size,S,Glaze color,Sand,M-S\nmug,,,,,L,,Kelp,M-L\nvase,Vase,,,,,,,\n'
)


def fault(path: Path) -> CatalogInvalid:
    with pytest.raises(CatalogInvalid) as caught:
        read_table(path)
    error = caught.value
    assert error.slug == "catalog-invalid"
    assert error.place.startswith(str(path))
    assert error.remedy
    return error
