"""The tiled decode beside a decode of the whole, core's tiles and diffusers': time, memory, distance from the whole.

    .venv/bin/python bench/tiled_vae.py [--size 2048] [--tile 256] [--peers full,core,packshot,diffusers]
    .venv/bin/python bench/tiled_vae.py --largest 12     on a GPU: the largest picture that decodes in so many GiB
    .venv/bin/python bench/tiled_vae.py --smoke          a small picture, by the whole and by Packshot alone

A FLUX.1-like autoencoder of the real shape (16 channels, 128 to 512 features) with random weights, on the GPU where the
host's torch has one, else on the CPU. Without ``--size`` the picture has 2048 pixels a side on a GPU, where that is
asked for, and 768 on a CPU, where two cores take about five minutes for all four. Packshot's tiles are an eighth of the
side, so that they weigh the same at each size; core's and diffusers' are 512 pixels with their own overlap, or half of
the side where that is less. diffusers is left out with a line where the host's Python does not have it.

Each peer runs in a process of its own, so that its peak is its own: on a GPU torch's counter of it, on a CPU the
resident set of the process (Linux alone). CPU seconds are those of the process, which other programs on the machine
change less than they do the clock. "Elements" are those of the peak for each pixel and feature of the last level: what
the constant in nodes/tiled_vae/layout.py says. ``--comfyui FOLDER`` runs in this very Python, where that can run the
ComfyUI of the folder: for a machine without a network.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
import _inside
import _options

PEERS = "full,core,packshot,diffusers"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=0, help="side of the picture in pixels; 0: 2048, on a CPU 768")
    parser.add_argument(
        "--tile", type=int, default=-1, help="of Packshot; 0: by free memory; -1: an eighth of the side"
    )
    parser.add_argument("--width", type=int, default=128, help="features of the last level; the real ones have 128")
    parser.add_argument("--threads", type=int, default=0, help="of torch on a CPU; 0: its own choice")
    parser.add_argument("--peers", default=PEERS)
    parser.add_argument("--largest", type=float, default=0.0, help="GiB that the GPU may use: find the largest picture")
    parser.add_argument("--comfyui", help="folder of a ComfyUI that this Python can run")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    _options.add_smoke(parser)
    options = parser.parse_args()
    if options.smoke:
        options.size, options.width, options.peers = 128, 32, "full,packshot"
    if options.child:
        print(json.dumps(child(json.loads(options.child))))
    elif options.largest:
        largest(options)
    else:
        compare(options)


def asked(options: argparse.Namespace, peer: str, size: int, out: str = "") -> dict[str, Any]:
    """What a child is given."""
    same = {name: getattr(options, name) for name in ("tile", "width", "threads", "largest")}
    return {"peer": peer, "size": size, "out": out, **same}


def compare(options: argparse.Namespace) -> None:
    """Print a table of all peers at one size."""
    import numpy as np

    at = _inside.place(options.comfyui)
    found: dict[str, dict[str, Any]] = {}
    reference = None
    with tempfile.TemporaryDirectory(prefix="packshot-bench-") as folder:
        for peer in options.peers.split(","):
            out = Path(folder) / f"{peer}.npy"
            one = _inside.ask(__file__, at, asked(options, peer, options.size, str(out)))
            if "error" in one:
                print(f"{peer}: {one['error']}", flush=True)
                continue
            if not found:
                print(f"{one['size']} x {one['size']} pixels, {one['device']}, {one['dtype']}, load {load()}")
                print("| decode | s | × whole | CPU s | × whole | peak GiB | × whole | elements | max Δ |")
                print("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
            found[peer], picture = one, np.load(out)
            reference = picture if peer == "full" else reference
            apart = math.nan if reference is None or peer == "diffusers" else float(np.abs(picture - reference).max())
            whole = found.get("full", {})
            ratio = {name: one[name] / whole.get(name, math.nan) for name in ("seconds", "cpu", "peak")}
            elements = one["peak"] / one["element"] / one["size"] ** 2 / options.width
            print(
                f"| {peer} {one['note']} | {one['seconds']:.2f} | {ratio['seconds']:.2f} | {one['cpu']:.1f}"
                f" | {ratio['cpu']:.2f} | {one['peak'] / 2**30:.2f} | {ratio['peak']:.2f} | {elements:.2f}"
                f" | {apart:.2g} |",
                flush=True,
            )
    verdict(found)


def verdict(found: dict[str, dict[str, Any]]) -> None:
    """Print what is wanted beside what is; by the GPU's clock, or the CPU's seconds."""
    if not {"full", "core", "packshot"} <= found.keys():
        return
    name = "seconds" if "CPU" not in found["full"]["device"] else "cpu"
    ours, whole, core = (found[peer] for peer in ("packshot", "full", "core"))
    print(f"\ntime × whole {ours[name] / whole[name]:.2f}, wanted 1.5 or less")
    print(f"time × core's tiles {ours[name] / core[name]:.2f}, wanted 0.6 or less")
    print(f"peak × whole {ours['peak'] / whole['peak']:.2f}, wanted 0.35 or less at 2048 x 2048")


def load() -> str:
    """The machine's load, which says what the clock is worth."""
    return " ".join(f"{value:.1f}" for value in os.getloadavg())


