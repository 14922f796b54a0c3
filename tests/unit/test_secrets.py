"""Text that may be shown, and files that may not."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from packshot.errors import KeyRefused
from packshot.private_file import read_private, write_private
from packshot.secrets import inert_cell, printable, public_address

SIGNED = "AbC123dEf456GhI789jKl012MnO345pQr678"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://ann:s3cret@shop.example/a.jpg", "https://shop.example/a.jpg"),
        ("https://ann:s3c@ret@shop.example/a.jpg", "https://shop.example/a.jpg"),
        ("https://ann:s3/cret@shop.example/a.jpg", "https://shop.example/a.jpg"),
        ("https://ann:s3?cret@shop.example/a.jpg", "https://shop.example/a.jpg"),
        ("//ann:s3cret@cdn.example/a.jpg", "//cdn.example/a.jpg"),
        ("s3://AKIA:s3cret@bucket/a.jpg", "s3://bucket/a.jpg"),
        ("https://:s3cret@[::1]:80/a.jpg", "https://[::1]:80/a.jpg"),
        ("https://b.example/a.jpg?X-Amz-Date=20260101&w=300", "https://b.example/a.jpg?X-Amz-Date=***&w=300"),
        ("https://b.example/a?sv=2024&se=2026-01-01&sp=r&sig=ab%2Bc", "https://b.example/a?sv=***&se=***&sp=***&sig=***"),
        ("https://b.example/a?GoogleAccessId=x@y.z&Expires=1&Signature=s", "https://b.example/a?GoogleAccessId=***&Expires=***&Signature=***"),
        ("https://b.example/a?w=3&amp;token=x1", "https://b.example/a?w=3&amp;token=***"),
        ("https://b.example/a#access_token=x1", "https://b.example/a#access_token=***"),
        (f"https://b.example/a?u={SIGNED}&h=2", "https://b.example/a?u=***&h=2"),
    ],
)  # fmt: skip
def test_an_address_loses_what_lets_somebody_in(address: str, shown: str) -> None:
    assert public_address(address) == shown
    assert public_address(f"cannot fetch '{address}', twice") == f"cannot fetch '{shown}', twice"
    assert public_address(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "https://cdn.example/a.jpg?w=300&h=300&fit=crop&v=1699999999",
        "https://cdn.example/w_300,h_300/a.jpg?file=IMG_20240101_product_front.jpg#view",
        "https://cdn.example:8443/a@2x.jpg",
        "https://cdn.example/@ann:portrait/a.jpg",
        "http://localhost:8188 and ann@shop.example",
        "https://cdn.example/a.jpg?text=a+wonderful+picture+of+a+lamp",
        "a red mug; size=large",
        "",
    ],
)
def test_ordinary_texts_stay(text: str) -> None:
    assert public_address(text) == text


def test_a_terminal_gets_nothing_to_act_on() -> None:
    assert printable("a\x1b[31mred\x07\r\x9b2J\x7f") == "a\\u001b[31mred\\u0007\\u000d\\u009b2J\\u007f"
    assert printable("safe\u202egnp.exe\u2066") == "safe\\u202egnp.exe\\u2066"
    assert printable("Ärmel 袖\n\tשלום 👩‍🔧") == "Ärmel 袖\n\tשלום 👩‍🔧"


@pytest.mark.parametrize(
    "start", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "\u00a0=", "\ufeff=", "\u200b @", "＝", "＋", "－", "＠"]
)
def test_a_formula_is_no_formula(start: str) -> None:
    assert inert_cell(f"{start}1+1") == f"'{start}1+1"


@pytest.mark.parametrize("text", ["", "plain", "a=b", " a", '{"a": "=1"}', "'=1"])
def test_other_cells_stay(text: str) -> None:
    assert inert_cell(text) == text


needs_rights = pytest.mark.skipif(os.name != "posix", reason="Windows has no such rights")


@needs_rights
def test_what_is_written_only_its_owner_may_read(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        assert write_private(tmp_path / "deep" / "key", b"secret")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "deep" / "key").stat().st_mode) == 0o600
    assert read_private(tmp_path / "deep" / "key") == b"secret"
    assert not write_private(tmp_path / "deep" / "key", b"another")
    assert read_private(tmp_path / "deep" / "key") == b"secret"


@needs_rights
@pytest.mark.parametrize("mode", [0o666, 0o644, 0o640, 0o602, 0o620])
def test_loose_rights_are_refused(tmp_path: Path, mode: int) -> None:
    key = tmp_path / "key"
    key.write_bytes(b"secret")
    key.chmod(mode)
    with pytest.raises(KeyRefused, match="may read or change it") as refused:
        read_private(key)
    assert refused.value.place == str(key)
    assert "chmod 600" in refused.value.remedy


@needs_rights
def test_what_is_no_file_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "missing", "."):
        with pytest.raises(KeyRefused):
            read_private(tmp_path / name)
    write_private(tmp_path / "large", b"x" * (2 << 20))
    with pytest.raises(KeyRefused, match="larger"):
        read_private(tmp_path / "large")
