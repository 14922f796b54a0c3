"""The routes of brands and licences."""

from __future__ import annotations

from io import BytesIO

import pytest
import requests
from PIL import Image

from packshot.host.managed import HostStatus
from support.host.routes import ask, refused, token

# -- brands and cards


def test_a_brand_is_described_and_a_picture_is_checked_against_it(host: HostStatus) -> None:
    known = ask(host, "brands").json()
    assert {"aldern-quay", "lumen-forge"} <= set(known["kits"])
    brand = ask(host, "brands/aldern-quay").json()
    assert [colour["hex"] for colour in brand["palette"]]
    encoded = BytesIO()
    Image.new("RGB", (320, 320), "white").save(encoded, "PNG")
    found = requests.post(
        f"{host.url}/packshot/brands/aldern-quay/check?channel=amazon-main&name=%3Cb%3E.png",
        data=encoded.getvalue(),
        headers={"Content-Type": "image/png", **token(host)},
        timeout=60,
    ).json()
    assert found["file"] == "<b>.png"
    assert not found["passed"]
    assert found["reasons"]
    assert {check["id"] for check in found["checks"]} >= {"file.readable"}


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", "a/../../x", "", ".", "a\0b", "no-such.png"])
def test_a_picture_of_the_host_is_named_within_its_folders(host: HostStatus, name: str) -> None:
    refused(ask(host, "brands/aldern-quay/check", {"filename": name, "type": "output"}), 404)
    refused(ask(host, "brands/aldern-quay/check", {"filename": "x", "subfolder": name, "type": "output"}), 404)
    refused(ask(host, "brands/aldern-quay/check", {"filename": "x", "type": "models"}), 400)


def test_a_card_tells_its_licence_and_size(host: HostStatus) -> None:
    card = ask(host, "cards/flux1-dev").json()
    assert card["licence"]
    assert card["decision"] in ("allow", "duties", "refuse")
    assert card["bytes"] > 1 << 30
    assert card["missing"]
    assert not ask(host, "cards/starter").json()["missing"]
