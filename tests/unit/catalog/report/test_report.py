from __future__ import annotations

import base64
import csv
import dataclasses
import hashlib
import json
from datetime import datetime, timezone
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pyarrow.parquet as pq
import pytest
from PIL import Image

from packshot.brand import BrandKit
from packshot.catalog.ledger.records import Judged
from packshot.catalog.planning.catalog_file import Catalog, CatalogFile
from packshot.catalog.report.report import Entry, RunInfo, write_manifests, write_report
from packshot.catalog.run import CatalogRun
from packshot.errors import ChecksFailed, OutputUnwritable
from packshot.paths import shipped
from support.places import DATA

KIT = BrandKit.model_validate({"name": "Salt & <Stone>", "palette": [{"name": "oat", "hex": "#EFE6D6"}]})

RUN = RunInfo(KIT, "products.csv", "product-shot@1.0.0", 7, datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc))

EVIL = '<img src=x onerror=alert(1)> "quote" \'n </script><script>alert(2)</script>'


class Page(HTMLParser):
    """What a browser would find in the page: tags with their attributes, and the text of every script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self._script = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._script = tag == "script"
        if self._script:
            self.scripts.append("")

    def handle_endtag(self, _tag):
        self._script = False

    def handle_data(self, data):
        if self._script:
            self.scripts[-1] += data
        else:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def items(self) -> list[dict]:
        return json.loads(self.scripts[0])


def page(out: Path, name: str = "index.html") -> Page:
    return Page((out / name).read_text("utf-8"))


def entry(sku: str, **changes) -> Entry:
    made = Entry(
        item_id=sku,
        sku=sku,
        variant="",
        title=f"Title of {sku}",
        status="pending",
        file="",
        sha256="",
        seed=2**50 - 1,
        inputs={"prompt": "a mug, 急須", "negative": "text", "steps": 8},
        workflow="product-shot@1.0.0",
        brand="Salt",
        host="http://127.0.0.1:8188",
        prompt_id="0d3f",
        seconds=1.25,
        attempts=1,
        error=None,
        problems=(),
    )
    return dataclasses.replace(made, **changes)


def pictured(out: Path, sku: str, file: str, *, colour: str = "red", mode: str = "RGB", **changes) -> Entry:
    path = out / file
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (1200, 800), colour if mode in ("RGB", "RGBA") else 1).save(path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return entry(sku, **{"file": file, "sha256": sha256, "status": "done", **changes})


def test_a_sheet_shows_every_item_with_its_picture(tmp_path):
    entries = [
        pictured(tmp_path, "A", "pictures/A.png"),
        pictured(tmp_path, "B", "pictures/50% #ü.png", variant="Red / L", status="quarantined", problems=("too dark",)),
        entry(
            "C", status="failed", error={"slug": "out-of-memory", "message": "too big", "place": "", "remedy": "shrink"}
        ),
        entry("D"),
    ]
    index = write_report(tmp_path, RUN, lambda: entries)
    assert index == tmp_path / "index.html"
    sheet = page(tmp_path)
    images = [image for image in sheet.all("img") if "src" in image]
    assert [image["alt"] for image in images] == ["Title of A", "Title of B, Red / L"]
    for image in images:
        assert (image["loading"], image["width"], image["height"]) == ("lazy", "1200", "800")
        with Image.open(tmp_path / image["src"]) as thumb:
            assert (thumb.format, thumb.size) == ("WEBP", (512, 341))
    assert [unquote(item["file"]) for item in sheet.items[:2]] == ["pictures/A.png", "pictures/50% #ü.png"]
    assert [card["data-status"] for card in sheet.all("li") if "data-status" in card] == [e.status for e in entries]
    facts = sheet.items[0]["facts"]
    assert facts["Seed"] == str(2**50 - 1)
    assert (facts["Steps"], facts["Picture"], facts["Time"]) == ("8", "1200 × 800 px", "1.2 s")
    assert sheet.items[0]["prompt"] == "a mug, 急須"
    for said in ["Salt & <Stone>", "#EFE6D6", "out-of-memory", "too big", "shrink", "4 items"]:
        assert said in sheet.text


def test_everything_from_outside_is_text(tmp_path):
    hostile = {"slug": EVIL, "message": EVIL, "place": EVIL, "remedy": EVIL}
    entries = [
        entry(
            EVIL,
            title=EVIL,
            variant=EVIL,
            status="failed",
            error=hostile,
            inputs={EVIL: EVIL, "prompt": EVIL},
        ),
        pictured(tmp_path, "x", "pictures/x'x.png", title=EVIL, host=EVIL, problems=(EVIL,)),
    ]
    write_report(tmp_path, dataclasses.replace(RUN, table=EVIL, workflow=EVIL), lambda: entries)
    sheet = page(tmp_path)
    assert len(sheet.scripts) == 2
    assert not [image for image in sheet.all("img") if image.get("src") == "x" or "onerror" in image]
    assert not [name for _, attributes in sheet.tags for name in attributes if name.startswith("on")]
    assert [item["title"] for item in sheet.items] == [EVIL, EVIL]
    assert EVIL in sheet.text


def test_the_page_needs_no_network_and_runs_no_other_script(tmp_path):
    one = [pictured(tmp_path, "A", "a.png")]
    write_report(tmp_path, RUN, lambda: one)
    sheet = page(tmp_path)
    addresses = [value for _, attributes in sheet.tags for name, value in attributes.items() if name in ("src", "href")]
    assert addresses
    assert not [address for address in addresses if "//" in str(address)]
    (policy,) = [meta["content"] for meta in sheet.all("meta") if "http-equiv" in meta]
    assert policy.startswith("default-src 'none'")

    for source in sheet.scripts[1:]:
        digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
        assert f"script-src 'sha256-{digest}'" in policy


def test_thumbnails_are_kept_replaced_and_removed_with_their_pictures(tmp_path):
    def thumbs() -> dict[str, int]:
        return {path.name: path.stat().st_mtime_ns for path in (tmp_path / "thumbs").glob("*.webp")}

    first = [pictured(tmp_path, "A", "A.png"), pictured(tmp_path, "B", "B.png", colour="blue")]
    write_report(tmp_path, RUN, lambda: first)
    before = thumbs()
    (tmp_path / "thumbs" / "mine.webp").write_bytes(b"not ours")
    write_report(tmp_path, RUN, lambda: first)
    after = thumbs()
    assert after.pop("mine.webp")
    assert after == before
    second = [first[0], pictured(tmp_path, "B", "B.png", colour="green")]
    write_report(tmp_path, RUN, lambda: second)
    assert len(before.keys() & thumbs().keys()) == 1
    assert len(thumbs()) == 3


@pytest.mark.parametrize("mode", ["RGBA", "L", "LA", "P", "I;16", "1"])
def test_pictures_of_every_kind_get_a_thumbnail(tmp_path, mode):
    one = [pictured(tmp_path, "A", "A.png", mode=mode)]
    write_report(tmp_path, RUN, lambda: one)
    assert page(tmp_path).items[0]["thumb"]


def test_missing_broken_and_other_files_are_said_and_stop_nothing(tmp_path):
    whole = pictured(tmp_path, "A", "A.png")
    (tmp_path / "half.png").write_bytes((tmp_path / "A.png").read_bytes()[:200])
    (tmp_path / "clip.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    entries = [
        whole,
        entry("B", file="gone.png", sha256="0" * 64, status="done"),
        entry("C", file="half.png", sha256="1" * 64, status="done"),
        entry("D", file="clip.mp4", sha256="2" * 64, status="done"),
    ]
    write_report(tmp_path, RUN, lambda: entries)
    notes = [(bool(item["thumb"]), item["note"]) for item in page(tmp_path).items]
    assert notes == [
        (True, ""),
        (False, "the file is no longer there"),
        (False, "no preview of this file"),
        (False, "no preview of this file"),
    ]


@pytest.mark.parametrize(
    ("file", "sha256"), [("../secret.png", "a" * 64), ("//evil.example/x.png", "a" * 64), ("x.png", "../" * 8)]
)
def test_a_ledger_of_a_stranger_leads_to_nothing_outside(tmp_path, file, sha256):
    out = tmp_path / "run"
    out.mkdir()
    picture = Image.new("RGB", (8, 8), "red")
    picture.save(tmp_path / "secret.png")
    picture.save(out / "x.png")
    shown = entry("A", file=file, sha256=sha256)
    write_report(
        out, run=RunInfo(None, "t", "w@1", 1, datetime(2026, 1, 1, tzinfo=timezone.utc)), entries=lambda: [shown]
    )
    assert not list(tmp_path.rglob("*.webp"))
    text = (out / "index.html").read_text()
    assert 'href="//' not in text
    assert '"../' not in text.replace(sha256, "")


def test_five_hundred_items_a_page_and_an_index_over_all(tmp_path):
    write_report(tmp_path, RUN, lambda: (entry(f"S{number}", seconds=number / 2) for number in range(1001)))
    sizes = [len(page(tmp_path, name).items) for name in ("index.html", "index-2.html", "index-3.html")]
    assert sizes == [500, 500, 1]
    links = [link["href"] for link in page(tmp_path).all("a") if "index" in str(link.get("href"))]
    assert links == ["index.html", "index-2.html", "index-3.html"]
    script = (tmp_path / "report-index.js").read_text()
    rows = json.loads(script.removeprefix("packshotIndex(").removesuffix(")").replace(",\n]", "\n]"))
    assert [row[0] for row in rows] == [0] * 500 + [1] * 500 + [2]
    assert rows[700][1:] == ["S700", "Title of S700", "S700", "pending", None, 350.0, "", "", "a mug, 急須"]
    write_report(tmp_path, RUN, lambda: [entry("S")])
    assert not (tmp_path / "report-index.js").exists()


def test_earlier_attempts_are_shown_beside_what_was_kept(tmp_path):
    rejected = pictured(tmp_path, "x", "attempts/one.png", colour="blue")
    tried = [
        {"outcome": "lost", "reason": "the host died", "host": "http://h", "file": "", "sha256": ""},
        {"outcome": "rejected", "reason": "too dark", "host": "h", "file": rejected.file, "sha256": rejected.sha256},
    ]
    record = {"timings": {"3": 2.0}}
    kept = pictured(tmp_path, "A", "pictures/A.png", tried=tried, record=record, axes={"angle": "front"})
    write_report(tmp_path, RUN, lambda: [kept])
    (item,) = page(tmp_path).items
    assert [(one["outcome"], bool(one["thumb"])) for one in item["tried"]] == [("lost", False), ("rejected", True)]
    facts = item["facts"]
    assert (facts["Angle"], facts["Slowest nodes"]) == ("front", "3 2.0 s")


def test_the_chips_and_the_index_are_those_of_the_whole_run(tmp_path):
    entries = [*(entry(f"S{number}", status="done") for number in range(500)), entry("bad", status="failed")]
    write_report(tmp_path, RUN, lambda: entries)
    for name in ("index.html", "index-2.html"):
        assert [chip["data-status"] for chip in page(tmp_path, name).all("button") if "data-status" in chip] == [
            "",
            "done",
            "failed",
        ]


# ----- the review loop, with the real ledger


@pytest.fixture
def run(tmp_path):
    """A run of two rows whose table can be written anew; pictures are drawn here instead of by a host."""
    with CatalogRun(tmp_path / "run", create=True) as opened:
        yield opened


def plan(run: CatalogRun, **prompts: str) -> None:
    table = run.folder.parent / "table.csv"
    table.write_text("sku,title\n" + "".join(f"{sku},{title}\n" for sku, title in prompts.items()))
    run.plan(Catalog(CatalogFile(table=str(table))))


def draw(run: CatalogRun, sku: str, job: str, colour: str, *, quarantined: bool = False) -> None:
    staged = run.folder / "staged.png"
    Image.new("RGB", (40, 40), colour).save(staged)
    folder = "quarantine" if quarantined else "pictures"
    picture = (job, f"{folder}/{sku}.png", hashlib.sha256(staged.read_bytes()).hexdigest(), 1.0)

    def publish() -> None:
        (run.folder / folder).mkdir(exist_ok=True)
        staged.replace(run.folder / picture[1])

    run.ledger.begin(sku, job, "http://host")
    if quarantined:
        run.ledger.quarantine(*picture, Judged(1, []), ChecksFailed("too dark"), publish)
    else:
        run.ledger.accept(*picture, publish=publish)


def colours(run: CatalogRun, item: dict) -> list[tuple[int, ...]]:
    """Of the earlier attempts and the picture itself: what the thumbnail shows, which must be what the link opens."""
    shown = []
    for one in [*item["tried"], item]:
        with Image.open(run.folder / one["thumb"]) as thumb, Image.open(run.folder / unquote(one["file"])) as whole:
            thumb_colour, colour = (image.convert("RGB").getpixel((5, 5)) for image in (thumb, whole))
            assert all(abs(a - b) < 12 for a, b in zip(thumb_colour, colour, strict=True))
            shown.append(colour)
    return shown


RED, GREEN, BLUE = (255, 0, 0), (0, 128, 0), (0, 0, 255)


def test_after_a_changed_row_the_sheet_shows_the_new_picture_and_the_old_one_beside_it(run):
    plan(run, A="Mug", B="Vase")
    draw(run, "A", "11111111", "red")
    draw(run, "B", "22222222", "red")
    run.report()
    plan(run, A="Mug", B="Blue vase")
    draw(run, "B", "33333333", "blue")
    run.report()
    item = page(run.folder).items[1]
    assert colours(run, item) == [RED, BLUE]
    assert [one["outcome"] for one in item["tried"]] == ["replaced"]


def test_after_retries_of_quarantined_items_every_attempt_is_there(run):
    plan(run, A="Mug")
    draw(run, "A", "11111111", "red", quarantined=True)
    run.report()
    run.retry()
    draw(run, "A", "22222222", "green", quarantined=True)
    run.report()
    run.retry()
    draw(run, "A", "33333333", "blue")
    run.report()
    assert colours(run, page(run.folder).items[0]) == [RED, GREEN, BLUE]


def test_of_an_older_run_a_picture_that_was_overwritten_is_said_to_be_gone(run):
    plan(run, A="Mug")
    draw(run, "A", "11111111", "red")
    run.report()
    run.retry(["A"])
    draw(run, "A", "22222222", "blue")
    with run.ledger.transaction() as db:
        db.execute("UPDATE attempts SET file = 'pictures/A.png' WHERE prompt_id = '11111111'")
    run.report()
    (item,) = page(run.folder).items
    (tried,) = item.pop("tried")
    assert (tried["file"], tried["thumb"], tried["note"]) == ("", "", "its picture was not kept")
    assert colours(run, {**item, "tried": []}) == [BLUE]


def test_a_brand_alone_measures_and_refuses_nothing(run, tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("sku,title\nA,Mug\n")
    kit = shipped("examples") / "brands" / "aldern-quay"
    run.plan(Catalog(CatalogFile(table=str(table), brand=str(kit))))
    (gate,) = run.gates().values()
    of_the_brand = Image.new("RGB", (64, 64), BrandKit.load(kit).palette[0].hex)
    of_the_brand.save(tmp_path / "own.png")
    Image.new("RGB", (64, 64), "#FF00FF").save(tmp_path / "other.png")
    scores = {}
    for name in ("own.png", "other.png"):
        said = gate.judge(tmp_path / name, 0)
        assert (said.decision, said.reasons) == ("accept", ())
        scores[name] = {score["id"]: score["value"] for score in said.scores}
    assert scores["own.png"]["palette.coverage"] > 0.9 > 0.1 > scores["other.png"]["palette.coverage"]
    (tmp_path / "clip.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    assert gate.judge(tmp_path / "clip.mp4", 0).scores == ()


# ----- memory


def test_the_memory_of_a_real_job_is_shown_by_phase_in_gib(tmp_path):
    memory = json.loads((DATA / "memory.json").read_text())
    write_report(tmp_path, RUN, lambda: [pictured(tmp_path, "A", "A.png", record={"memory": memory})])
    facts = page(tmp_path).items[0]["facts"]
    assert [f"{name}, {said}" for name, said in facts.items() if name.startswith("Memory")] == [
        "Memory: text encoder, peak 1.06 GiB, 235.8 MiB of 235.8 MiB of weights resident",
        "Memory: sampling, peak 1.07 GiB, 0.0 MiB of 31.8 MiB of weights resident, budget: 0.0 MiB resident of"
        " 4.1 MiB allowed, headroom 0.50 GiB on cpu, where nothing is loaded that could be held back",
        "Memory: intermediates, float16, 0.0 MiB; PSNR against 32 bit 97.7 dB",
        "Memory: VAE decode, peak 1.07 GiB, 143.3 MiB of 143.3 MiB of weights resident, tiles of 64 pixels,"
        " features kept on cpu in float32",
    ]


def test_steps_down_and_phases_that_come_twice_are_shown(tmp_path):
    phases = [
        {"phase": "sampling", "peak": 3 * 2**30, "resident": None, "weights": None, "steps": []},
        {"phase": "sampling", "peak": 2**30, "resident": 2**30, "weights": 2**31, "steps": ["smaller tile"]},
    ]
    write_report(tmp_path, RUN, lambda: [pictured(tmp_path, "A", "A.png", record={"memory": phases})])
    facts = page(tmp_path).items[0]["facts"]
    assert facts["Memory: sampling"] == "peak 3.00 GiB"
    assert facts["Memory: sampling 2"] == (
        "peak 1.00 GiB, 1.00 GiB of 2.00 GiB of weights resident, step down: smaller tile"
    )


def test_a_run_without_items_or_brand(tmp_path):
    write_report(tmp_path, dataclasses.replace(RUN, kit=None), list)
    sheet = page(tmp_path)
    assert sheet.items == []
    assert "This run has no items." in sheet.text
    assert "products.csv" in sheet.text


def test_manifests_hold_every_field(tmp_path):
    entries = [
        entry("-1+2", title="=1+1", variant="+x", host="@h", prompt_id="\tx", brand="\rx"),
        entry(
            "B",
            title='a "b", c\nd',
            seconds=None,
            error={"slug": "timeout", "message": "m", "place": "p", "remedy": "r"},
        ),
    ]
    table, lines, parquet = write_manifests(tmp_path, iter(entries))
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    records = [json.loads(line) for line in lines.read_text("utf-8").splitlines()]
    names = [field.name for field in dataclasses.fields(Entry)]
    assert list(rows[0]) == list(records[0]) == names
    assert [rows[0][name] for name in ("sku", "title", "variant", "host", "prompt_id", "brand")] == [
        "'-1+2", "'=1+1", "'+x", "'@h", "'\tx", "'\rx",
    ]  # fmt: skip
    assert [records[0][name] for name in ("sku", "title", "host")] == ["-1+2", "=1+1", "@h"]
    assert rows[1]["title"] == records[1]["title"] == 'a "b", c\nd'
    assert (rows[0]["seconds"], rows[1]["seconds"], records[1]["seconds"]) == ("1.25", "", None)
    assert json.loads(rows[1]["inputs"]) == records[1]["inputs"] == dict(entries[1].inputs)
    assert json.loads(rows[1]["error"]) == records[1]["error"] == entries[1].error
    assert records[0]["seed"] == 2**50 - 1
    assert "急須" in rows[0]["inputs"]
    columns = pq.read_table(parquet).to_pylist()
    assert [row["title"] for row in columns] == ["=1+1", 'a "b", c\nd']
    assert (columns[0]["seed"], columns[1]["seconds"]) == (2**50 - 1, None)
    assert json.loads(columns[1]["inputs"]) == records[1]["inputs"]


def test_a_manifest_that_breaks_off_leaves_the_older_one(tmp_path):
    table, lines, parquet = write_manifests(tmp_path, [entry("old")])
    before = [path.read_bytes() for path in (table, lines, parquet)]

    def broken():
        yield entry("new")
        raise RuntimeError("the source went away")

    with pytest.raises(RuntimeError):
        write_manifests(tmp_path, broken())
    assert [path.read_bytes() for path in (table, lines, parquet)] == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["manifest.csv", "manifest.jsonl", "manifest.parquet"]


def test_a_folder_that_cannot_be_one_is_said(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("x")
    for write in (lambda: write_report(blocked, RUN, list), lambda: write_manifests(blocked, [])):
        with pytest.raises(OutputUnwritable) as caught:
            write()
        assert caught.value.remedy
        assert str(blocked) in caught.value.place
