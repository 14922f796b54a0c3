"""Which LoRA of a kit goes with a base."""

from __future__ import annotations

import datetime
import hashlib
from pathlib import Path

import pytest

from packshot.brand.kit import BrandKit
from packshot.brand.policy import brand_day, choose, gate, judge_lora, judge_statement, profile_of, strength_of
from packshot.brand.sections import BrandLora
from packshot.errors import BrandInvalid, InputInvalid, LicenceRefused, LoraMismatch
from packshot.models.detect.findings import CARDS
from packshot.models.licensing.profile import load_profile
from support.kit_files import LORA, TODAY, load
from support.weights import model, write_safetensors


def test_the_policy_picks_the_lora_for_the_base(tmp_path: Path) -> None:
    kit = load(
        tmp_path, {"name": "x", "loras": [LORA, {**LORA, "name": "Reef"}, {**LORA, "name": "F", "base": "flux1"}]}
    )
    assert [lora.name for lora in choose(kit, "sdxl")] == ["Tide", "Reef"]
    assert [lora.name for lora in choose(kit, "sdxl", "Reef")] == ["Reef"]
    with pytest.raises(LoraMismatch, match="the loaded model is z-image, and the kit has F for flux1, Reef for sdxl"):
        choose(kit, "z-image")
    with pytest.raises(LoraMismatch, match="one that cannot be told"):
        choose(kit, None)
    with pytest.raises(LoraMismatch, match="the kit has Reef for sdxl"):
        choose(kit, "flux1", "Reef")
    with pytest.raises(BrandInvalid, match=r"no LoRA 'Reaf'.*the kit has: Tide, Reef, F"):
        choose(kit, "sdxl", "Reaf")
    lora = BrandLora.model_validate({**LORA, "strength": 0.8, "min_strength": 0.5, "max_strength": 1.0})
    assert (strength_of(lora, None), strength_of(lora, 0.5)) == (0.8, 0.5)
    with pytest.raises(InputInvalid, match=r"strength 1\.2 is not from 0\.5 to 1, which the brand allows"):
        strength_of(lora, 1.2)
    assert gate(lora, TODAY) == []


VARIANTS = {
    "flux1": "flux1", "flux2-dev": "flux2-dev", "flux2-klein-4b": "flux2-klein-4b", "flux2-klein-9b": "flux2-klein-9b",
    "sd3-medium": "sd3-medium", "sd3.5-medium": "sd3.5-medium", "sd3.5-large": "sd3.5-large", "sd15": "sd15",
    "sd21": "sd21", "sdxl": "sdxl", "z-image": "z-image", "qwen-image": "qwen-image", "ernie-image": "ernie-image",
    "hunyuanimage-2.1": "hunyuanimage-2.1", "pixart-sigma": "pixart-sigma", "ltx-2": "ltx-2", "chroma": "chroma",
    "wan2.1-14b": "wan", "starter": "starter",
}  # fmt: skip

NAMINGS = {"kohya": ("lora_unet_", "lora_down", "lora_up"), "comfyui": ("diffusion_model.", "lora_A", "lora_B")}


@pytest.mark.parametrize("naming", NAMINGS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_wrong_base_is_always_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variant: str, naming: str
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    prefix, down, up = NAMINGS[naming]
    shapes: dict[str, tuple[int, ...]] = {}
    for name, shape in model(variant).items():
        if name.endswith(".weight") and len(shape) == 2:
            layer = name.removesuffix(".weight")
            layer = prefix + (layer.replace(".", "_") if prefix.endswith("_") else layer)
            shapes |= {f"{layer}.{down}.weight": (1, shape[1]), f"{layer}.{up}.weight": (shape[0], 1)}
    path = write_safetensors(tmp_path / "a.safetensors", shapes)
    said = {
        "name": "a", "file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "licence": "apache-2.0", "approved_by": "Ann",
    }  # fmt: skip
    kit = BrandKit(name="x")
    for base in (base for base in CARDS if base != "other"):
        lora = BrandLora.model_validate({**said, "base": base})
        if base != VARIANTS[variant]:
            with pytest.raises(LoraMismatch, match=f"was made for {VARIANTS[variant]}, and the kit says {base}"):
                judge_lora(kit, lora, path)
            continue
        try:
            found, decision = judge_lora(kit, lora, path)
        except LicenceRefused:  # the right file; what its base's licence says to an empty profile is another matter
            continue
        assert found.base == base
        assert decision.decision != "refuse"


USER = """
annual_revenue_usd: 50000000
monthly_active_users: 0
publish_territories: [US, DE]
server_territory: US
purpose: production
hosted_for_others: false
trains_on_outputs: false
"""
MILD = USER.replace("50000000", "0")
FLUX = {**LORA, "base": "flux1", "licence": "flux-dev-nc-2.1"}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "config" / "packshot").mkdir(parents=True)
    return tmp_path / "config" / "packshot" / "profile.yaml"