def largest(options: argparse.Namespace) -> None:
    """Print, for each peer, the largest square picture that decodes within the limit, in steps of 256 pixels."""
    at = _inside.place(options.comfyui)
    options.tile = 0  # by free memory
    with _inside.card(at[0], options.largest):
        for peer in options.peers.split(","):
            low, high, error = 0, 64, ""
            while high - low > 1:
                middle = (low + high) // 2
                error = _inside.ask(__file__, at, asked(options, peer, middle * 256)).get("error", "")
                low, high = (low, middle) if error else (middle, high)
            where = f"{low * 256} x {low * 256} pixels in {options.largest:g} GiB" if low else error
            print(f"{peer}: {where}", flush=True)


def child(options: dict[str, Any]) -> dict[str, Any]:
    """Decode, and say what it took."""
    torch = _inside.start()
    gpu, size = torch.cuda.is_available(), options["size"]
    if options["threads"]:
        torch.set_num_threads(options["threads"])
    size = size or (2048 if gpu else 768)
    with torch.inference_mode():
        vae = _inside.autoencoder(torch, 16, options["width"])
        latent = torch.randn((1, 16, size // 8, size // 8), generator=torch.Generator().manual_seed(1))
        note, decode = peers(vae, latent, options)[options["peer"]]()
        if gpu and not options["largest"]:
            decode()  # kernels are chosen and weights are loaded at the first use
        base = begin(torch, gpu)
        seconds, cpu, picture = _inside.timed(torch, decode)
        peak = torch.cuda.max_memory_allocated() if gpu else peak_rss() - base
    if options["out"]:
        import numpy as np

        np.save(options["out"], picture.float().cpu().numpy())
    return {
        "size": size, "seconds": seconds, "cpu": cpu, "peak": peak, "note": note(), "element": vae.vae_dtype.itemsize,
        "device": torch.cuda.get_device_name(0) if gpu else f"CPU, {torch.get_num_threads()} threads",
        "dtype": str(vae.vae_dtype).removeprefix("torch."),
    }  # fmt: skip


def peers(vae: Any, latent: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Of each peer what makes (its note, asked for after the decode; the decode)."""
    side = latent.shape[-1] * 8
    theirs = min(512, side // 2)

    def full() -> Any:
        return str, lambda: whole(vae, latent)

    def core() -> Any:
        tile = {"tile_x": theirs // 8, "tile_y": theirs // 8, "overlap": theirs // 64}
        return lambda: f"{theirs}/{theirs // 8}", lambda: vae.decode_tiled(latent, **tile)

    def packshot() -> Any:
        run = _inside.packed("nodes.tiled_vae.run")
        tile = max(64, side // 8) if options["tile"] < 0 else options["tile"]
        outcomes: list[Any] = []

        def decode() -> Any:
            picture, outcome = run.decode(vae, latent, tile)
            outcomes.append(outcome)
            return picture

        def note() -> str:
            outcome = outcomes[-1]
            return "; ".join([f"{outcome.tile}, features on {outcome.kept_on}", *outcome.steps])

        return note, decode

    def diffusers() -> Any:
        return lambda: f"{theirs}/{theirs // 4}", diffusers_decode(vae, latent, theirs, options["width"])

    return {"full": full, "core": core, "packshot": packshot, "diffusers": diffusers}


def whole(vae: Any, latent: Any) -> Any:
    """Core's decode of the whole picture, without its fallback to tiles, which would hide that it did not fit."""
    import comfy.model_management

    comfy.model_management.load_models_gpu([vae.patcher])
    made = vae.first_stage_model.decode(latent.to(vae.device, vae.vae_dtype))
    return vae.process_output(made.float().cpu()).movedim(1, -1)


def diffusers_decode(vae: Any, latent: Any, tile: int, width: int) -> Any:
    """The tiles of the diffusers library, over an autoencoder of the same shape (its weights are its own)."""
    try:
        from diffusers import AutoencoderKL
    except ImportError as error:
        raise SystemExit(f"left out, as this Python has no diffusers ({error})") from None
    model = AutoencoderKL(
        block_out_channels=(width, 2 * width, 4 * width, 4 * width), layers_per_block=2, latent_channels=16,
        sample_size=tile, down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        use_quant_conv=False, use_post_quant_conv=False,
    )  # fmt: skip
    model = model.to(vae.device, vae.vae_dtype).eval()
    model.enable_tiling()
    z = latent.to(vae.device, vae.vae_dtype)
    return lambda: model.decode(z).sample.float().cpu().movedim(1, -1)


def begin(torch: Any, gpu: bool) -> int:
    """Reset the counter of the peak; bytes in use now."""
    if gpu:
        torch.cuda.empty_cache()
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
