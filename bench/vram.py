"""VRAM policies on a GPU, with random weights of the real shapes: seconds a step and peak, as ratios in one run.

    .venv/bin/python bench/vram.py [--models flux2-klein-4b,sd3.5-large,z-image,qwen-image] [--size 1024]
    .venv/bin/python bench/vram.py --card 12     a whole picture with FLUX.2 [klein] 4B on a card of so many GiB
    .venv/bin/python bench/vram.py --smoke       either of them with the starter, two rows of each, on a CPU too

For each model, in a process of its own for each row: the whole model resident; what core does by itself; a policy that
is there but asks for nothing; a budget of 60 % and of 40 % of the weights, and core by itself on a card on which no
more is free than that took. Each under Dynamic VRAM, and with ``--disable-dynamic-vram``. Then diffusers' model of the
same shape: whole, and by group offloading with streams; left out with a line where the host's Python does not have it.
No text encoder runs; its place is taken by random conditioning of the width that the model takes.

``--card`` makes two pictures in each row, each with words of its own: text encoder (Qwen3 4B), LoRA, four steps and
FLUX.2's VAE, all of them with random weights: with core's defaults, and with Packshot's policy and tiled decode. The
rest of the card is held by another process, so that what does not fit fails as it would there.

The peak is that of the process by the memory report: torch's counter and the pages of Dynamic VRAM. What a step takes
besides weights is the peak of the row with the whole model less its weights; a peak less that is what of the weights
was there at most, and stands beside the budget that was asked for. Below the table is what the report said. ``--comfyui
FOLDER`` runs in this very Python, where that can run the ComfyUI of the folder: for a machine without a network.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
import _inside
import _options
import _vram_models

GIB = 2**30
CONTEXT = 0.7  # GiB that a process has on a GPU besides what is counted as its peak

WHOLE = "full"  # the row with all weights resident
BUDGETS = {"60 %": 0.6, "40 %": 0.4}
PLAIN = {WHOLE: {"mode": "full"}, "core": {"mode": "core"}, "unused": {"mode": "auto"}}
DIFFUSERS = {"whole": "", "group offload, blocks": "block_level", "group offload, leaves": "leaf_level"}
MANAGERS = {False: ("dynamic", "legacy"), True: ("legacy",)}  # the first needs a GPU
WARM, STEPS = 2, 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="flux2-klein-4b,sd3.5-large,z-image,qwen-image")
    parser.add_argument("--size", type=int, default=1024, help="side of the picture in pixels")
    parser.add_argument("--card", type=float, default=0.0, help="GiB of the card on which a whole picture is made")
    parser.add_argument("--comfyui", help="folder of a ComfyUI that this Python can run")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    _options.add_smoke(parser)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(child(json.loads(options.child))))
        return
    if options.smoke:
        options.models, options.size = "starter", 128
    at = _inside.place(options.comfyui)
    with tempfile.TemporaryDirectory(prefix="packshot-bench-") as folder:
        prepare(options, at, Path(folder) / "shapes.json")
        if options.card:
            pictures(options, at)
        else:
            for model in options.models.split(","):
                table(options, at, model)


def prepare(options: argparse.Namespace, at: tuple[str, Path], shapes: Path) -> None:
    """Tell the children where the real shapes are, by core's own classes, and the starter's files."""
    if options.smoke:
        os.environ["MODELS"] = str(_inside.packed("client.paths").cache_dir() / "host" / "models")
        return
    line = [at[0], str(_inside.PACK / "tests" / "support" / "inside" / "core_shapes.py"), "--complete"]
    shapes.write_bytes(subprocess.run(line, cwd=at[1], capture_output=True, check=True).stdout)
    os.environ["SHAPES"] = str(shapes)


def table(options: argparse.Namespace, at: tuple[str, Path], model: str) -> None:
    """The rows of one model, and what is wanted of them."""
    print(f"\n{model}, {options.size} x {options.size} pixels\n")
    print("| by | row | s a step | × whole | peak GiB | resident GiB | asked GiB | weights at the peak / asked |")
    print("|---|---|--:|--:|--:|--:|--:|--:|")
    found: dict[tuple[str, str], dict[str, Any]] = {}

    def row(by: str, name: str, asked: dict[str, Any], card: float = 0.0) -> None:
        with _inside.card(at[0], card):
            one = _inside.ask(__file__, at, {"model": model, "size": options.size, "by": by, **asked})
        if "error" in one:
            print(f"| {by} | {name} | {one['error']} |", flush=True)
            return
        found[by, name] = one
        whole = found.get((by, "whole" if by == "diffusers" else WHOLE))
        ratio = f"{one['step'] / whole['step']:.2f}" if whole else "–"
        held = budgeted(found, by, name)
        limit = f"{one['limit'] / GIB:.3f} | {'–' if held is None else f'{held:.3f}'}" if one["limit"] else "– | –"
        resident = f"{one['resident'] / GIB:.3f}" if one["resident"] is not None else "–"
        print(f"| {by} | {name} | {one['step']:.3f} | {ratio} | {one['peak'] / GIB:.3f} | {resident} | {limit} |")
        sys.stdout.flush()

    for by in MANAGERS[options.smoke]:
        for name, asked in itertools.islice(PLAIN.items(), 1 if options.smoke else None):
            row(by, name, asked)
        for name, share in itertools.islice(BUDGETS.items(), 1 if options.smoke else None):
            row(by, name, {"mode": "budget", "share": share})
            ours = found.get((by, name))
            if ours and ours["gpu"]:
                row(by, f"core where {name} took all", {"mode": "core"}, card=ours["peak"] / GIB + CONTEXT)
    for name, offload in itertools.islice(DIFFUSERS.items(), 0 if options.smoke else None):
        row("diffusers", name, {"mode": "diffusers", "offload": offload})
    for (by, name), one in found.items():
        for line in one["said"]:
            print(f"\n{by}, {name}: {line}", end="")
    print()
    verdict(found)


def budgeted(found: dict[tuple[str, str], dict[str, Any]], by: str, name: str) -> float | None:
    """A peak, less what a step takes besides weights, over the budget; None where the whole model was not seen."""
    one, whole = found[by, name], found.get((by, WHOLE))
    if not one["limit"] or not whole:
        return None
    return float((one["peak"] - (whole["peak"] - whole["resident"])) / one["limit"])


def verdict(found: dict[tuple[str, str], dict[str, Any]]) -> None:
    """Print what is wanted beside what is."""
    print()
    for by in ("dynamic", "legacy"):
        if (by, "unused") in found and (by, "core") in found:
            ratio = found[by, "unused"]["step"] / found[by, "core"]["step"]
            print(f"{by}: a policy that asks for nothing takes {ratio:.3f} of core's time; wanted 1 within noise")
    for budget in BUDGETS:
        others = {
            key: one for key, one in found.items() if "group" in key[1] or key[1].startswith(f"core where {budget}")
        }
        for by in ("dynamic", "legacy"):
            if (by, budget) not in found:
                continue
            ours, held = found[by, budget], budgeted(found, by, budget)
            if held is not None:
                print(f"{by}, {budget}: weights at the peak are {held:.3f} × the budget; wanted 1.03 or less")
            for what, key in (("time", "step"), ("peak", "peak")) if others else ():
                _, least = min((one[key], name) for name, one in others.items())
                ratio, name = ours[key] / others[least][key], ", ".join(least)
                print(f"{by}, {budget}: {what} {ratio:.2f} × the least of the others ({name}); wanted 1 or less")


def pictures(options: argparse.Namespace, at: tuple[str, Path]) -> None:
    """Whole pictures on a small card."""
    where = (
        "the starter, on whatever is there" if options.smoke else f"FLUX.2 [klein] 4B, a card of {options.card:g} GiB"
    )
    print(f"\nA whole picture of {options.size} x {options.size} pixels, {where}\n")
    print("| by | row | s, first picture | s, second | peak GiB | steps down |")
    print("|---|---|--:|--:|--:|---|")
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for by in MANAGERS[options.smoke]:
        for name in ("core", "packshot"):
            asked = {"mode": f"picture, {name}", "by": by, "size": options.size, "tiny": options.smoke}
            with _inside.card(at[0], 0.0 if options.smoke else options.card):
                one = _inside.ask(__file__, at, asked)
            if "error" in one:
                print(f"| {by} | {name} | {one['error']} |", flush=True)
                continue
            found[by, name] = one
            first, second = one["seconds"]
            steps = "; ".join(one["steps"]) or "none"
            print(f"| {by} | {name} | {first:.2f} | {second:.2f} | {one['peak'] / GIB:.3f} | {steps} |", flush=True)
    print()
    for (by, name), one in found.items():
        taken = one["peak"] / GIB + CONTEXT
        print(f"{by}, {name}: {taken:.2f} GiB with {CONTEXT} of context; wanted {options.card:g} or less")
        if name == "packshot" and (by, "core") in found:
            ratio = one["seconds"][1] / found[by, "core"]["seconds"][1]
            print(f"{by}: the second picture takes {ratio:.2f} × core's time; wanted 1 or less")


def child(asked: dict[str, Any]) -> dict[str, Any]:
    """Sample, and say what it took."""
    torch = _inside.start("--enable-dynamic-vram" if asked["by"] == "dynamic" else "--disable-dynamic-vram")
    if asked["by"] == "dynamic":
        if not torch.cuda.is_available():
            raise SystemExit("left out: Dynamic VRAM needs a GPU")
        _inside.start_dynamic()
    record = _inside.packed("nodes.memory.record")
    with torch.inference_mode():
        if asked["mode"] == "diffusers":
            return diffusers(torch, asked, record)
        if asked["mode"].startswith("picture"):
            return picture(torch, asked, record)
        return steps(torch, asked, record)


def steps(torch: Any, asked: dict[str, Any], record: Any) -> dict[str, Any]:
    """A step of core's model, held as asked for."""
    policy, apply = _inside.packed("nodes.memory.policy"), _inside.packed("nodes.memory.apply")
    model = _vram_models.load(torch, asked["model"])
    mode, limit = asked["mode"], None
    if mode == WHOLE and not torch.cuda.is_available():
        mode = "auto"  # a CPU has all of it resident in any case, and refuses to lock it
    if mode == "budget":
        limit = int(asked["share"] * policy.weigh(model).total)
        model = apply.PolicyWrappers.attach(model, policy.Policy(policy.Mode.BUDGET, budget_gib=limit / GIB))
    elif mode != "core":
        model = apply.PolicyWrappers.attach(model, policy.Policy(policy.Mode(mode)))
    channels, cell, width, pooled = _vram_models.SHAPES[asked["model"]]
    latent = torch.zeros(1, channels, asked["size"] // cell, asked["size"] // cell)
    extras = {"pooled_output": torch.randn(1, pooled)} if pooled else {}
    words = [[torch.randn(1, _vram_models.WORDS, width), extras]]
    times, resident = [time.perf_counter()], [0]

    def callback(*_: Any) -> None:
        synchronise(torch)
        times.append(time.perf_counter())
        resident.append(model.loaded_size())

    with record.watched(record.Phase("sampling"), model.load_device) as phase:
        sample(torch, model, words, latent, WARM + STEPS, callback)
    each = [after - before for before, after in itertools.pairwise(times)]
    return {
        "step": statistics.median(each[WARM:]), "peak": peak(phase, record), "resident": max(resident), "limit": limit,
        "gpu": torch.cuda.is_available(), "said": said(record),
    }  # fmt: skip


def said(record: Any) -> list[str]:
    """What the memory report has of policies, with its notes and steps."""
    phases = [one for one in record.last()["phases"] if one["policy"]]
    return ["; ".join([one["policy"], *one["notes"], *one["steps"]]) for one in phases]


def sample(torch: Any, model: Any, words: Any, latent: Any, number: int, callback: Any = None) -> Any:
    """Core's sampler, without guidance."""
    import comfy.sample

    noise = torch.randn(latent.shape, generator=torch.Generator().manual_seed(1))
    return comfy.sample.sample(
        model, noise, number, 1.0, "euler", "simple", words, words, latent, callback=callback, seed=1,
        disable_pbar=True,
    )  # fmt: skip


def diffusers(torch: Any, asked: dict[str, Any], record: Any) -> dict[str, Any]:
    """A step of diffusers' model of the same shape."""
    step, model = _vram_models.diffusers(torch, asked["model"], asked["size"], asked["offload"])
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cuda":
        torch.cuda.empty_cache()
    times = []
    with record.watched(record.Phase("sampling"), device) as phase:
        for _ in range(WARM + STEPS):
            seconds, _, _ = _inside.timed(torch, step)
            times.append(seconds)
    whole = sum(value.nbytes for value in model.parameters())
    return {
        "step": statistics.median(times[WARM:]), "peak": phase.peak, "resident": None if asked["offload"] else whole,
        "limit": None, "gpu": device.type == "cuda", "said": [],
    }  # fmt: skip


def picture(torch: Any, asked: dict[str, Any], record: Any) -> dict[str, Any]:
    """Two whole pictures, from words to pixels."""
    model, clip, vae = _vram_models.picture_parts(torch, asked["tiny"])
    ours = asked["mode"].endswith("packshot")
    if ours:
        policy, apply = _inside.packed("nodes.memory.policy"), _inside.packed("nodes.memory.apply")
        model, clip = (
            apply.PolicyWrappers.attach(model, policy.Policy()),
            _inside.packed("nodes.memory.text_encoder").noted(clip),
        )
    latent = torch.zeros(1, 128, asked["size"] // 16, asked["size"] // 16)
    steps: list[str] = []

    def make(words: str) -> Any:
        encoded = clip.encode_from_tokens_scheduled(clip.tokenize(words))
        _inside.node_done()
        sampled = sample(torch, model, encoded, latent, 4)
        _inside.node_done()
        if not ours:
            return vae.decode(sampled)
        pixels, outcome = _inside.packed("nodes.tiled_vae.run").decode(vae, sampled)
        steps.extend(outcome.steps)
        return pixels

    seconds = []
    with record.watched(record.Phase("picture"), model.load_device) as phase:
        for words in ("a mug on a table", "a lamp before a wall"):
            taken, _, pixels = _inside.timed(torch, functools.partial(make, words))
            seconds.append(taken)
            assert bool(torch.isfinite(pixels).all())
    steps += [step for one in record.last()["phases"] for step in one["steps"]]
    return {"seconds": seconds, "peak": peak(phase, record), "steps": steps}


def peak(phase: Any, record: Any) -> int:
    """Of a phase and of those within it, each of which starts torch's counter anew."""
    return max(int(phase.peak), *(int(one["peak"]) for one in record.last()["phases"]))


def synchronise(torch: Any) -> None:
    """Wait for a GPU, where there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
