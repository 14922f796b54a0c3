"""No row is made with weights that the licence profile does not allow, on a real host."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from packshot.catalog.run import CatalogRun
from packshot.comfy.http import HostApi
from packshot.host.install import Installation
from packshot.host.managed import ManagedHost
from packshot.models.licensing.licences import UNPROVED, Profile
from packshot.run.weights import Weights, host_origins, judge_weights
from support.places import ROOT
from support.weights import model, write_safetensors

RELEASE = ROOT / "workflows" / "releases" / "product-shot" / "1.0.0.app.json"

MODEL, OURS, LORA = "starter-flux2.safetensors", "ours.safetensors", "brand.safetensors"
RENAMED = "z_image_turbo_bf16.safetensors"
QKV = "diffusion_model.double_blocks.0.img_attn.qkv"


@pytest.fixture(scope="module")
def address(installation: Installation, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A host with the starter model, the same weights under an unknown name, and a LoRA that says FLUX.2 dev."""
    folder = tmp_path_factory.mktemp("models")
    for kind in ("diffusion_models", "text_encoders", "vae"):
        (folder / kind).mkdir()
        for file in (models / kind).glob("starter-*"):
            (folder / kind / file.name).symlink_to(file)
    (folder / "diffusion_models" / OURS).symlink_to(models / "diffusion_models" / MODEL)
    write_safetensors(folder / "diffusion_models" / RENAMED, model("flux1"))
    (folder / "loras").mkdir()
    layers = {f"{QKV}.lora_A.weight": (1, 6144), f"{QKV}.lora_B.weight": (18432, 1)}
    write_safetensors(folder / "loras" / LORA, layers, {"modelspec.architecture": "flux-2-dev/lora"})
    managed = ManagedHost(tmp_path_factory.mktemp("home"), installation, folder)
    try:
        yield str(managed.up().url)
    finally:
        managed.down()


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A table of one product, and no licence profile in the settings."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    path = tmp_path / "table.csv"
    path.write_text("sku,title\nA-1,A red mug\n")
    return path


def workflow(path: Path, *, model: str = MODEL, choose: bool = False) -> Path:
    """``product-shot`` with other weights, and with the weights as an input of the workflow."""
    data = json.loads(RELEASE.read_text())
    loader = next(node for node in data["nodes"] if node["type"] == "UNETLoader")
    loader["widgets_values"][0] = model
    if choose:
        data["extra"]["packshot"]["inputs"]["model"] = {"node": loader["id"], "widget": "unet_name"}
    path.write_text(json.dumps(data))
    return path


def catalog_run(table: Path, flow: Path, address: str, *more: object, code: int = 0) -> Any:
    command = [
        sys.executable, "-m", "packshot", "catalog", "run", table, "--workflow", flow, "--host", address,
        "--out", table.parent / "run", "--set", "steps=1", "--json", *more,
    ]  # fmt: skip
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=False, timeout=300, env=os.environ
    )
    assert done.returncode == code, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout)


def jobs(address: str) -> list[str]:
    """The ids of all jobs that the host has ever had."""
    queue = HostApi(address).queue()
    return [*requests.get(f"{address}/history", timeout=10).json(), *queue["queue_running"], *queue["queue_pending"]]


def test_the_starter_runs_without_a_profile_and_the_decision_is_kept(address: str, table: Path) -> None:
    answer = catalog_run(table, workflow(table.parent / "flow.json"), address)
    assert answer["done"] == 1
    with CatalogRun(table.parent / "run") as run:
        kept = run.ledger.facts()["licences"]
    assert (kept["decision"], kept["licences"], len(kept["components"])) == ("allow", ["apache-2.0"], 3)
    (sidecar,) = (table.parent / "run" / "pictures").glob("*.json")
    assert json.loads(sidecar.read_text())["licences"] == {"decision": "allow", "ids": ["apache-2.0"]}


def test_weights_of_unknown_licence_stop_the_run_before_a_row_is_sent(address: str, table: Path) -> None:
    before = jobs(address)
    flow = workflow(table.parent / "flow.json", model=OURS)
    error = catalog_run(table, flow, address, code=2)["error"]
    assert error["slug"] == "licence-refused"
    assert OURS in error["message"]
    assert f"`{OURS}: LICENCE` under `declared:`" in error["remedy"]
    assert jobs(address) == before
    with CatalogRun(table.parent / "run") as run:
        assert [(row["state"], row["attempts"]) for row in run.ledger.rows()] == [("pending", 0)]
        assert run.ledger.facts()["licences"]["decision"] == "refuse"

    profile = table.parent / "profile.yaml"
    profile.write_text(f"declared: {{{OURS}: own}}\n")
    answer = catalog_run(table, flow, address, "--profile", profile)
    assert answer["done"] == 1
    assert len(jobs(address)) == len(before) + 1


def test_weights_that_a_row_names_are_judged_too(address: str, table: Path) -> None:
    flow = workflow(table.parent / "flow.json", choose=True)
    error = catalog_run(table, flow, address, "--set", f"model={OURS}", code=2)["error"]
    assert error["slug"] == "licence-refused"
    assert OURS in error["message"]


def test_a_host_tells_what_a_lora_was_made_for(address: str) -> None:
    api = HostApi(address)
    assert api.lora_metadata(LORA) == {"modelspec.architecture": "flux-2-dev/lora"}
    assert api.lora_metadata("none.safetensors") is None
    assert api.lora_metadata("../vae/starter-flux2-vae.safetensors") is None
    decision = judge_weights(Weights(frozenset({LORA}), frozenset()), Profile(purpose="production"), api)
    assert decision.decision == "refuse"
    assert decision.licences == ("flux-dev-nc-2.1",)


def test_a_renamed_model_is_known_by_its_header_on_a_host_that_is_not_ours(address: str, table: Path) -> None:
    api = HostApi(address)
    about_us = {
        "annual_revenue_usd": 50e6, "monthly_active_users": 0, "publish_territories": ["US"], "server_territory": "US",
        "hosted_for_others": False, "trains_on_outputs": False,
    }  # fmt: skip
    for purpose in ("production", None):
        profile = Profile.model_validate({**about_us, "purpose": purpose})
        decision = judge_weights(Weights(frozenset({RENAMED}), frozenset()), profile, api)
        assert decision.decision == "refuse"
        assert any("by its header" in part.part.basis and "FLUX.1" in part.part.basis for part in decision.parts)
        assert UNPROVED not in decision.licences
    error = catalog_run(table, workflow(table.parent / "flow.json", model=RENAMED), address, code=2)["error"]
    assert error["slug"] == "licence-refused"
    assert RENAMED in error["message"]


def test_the_host_tells_of_its_own_folders_alone(address: str) -> None:
    api = HostApi(address)
    assert [origin.cards for origin in host_origins(api, MODEL) if origin] == [("starter",)]
    for name in ("../vae/starter-flux2-vae.safetensors", "/etc/passwd", "none.safetensors", "", "x" * 5000):
        assert host_origins(api, name) == []
    evil = {"Sec-Fetch-Site": "cross-site"}
    assert requests.get(f"{address}/packshot/weights?name={MODEL}", headers=evil, timeout=10).status_code == 403
