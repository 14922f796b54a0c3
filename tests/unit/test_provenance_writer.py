"""Files as they are written, read back by Pillow, exiftool and C2PA's validator, and by `packshot verify`."""

from __future__ import annotations

import datetime
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from PIL import Image
from typer.testing import CliRunner

from packshot.catalog.ledger.ledger import Ledger
from packshot.catalog.planning.items import Item, Plan
from packshot.catalog.planning.write_plan import write_plan
from packshot.cli.main import app
from packshot.errors import InputInvalid, OutputUnwritable
from packshot.provenance.credentials import TEST_ORGANISATION, load_credentials, make_test_credentials
from packshot.provenance.encoding import encode, srgb_profile
from packshot.provenance.manifest import Ingredient, read_manifest
from packshot.provenance.marking import Statement
from packshot.provenance.reading import read_account
from packshot.provenance.writer import WriteOptions, write_picture
from support.planted import PHOTOGRAPHS, encoded, photo, photograph, product, shape

STATEMENT = Statement(
    "composite",
    "Müg & <Co>",
    "© 2026 Aldern Quay",
    "Aldern Quay",
    {"workflow": "product-shot@1.0.0", "seed": 7, "é": "日本"},
)
FORMATS = [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp")]


@pytest.mark.parametrize(("file_format", "ending"), FORMATS)
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("name", ["coffee.png", "rocket.jpg"])
def test_a_file_says_what_was_stated(file_format: str, ending: str, signed: bool, name: str, tmp_path: Path) -> None:
    options = WriteOptions(
        file_format,
        credentials=make_test_credentials() if signed else None,
        ingredients=[Ingredient(photograph("chelsea.png"))],
    )
    written = write_picture(photo(name).pixels, tmp_path, f"a.{ending}", STATEMENT, options)
    assert written.file == tmp_path / f"a.{ending}"
    assert written.bytes == written.file.stat().st_size
    assert written.sha256 == hashlib.sha256(written.file.read_bytes()).hexdigest()
    account = read_account(written.file)
    assert account.statement is not None
    assert account.source_type == STATEMENT.source_type
    assert (account.statement.title, account.statement.rights) == (STATEMENT.title, STATEMENT.rights)
    assert account.statement.recipe == STATEMENT.recipe
    assert account.graph == ()
    assert account.problems == ()
    assert account.manifest.state == ("valid" if signed else "absent")
    if signed:
        assert account.manifest.test
        assert account.manifest.signer == TEST_ORGANISATION
        assert account.manifest.actions == ("c2pa.created", "c2pa.placed")
        assert account.manifest.ingredients == ("chelsea.png",)
        assert account.manifest.source_type == STATEMENT.source_type
    with Image.open(written.file) as image:
        image.load()
        assert image.format == file_format
        assert image.info["icc_profile"] == srgb_profile()
        difference = np.abs(np.asarray(image.convert("RGB")).astype(int) - photo(name).pixels)
    assert difference.max() == 0 if file_format == "PNG" else difference.mean() < 3


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
@pytest.mark.parametrize(("file_format", "ending"), FORMATS)
def test_exiftool_reads_the_same(file_format: str, ending: str, tmp_path: Path) -> None:
    options = WriteOptions(file_format, credentials=make_test_credentials())
    written = write_picture(photo("coffee.png").pixels, tmp_path, f"a.{ending}", STATEMENT, options)
    answer = subprocess.run(
        ["exiftool", "-j", "-G1", "-validate", "-all", str(written.file)],
        capture_output=True,
        check=True,
        text=True,
    )
    (said,) = json.loads(answer.stdout)
    assert said["XMP-iptcExt:DigitalSourceType"] == STATEMENT.source_type
    assert said["XMP-dc:Title"] == STATEMENT.title
    assert said["XMP-dc:Rights"] == STATEMENT.rights
    assert said["XMP-dc:Creator"] == "Aldern Quay"
    assert said["File:FileType"].endswith(file_format)  # a WebP with metadata is an "Extended WEBP"
    assert said["ICC-header:ColorSpaceData"] == "RGB "
    assert said["ExifTool:Validate"] == "OK"


def test_a_jpeg_keeps_every_colour_sample_and_white(tmp_path: Path) -> None:
    written = write_picture(product(), tmp_path, "a.jpg", STATEMENT)
    with Image.open(written.file) as image:
        assert image.layer == [(1, 1, 1, 0), (2, 1, 1, 1), (3, 1, 1, 1)]  # sampling 1x1 of each: 4:4:4
        assert (np.asarray(image)[:30] == 255).all()


@pytest.mark.parametrize("name", PHOTOGRAPHS)
@pytest.mark.parametrize("file_format", ["JPEG", "WEBP"])
@pytest.mark.parametrize("signed", [False, True])
def test_the_best_quality_within_a_limit(name: str, file_format: str, signed: bool, tmp_path: Path) -> None:
    pixels = photo(name).pixels
    signing = make_test_credentials() if signed else None
    free = write_picture(pixels, tmp_path, "free.bin", STATEMENT, WriteOptions(file_format, credentials=signing))
    limit = free.bytes * 2 // 3
    within = write_picture(
        pixels, tmp_path, "within.bin", STATEMENT, WriteOptions(file_format, max_bytes=limit, credentials=signing)
    )
    assert within.bytes <= limit
    assert 40 <= within.quality < free.quality == 95
    better = WriteOptions(file_format, quality=within.quality + 1, credentials=signing)
    assert (
        write_picture(pixels, tmp_path, "better.bin", STATEMENT, better).bytes > limit - 50
    )  # a signature's size varies


def test_what_cannot_be_small_enough(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (300, 300, 3), np.uint8)
    for file_format in ("JPEG", "PNG", "WEBP"):
        with pytest.raises(InputInvalid, match="the limit is 2,000"):
            write_picture(noise, tmp_path, "a.bin", STATEMENT, WriteOptions(file_format, max_bytes=2000))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("quality", [1, 50, 95, 100])
def test_noise_of_any_quality(quality: int) -> None:
    noise = Image.fromarray(np.random.default_rng(2).integers(0, 256, (700, 900, 3), np.uint8))
    data = encode(noise, "JPEG", xmp=b"<a/>", quality=quality).data
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        assert (image.format, image.size) == ("JPEG", noise.size)


@pytest.mark.parametrize(("file_format", "ending"), FORMATS)
def test_the_same_bytes_again_in_another_process(file_format: str, ending: str, tmp_path: Path) -> None:
    program = (
        "import sys, numpy as np; from pathlib import Path; from packshot.provenance.writer import *;"
        "from packshot.provenance.marking import Statement;"
        f"p = np.load('{tmp_path}/p.npy');"
        f"print(write_picture(p, Path(sys.argv[1]), 'a.{ending}', Statement('generated', recipe={{'b': 1, 'a': 2}}),"
        f" WriteOptions('{file_format}')).sha256)"
    )
    np.save(tmp_path / "p.npy", photo("chelsea.png").pixels)
    runs = [
        subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / folder)],
            capture_output=True, text=True, check=True, env={**os.environ, "PYTHONHASHSEED": folder},
        ).stdout
        for folder in ("1", "2")
    ]  # fmt: skip
    assert runs[0] == runs[1]


