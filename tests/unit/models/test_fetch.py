"""Fetching, against a local server that speaks the hub's protocol; the command too, as a process of its own."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from packshot.errors import HostUnreachable, InputInvalid, ModelCorrupt, ModelMissing, OutputUnwritable, WorkflowInvalid
from packshot.models import fetch as fetching
from packshot.models.cards import Card, load_card
from packshot.models.fetch import Mirror, Wanted, fetch, survey
from packshot.models.hub import Hub as HubSource
from support.models.hub_server import TOKEN, Hub, serve
from support.models.own_card import own_card

REPO = "aldern-quay/kiln"

DIFFUSION, ENCODER, VAE = "split/kiln_bf16.safetensors", "te/kiln_te.safetensors", "vae.safetensors"

# Larger than what a socket holds, so that a cut leaves some of it.
CONTENT = {
    DIFFUSION: random.Random(1).randbytes(24 << 20),
    ENCODER: random.Random(2).randbytes(2 << 20),
    VAE: random.Random(3).randbytes(1 << 20),
}

SLOTS = (("diffusion_model", DIFFUSION), ("text_encoder", ENCODER), ("vae", VAE))


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def document(**changes: Any) -> dict[str, Any]:
    """A card whose files are on the test hub; ``changes`` are to the file of the diffusion model."""

    def component(slot: str, path: str) -> dict[str, Any]:
        known = {"name": Path(path).name, "precision": "bf16", "repo": REPO, "path": path}
        known |= {"size": len(CONTENT[path]), "size_is": "primary", "sha256": sha256(CONTENT[path])}
        return {"slot": slot, "title": slot, "licence": "apache-2.0", "files": [known]}

    diffusion, encoder, vae = (component(*part) for part in SLOTS)
    diffusion["files"][0] |= changes
    return own_card("kiln", diffusion, encoder, vae)


@pytest.fixture(scope="module")
def server() -> Iterator[Hub]:
    with serve() as hub:
        yield hub


@pytest.fixture
def hub(server: Hub, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """The server with the card's files and no faults, as the hub that huggingface_hub asks."""
    server.files = {(REPO, path): content for path, content in CONTENT.items()}
    server.gated, server.busy, server.cuts, server.ranges, server.served = set(), 0, [], True, {}
    server.overstated = 0
    server.requests.clear()
    # huggingface_hub reads HF_ENDPOINT when it is first imported, which another test may have done.
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", server.url)
    template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    return server


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Card]:
    """Writes the card into a settings folder and loads it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    def write(**changes: Any) -> Card:
        folder = tmp_path / "config" / "packshot" / "cards"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "kiln.yaml").write_text(json.dumps(document(**changes)))
        return load_card("kiln")

    return write


def wanted(card: Card, models: Path) -> list[Wanted]:
    return survey({component: component.files[0] for component in card.components}, models)


def fetch_all(card: Card, models: Path, source: fetching.Source | None = None) -> list[str]:
    """Fetch the card's files; the lines that were said."""
    said: list[str] = []
    fetch(card, wanted(card, models), models, source or HubSource(), said.append)
    return said


def parts(models: Path) -> list[Path]:
    return sorted(models.rglob("*.part"))


def fill(mirror: Path) -> None:
    for path, content in CONTENT.items():
        file = mirror / REPO / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


PLACES = {
    "diffusion_models/kiln_bf16.safetensors": DIFFUSION,
    "text_encoders/kiln_te.safetensors": ENCODER,
    "vae/vae.safetensors": VAE,
}


def assert_complete(models: Path) -> None:
    for place, path in PLACES.items():
        assert (models / place).read_bytes() == CONTENT[path]
    assert parts(models) == []


def test_files_go_into_the_folders_that_loaders_read(hub: Hub, card: Callable[..., Card], tmp_path: Path) -> None:
    assert [item.state for item in wanted(card(), tmp_path / "models")] == ["missing"] * 3
    fetch_all(card(), tmp_path / "models")
    assert_complete(tmp_path / "models")
    assert [item.state for item in wanted(card(), tmp_path / "models")] == ["present"] * 3

    hub.requests.clear()
    assert fetch(card(), wanted(card(), tmp_path / "models"), tmp_path / "models", HubSource(), print) == []
    assert hub.requests == []


