"""The tiled decode beside a decode of the whole and core's own tiles: time, memory, and distance from the whole.

    .venv/bin/python bench/tiled_vae.py [--size 1024] [--tile 256] [--peers full,core,packshot,diffusers]
    .venv/bin/python bench/tiled_vae.py --largest 12     on a GPU: the largest picture that decodes in so many GiB

A FLUX.1-like autoencoder of the real shape (16 channels, 128 to 512 features) with random weights, on the GPU where the
host's torch has one, else on the CPU. Each peer runs in a process of its own, so that its peak is its own: on a GPU
torch's counter of it, on a CPU the resident set of the process (Linux alone). CPU seconds are those of the process,
which other programs on the machine change less than they do the clock. "Elements" are those of the peak for each
pixel and feature of the last level: what the constants in nodes/tiled_vae_layout.py say.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import logging
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PACK = Path(__file__).resolve().parents[1]
PEERS = ("full", "core", "packshot", "diffusers")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1024, help="side of the picture in pixels")
    parser.add_argument("--tile", type=int, default=256, help="side of Packshot's tiles; 0 for a size by free memory")
    parser.add_argument("--peers", default="full,core,packshot", help="diffusers: where the host's Python has it")
    parser.add_argument("--largest", type=float, help="GiB that the GPU may use: look for the largest picture")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.size, options.tile, options.largest)
    elif options.largest:
        largest(options)
    else:
        compare(options)


def ask(peer: str, size: int, options: argparse.Namespace, out: Path | None = None) -> dict[str, Any]:
    """The answer of a peer in a process of its own; ``{"error": …}`` where it failed."""
    from packshot.comfy.install import install
    from packshot.paths import cache_dir

    host = install(cache_dir() / "host", lambda line: print(line, file=sys.stderr))
    command = [host.python, __file__, "--child", peer, "--size", str(size), "--tile", str(options.tile)]
    command += ["--largest", str(options.largest)] if options.largest else []
    environment = {**os.environ, "COMFYUI": str(host.comfyui), "OUT": str(out or "")}
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        return {"error": (done.stderr.strip().splitlines() or ["killed"])[-1]}
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def compare(options: argparse.Namespace) -> None:
    """Print a table of all peers at one size."""
    import numpy as np
    import psutil

    whole: dict[str, Any] = {}
    reference = None
    with tempfile.TemporaryDirectory(prefix="packshot-bench-") as folder:
        for peer in options.peers.split(","):
            out = Path(folder) / f"{peer}.npy"
            found = ask(peer, options.size, options, out)
            if "error" in found:
                print(f"{peer}: {found['error']}")
                continue
            picture = np.load(out)
            if peer == "full":
                whole, reference = found, picture
                load = " ".join(f"{value:.1f}" for value in psutil.getloadavg())
                print(f"{options.size} x {options.size} pixels, {found['device']}, {found['dtype']}, load {load}")
                print("| decode | s | × whole | CPU s | × whole | peak GiB | × whole | elements | max Δ |")
                print("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
            apart = float(np.abs(picture - reference).max()) if reference is not None else math.nan
            ratio = {name: found[name] / whole[name] if whole else math.nan for name in ("seconds", "cpu", "peak")}
            name = f"{peer} {found['note']}".strip()
            print(
                f"| {name} | {found['seconds']:.1f} | {ratio['seconds']:.2f} | {found['cpu']:.1f} | {ratio['cpu']:.2f}"
                f" | {found['peak'] / 2**30:.2f} | {ratio['peak']:.2f}"
                f" | {found['peak'] / found['element'] / options.size**2 / 128:.2f} | {apart:.2g} |",
                flush=True,
            )


def largest(options: argparse.Namespace) -> None:
    """Print, for each peer, the largest square picture that decodes within the limit, in steps of 256 pixels."""
    for peer in options.peers.split(","):
        low, high = 0, 64
        while high - low > 1:
            middle = (low + high) // 2
            if "error" in ask(peer, middle * 256, options):
                high = middle
            else:
                low = middle
        print(f"{peer}: {low * 256} x {low * 256} pixels in {options.largest:g} GiB", flush=True)


def child(peer: str, size: int, tile: int, limit: float | None) -> None:
    """Decode once, and print what it took."""
    sys.path.insert(0, os.environ["COMFYUI"])
    sys.argv = [sys.argv[0]]
    import torch

    gpu = torch.cuda.is_available()
    if not gpu:
        sys.argv.append("--cpu")
    if limit and not gpu:
        raise SystemExit("--largest needs a GPU")
    import comfy.options

    comfy.options.enable_args_parsing()
    logging.disable(logging.WARNING)
    import comfy.sd

    torch.set_grad_enabled(False)
    vae = comfy.sd.VAE(sd=weights(torch))
    latent = torch.randn((1, 16, size // 8, size // 8), generator=torch.Generator().manual_seed(1))
    if gpu and limit:
        torch.cuda.set_per_process_memory_fraction(limit * 2**30 / torch.cuda.get_device_properties(0).total_memory)
    note, decode = "", lambda: vae.decode(latent)
    if peer == "core":
        note, decode = "512/64", lambda: vae.decode_tiled(latent, tile_x=64, tile_y=64, overlap=8)
    elif peer == "packshot":
        spec = importlib.util.spec_from_file_location(
            "pack", PACK / "__init__.py", submodule_search_locations=[str(PACK)]
        )
        assert spec is not None
        assert spec.loader is not None
        sys.modules["pack"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["pack"])
        run = importlib.import_module("pack.nodes.tiled_vae_run")
        outcome: list[Any] = []

        def decode() -> Any:
            picture, how = run.decode(vae, latent, tile)
            outcome.append(how)
            return picture

    elif peer == "diffusers":
        decode = diffusers_decode(vae, latent)
    elif peer == "full":
        decode = lambda: whole(vae, latent)  # noqa: E731
    base = begin(torch, gpu)
    clock, cpu = time.perf_counter(), time.process_time()
    picture = decode()
    if gpu:
        torch.cuda.synchronize()
    seconds, spent = time.perf_counter() - clock, time.process_time() - cpu
    peak = torch.cuda.max_memory_allocated() if gpu else peak_rss() - base
    if peer == "packshot":
        note = f"{outcome[0].tile}, features on {outcome[0].kept_on}" + "".join(
            f"; {step}" for step in outcome[0].steps
        )
    if os.environ["OUT"]:
        import numpy as np

        np.save(os.environ["OUT"], picture.float().cpu().numpy())
    answer = {
        "seconds": seconds, "cpu": spent, "peak": peak, "note": note, "element": vae.vae_dtype.itemsize,
        "device": torch.cuda.get_device_name(0) if gpu else f"CPU, {torch.get_num_threads()} threads",
        "dtype": str(vae.vae_dtype).removeprefix("torch."),
    }  # fmt: skip
    print(json.dumps(answer))


def whole(vae: Any, latent: Any) -> Any:
    """Core's decode of the whole picture, without its fallback to tiles, which would hide that it did not fit."""
    import comfy.model_management

    comfy.model_management.load_models_gpu([vae.patcher])
    made = vae.first_stage_model.decode(latent.to(vae.device, vae.vae_dtype))
    return vae.process_output(made.float().cpu()).movedim(1, -1)


