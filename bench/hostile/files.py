"""Hostile kits, licences, LoRA files, models and workflows: what comes as a file from somebody else."""

from __future__ import annotations

import json
import math
import os
import stat
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from packshot.brand.check import check_kit
from packshot.brand.kit import BrandKit
from packshot.brand.lora.conflicts import overlap
from packshot.brand.lora.convert import convert
from packshot.brand.lora.merge import resize
from packshot.brand.lora.metadata import Statement, stamp
from packshot.brand.lora.tensors import TensorFile
from packshot.brand.policy import judge_statement, profile_of
from packshot.brand.svg import svg_fault
from packshot.errors import PackshotError
from packshot.host.process import boot_id, find, since_boot
from packshot.models.detect.findings import CARDS
from packshot.models.licensing.licences import judge
from packshot.models.licensing.parts import Origin, parts_of_files
from packshot.models.licensing.profile import Profile, load_profile
from packshot.side_files import read_json, update_json
from packshot.workflow import Workflow
from packshot.workflow.release.bump import bump_workflow
from packshot.workflow.release.diff import diff
from packshot.workflow.versions import read_version

from .probe import Probe

LAYER = "lora_unet_double_blocks_0_img_attn_qkv"
COMPANY: Mapping[str, Any] = {
    "annual_revenue_usd": 50e6, "monthly_active_users": 0, "publish_territories": ["US", "DE"],
    "server_territory": "US", "purpose": "production", "hosted_for_others": False, "trains_on_outputs": False,
}  # fmt: skip
FLUX_LORA: Mapping[str, Any] = {
    "name": "L", "file": "l.safetensors", "sha256": "0" * 64, "base": "flux1", "licence": "flux-dev-nc-2.1",
    "approved_by": "Me",
}  # fmt: skip
_SECRET = b"root:x:0:0:secret"
_SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" {}>{}</svg>'

#: Name -> SVG that does more than to show itself.
SVGS: Mapping[str, str] = {
    "svg-external-image": _SVG.format("", '<image xlink:href="http://127.0.0.1/x.png"/>'),
    "svg-file-image": _SVG.format("", '<image href="file:///etc/passwd"/>'),
    "svg-use-of-another-file": _SVG.format("", '<use href="other.svg#a"/>'),
    "svg-style-import": _SVG.format("", "<style>@import 'http://evil.example/a.css';</style>"),
    "svg-style-address": _SVG.format("", '<rect style="fill:url(http://evil.example/a)"/>'),
    "svg-script": _SVG.format("", "<script>alert(1)</script>"),
    "svg-handler": _SVG.format('onload="alert(1)"', ""),
    "svg-foreign-object": _SVG.format("", "<foreignObject/>"),
    "svg-huge": _SVG.format('width="1e12" height="1e12"', ""),
    "svg-huge-view": _SVG.format('viewBox="0 0 1e300 1e300"', ""),
    "svg-deep": _SVG.format("", "<g>" * 5000 + "</g>" * 5000),
    "svg-many": _SVG.format("", "<g/>" * 200_000),
    "svg-no-xml": "<svg",
    "svg-entities": '<!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(9))
    + "]>"
    + _SVG.format("", "<text>&j;</text>"),
    "svg-external-entity": '<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + _SVG.format("", "&x;"),
}

#: Name -> YAML that no kit needs.
YAMLS: Mapping[str, str] = {
    "yaml-deep": "name: " + "[" * 5000,
    "yaml-laughs": "name: x\na: &a [x,x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 10)}]\n" for i in range(8)),
    "yaml-merge-bomb": "name: x\na: &a {k: v}\n"
    + "".join(f"{chr(98 + i)}: &{chr(98 + i)} {{<<: [{', '.join([f'*{chr(97 + i)}'] * 20)}]}}\n" for i in range(8)),
    "yaml-contains-itself": "name: &a [*a]\n",
    "yaml-long-number": "name: x\nversion: " + "9" * 100_000,
    "yaml-object": "name: !!python/object/apply:os.getcwd []\n",
    "yaml-large": "#" * 1_000_000,
}

