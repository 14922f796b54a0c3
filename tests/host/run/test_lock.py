"""Locks, replacements and checks against a real host: a run is refused exactly where the picture would be another."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from packshot import Client, Workflow
from packshot.host.install import Installation
from packshot.host.managed import HostStatus, ManagedHost
from packshot.models.starter.files import FILES
from packshot.run.lock import take_stock
from packshot.workflow.release.lock import lock_path, read_lock
from support.host.catalogs import packshot_json

STARTER = {file.path: file.sha256 for file in FILES}

SMALL = ("--set", "steps=1", "--set", "width=64", "--set", "height=64")


@pytest.fixture(scope="module")
def altered(installation: Installation, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostStatus]:
    """A host whose VAE has the name and the size of the starter's and one other number in it."""
    folder = tmp_path_factory.mktemp("models")
    for path in STARTER:
        (folder / path).parent.mkdir()
        shutil.copyfile(models / path, folder / path)
    with (folder / "vae" / "starter-flux2-vae.safetensors").open("r+b") as file:
        file.seek(-2, 2)
        last = file.read(2)
        file.seek(-2, 2)
        file.write(bytes(byte ^ 1 for byte in last))
    managed = ManagedHost(tmp_path_factory.mktemp("altered"), installation, folder)
    try:
        yield managed.up()
    finally:
        managed.down()


# -- the lock ----------------------------------------------------------------------------------------------------------


def test_a_lock_holds_what_the_host_has(host: HostStatus, library: Path) -> None:
    answer = packshot_json("workflow", "lock", library, "--host", host.url)
    lock = read_lock(library)
    assert lock is not None
    assert answer == {"file": str(lock_path(library)), **lock.model_dump(mode="json")}
    assert lock.graph == Workflow.load(library).sha256
    assert lock.comfyui == host.comfyui
    assert lock.frontend
    assert lock.packs["packshot"].version
    assert {model.file: model.sha256 for model in lock.models} == STARTER
    assert {model.card for model in lock.models} == {"starter"}


def test_the_newest_name_is_locked_at_its_release(host: HostStatus, library: Path) -> None:
    newest = library.parents[2] / "product-shot.app.json"
    assert packshot_json("workflow", "lock", newest, "--host", host.url)["file"] == str(lock_path(library))


def test_a_run_as_locked_says_that_nothing_drifted(host: HostStatus, library: Path, tmp_path: Path) -> None:
    packshot_json("workflow", "lock", library, "--host", host.url)
    answer = packshot_json("run", library, *SMALL, "--host", host.url, "--out", tmp_path)
    assert answer["drift"] == []
    assert Path(answer["outputs"][0]["file"]).is_file()


def test_another_model_file_of_the_same_name_and_size_is_refused_or_recorded(
    host: HostStatus, altered: HostStatus, library: Path, tmp_path: Path
) -> None:
    packshot_json("workflow", "lock", library, "--host", host.url)
    error = packshot_json("run", library, *SMALL, "--host", altered.url, "--out", tmp_path, code=2)["error"]
    assert error["slug"] == "workflow-invalid"
    vae = "vae/starter-flux2-vae.safetensors"
    assert f"model {vae}: locked sha256 {STARTER[vae][:12]}, found sha256" in error["message"]
    assert error["message"].count("locked sha256") == 1
    assert error["place"] == str(lock_path(library))
    assert "waive the stop `lock`" in error["remedy"]
    assert not list(tmp_path.glob("*.png"))

    answer = packshot_json("run", library, *SMALL, "--host", altered.url, "--out", tmp_path, "--waive", "lock")
    assert [each["what"] for each in answer["drift"]] == ["model vae/starter-flux2-vae.safetensors"]
    assert [(each["stop"], each["slug"]) for each in answer["waived"]] == [("lock", "workflow-invalid")]
    assert list(tmp_path.glob("*.png"))


def test_a_name_alone_runs_and_records_what_differs(
    host: HostStatus, altered: HostStatus, library: Path, tmp_path: Path
) -> None:
    packshot_json("workflow", "lock", library, "--host", host.url)
    newest = library.parents[2] / "product-shot.app.json"
    answer = packshot_json("run", newest, *SMALL, "--host", altered.url, "--out", tmp_path)
    assert [each["what"] for each in answer["drift"]] == ["model vae/starter-flux2-vae.safetensors"]
    assert [each["slug"] for each in answer["warnings"]] == ["lock-drift"]


def test_other_versions_and_an_edited_file_are_named_together(host: HostStatus, library: Path, tmp_path: Path) -> None:
    packshot_json("workflow", "lock", library, "--host", host.url)
    lock = json.loads(lock_path(library).read_text())
    lock["comfyui"] = "0.29.9"
    lock["packs"]["packshot"] = {"version": "0.0.1", "commit": None}
    lock["packs"]["another"] = {"version": "3", "commit": None}
    lock_path(library).write_text(json.dumps(lock))
    library.write_text(library.read_text().replace("linen backdrop", "velvet backdrop"))
    message = packshot_json("run", library, *SMALL, "--host", host.url, "--out", tmp_path, code=2)["error"]["message"]
    for part in ("the graph", "ComfyUI: locked 0.29.9", "node pack packshot: locked 0.0.1", "node pack another"):
        assert part in message


def test_a_broken_lock_is_refused_and_a_workflow_without_one_runs(
    host: HostStatus, library: Path, tmp_path: Path
) -> None:
    assert packshot_json("run", library, *SMALL, "--host", host.url, "--out", tmp_path)["drift"] == []
    lock_path(library).write_text('{"workflow": ')
    error = packshot_json("run", library, *SMALL, "--host", host.url, "--out", tmp_path, code=2)["error"]
    assert error["place"].startswith(str(lock_path(library)))


@pytest.mark.parametrize("version", ["1.0.0", "1.1.0", "1.2.0"])
def test_the_locks_that_ship_hold_on_the_pinned_host(host: HostStatus, version: str, tmp_path: Path) -> None:
    reference = f"product-shot@{version}"
    assert packshot_json("run", reference, *SMALL, "--host", host.url, "--out", tmp_path)["drift"] == []


def test_another_machines_host_tells_sizes_and_cards_tell_hashes(host: HostStatus, library: Path) -> None:
    """0.0.0.0 reaches this machine under an address that does not say so."""
    with Client(str(host.url).replace("127.0.0.1", "0.0.0.0")) as client:
        assert not client.api.address.loopback
        carded = take_stock(client, client.prepare(Workflow.load(library)))
        named = take_stock(client, client.prepare(Workflow.load(library.with_name("1.0.0.app.json"))))
    assert {model.file: model.sha256 for model in carded.models} == STARTER
    assert carded.packs["packshot"].version
    assert carded.packs["packshot"].commit is None
    assert [model.sha256 for model in named.models] == [None] * 3
    assert [model.size for model in named.models] == [model.size for model in carded.models]