@pytest.mark.parametrize("reset", [False, True])
def test_a_broken_connection_is_taken_up_where_it_broke(
    hub: Hub, card: Callable[..., Card], tmp_path: Path, reset: bool
) -> None:
    hub.cuts = [(15 << 20, reset)]
    fetch_all(card(), tmp_path)
    assert_complete(tmp_path)
    first, second, *_ = hub.downloads()
    assert first is None
    assert second is not None
    assert second == f"bytes={15 << 20}-" or reset, "a reset takes what was not read yet with it"


def test_a_server_without_ranges_sends_all_of_it_again(hub: Hub, card: Callable[..., Card], tmp_path: Path) -> None:
    hub.cuts, hub.ranges = [(15 << 20, False)], False
    fetch_all(card(), tmp_path)
    assert_complete(tmp_path)
    assert hub.cuts == [], "the connection broke"


def test_a_busy_hub_is_asked_again(hub: Hub, card: Callable[..., Card], tmp_path: Path) -> None:
    hub.busy = 2
    fetch_all(card(), tmp_path)
    assert_complete(tmp_path)
    assert hub.busy == 0, "it was asked while it was busy"


def test_a_hub_that_stays_busy_is_given_up(hub: Hub, card: Callable[..., Card], tmp_path: Path) -> None:
    hub.busy = 1000
    with pytest.raises(HostUnreachable, match="503") as caught:
        fetch_all(card(), tmp_path)
    assert caught.value.exit_code == 4
    assert "--mirror" in caught.value.remedy


def test_no_network_is_said_with_what_to_do(card: Callable[..., Card], tmp_path: Path) -> None:
    with serve() as gone:
        pass
    card()
    answer = run(gone, tmp_path, "--json")
    assert answer.returncode == 4
    error = json.loads(answer.stdout)["error"]
    assert error["slug"] == "host-unreachable"
    assert error["place"] == f"{gone.url}/{REPO}"
    assert "--mirror DIR" in error["remedy"]