#: Name -> shapes of a LoRA's matrices that unfold to more than any machine has.
BOMBS: Mapping[str, Mapping[str, tuple[int, ...]]] = {
    "lora-kronecker": {"lokr_w1": (2000, 2000), "lokr_w2": (64, 64)},
    "lora-kronecker-of-factors": {"lokr_w1_a": (9000, 2), "lokr_w1_b": (2, 9000), "lokr_w2": (64, 64)},
    "lora-hadamard": {
        "hada_w1_a": (90_000, 400), "hada_w1_b": (400, 90_000), "hada_w2_a": (90_000, 400), "hada_w2_b": (400, 90_000),
    },
    "lora-rank-of-a-million": {"lora_up.weight": (64, 1_000_000), "lora_down.weight": (1_000_000, 64)},
}  # fmt: skip


def write_holes(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> Path:
    """Write a safetensors file of F16 zeros whose body is a hole: it takes no space on disk."""
    header, offset = {}, 0
    for name, shape in shapes.items():
        size = 2 * math.prod(shape)
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text)
    os.truncate(path, 8 + len(text) + offset)
    return path


def write_values(path: Path, up: float, alpha: float) -> Path:
    """Write a LoRA of rank 4 whose numbers are all the same."""
    tensors = {
        f"{LAYER}.lora_up.weight": np.full((64, 4), up, "<f4"),
        f"{LAYER}.lora_down.weight": np.full((4, 64), up, "<f4"),
        f"{LAYER}.alpha": np.array(alpha, "<f4"),
    }
    header, offset = {}, 0
    for name, values in tensors.items():
        header[name] = {"dtype": "F32", "shape": values.shape, "data_offsets": [offset, offset + values.nbytes]}
        offset += values.nbytes
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(values.tobytes() for values in tensors.values()))
    return path


