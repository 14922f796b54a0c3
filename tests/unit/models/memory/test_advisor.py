"""Which file of a card for which device."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from packshot.errors import InputInvalid
from packshot.models.cards import Card, Component, ModelFile, Precision, card_ids, load_card
from packshot.models.memory.advisor import Device, Kind, choose, file_bytes, runs, runs_fast
from packshot.models.memory.estimates import GIB
from support.models.own_card import component, own_card

PRECISIONS: tuple[Precision, ...] = (
    "fp32", "bf16", "fp16", "fp8", "int8", "nvfp4", "fp4", "gguf-q8", "gguf-q5", "gguf-q4",
)  # fmt: skip


def cuda(gib: float, capability: tuple[int, int] | None) -> Device:
    return Device("cuda", "test", round(gib * GIB), capability)


PASCAL, TURING, AMPERE, ADA, HOPPER, BLACKWELL = (6, 1), (7, 5), (8, 6), (8, 9), (9, 0), (12, 0)


def fast(device: Device) -> set[str]:
    return {precision for precision in PRECISIONS if runs_fast(precision, device)}


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        (cuda(8, PASCAL), {"fp32"}),
        (cuda(8, (7, 0)), {"fp32", "fp16"}),
        (cuda(8, TURING), {"fp32", "fp16", "int8"}),
        (cuda(24, (8, 0)), {"fp32", "fp16", "bf16", "int8"}),
        (cuda(24, AMPERE), {"fp32", "fp16", "bf16", "int8"}),
        (cuda(24, ADA), {"fp32", "fp16", "bf16", "int8", "fp8"}),
        (cuda(80, HOPPER), {"fp32", "fp16", "bf16", "int8", "fp8"}),
        (cuda(180, (10, 0)), {"fp32", "fp16", "bf16", "int8", "fp8", "nvfp4", "fp4"}),
        (cuda(32, BLACKWELL), {"fp32", "fp16", "bf16", "int8", "fp8", "nvfp4", "fp4"}),
        (cuda(24, None), {"fp32", "fp16", "bf16"}),
        (Device("rocm", "test", 24 * GIB), {"fp32", "fp16", "bf16"}),
        (Device("mps", "test", 24 * GIB), {"fp32", "fp16", "bf16"}),
        (Device("xpu", "test", 24 * GIB), {"fp32", "fp16", "bf16"}),
        (Device("cpu", "test", 24 * GIB), {"fp32"}),
    ],
)
def test_what_runs_fast(device: Device, expected: set[str]) -> None:
    assert fast(device) == expected
    assert expected <= {precision for precision in PRECISIONS if runs(precision, device)}


def test_apple_gpus_have_no_fp8() -> None:
    assert not runs("fp8", Device("mps", "test", 64 * GIB))
    assert runs("fp8", cuda(24, AMPERE))


def made(**sizes: int | None) -> Card:
    small = (component("text_encoder", bf16=GIB), component("vae", bf16=GIB // 4))
    return Card.model_validate(own_card("kiln", component("diffusion_model", 12 * 10**9, **sizes), *small))


LADDER = {"bf16": 24 * GIB, "fp8": 12 * GIB, "nvfp4": 7 * GIB, "gguf_q4": 6 * GIB}


def chosen(card: Card, device: Device, **options: Any) -> str:
    return choose(card, device, **options)[card.slot("diffusion_model")[0]].precision


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        (cuda(80, HOPPER), "bf16"),
        (cuda(24, BLACKWELL), "fp8"),
        (cuda(16, BLACKWELL), "fp8"),
        (cuda(12, BLACKWELL), "nvfp4"),
        (cuda(16, ADA), "fp8"),
        (cuda(16, AMPERE), "fp8"),  # cast, but it need not be streamed
        (cuda(8, AMPERE), "fp8"),  # neither fits: the smaller streams less
        (cuda(8, ADA), "fp8"),
        (Device("mps", "test", 16 * GIB), "bf16"),  # has no fp8
        (Device("cpu", "test", 64 * GIB), "bf16"),
    ],
)
def test_the_best_that_fits_and_that_the_device_runs(device: Device, expected: str) -> None:
    assert chosen(made(**LADDER), device) == expected


def test_gguf_needs_the_hosts_loader_node() -> None:
    card, small = made(**LADDER), cuda(8, ADA)
    assert chosen(card, small, nodes=frozenset()) == "fp8"
    assert chosen(card, small, nodes=frozenset({"UnetLoaderGGUF"})) == "gguf-q4"
    # Where fp8 fits, it is nearer to the original and computed in.
    assert chosen(card, cuda(16, ADA), nodes=frozenset({"UnetLoaderGGUF"})) == "fp8"


def test_what_is_on_disk_goes_first_if_the_device_can_use_it() -> None:
    card = made(**LADDER)

    def only(*precisions: str) -> Any:
        return lambda _, file: file.precision in precisions

    assert chosen(card, cuda(80, HOPPER), present=only("fp8")) == "fp8"
    assert chosen(card, cuda(80, HOPPER), present=only("fp8", "bf16")) == "bf16"
    assert chosen(card, cuda(80, HOPPER), present=only("nvfp4")) == "bf16"
    assert chosen(card, cuda(32, BLACKWELL), present=only("nvfp4")) == "nvfp4"


def test_32_bit_is_no_better_on_a_gpu() -> None:
    assert chosen(made(fp32=4 * GIB, fp16=2 * GIB), cuda(80, HOPPER)) == "fp16"
    assert chosen(made(fp32=4 * GIB, fp16=2 * GIB), Device("cpu", "test", 64 * GIB)) == "fp32"


def test_a_component_with_nothing_else_gets_its_first_file() -> None:
    assert chosen(made(nvfp4=7 * GIB), cuda(24, ADA)) == "nvfp4"


def test_a_precision_that_is_asked_for_is_taken() -> None:
    card = made(**LADDER)
    files = choose(card, cuda(80, HOPPER), precision="nvfp4")
    assert [file.precision for file in files.values()] == ["nvfp4", "bf16", "bf16"]
    with pytest.raises(InputInvalid, match="bf16, fp8, gguf-q4, nvfp4"):
        choose(card, cuda(80, HOPPER), precision="int8")


def test_sizes_that_the_card_does_not_know_come_from_its_parameters() -> None:
    card = made(bf16=None, fp8=None)
    [part] = card.slot("diffusion_model")
    assert [file_bytes(part, file) for file in part.files] == [24 * 10**9, 12 * 10**9]
    assert chosen(card, cuda(16, ADA)) == "fp8"
    bare = Component(slot="vae", title="", licence="apache-2.0", files=(ModelFile(name="a", precision="bf16"),))
    assert file_bytes(bare, bare.files[0]) is None


KINDS: tuple[Kind, ...] = ("rocm", "mps", "xpu", "cpu")

GRID = [
    *(
        cuda(gib, at)
        for gib, at in itertools.product((4, 12, 24, 80), (PASCAL, TURING, AMPERE, ADA, HOPPER, BLACKWELL))
    ),
    *(Device(kind, "test", gib * GIB) for kind, gib in itertools.product(KINDS, (8, 64))),
]


@pytest.mark.parametrize("card_id", card_ids())
def test_no_card_is_given_a_file_that_its_device_cannot_use(card_id: str) -> None:
    card = load_card(card_id)
    for device in GRID:
        files = choose(card, device)
        assert list(files) == list(card.components)
        assert files == choose(card, device)
        for part, file in files.items():
            assert file in part.files
            usable = [other for other in part.files if runs(other.precision, device) and other.node is None]
            assert file in usable or not usable