@pytest.mark.parametrize("attested", ["bfl-commercial", "stability-enterprise"])
def test_a_kit_cannot_attest_in_the_users_name(tmp_path: Path, settings: Path, attested: str) -> None:
    kit = load(tmp_path, {"name": "x", "licence_profile": "p.yaml", "loras": [FLUX]})
    (tmp_path / "p.yaml").write_text(f"{MILD}attestations: [{attested}]\ndeclared: {{a.safetensors: own}}\n")
    settings.write_text(USER)
    assert profile_of(kit).attestations == ()
    assert profile_of(kit).declared == {}
    with pytest.raises(LicenceRefused):
        judge_statement(kit, kit.loras[0])
    settings.write_text(f"{USER}attestations: [bfl-commercial]\n")
    assert judge_statement(kit, kit.loras[0]).decision == "duties", "the user's own word holds for both"
    given = load_profile(settings)
    settings.write_text(USER)
    assert judge_statement(kit, kit.loras[0], given).decision == "duties", "so does that of --profile"


@pytest.mark.parametrize(
    ("own", "kits", "allowed"),
    [
        ("evaluation", "evaluation", True),
        ("evaluation", "production", False),
        ("production", "evaluation", False),
    ],
)
def test_the_stricter_of_both_profiles_holds(
    tmp_path: Path, settings: Path, own: str, kits: str, allowed: bool
) -> None:
    kit = load(tmp_path, {"name": "x", "licence_profile": "p.yaml", "loras": [FLUX]})
    settings.write_text(USER.replace("production", own))
    (tmp_path / "p.yaml").write_text(USER.replace("production", kits))
    if allowed:
        judge_statement(kit, kit.loras[0])
        return
    with pytest.raises(LicenceRefused):
        judge_statement(kit, kit.loras[0])


def test_a_kits_profile_lies_in_the_kit(tmp_path: Path, settings: Path) -> None:
    settings.write_text(USER)
    (tmp_path / "kit").mkdir()
    kit = load(tmp_path / "kit", {"name": "x", "licence_profile": "p.yaml", "loras": [FLUX]})
    (tmp_path / "kit" / "p.yaml").symlink_to(settings)
    with pytest.raises(BrandInvalid, match="leads out of the kit's folder"):
        profile_of(kit)


@pytest.mark.parametrize(
    ("zone", "last_minute"),
    [
        ("America/Los_Angeles", "2026-12-31T23:59:00-08:00"),
        ("Pacific/Auckland", "2026-12-31T23:59:00+13:00"),
        ("", "2026-12-31T23:59:00-12:00"),
    ],
)
def test_a_last_day_ends_in_the_kits_time_zone(tmp_path: Path, zone: str, last_minute: str) -> None:
    last = datetime.date(2026, 12, 31)
    kit = load(tmp_path, {"name": "x", "time_zone": zone, "loras": [{**LORA, "expires": last}]})
    moment = datetime.datetime.fromisoformat(last_minute)
    assert gate(kit.loras[0], brand_day(kit, moment)) == []
    (error,) = gate(kit.loras[0], brand_day(kit, moment + datetime.timedelta(minutes=1)))
    assert "expired on 2026-12-31" in error.message


@pytest.mark.parametrize("zone", ["Mars/Base", "../../etc/passwd", "/etc/localtime", "x" * 61])
def test_a_time_zone_that_is_none_is_refused(tmp_path: Path, zone: str) -> None:
    with pytest.raises(BrandInvalid):
        load(tmp_path, {"name": "x", "time_zone": zone})