def weights(torch: Any) -> dict[str, Any]:
    """An autoencoder of the real shape; norms 1, matrices scaled by their inputs, so that values stay in range."""
    from comfy.ldm.modules.diffusionmodules.model import Decoder, Encoder

    torch.manual_seed(20261127)
    shape = {
        "out_ch": 3, "ch": 128, "ch_mult": (1, 2, 4, 4), "num_res_blocks": 2, "attn_resolutions": [], "in_channels": 3,
        "resolution": 256, "z_channels": 16, "dropout": 0.0,
    }  # fmt: skip
    state = {}
    for name, kind in (("decoder", Decoder), ("encoder", Encoder)):
        for key, value in kind(**shape).state_dict().items():
            if value.ndim > 1:
                value = torch.randn(value.shape) / value[0].numel() ** 0.5
            else:
                value = torch.zeros_like(value) if key.endswith("bias") else torch.ones_like(value)
            state[f"{name}.{key}"] = value
    return state


def diffusers_decode(vae: Any, latent: Any) -> Any:
    """The tiles of the diffusers library, over an autoencoder of the same shape (its weights are its own)."""
    from diffusers import AutoencoderKL

    channels = (128, 256, 512, 512)
    model = AutoencoderKL(
        block_out_channels=channels, layers_per_block=2, latent_channels=16, sample_size=512,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
    )  # fmt: skip
    model = model.to(vae.device, vae.vae_dtype).eval()
    model.enable_tiling()
    z = latent.to(vae.device, vae.vae_dtype)
    return lambda: model.decode(z).sample.movedim(1, -1)


def begin(torch: Any, gpu: bool) -> int:
    """Reset the counter of the peak; bytes in use now."""
    if gpu:
        torch.cuda.reset_peak_memory_stats()
        return 0
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return peak_rss()


def peak_rss() -> int:
    """The most bytes that this process had in main memory since the counter was reset."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) * 1024


if __name__ == "__main__":
    main()