def test_transparency(tmp_path: Path) -> None:
    pixels = shape(200)
    kept = write_picture(pixels, tmp_path, "a.png", STATEMENT, WriteOptions("PNG"))
    with Image.open(kept.file) as image:
        assert np.array_equal(np.asarray(image), pixels)
    flat = write_picture(pixels, tmp_path, "a.jpg", STATEMENT, WriteOptions("JPEG", background=(239, 230, 214)))
    with Image.open(flat.file) as image:
        assert np.abs(np.asarray(image)[5, 5].astype(int) - (239, 230, 214)).max() <= 1


def test_the_graph_is_kept_only_when_asked(tmp_path: Path) -> None:
    graph = {"prompt": json.dumps({"1": {"class_type": "KSampler"}}), "workflow": "{}"}
    kept = write_picture(product(), tmp_path, "kept.png", STATEMENT, WriteOptions("PNG", graph=graph))
    assert read_account(kept.file).graph == ("prompt", "workflow")
    with Image.open(kept.file) as image:
        assert json.loads(image.info["prompt"]) == {"1": {"class_type": "KSampler"}}
    with pytest.raises(InputInvalid, match="keeps no graph"):
        write_picture(product(), tmp_path, "a.jpg", STATEMENT, WriteOptions("JPEG", graph=graph))


@pytest.mark.parametrize("name", ["../a.png", "a/b.png", "/etc/x.png", "..", "", ".", "a\\b.png", "a\0.png"])
def test_a_name_that_leads_elsewhere(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match="is no name of a file"):
        write_picture(product(), tmp_path / "inside", name, STATEMENT)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("pixels", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((4, 4, 2), np.uint8)])
def test_what_is_no_picture(pixels: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match="is no picture"):
        write_picture(pixels, tmp_path, "a.png", STATEMENT)