def write_kit(folder: Path, content: Mapping[str, Any]) -> BrandKit:
    """Write a kit and read it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "brand.yaml").write_text(yaml.safe_dump({"name": "K", **content}))
    return BrandKit.load(folder)


def canvas(nodes: int = 0, **block: Any) -> dict[str, Any]:
    """A small workflow, with so many more nodes that nothing uses."""
    empty = {"type": "EmptyImage", "pos": [0, 0], "widgets_values": [64, 64, 1, 0]}
    saved = {"id": 2, "type": "SaveImage", "inputs": [{"name": "images", "type": "IMAGE", "link": 1}]}
    named = {"name": "plain", "inputs": {"width": {"node": 1, "widget": "width"}}, "outputs": {"image": {"node": 2}}}
    return {
        "nodes": [{"id": 1, **empty}, saved, *({"id": 10 + number, **empty} for number in range(nodes))],
        "links": [[1, 1, 0, 2, 0, "IMAGE"]],
        "extra": {"packshot": {**named, **block}},
    }


def _refused(action: Callable[[], object]) -> tuple[bool, str]:
    """Whether an action ends in an error with a slug; anything else that it raises is a fault."""
    try:
        action()
    except PackshotError as error:
        return True, f"{error.slug}: {error.message[:60]}"
    except Exception as error:  # a traceback in somebody's terminal
        return False, f"{type(error).__name__}: {str(error)[:60]}"
    return False, "was accepted"


def probes(folder: Path, full: bool = False) -> Iterator[Probe]:
    """Try every hostile file.

    Args:
        folder: empty, to write them to.
        full: with those that take long.
    """
    settings = folder / "settings"
    os.environ["XDG_CONFIG_HOME"], os.environ["XDG_CACHE_HOME"] = str(settings), str(folder / "cache")
    (settings / "packshot").mkdir(parents=True)
    (settings / "packshot" / "profile.yaml").write_text(yaml.safe_dump(dict(COMPANY)))
    for room in (_kits, _yamls, _svgs, _licences, _weights, _loras, _side_files, _processes):
        place = folder / room.__name__.strip("_")
        place.mkdir()
        yield from room(place)
    (folder / "workflows").mkdir()
    yield from _workflows(folder / "workflows", full)


def _kits(folder: Path) -> Iterator[Probe]:
    outside = folder / "passwd"
    outside.write_bytes(_SECRET)
    targets = {
        "link-to-zeros": "/dev/zero",
        "link-out": str(outside),
        "link-out-and-back": f"../../{folder.name}/../{folder.name}/passwd",
        "pipe": None,
        "folder": None,
    }
    for kind in ("fonts", "logos"):
        for name, target in targets.items():
            place = folder / f"{kind}-{name}"
            entry = {"family": "F", "file": "f.ttf"} if kind == "fonts" else {"name": "l", "file": "f.png"}
            kit = write_kit(place, {kind: [entry]})
            file = place / str(entry["file"])
            if target is not None:
                file.symlink_to(target)
            elif name == "pipe":
                os.mkfifo(file)
            else:
                file.mkdir()
            errors = [finding for finding in check_kit(kit) if finding.level == "error"]
            leaked = any("SHA-256" in finding.message for finding in errors)
            note = errors[0].message[:80] if errors else "accepted"
            yield Probe(f"kit-{kind}-{name}", bool(errors) and not leaked, note)
    place = folder / "huge"
    kit = write_kit(place, {"fonts": [{"family": "F", "file": "f.ttf"}]})
    (place / "f.ttf").write_bytes(b"\0\1\0\0")
    os.truncate(place / "f.ttf", 1 << 40)
    errors = [finding for finding in check_kit(kit) if finding.level == "error"]
    yield Probe("kit-font-of-a-terabyte", bool(errors), errors[0].message[:80] if errors else "accepted")
    place = folder / "linked"
    place.mkdir()
    (place / "brand.yaml").symlink_to(outside)
    yield Probe("kit-is-a-link", *_refused(lambda: BrandKit.load(place)))


def _yamls(folder: Path) -> Iterator[Probe]:
    for name, text in YAMLS.items():
        place = folder / name
        place.mkdir()
        (place / "brand.yaml").write_text(text)
        yield Probe(name, *_refused(lambda place=place: BrandKit.load(place)))  # type: ignore[misc]


def _svgs(_: Path) -> Iterator[Probe]:
    for name, text in SVGS.items():
        fault = svg_fault(text.encode())
        yield Probe(name, bool(fault), fault[:80] or "accepted")


def _licences(folder: Path) -> Iterator[Probe]:
    mild = {**COMPANY, "annual_revenue_usd": 0.0}
    for name, stated in {
        "kit-attests": {**mild, "attestations": ["bfl-commercial"]},
        "kit-declares": {**mild, "declared": {"l.safetensors": "own"}},
        "kit-is-milder": {**mild, "purpose": "evaluation"},
    }.items():
        kit = write_kit(folder / name, {"licence_profile": "p.yaml", "loras": [dict(FLUX_LORA)]})
        (folder / name / "p.yaml").write_text(yaml.safe_dump(stated))
        yield Probe(name, *_refused(lambda kit=kit: judge_statement(kit, kit.loras[0])))  # type: ignore[misc]
    kit = write_kit(folder / "link", {"licence_profile": "p.yaml"})
    (folder / "link" / "p.yaml").symlink_to(folder.parent / "settings" / "packshot" / "profile.yaml")
    yield Probe("kit-profile-is-a-link", *_refused(lambda: profile_of(kit)))
    endless = folder / "endless.yaml"
    endless.symlink_to("/dev/zero")
    yield Probe("profile-without-end", *_refused(lambda: load_profile(endless)))


def _weights(_: Path) -> Iterator[Probe]:
    profile = Profile.model_validate(dict(COMPANY))
    flux = Origin(CARDS["flux1"], addition=False)
    claimed = Origin(CARDS["z-image"], addition=True, read=False)
    files: Mapping[str, tuple[str, Origin | None]] = {
        "renamed-and-not-looked-into": ("z_image_turbo_bf16.safetensors", None),
        "renamed-with-its-header": ("z_image_turbo_bf16.safetensors", flux),
        "renamed-to-an-upscaler": ("RealESRGAN_x4plus.pth", None),
        "renamed-in-a-folder": ("a/b/z_image_turbo_bf16.safetensors", flux),
        "lora-that-claims-a-base": ("brand.safetensors", claimed),
    }
    for name, (file, origin) in files.items():
        decision = judge(parts_of_files([file], [], profile, {file: origin}.get), profile)
        yield Probe(name, decision.decision == "refuse", decision.summary()[:80])


def _loras(folder: Path) -> Iterator[Probe]:
    out = folder / "out.safetensors"
    for name, shapes in BOMBS.items():
        file = write_holes(folder / f"{name}.safetensors", {f"{LAYER}.{part}": shape for part, shape in shapes.items()})
        yield Probe(name, *_refused(lambda file=file: resize(file, out, rank=4)))  # type: ignore[misc]
        compared = _refused(lambda file=file: overlap(TensorFile(file), TensorFile(file)))  # type: ignore[misc]
        yield Probe(f"{name}-compared", *compared)
    for name, up, alpha in (("nan-alpha", 0.1, math.nan), ("infinite", math.inf, 4.0), ("too-large", 3e38, 4.0)):
        file = write_values(folder / f"{name}.safetensors", up, alpha)
        tools: dict[str, Callable[[], object]] = {
            "resize": lambda file=file: resize(file, out, rank=2),  # type: ignore[misc]
            "convert": lambda file=file: convert(file, out, "fp16"),  # type: ignore[misc]
        }
        if name != "too-large":  # whose bytes a stamp may copy
            tools["stamp"] = lambda file=file: stamp(file, out, Statement(title="x"))  # type: ignore[misc]
        for tool, action in tools.items():
            yield Probe(f"lora-{name}-{tool}", *_refused(action))
    for name, target in (("zeros", "/dev/zero"), ("pipe", None)):
        file = folder / f"{name}.safetensors"
        os.mkfifo(file) if target is None else file.symlink_to(target)
        yield Probe(f"lora-{name}", *_refused(lambda file=file: TensorFile(file)))  # type: ignore[misc]


def _side_files(folder: Path) -> Iterator[Probe]:
    for name in ("pipe", "zeros", "damaged", "in-a-file"):
        file = folder / name / "timings.json"
        if name == "in-a-file":
            file.parent.write_text("")
        else:
            file.parent.mkdir()
        if name == "pipe":
            os.mkfifo(file)
        elif name == "zeros":
            file.symlink_to("/dev/zero")
        elif name == "damaged":
            file.write_bytes(b"[" * 200_000)
        began = time.monotonic()
        update_json(file, lambda _: [1])
        seconds = time.monotonic() - began
        held = read_json(file) == (None if name == "in-a-file" else [1])
        yield Probe(f"side-file-{name}", held, f"{seconds:.1f} s")
    before = os.umask(0)
    try:
        file = folder.parent / "cache" / "packshot" / "host" / "installation.json"
        update_json(file, lambda _: {})
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (file, file.parent, file.parent.parent)}
    yield Probe("cache-with-umask-000", not any(mode & 0o077 for mode in modes), " ".join(map(oct, sorted(modes))))


def _processes(_: Path) -> Iterator[Probe]:
    process = os.getpid()
    living = find(process, since_boot(process), boot_id()) is not None
    yield Probe("process-of-this-boot", living, "found" if living else "lost")
    yield Probe("process-of-another-boot", find(process, since_boot(process), "another") is None, "not taken for it")


def _workflows(folder: Path, full: bool) -> Iterator[Probe]:
    plain = Workflow(canvas(), "plain")
    many = 100_000 if full else 10_000
    inputs = {f"i{number}": {"node": 1, "widget": "width"} for number in range(20_000)}
    large: dict[str, dict[str, Any]] = {
        "workflow-many-nodes": canvas(many),
        "workflow-many-inputs": canvas(inputs=inputs),
        "workflow-long-summary": canvas(summary="x" * 10_000_000),
        "workflow-half-a-character": canvas(summary="\ud800"),
    }
    for name, data in large.items():
        began = time.monotonic()
        changes = len(diff(plain, Workflow(data, name)).changes)
        seconds = time.monotonic() - began
        yield Probe(name, seconds < 30, f"{changes:,} changes in {seconds:.1f} s")
    yield Probe("workflow-version-of-6000-digits", read_version("9" * 6000 + ".0.0") is None, "no version")
    looped = canvas()
    inner = {"id": "a", "name": "a", "inputs": [], "outputs": [], "nodes": [{"id": 1, "type": "a"}], "links": []}
    looped["definitions"] = {"subgraphs": [inner]}
    looped["nodes"].append({"id": 3, "type": "a"})
    file = folder / "plain.app.json"
    file.write_text(json.dumps(looped))
    yield Probe("workflow-in-itself-released", *_refused(lambda: bump_workflow(file)))
