"""The plan file: rules, axes, budget, and what a dry run says."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from packshot.catalog.ledger.ledger import Ledger
from packshot.catalog.planning.catalog_file import Catalog, CatalogFile
from packshot.catalog.planning.write_plan import write_plan
from packshot.catalog.run import CatalogRun
from packshot.catalog.seeds import item_seed
from packshot.cli.main import app
from packshot.errors import CatalogInvalid, HostUnreachable, InputUnknown, PackshotError
from packshot.paths import shipped
from support.places import ROOT

TABLE = (
    "sku;family;enabled;categories;name-en_US;name-de_DE;color\n"
    "L;lamps;1;x;Lamp;Lampe;red\nM;mugs;1;x;Mug;Becher;blue\n"
)


@pytest.fixture
def load(tmp_path: Path):
    (tmp_path / "products.csv").write_text(TABLE)

    def make(text: str) -> CatalogFile:
        path = tmp_path / "catalog.yaml"
        path.write_text("table: products.csv\n" + text)
        return CatalogFile.load(path)

    return make


def test_the_smallest_file_makes_what_the_command_makes(load, tmp_path):
    catalog = Catalog(load(""))
    assert [(item.item_id, item.seed) for item in catalog.plan.items] == [
        (sku, item_seed(sku, "", 0)) for sku in ("L", "M")
    ]
    assert catalog.file.table == str(tmp_path / "products.csv")


def test_rules_choose_workflow_and_templates_by_row(load):
    catalog = Catalog(
        load(
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


def test_a_rule_can_leave_rows_out(load):
    catalog = Catalog(load("rules: [{when: product.type == 'lamps', skip: true}]\n"))
    assert [item.item_id for item in catalog.plan.items] == ["M"]
    assert catalog.plan.problems == ()


def test_axes_multiply_and_only_angle_and_number_change_the_seed(load):
    catalog = Catalog(
        load(
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
def test_a_wrong_file_says_where(load, text, message, place, remedy):
    with pytest.raises(CatalogInvalid) as caught:
        load(text)
    assert message in caught.value.message
    assert caught.value.place.endswith(place)
    assert remedy in caught.value.remedy


def test_a_wrong_rule_and_a_budget_that_is_too_small_are_refused(load):
    with pytest.raises(CatalogInvalid, match="product"):
        Catalog(load("rules: [{when: produkt.type}]\n"))
    with pytest.raises(CatalogInvalid, match="10 pictures, and its budget is 9"):
        Catalog(load("seeds: 5\nbudget: {pictures: 9}\n"))
    with pytest.raises(PackshotError, match="no channel 'amazn'"):
        Catalog(load("channels: [amazn]\n"))


def test_a_dry_run_says_what_it_takes(load, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    file = load("hosts: [a, b]\n")
    (tmp_path / "cache" / "packshot").mkdir(parents=True)
    measured = {f"{Catalog(file).workflows[''].sha256} default": {"seconds": 8.0, "bytes": 1000, "pictures": 5}}
    command = ["catalog", "run", str(tmp_path / "catalog.yaml"), "--dry-run", "--json"]
    before = json.loads(CliRunner().invoke(app, command).stdout)
    (tmp_path / "cache" / "packshot" / "timings.json").write_text(json.dumps(measured))
    after = json.loads(CliRunner().invoke(app, command).stdout)
    assert (before["rows"], before["jobs"], before["expected_seconds"], before["disk_bytes"]) == (2, 2, None, None)
    assert (after["expected_seconds"], after["disk_bytes"], after["hosts"]) == (8.0, 2000, 2)
    assert after["licence"]["decision"] == "allow"
    assert after["disk_free"] > 0


def test_a_run_knows_its_phases_and_the_locks_of_its_workflows(load, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = ROOT / "workflows" / "releases" / "product-shot"
    newest = max(folder.glob("*.lock.json"), key=lambda path: tuple(map(int, path.name.split(".")[:3])))
    planned = Catalog(load("workflow: product-shot\nphases: false"))
    with CatalogRun(tmp_path / "run", create=True) as run:
        run.plan(planned)
        facts = run.ledger.facts()
    assert facts["phases"] is False
    assert facts["locks"] == {"": hashlib.sha256(newest.read_bytes()).hexdigest()}


def test_the_workflows_of_rules_lie_beside_the_file_too(load, tmp_path, monkeypatch):
    (tmp_path / "own.app.json").write_bytes((shipped("workflows") / "product-shot.app.json").read_bytes())
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    file = load("workflow: own.app.json\nrules: [{when: 'product.type == \"lamps\"', workflow: own.app.json}]\n")
    assert file.rules[0].workflow == file.workflow == str(tmp_path / "own.app.json")
    assert len(Catalog(file).plan.items) == 2


def test_an_item_of_one_product_is_never_taken_for_that_of_another(load, tmp_path):
    file = load("seeds: 2\n")
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


def test_inspect_refuses_what_a_run_of_the_same_file_would(load, tmp_path):
    load(
        "brand: kit\nseeds: 2\nmapping: {prompt: '{{ product.title }} by {{ brand.name }}'}\n"
        "rules:\n  - {when: 'product.type == \"mugs\"', mapping: {prompt: '{{ row.color.nothing.at_all }}'}}\n"
    )
    (tmp_path / "kit").mkdir()
    (tmp_path / "kit" / "brand.yaml").write_text("name: Salt\n")
    done = CliRunner().invoke(app, ["catalog", "inspect", str(tmp_path / "catalog.yaml"), "--json"])
    answer = json.loads(done.stdout)
    assert done.exit_code == 3
    assert (answer["pictures"], answer["workflows"]) == (2, {"product-shot": 2})
    assert answer["templates"]["prompt"] == "{{ product.title }} by {{ brand.name }}"
    assert [problem["item_id"] for problem in answer["refused"]] == ["M", "M--1"]
    dry = CliRunner().invoke(app, ["catalog", "run", str(tmp_path / "catalog.yaml"), "--dry-run", "--json"])
    said = json.loads(dry.stdout)
    assert [problem["message"] for problem in said["problems"]] == [one["message"] for one in answer["refused"]]
    assert len(said["items"]) == answer["pictures"]


def test_inspect_says_when_no_host_was_asked_for_the_values(load, tmp_path):
    load("mapping: {width: wide}\n")
    done = CliRunner().invoke(app, ["catalog", "inspect", str(tmp_path / "catalog.yaml"), "--json"])
    answer = json.loads(done.stdout)
    assert (done.exit_code, answer["host"], answer["refused"]) == (0, None, [])
    assert "no host was asked which values its nodes take: give --host" in answer["notes"][-1]
    load("hosts: ['http://127.0.0.1:9']\n")
    done = CliRunner().invoke(app, ["catalog", "inspect", str(tmp_path / "catalog.yaml"), "--json"])
    answer = json.loads(done.stdout)
    assert (done.exit_code, answer["host"]) == (0, None)
    assert "[host-unreachable] http://127.0.0.1:9" in answer["notes"][-1]
    named = ["--host", "http://127.0.0.1:9"]
    done = CliRunner().invoke(app, ["catalog", "inspect", str(tmp_path / "catalog.yaml"), *named])
    assert isinstance(done.exception, HostUnreachable)


def test_inspect_knows_the_workflow_that_it_is_asked_for(tmp_path):
    (tmp_path / "table.csv").write_text("sku,title\nA,Mug\n")
    command = ["catalog", "inspect", str(tmp_path / "table.csv"), "--set", "colour=1"]
    done = CliRunner().invoke(app, [*command, "--workflow", "white-background"])
    assert isinstance(done.exception, InputUnknown)
    assert "white-background has no input 'colour'" in str(done.exception)


@pytest.mark.parametrize("options", [["--dry-run"], ["--dry-run", "--json"]])
def test_what_was_unusual_about_a_table_is_said_before_it_runs(tmp_path, options):
    (tmp_path / "table.csv").write_bytes("sku,title\nA,Teller gr\u00f6\u00dfer\n".encode("cp1252"))
    done = CliRunner().invoke(app, ["catalog", "run", str(tmp_path / "table.csv"), *options])
    assert done.exit_code == 0
    assert "note: not UTF-8 but cp1252" in done.stderr
    if "--json" in options:
        assert json.loads(done.stdout)["notes"][0].startswith("not UTF-8 but cp1252")
