"""A catalogue described by a file."""

from __future__ import annotations

from collections import Counter

import pytest

from packshot.catalog.ledger.ledger import Ledger
from packshot.catalog.planning.catalog_file import Catalog
from packshot.catalog.planning.write_plan import write_plan
from packshot.catalog.seeds import item_seed
from packshot.errors import CatalogInvalid, PackshotError
from packshot.paths import shipped


def test_the_smallest_file_makes_what_the_command_makes(load_catalog, tmp_path):
    catalog = Catalog(load_catalog(""))
    assert [(item.item_id, item.seed) for item in catalog.plan.items] == [
        (sku, item_seed(sku, "", 0)) for sku in ("L", "M")
    ]
    assert catalog.file.table == str(tmp_path / "products.csv")


def test_rules_choose_workflow_and_templates_by_row(load_catalog):
    catalog = Catalog(
        load_catalog(
            "mapping: {prompt: 'plain {{ product.title }}'}\n"
            "rules:\n"
            "  - when: product.type == 'lamps'\n"
            "    workflow: explore-then-final\n"
            "    mapping: {prompt: 'lit {{ product.title }}'}\n"
            "  - {when: \"variant.options.color == 'green'\", skip: true}\n"
        )
    )
    lamp, mug = catalog.plan.items
    assert (lamp.inputs["prompt"], mug.inputs["prompt"]) == ("lit Lamp", "plain Mug")
    assert catalog.workflows[lamp.workflow].name == "explore-then-final"
    assert catalog.workflows[mug.workflow].name == "product-shot"


def test_a_rule_can_leave_rows_out(load_catalog):
    catalog = Catalog(load_catalog("rules: [{when: product.type == 'lamps', skip: true}]\n"))
    assert [item.item_id for item in catalog.plan.items] == ["M"]
    assert catalog.plan.problems == ()


def test_axes_multiply_and_only_angle_and_number_change_the_seed(load_catalog):
    catalog = Catalog(
        load_catalog(
            "mapping: {prompt: '{{ product.title }}/{{ angle }}/{{ locale }}/{{ channel }}/{{ number }}'}\n"
            "angles: [front, side]\nlocales: [en_US, de_DE]\nchannels: [plain, shopify]\nseeds: 3\n"
        )
    )
    items = catalog.plan.items
    assert len(items) == len({item.item_id for item in items}) == len({item.name for item in items}) == 2 * 24
    prompts = {item.item_id: item.inputs["prompt"] for item in items}
    assert prompts["M--side--de_DE--plain--2"] == "Becher/side/de_DE/plain/2"
    assert prompts["M--front--en_US--shopify"] == "Mug/front/en_US/shopify/"
    seeds: dict[tuple[str, str, str], set[int]] = {}
    for item in items:
        seeds.setdefault((item.sku, item.axes["angle"], item.axes.get("number", "")), set()).add(item.seed)
    assert all(len(own) == 1 for own in seeds.values())
    assert Counter(seed for own in seeds.values() for seed in own).most_common(1)[0][1] == 1


@pytest.mark.parametrize(
    ("text", "message", "place", "remedy"),
    [
        ("angels: [a]\n", "no field 'angels'", "angels", "angles"),
        ("retries: {atempts: 2}\n", "no field 'atempts'", "retries.atempts", "attempts"),
        ("seeds: many\n", "integer", "seeds", "correct"),
        ("rules: [{workflow: x}]\n", "missing", "rules[0].when", "when"),
        ("seeds: [\n", "not valid YAML", "", "correct"),
    ],
)
def test_a_wrong_file_says_where(load_catalog, text, message, place, remedy):
    with pytest.raises(CatalogInvalid) as caught:
        load_catalog(text)
    assert message in caught.value.message
    assert caught.value.place.endswith(place)
    assert remedy in caught.value.remedy


def test_a_wrong_rule_and_a_budget_that_is_too_small_are_refused(load_catalog):
    with pytest.raises(CatalogInvalid, match="product"):
        Catalog(load_catalog("rules: [{when: produkt.type}]\n"))
    with pytest.raises(CatalogInvalid, match="10 pictures, and its budget is 9"):
        Catalog(load_catalog("seeds: 5\nbudget: {pictures: 9}\n"))
    with pytest.raises(PackshotError, match="no channel 'amazn'"):
        Catalog(load_catalog("channels: [amazn]\n"))


def test_the_workflows_of_rules_lie_beside_the_file_too(load_catalog, tmp_path, monkeypatch):
    (tmp_path / "own.app.json").write_bytes((shipped("workflows") / "product-shot.app.json").read_bytes())
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    file = load_catalog(
        "workflow: own.app.json\nrules: [{when: 'product.type == \"lamps\"', workflow: own.app.json}]\n"
    )
    assert file.rules[0].workflow == file.workflow == str(tmp_path / "own.app.json")
    assert len(Catalog(file).plan.items) == 2


def test_an_item_of_one_product_is_never_taken_for_that_of_another(load_catalog, tmp_path):
    file = load_catalog("seeds: 2\n")
    (tmp_path / "products.csv").write_text("sku,title\nA,Mug\nA--1,Vase\nB,Bowl\n")
    plan = Catalog(file).plan
    assert [(item.item_id, item.title) for item in plan.items] == [
        ("A", "Mug"), ("A--1", "Mug"), ("B", "Bowl"), ("B--1", "Bowl"),
    ]  # fmt: skip
    (problem,) = plan.problems
    assert (problem.item_id, problem.message) == ("A--1", "'A--1' is a picture of 'A' in row 2 too")
    with Ledger(tmp_path / "run", create=True) as ledger:
        write_plan(ledger, plan)
        assert [(row["item_id"], row["state"]) for row in ledger.rows()][-1] == (problem.place, "failed")


def test_columns_and_encoding_of_the_table(load_catalog, tmp_path):
    (tmp_path / "export.csv").write_bytes("Kod;Nazwa;Foto;Foto 2\nA;dzień;a.jpg;b.jpg\n".encode("cp1250"))
    file = load_catalog("columns: {sku: Kod, title: Nazwa, images: [Foto, Foto 2]}\nencoding: cp1250\n")
    (product,) = Catalog(file.model_copy(update={"table": str(tmp_path / "export.csv")})).table.products
    assert (product.handle, product.title, product.images) == ("A", "dzień", ("a.jpg", "b.jpg"))
    with pytest.raises(CatalogInvalid) as caught:
        Catalog(load_catalog("columns: {titel: name}\n"))
    assert "did you mean 'title'?" in caught.value.remedy
