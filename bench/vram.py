"""VRAM policies on a GPU, with random weights of the real shapes: seconds a step and peak, as ratios in one run.

    .venv/bin/python bench/vram.py [--models flux2-klein-4b,sd3.5-large,z-image,qwen-image] [--size 1024]
    .venv/bin/python bench/vram.py --card 12     the same on a card made as small as that, in GiB

For each model, in a process of its own for each row: the whole model resident; what core does by itself; a policy that
is there but asks for nothing; a budget of 60 % and of 40 % of the weights. Each under Dynamic VRAM, and with
``--disable-dynamic-vram``. The peak is that of the process by the memory report: torch's counter and the pages of
Dynamic VRAM. No text encoder runs; its place is taken by random conditioning of the width that the model takes.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PACK = Path(__file__).resolve().parents[1]
GIB = 2**30

# Model: channels of its latent, pixels a cell, width of its conditioning and of its pooled vector.
SHAPES = {
    "flux2-klein-4b": (128, 16, 7680, 0),
    "sd3.5-large": (16, 8, 4096, 2048),
    "z-image": (16, 8, 2560, 0),
    "qwen-image": (16, 8, 3584, 0),
}
ROWS = {
    "full": {"mode": "full"},
    "core": {"mode": "core"},
    "unused": {"mode": "auto"},
    "60 %": {"mode": "budget", "share": 0.6},
    "40 %": {"mode": "budget", "share": 0.4},
}
WARM, STEPS = 2, 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join(SHAPES))
    parser.add_argument("--size", type=int, default=1024, help="side of the picture in pixels")
    parser.add_argument("--card", type=float, help="GiB of the card to make believe; the rest of it is held back")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(child(json.loads(options.child))))
    else:
        report(options)


def report(options: argparse.Namespace) -> None:
    """Ask core for the shapes, and print the tables."""
    from packshot.comfy.install import install
    from packshot.paths import cache_dir

    host = install(cache_dir() / "host", lambda line: print(line, file=sys.stderr))
    with tempfile.TemporaryDirectory(prefix="packshot-bench-") as folder:
        shapes = Path(folder) / "shapes.json"
        line = [host.python, PACK / "tests" / "host" / "core_shapes.py", "--complete"]
        made = subprocess.run(list(map(str, line)), cwd=host.comfyui, capture_output=True, check=True)
        shapes.write_bytes(made.stdout)
        tables(options, str(host.python), {**os.environ, "COMFYUI": str(host.comfyui), "SHAPES": str(shapes)})


def tables(options: argparse.Namespace, python: str, environment: dict[str, str]) -> None:
    """A table for each model."""
    for model in options.models.split(","):
        print(f"\n{model}, {options.size} x {options.size} pixels\n")
        print("| manager | row | s a step | × full | peak GiB | resident GiB | asked GiB |")
        print("|---|---|--:|--:|--:|--:|--:|")
        for manager in ("dynamic", "legacy"):
            full = None
            for name, row in ROWS.items():
                asked = {"model": model, "size": options.size, "card": options.card, "manager": manager, **row}
                command = [python, __file__, "--child", json.dumps(asked)]
                done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
                if done.returncode:
                    error = (done.stderr.strip().splitlines() or ["killed"])[-1]
                    print(f"| {manager} | {name} | {error} |", flush=True)
                    continue
                found = json.loads(done.stdout.splitlines()[-1])
                full = full or (found["step"] if name == "full" else None)
                ratio = f"{found['step'] / full:.2f}" if full else "–"
                limit = f"{found['limit'] / GIB:.2f}" if found["limit"] else "–"
                print(
                    f"| {manager} | {name} | {found['step']:.3f} | {ratio} | {found['peak'] / GIB:.2f}"
                    f" | {found['resident'] / GIB:.2f} | {limit} |",
                    flush=True,
                )


def child(asked: dict[str, Any]) -> dict[str, Any]:
    """Sample once, and say what it took."""
    sys.path.insert(0, os.environ["COMFYUI"])
    sys.argv = [sys.argv[0], "--enable-dynamic-vram" if asked["manager"] == "dynamic" else "--disable-dynamic-vram"]
    import torch

    if not torch.cuda.is_available():
        raise SystemExit("this host's torch sees no GPU")
    import comfy.options

    comfy.options.enable_args_parsing()
    logging.disable(logging.WARNING)
    if asked["manager"] == "dynamic":
        start_dynamic()
    import comfy.model_management as management

    pack = packed()
    policy, apply, record = (pack(f"nodes.{name}") for name in ("vram_policy", "vram_apply", "memory_record"))
    if asked["card"]:
        total = torch.cuda.get_device_properties(0).total_memory
        management.EXTRA_RESERVED_VRAM = max(0, int(total - asked["card"] * GIB))
    model = load(asked["model"])
    weights = policy.weigh(model)
    limit = None
    if asked["mode"] == "budget":
        limit = int(asked["share"] * weights.total)
        model = apply.PolicyWrappers.attach(model, policy.Policy(policy.Mode.BUDGET, budget_gib=limit / GIB))
    elif asked["mode"] != "core":
        model = apply.PolicyWrappers.attach(model, policy.Policy(policy.Mode(asked["mode"])))
    times, phase = sample(model, asked, record)
    return {
        "step": statistics.median(times[WARM:]),
        "peak": phase.peak,
        "resident": model.loaded_size(),
        "limit": limit,
    }


def sample(model: Any, asked: dict[str, Any], record: Any) -> tuple[list[float], Any]:
    """Seconds of each step, and the phase with its peak."""
    import comfy.sample
    import torch

    channels, cell, width, pooled = SHAPES[asked["model"]]
    latent = torch.zeros(1, channels, asked["size"] // cell, asked["size"] // cell)
    extras = {"pooled_output": torch.randn(1, pooled)} if pooled else {}
    words = [[torch.randn(1, 256, width), extras]]
    times: list[float] = []
    last = time.perf_counter()

    def callback(*_: Any) -> None:
        nonlocal last
        torch.cuda.synchronize()
        now = time.perf_counter()
        times.append(now - last)
        last = now

    with torch.inference_mode(), record.watched(record.Phase("sampling"), model.load_device) as phase:
        comfy.sample.sample(
            model, torch.randn_like(latent), WARM + STEPS, 1.0, "euler", "simple", words, words, latent,
            callback=callback, seed=1, disable_pbar=True,
        )  # fmt: skip
    return times, phase


def load(name: str) -> Any:
    """A model of the real shape with random weights in bf16, by core's own loader."""
    import comfy.model_management
    import comfy.sd
    import torch

    device = comfy.model_management.get_torch_device()
    random = torch.Generator(device=device).manual_seed(20261127)
    shapes = json.loads(Path(os.environ["SHAPES"]).read_text(encoding="utf-8"))[f"{name} native"]["shapes"]
    state = {}
    for key, shape in shapes.items():
        value = torch.randn(shape, generator=random, device=device)
        value = value / value[0].numel() ** 0.5 if value.ndim > 1 else torch.ones_like(value)
        state[key] = value.to("cpu", torch.bfloat16)
    comfy.model_management.soft_empty_cache()
    return comfy.sd.load_diffusion_model_state_dict(state)


def start_dynamic() -> None:
    """Start Dynamic VRAM as core's ``main.py`` does."""
    import comfy.memory_management
    import comfy.model_management
    import comfy.model_patcher
    import comfy_aimdo.control

    comfy_aimdo.control.init()
    devices = ((device.index, 0) for device in comfy.model_management.get_all_torch_devices())
    if not comfy_aimdo.control.init_devices(devices):
        raise SystemExit("this GPU or its driver has no Dynamic VRAM")
    comfy.model_patcher.CoreModelPatcher = comfy.model_patcher.ModelPatcherDynamic
    comfy.memory_management.aimdo_enabled = True


def packed() -> Any:
    """The node pack's modules, imported as ComfyUI imports them."""
    spec = importlib.util.spec_from_file_location("pack", PACK / "__init__.py", submodule_search_locations=[str(PACK)])
    assert spec is not None
    assert spec.loader is not None
    sys.modules["pack"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["pack"])
    return lambda name: importlib.import_module(f"pack.{name}")


if __name__ == "__main__":
    main()