def test_a_folder_that_refuses(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputUnwritable):
        write_picture(product(), tmp_path / "file", "a.png", STATEMENT, WriteOptions("PNG"))


def test_an_older_file_stays_when_a_new_one_cannot_be_made(tmp_path: Path) -> None:
    first = write_picture(product(), tmp_path, "a.jpg", STATEMENT)
    with pytest.raises(InputInvalid):
        write_picture(product(), tmp_path, "a.jpg", STATEMENT, WriteOptions(max_bytes=100))
    assert hashlib.sha256(first.file.read_bytes()).hexdigest() == first.sha256


@pytest.mark.parametrize(("file_format", "ending"), FORMATS)
@pytest.mark.parametrize("share", [0.2, 0.4, 0.5, 0.7, 0.9])
def test_a_changed_picture_does_not_hold(file_format: str, ending: str, share: float, tmp_path: Path) -> None:
    options = WriteOptions(file_format, credentials=make_test_credentials())
    data = bytearray(
        write_picture(photo("coffee.png").pixels, tmp_path, f"a.{ending}", STATEMENT, options).file.read_bytes()
    )
    data[int(len(data) * share)] ^= 1
    report = read_manifest(bytes(data), file_format)
    assert not report.holds
    assert report.problems


def test_an_edit_names_its_original(tmp_path: Path) -> None:
    statement = Statement("retouched", "Mug")
    options = WriteOptions(
        "JPEG",
        credentials=make_test_credentials(),
        ingredients=[Ingredient(photograph("coffee.png"), "original"), Ingredient(photograph("rocket.jpg"))],
    )
    manifest = write_picture(product(), tmp_path, "a.jpg", statement, options).manifest
    assert manifest is not None
    assert manifest.actions == ("c2pa.opened", "c2pa.edited", "c2pa.placed")
    assert manifest.ingredients == ("coffee.png", "rocket.jpg")
    assert manifest.source_type == statement.source_type
    twice = [Ingredient(photograph("coffee.png"), "original")] * 2
    with pytest.raises(InputInvalid, match="one original"):
        write_picture(
            product(),
            tmp_path,
            "b.jpg",
            statement,
            WriteOptions(credentials=make_test_credentials(), ingredients=twice),
        )
    missing = [Ingredient(tmp_path / "none.png")]
    with pytest.raises(InputInvalid, match="cannot be read"):
        write_picture(
            product(),
            tmp_path,
            "b.jpg",
            statement,
            WriteOptions(credentials=make_test_credentials(), ingredients=missing),
        )


def own_certificate(folder: Path, key: object) -> tuple[Path, Path]:
    """A certificate of an organisation of one's own, made with any kind of key."""
    now = datetime.datetime.now(datetime.timezone.utc)
    issuer = ec.generate_private_key(ec.SECP256R1())

    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, text)])

    certificate = (
        x509.CertificateBuilder()
        .subject_name(named("Aldern Quay"))
        .issuer_name(named("Some issuer"))
        .public_key(key.public_key())
        .serial_number(5)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=9))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(True, False, False, False, False, False, False, False, False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), critical=False)
        .sign(issuer, hashes.SHA256())
    )
    chain, private = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return chain, private


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (ec.generate_private_key(ec.SECP256R1()), "es256"),
        (ec.generate_private_key(ec.SECP384R1()), "es384"),
        (rsa.generate_private_key(65537, 2048), "ps256"),
        (ed25519.Ed25519PrivateKey.generate(), "ed25519"),
    ],
    ids=["P-256", "P-384", "RSA", "Ed25519"],
)
def test_a_certificate_of_ones_own(key: object, algorithm: str, tmp_path: Path) -> None:
    mine = load_credentials(*own_certificate(tmp_path, key))
    assert mine.algorithm == algorithm
    manifest = write_picture(product(), tmp_path, "a.jpg", STATEMENT, WriteOptions(credentials=mine)).manifest
    assert manifest is not None
    assert (manifest.state, manifest.signer, manifest.test) == ("valid", "Aldern Quay", False)
    assert "PRIVATE KEY" not in repr(mine)


