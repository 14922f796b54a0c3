"""Locks: what is in them, what counts as drift, and what does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packshot.errors import WorkflowInvalid
from packshot.models.cards import card_ids, load_card
from packshot.workflow import Workflow
from packshot.workflow.release.lock import (
    Drift,
    Lock,
    LockedModel,
    LockedPack,
    find_drift,
    lock_path,
    read_lock,
    write_lock,
)
from packshot.workflow.versions import library, release_of, releases, resolve

A, B = "a" * 64, "b" * 64

LOCK = Lock(
    workflow="product-shot@1.0.0",
    graph=A,
    comfyui="0.30.0",
    frontend="1.47.12",
    packs={"one": LockedPack(version="1.0"), "two": LockedPack(version="0.1", commit="c" * 40)},
    models=(
        LockedModel(file="vae/ae.safetensors", size=5, sha256=A),
        LockedModel(file="loras/sub/style.safetensors", size=7, card="style", sha256=None),
    ),
)


def everything(_: LockedModel) -> bool:
    return True


def drift(now: Lock, lock: Lock = LOCK) -> list[str]:
    return [each.what for each in find_drift(lock, now, everything)]


def changed(**fields: Any) -> Lock:
    return LOCK.model_copy(update=fields)


def pack(name: str, **fields: Any) -> dict[str, LockedPack]:
    return {**LOCK.packs, name: LockedPack(**fields)}


def model(at: int, **fields: Any) -> tuple[LockedModel, ...]:
    models = list(LOCK.models)
    models[at] = models[at].model_copy(update=fields)
    return tuple(models)


def test_what_is_the_same_does_not_drift() -> None:
    assert drift(LOCK) == []


@pytest.mark.parametrize(
    ("now", "what"),
    [
        (changed(graph=B), "the graph"),
        (changed(comfyui="0.31.0"), "ComfyUI"),
        (changed(packs={"two": LOCK.packs["two"]}), "node pack one"),
        (changed(packs=pack("one", version="1.1")), "node pack one"),
        (changed(packs=pack("two", version="0.1", commit="d" * 40)), "node pack two"),
        (changed(models=model(0, sha256=B)), "model vae/ae.safetensors"),
        (changed(models=model(0, sha256=None, size=6)), "model vae/ae.safetensors"),
        (changed(models=LOCK.models[:1]), "model loras/sub/style.safetensors"),
        (changed(models=model(1, size=8)), "model loras/sub/style.safetensors"),
    ],
)
def test_what_differs_drifts(now: Lock, what: str) -> None:
    assert drift(now) == [what]


@pytest.mark.parametrize(
    "now",
    [
        changed(frontend="1.48.0"),  # a run never uses it
        changed(workflow="copy@1.0.0"),
        changed(comfyui=None),  # a host that does not tell
        changed(packs=pack("one", version=None)),
        changed(packs=pack("two", version="0.2", commit="c" * 40)),  # the commit says more than the version
        changed(packs={**LOCK.packs, "three": LockedPack(version="1")}),
        changed(models=model(0, sha256=None)),
        changed(models=model(0, size=None)),
        changed(models=(*LOCK.models, LockedModel(file="vae/more.safetensors", sha256=B))),
    ],
)
def test_what_cannot_be_told_or_does_not_matter_is_no_drift(now: Lock) -> None:
    assert drift(now) == []


def test_a_model_that_the_caller_replaced_is_not_missed() -> None:
    now = changed(models=LOCK.models[1:])
    assert drift(now) == ["model vae/ae.safetensors"]
    assert list(find_drift(LOCK, now, lambda each: each.file != "vae/ae.safetensors")) == []


def test_drift_says_both_sides() -> None:
    (found,) = find_drift(LOCK, changed(packs=pack("two", version="0.1", commit="d" * 40)), everything)
    assert str(found) == f"node pack two: locked 0.1 commit {'c' * 12}, found 0.1 commit {'d' * 12}"
    assert found == Drift(what="node pack two", locked=f"0.1 commit {'c' * 12}", found=f"0.1 commit {'d' * 12}")


# -- the file ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "lock"),
    [("1.2.0.app.json", "1.2.0.lock.json"), ("mine.json", "mine.lock.json"), ("x.json.app.json", "x.lock.json")],
)
def test_a_lock_lies_beside_its_file(file: str, lock: str, tmp_path: Path) -> None:
    assert lock_path(tmp_path / file) == tmp_path / lock


def test_a_lock_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "1.0.0.app.json"
    assert read_lock(path) is None
    assert write_lock(path, LOCK) == tmp_path / "1.0.0.lock.json"
    assert read_lock(path) == LOCK


_HEX = st.text("0123456789abcdef", min_size=64, max_size=64)

_LOCKS = st.builds(
    Lock,
    workflow=st.text(max_size=9),
    graph=_HEX,
    comfyui=st.none() | st.text(max_size=5),
    packs=st.dictionaries(
        st.text(max_size=5), st.builds(LockedPack, version=st.none() | st.text(max_size=5)), max_size=2
    ),
    models=st.lists(
        st.builds(LockedModel, file=st.text(max_size=5), size=st.none() | st.integers(0, 9), sha256=st.none() | _HEX),
        max_size=3,
        unique_by=lambda each: each.file,
    ).map(tuple),
)


@given(_LOCKS)
def test_nothing_drifts_from_itself_nor_from_its_file(lock: Lock) -> None:
    again = Lock.model_validate_json(lock.model_dump_json())
    assert again == lock
    assert drift(again, lock) == []


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", json.dumps({"workflow": "x", "graph": "short"}),
        json.dumps({"workflow": "x", "graph": A, "models": [{"file": "x", "sha256": "X"}]}),
        json.dumps({"workflow": "x", "graph": A, "torch": "2.13"}), "[" * 100_000,
    ],
)  # fmt: skip
def test_a_lock_that_is_none_is_refused_with_its_place(text: str, tmp_path: Path) -> None:
    (tmp_path / "1.0.0.lock.json").write_text(text)
    with pytest.raises(WorkflowInvalid) as caught:
        read_lock(tmp_path / "1.0.0.app.json")
    assert caught.value.place.startswith(str(tmp_path / "1.0.0.lock.json"))
    assert caught.value.remedy


# -- the locks that ship -----------------------------------------------------------------------------------------------


# Weights of which no source that a card could be made from tells the SHA-256.
UNHASHED = {
    f"{part.folder}/{file.name}"
    for card in map(load_card, card_ids())
    for part in (*card.components, *card.controls)
    for file in part.files
    if file.sha256 is None
}


def _shipped() -> list[tuple[str, Path]]:
    return [(name, path) for name in library() for _, path in releases(name) if lock_path(path).is_file()]


@pytest.mark.parametrize(("name", "path"), _shipped())
def test_a_lock_that_ships_is_of_its_release_and_holds_on_any_machine(name: str, path: Path) -> None:
    lock = read_lock(path)
    loaded = Workflow.load(path)
    assert lock is not None
    assert lock.workflow == f"{name}@{loaded.version}"
    assert lock.graph == loaded.sha256
    assert "packshot" not in lock.packs, "it ships with the pack"
    assert lock.models or not loaded.data["extra"]["packshot"]["requires"]["models"]
    for each in lock.models:
        assert each.sha256 or each.file in UNHASHED


def test_every_release_of_the_library_has_a_lock() -> None:
    assert _shipped() == [(name, path) for name in library() for _, path in releases(name)]


def test_a_name_alone_stands_for_a_file_without_a_lock_of_its_own() -> None:
    """Its release has one: `run` refuses for that one, and only tells for the name."""
    assert read_lock(resolve("product-shot")) is None
    assert read_lock(release_of("product-shot")) is not None
    assert release_of("product-shot@1.0.0") == resolve("product-shot@1.0.0")