def test_offline_by_the_users_own_setting(
    hub: Hub, card: Callable[..., Card], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    answer = run(hub, tmp_path, "--json")
    assert answer.returncode == 4
    assert "HF_HUB_OFFLINE" in json.loads(answer.stdout)["error"]["message"]
    assert hub.requests == []


def test_a_disk_that_refuses_in_the_middle(hub: Hub, card: Callable[..., Card], tmp_path: Path) -> None:
    card()
    # A limit on the size of files stands for a full disk: the system refuses the write in the same way.
    line = ["bash", "-c", 'ulimit -f 4096; exec "$@"', "-", *command("--models", str(tmp_path / "models"), "--json")]
    answer = subprocess.run(line, capture_output=True, text=True, env=environment(hub, tmp_path), check=False)
    assert answer.returncode == 2
    assert json.loads(answer.stdout)["error"]["slug"] == "output-unwritable"
    assert run(hub, tmp_path).returncode == 0
    assert_complete(tmp_path / "models")


def test_wrong_bytes_are_removed(hub: Hub, card: Callable[..., Card], tmp_path: Path) -> None:
    right = CONTENT[ENCODER]
    hub.served = {sha256(right): right[:-1] + bytes([right[-1] ^ 1])}
    with pytest.raises(ModelCorrupt, match="it was removed"):
        fetch_all(card(), tmp_path)
    assert not (tmp_path / "text_encoders/kiln_te.safetensors").exists()
    assert parts(tmp_path) == []
    hub.served = {}
    fetch_all(card(), tmp_path)
    assert_complete(tmp_path)


def test_a_file_that_goes_on_beyond_its_size_is_removed(hub: Hub, card: Callable[..., Card], tmp_path: Path) -> None:
    right = CONTENT[ENCODER]
    hub.served = {sha256(right): right + right}
    with pytest.raises(ModelCorrupt, match="more came than the 2,097,152 bytes"):
        fetch_all(card(), tmp_path)
    assert parts(tmp_path) == []
    hub.served = {}
    fetch_all(card(), tmp_path)
    assert_complete(tmp_path)


def test_a_source_that_breaks_off_after_each_byte_is_given_up(
    hub: Hub, card: Callable[..., Card], tmp_path: Path
) -> None:
    hub.cuts = [(1, False)] * 100
    with pytest.raises(HostUnreachable, match="the connection"):
        fetch_all(card(), tmp_path)
    assert len(hub.cuts) > 90


PART = f"diffusion_models/.kiln_bf16.safetensors.{sha256(CONTENT[DIFFUSION])[:16]}.part"


@pytest.mark.parametrize(
    ("planted", "make"),
    [
        (PART, Path.symlink_to),
        (PART, Path.hardlink_to),
        (PART, os.mkfifo),
        (".packshot-fetch.lock", Path.symlink_to),
    ],
)
@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.usefixtures("hub")
def test_nothing_is_written_to_what_was_planted_in_a_shared_folder(
    card: Callable[..., Card], tmp_path: Path, planted: str, make: Callable[..., None], mirrored: bool
) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    place = tmp_path / "models" / planted
    place.parent.mkdir(parents=True)
    make(place, *([] if make is os.mkfifo else [victim]))
    fill(tmp_path / "mirror")
    with pytest.raises(OutputUnwritable, match=r"link|lock") as caught:
        fetch_all(card(), tmp_path / "models", Mirror(tmp_path / "mirror") if mirrored else None)
    assert str(place) == caught.value.place
    assert victim.read_bytes() == b"precious"
    place.unlink()
    fetch_all(card(), tmp_path / "models")
    assert_complete(tmp_path / "models")


@pytest.mark.usefixtures("hub")
def test_a_tag_that_is_no_hash_names_no_path(card: Callable[..., Card], tmp_path: Path) -> None:
    file = card(sha256=None).components[0].files[0]
    item = Wanted(card().components[0], file, tmp_path / file.name, "missing")
    for tag in ("W/a/b/c", "../../../../etc/passwd", 'a"b', "", "x" * 400):
        part = fetching._part(item, fetching.Remote(file, "", 1, None, tag))
        assert part.parent == tmp_path
        assert len(part.name.encode()) < 200


@pytest.mark.parametrize(
    "change",
    [
        {"repo": "../../x"},
        {"repo": "a--b/c"},
        {"repo": "a/b/c"},
        {"repo": "a/b.git"},
        {"repo": ""},
        {"path": "../x"},
        {"path": "/etc/passwd"},
        {"path": "a//b"},
        {"name": "a\0b.safetensors"},
        {"name": "a/.hidden"},
        {"name": "C:a.safetensors"},
        {"name": "\u202etxt.safetensors"},
    ],
)
def test_a_card_that_names_what_cannot_be_is_refused(card: Callable[..., Card], change: dict[str, str]) -> None:
    with pytest.raises(WorkflowInvalid, match=r"repository of the hub|path inside"):
        card(**change)


def test_another_file_at_the_hub_is_refused_before_a_byte_is_fetched(
    hub: Hub, card: Callable[..., Card], tmp_path: Path
) -> None:
    with pytest.raises(ModelCorrupt, match="not the card's"):
        fetch_all(card(sha256=sha256(b"another")), tmp_path)
    assert hub.downloads() == []


def test_without_a_hash_in_the_card_the_hubs_is_checked(hub: Hub, card: Callable[..., Card], tmp_path: Path) -> None:
    right = CONTENT[DIFFUSION]
    hub.served = {sha256(right): bytes(len(right))}
    unknown = card(sha256=None, size=None)
    with pytest.raises(ModelCorrupt, match=sha256(right)):
        fetch_all(unknown, tmp_path)
    hub.served = {}
    fetch_all(unknown, tmp_path)
    assert_complete(tmp_path)


@pytest.mark.usefixtures("hub")
def test_a_size_that_is_an_estimate_refuses_nothing(card: Callable[..., Card], tmp_path: Path) -> None:
    fetch_all(card(sha256=None, size=25_000_000, size_is="computed"), tmp_path)
    assert_complete(tmp_path)


def test_a_gated_repository_says_how_to_get_in(
    hub: Hub, card: Callable[..., Card], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.gated = {REPO}
    with pytest.raises(ModelMissing) as caught:
        fetch_all(card(), tmp_path)
    assert caught.value.place == f"{hub.url}/{REPO}"
    assert "accept it there" in caught.value.remedy
    assert "HF_TOKEN" in caught.value.remedy

    monkeypatch.setenv("HF_TOKEN", TOKEN)
    fetch_all(card(), tmp_path)
    assert_complete(tmp_path)
    # The token is for the hub, not for wherever it redirects to.
    assert {token for _, path, _, token in hub.requests if path.startswith("/cdn/")} == {None}


def test_what_the_hub_does_not_have(hub: Hub, card: Callable[..., Card], tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"has no file gone\.safetensors"):
        fetch_all(card(path="gone.safetensors"), tmp_path)
    with pytest.raises(ModelMissing, match="no repository nobody/nothing"):
        fetch_all(card(repo="nobody/nothing"), tmp_path)
    with pytest.raises(ModelMissing, match="put it there yourself"):
        fetch_all(card(repo=None, path=None), tmp_path)
    # Nothing is fetched of a card that cannot be had as a whole.
    assert hub.downloads() == []


def test_a_size_of_the_card_that_is_off_does_not_matter_beside_a_hash(
    hub: Hub, card: Callable[..., Card], tmp_path: Path
) -> None:
    off = card(size=1)
    fetch_all(off, tmp_path)
    assert_complete(tmp_path)
    hub.requests.clear()
    assert "checking diffusion_models/kiln_bf16.safetensors" in fetch_all(off, tmp_path)
    assert hub.requests == []


def test_a_model_that_the_host_has_no_code_for(tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match="ComfyUI has no code"):
        fetch_all(load_card("hunyuanimage-3.0"), tmp_path)


@pytest.mark.parametrize("content", [b"short", CONTENT[VAE][::-1]], ids=["size", "content"])
def test_another_file_of_that_name_is_kept_and_refused(
    hub: Hub, card: Callable[..., Card], tmp_path: Path, content: bytes
) -> None:
    own = tmp_path / "vae/vae.safetensors"
    own.parent.mkdir()
    own.write_bytes(content)
    with pytest.raises(ModelCorrupt, match="not overwritten") as caught:
        fetch_all(card(), tmp_path)
    assert caught.value.place == str(own)
    assert own.read_bytes() == content
    assert hub.requests == []


def test_too_little_space_is_said_first(card: Callable[..., Card], tmp_path: Path) -> None:
    fill(tmp_path / "mirror")
    with (tmp_path / "mirror" / REPO / DIFFUSION).open("r+b") as file:  # sparse: it takes no space here
        file.truncate(shutil.disk_usage(tmp_path).total)
    with pytest.raises(OutputUnwritable, match="are free"):
        fetch_all(card(sha256=None, size=None), tmp_path / "models", Mirror(tmp_path / "mirror"))
    assert [path.name for path in (tmp_path / "models").iterdir()] == [".packshot-fetch.lock"]


@pytest.mark.filterwarnings("ignore:Not enough free disk space")
def test_a_file_too_large_for_plain_http(
    hub: Hub, card: Callable[..., Card], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # This server has no Xet. For a file that only seems that large, huggingface_hub falls back to plain HTTP ...
    monkeypatch.setattr("packshot.models.hub._LARGEST", 20 << 20)
    fetch_all(card(), tmp_path / "models")
    assert_complete(tmp_path / "models")
    # ... and for one that says to be, it gives up.
    hub.overstated = 50 * 10**9
    source = HubSource()
    remote = source.look(card().components[0].files[0])
    with pytest.raises(ModelMissing, match="--mirror DIR") as caught:
        source.copy(remote, tmp_path / "a.part")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("a.")] == []
    assert f"hf download {REPO} {DIFFUSION} --local-dir DIR/{REPO}" in caught.value.remedy


@pytest.mark.usefixtures("hub")
def test_two_fetches_do_not_meet(card: Callable[..., Card], tmp_path: Path) -> None:
    with FileLock(tmp_path / ".packshot-fetch.lock"), pytest.raises(OutputUnwritable, match="another fetch"):
        fetch_all(card(), tmp_path)


def test_a_mirror_takes_the_place_of_the_network(hub: Hub, card: Callable[..., Card], tmp_path: Path) -> None:
    mirror = Mirror(tmp_path / "mirror")
    with pytest.raises(ModelMissing) as caught:
        fetch_all(card(), tmp_path / "models", mirror)
    assert f"hf download {REPO} {DIFFUSION} --local-dir {tmp_path / 'mirror' / REPO}" in caught.value.remedy
    fill(tmp_path / "mirror")
    fetch_all(card(), tmp_path / "models", mirror)
    assert_complete(tmp_path / "models")
    assert hub.requests == []


def test_a_wrong_file_in_the_mirror(card: Callable[..., Card], tmp_path: Path) -> None:
    fill(tmp_path / "mirror")
    wrong = tmp_path / "mirror" / REPO / DIFFUSION
    wrong.write_bytes(wrong.read_bytes()[::-1])
    with pytest.raises(ModelCorrupt):
        fetch_all(card(), tmp_path / "models", Mirror(tmp_path / "mirror"))
    assert parts(tmp_path / "models") == []


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from packshot.cli import main; main()", "models", "fetch", "kiln", *arguments]


def environment(hub: Hub, tmp_path: Path) -> dict[str, str]:
    home = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf"), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    return os.environ | home


def run(hub: Hub, tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    line = command("--models", str(tmp_path / "models"), *arguments)
    return subprocess.run(line, capture_output=True, text=True, env=environment(hub, tmp_path), check=False)


def test_the_command_answers_in_json(hub: Hub, card: Callable[..., Card], tmp_path: Path) -> None:
    card()
    dry = run(hub, tmp_path, "--dry-run", "--json")
    assert dry.returncode == 0, dry.stderr
    assert [file["state"] for file in json.loads(dry.stdout)["cards"][0]["files"]] == ["missing"] * 3
    assert hub.requests == []
    assert not (tmp_path / "models").exists()

    done = run(hub, tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["models"] == str(tmp_path / "models")
    [only] = answer["cards"]
    assert only["card"] == "kiln"
    assert {file["file"]: file["state"] for file in only["files"]} == dict.fromkeys(PLACES, "fetched")
    assert [file["source"] for file in only["files"]] == [f"{REPO}/{path}" for path in CONTENT]
    assert only["licence"]["decision"] in ("allow", "duties", "refuse")
    assert_complete(tmp_path / "models")


def test_the_command_says_what_is_wrong(hub: Hub, card: Callable[..., Card], tmp_path: Path) -> None:
    card()
    wrong = run(hub, tmp_path, "--precision", "nvfp4", "--json")
    assert wrong.returncode == 2
    assert json.loads(wrong.stdout)["error"]["slug"] == "input-invalid"
    assert "bf16" in json.loads(wrong.stdout)["error"]["remedy"]


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_command_goes_on_next_time(
    hub: Hub, card: Callable[..., Card], tmp_path: Path, ending: signal.Signals
) -> None:
    card()
    # The first download stops for good in the middle, so that the command is at work on it when it is interrupted.
    hub.cuts = [(15 << 20, False), *[(0, False)] * 1000]
    line = command("--models", str(tmp_path / "models"))
    with subprocess.Popen(line, env=environment(hub, tmp_path), stderr=subprocess.PIPE) as process:
        while not any(part.stat().st_size >= 10 << 20 for part in parts(tmp_path / "models")):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(ending)
        process.communicate()
    assert process.returncode != 0
    assert not (tmp_path / "models/diffusion_models/kiln_bf16.safetensors").exists()

    hub.cuts = []
    hub.requests.clear()
    assert run(hub, tmp_path).returncode == 0
    assert_complete(tmp_path / "models")
    resumed = str(hub.downloads()[0]).removeprefix("bytes=").rstrip("-")
    assert int(resumed) >= 10 << 20