def test_certificates_that_do_not_serve(tmp_path: Path) -> None:
    chain, key = own_certificate(tmp_path, ec.generate_private_key(ec.SECP256R1()))
    (tmp_path / "other").mkdir()
    _, other = own_certificate(tmp_path / "other", ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(InputInvalid, match="not that of the certificate"):
        load_credentials(chain, other)
    with pytest.raises(InputInvalid, match="cannot be read"):
        load_credentials(key, chain)
    with pytest.raises(InputInvalid, match="cannot be read"):
        load_credentials(tmp_path / "none.pem", key)
    with pytest.raises(InputInvalid, match="kind of key"):
        load_credentials(*own_certificate(tmp_path, ec.generate_private_key(ec.SECP256K1())))


def verify(*arguments: object) -> tuple[int, dict]:
    result = CliRunner().invoke(app, ["verify", *map(str, arguments), "--json"], catch_exceptions=False)
    return result.exit_code, json.loads(result.stdout)


def test_the_command(tmp_path: Path) -> None:
    options = WriteOptions(credentials=make_test_credentials())
    file = write_picture(photo("coffee.png").pixels, tmp_path, "a.jpg", STATEMENT, options).file
    code, answer = verify(file)
    assert (code, answer["ok"], answer["manifest"]["state"]) == (0, True, "valid")
    assert answer["meaning"] == "photograph and generative AI together"
    assert answer["recipe"]["seed"] == 7
    data = bytearray(file.read_bytes())
    data[-5000] ^= 1
    file.write_bytes(data)
    code, answer = verify(file)
    assert (code, answer["ok"], answer["manifest"]["state"]) == (3, False, "invalid")
    text = CliRunner().invoke(app, ["verify", str(file)]).stdout
    assert "PROBLEM" in text


def test_a_plain_photograph_says_nothing(tmp_path: Path) -> None:
    code, answer = verify(photograph("coffee.png"))
    assert (code, answer["ok"], answer["digital_source_type"], answer["manifest"]["state"]) == (0, True, "", "absent")
    (tmp_path / "a.png").write_bytes(encoded(product(), "PNG")[:200])
    with pytest.raises(InputInvalid):
        verify(tmp_path / "a.png")


def test_the_ledger_agrees_or_not(tmp_path: Path) -> None:
    run = tmp_path / "run"
    item = Item(
        sku="MUG-1", variant="", item_id="MUG-1", title="Mug", name="MUG-1", inputs={"prompt": "a mug"}, seed=7,
        place="row 2", source={},
    )  # fmt: skip
    statement = Statement("generated", recipe={"seed": 7, "sku": "MUG-1", "workflow": "product-shot@1.0.0"})
    written = write_picture(photo("coffee.png").pixels, run / "pictures", "MUG-1.png", statement, WriteOptions("PNG"))
    with Ledger(run, create=True) as ledger:
        ledger.record_facts({"workflow": {"name": "product-shot", "version": "1.0.0"}})
        write_plan(ledger, Plan((item,), ()))
        ledger.begin("MUG-1", "job-1", "http://127.0.0.1:1")
        ledger.accept("job-1", "pictures/MUG-1.png", written.sha256, 1.0)
    code, answer = verify(written.file, "--run", run)
    agreed = {"item_id": "MUG-1", "agrees": True, "audit": "agrees", "differences": []}
    assert (code, answer["ledger"]) == (0, agreed)
    write_picture(photo("chelsea.png").pixels, run / "pictures", "MUG-1.png", statement, WriteOptions("PNG"))
    code, answer = verify(written.file, "--run", run)
    assert (code, answer["ledger"]["item_id"]) == (3, "MUG-1")
    assert "SHA-256 differs" in answer["ledger"]["differences"][0]
    code, answer = verify(photograph("coffee.png"), "--run", run)
    assert (code, answer["ledger"]["item_id"]) == (3, None)
    other = Statement("generated", recipe={"seed": 8, "sku": "MUG-1", "workflow": "white-background@1.0.0"})
    lying = write_picture(photo("coffee.png").pixels, run / "pictures", "MUG-1.png", other, WriteOptions("PNG"))
    with Ledger(run) as ledger:
        ledger.retry(["MUG-1"])
        ledger.begin("MUG-1", "job-2", "http://127.0.0.1:1")
        ledger.accept("job-2", "pictures/MUG-1.png", lying.sha256, 1.0)
    code, answer = verify(lying.file, "--run", run)
    assert code == 3
    assert [line.partition(":")[0] for line in answer["ledger"]["differences"]] == ["seed", "workflow"]
    audit = run / "audit.jsonl"
    audit.write_bytes(audit.read_bytes().replace(b'"accepted"', b'"accepteD"', 1))
    code, answer = verify(lying.file, "--run", run)
    assert (code, answer["ledger"]["audit"]) == (3, "differs")
    assert any("the audit does not hold: line " in line for line in answer["ledger"]["differences"])
