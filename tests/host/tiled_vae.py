"""The tiled VAE beside core's pass over the whole, as JSON on standard output; run by the host's own Python.

    python tiled_vae.py exact|memory COMFYUI_FOLDER

Autoencoders of all kinds that are known, at a quarter of their width, with random weights: norms and biases too, so
that a statistic of a tile, or a zero in the wrong place, shows.
"""

from __future__ import annotations

import json
import logging
import resource
import sys
from pathlib import Path
from typing import Any

from vram_models import pack

SIZES = ((15, 26), (9, 33))  # latents: no multiple of any tile, and long against the other side
TILES = (64, 104, 512)
_KL = {
    "out_ch": 3, "ch": 32, "ch_mult": (1, 2, 4, 4), "num_res_blocks": 2, "attn_resolutions": [], "in_channels": 3,
    "resolution": 256, "dropout": 0.0,
}  # fmt: skip


def filled(module: Any, random: Any) -> dict[str, Any]:
    """Random weights by which values keep their size from layer to layer."""
    import torch

    state = {}
    for name, value in module.state_dict().items():
        made = torch.randn(value.shape, generator=random)
        if name.endswith("bias"):
            made *= 0.1
        elif value.ndim < 2 or name.endswith("gamma"):
            made = 1 + 0.2 * made
        else:
            made /= value[0].numel() ** 0.5
        state[name] = made
    return state


def kl(channels: int, *, unpacked: bool = False) -> Any:
    """Stable Diffusion's (4 channels), FLUX.1's (16) or FLUX.2's (32, unpacked), by core's own class."""
    import comfy.sd
    import torch
    from comfy.ldm.modules.diffusionmodules.model import Decoder, Encoder

    random = torch.Generator().manual_seed(channels)
    decoder = Decoder(z_channels=channels, **_KL)
    state = {f"decoder.{name}": value for name, value in filled(decoder, random).items()}
    if channels != 16:
        for name, sides in (("post_quant_conv", channels), ("quant_conv", 2 * channels)):
            state[f"{name}.weight"] = torch.randn(sides, sides, 1, 1, generator=random) / sides**0.5
            state[f"{name}.bias"] = torch.randn(sides, generator=random) * 0.1
    if unpacked:
        state["bn.running_mean"] = torch.randn(4 * channels, generator=random) * 0.1
        state["bn.running_var"] = torch.rand(4 * channels, generator=random) + 0.5
    vae = comfy.sd.VAE(sd=state)
    # Core makes the encoder at its full width, which tests need not wait for.
    encoder = Encoder(z_channels=channels, double_z=True, **_KL)
    encoder.load_state_dict(filled(encoder, random))
    vae.first_stage_model.encoder = encoder.eval()
    return vae


def wan() -> Any:
    """Wan's, which is Qwen-Image's too."""
    import comfy.sd
    import torch
    from comfy.ldm.wan.vae import WanVAE

    model = WanVAE(dim=32, z_dim=16, temperal_downsample=[False, True, True])
    return comfy.sd.VAE(sd=filled(model, torch.Generator().manual_seed(5)))


KINDS: dict[str, Any] = {
    "kl4": (lambda: kl(4), lambda h, w: (1, 4, h, w)),
    "kl16": (lambda: kl(16), lambda h, w: (2, 16, h, w)),
    "flux2": (lambda: kl(32, unpacked=True), lambda h, w: (1, 128, h // 2, w // 2)),
    "wan": (wan, lambda h, w: (1, 16, 1, h, w)),
}


def exact() -> dict[str, Any]:
    """For each kind: the largest distance from core's own, both ways, and the seam metric; core's tiles beside it."""
    import torch

    run = pack("nodes.tiled_vae_run")
    answer: dict[str, Any] = {}
    for name, (make, shape) in KINDS.items():
        vae, random = make(), torch.Generator().manual_seed(9)
        found: dict[str, Any] = {"decode": {}, "encode": {}, "seams": [], "lines": 0}
        for height, width in SIZES:
            latent = torch.randn(shape(height, width), generator=random)
            whole = vae.decode(latent)
            pixels = whole.reshape(-1, *whole.shape[-3:])
            encoded = vae.encode(pixels[:1])
            for tile in TILES:
                made, outcome = run.decode(vae, latent, tile)
                apart = (made - whole).abs()
                found["decode"][f"{height}x{width} {tile}"] = float(apart.max())
                found["same form"] = made.shape == whole.shape and made.dtype == whole.dtype
                found["lines"] += sum(map(len, outcome.lines))
                if tile == 64:
                    found["seams"].append(seam((made - whole).reshape(-1, *whole.shape[-3:]), outcome.lines))
                again, _ = run.encode(vae, pixels[:1], tile)
                found["encode"][f"{height}x{width} {tile}"] = float((again - encoded).abs().max())
        half, _ = run.decode(vae, latent.half(), 64)
        found["half"] = str(half.dtype)
        answer[name] = found
    vae = kl(16)
    latent = torch.randn((1, 16, 24, 24), generator=torch.Generator().manual_seed(2))
    tiles = vae.decode_tiled(latent, tile_x=8, tile_y=8, overlap=2)
    answer["core"] = float((tiles - vae.decode(latent)).abs().max())
    answer["refusals"] = refusals(run, vae)
    answer["deviation"] = deviation()
    return answer


def deviation() -> float:
    """How far the deviation of features is off that lie thirty times as far from zero, taken in pieces; relative."""
    import torch

    random = torch.Generator().manual_seed(4)
    x = 30 + torch.randn((1, 8, 96, 70), generator=random)
    moments = pack("nodes.tiled_vae_tensors").Moments(2)
    for rows in ((0, 40), (40, 96)):
        for columns in ((0, 33), (33, 70)):
            moments.add(x[:, :, slice(*rows), slice(*columns)])
    found = moments.result()[1].double().sqrt()
    wanted = x.double().reshape(2, -1).std(dim=1, correction=0)
    return float(((found - wanted) / wanted).abs().max())


def seam(error: Any, lines: Any) -> dict[str, float]:
    """The steepest error between the two pixels of a border of tiles, and between any other two: of equal kind."""
    import torch

    at, elsewhere = 0.0, 0.0
    for axis, edges in zip((1, 2), lines, strict=True):
        steps = error.diff(dim=axis).abs().amax(dim=[one for one in range(error.ndim) if one != axis])
        border = torch.zeros(len(steps), dtype=torch.bool)
        border[[edge - 1 for edge in edges]] = True
        elsewhere = max(elsewhere, float(steps[~border].max()))
        if edges:  # the short side of a picture may be a single tile
            at = max(at, float(steps[border].max()))
    return {"border": at, "elsewhere": elsewhere}


def refusals(run: Any, vae: Any) -> dict[str, str]:
    """The text of each refusal."""
    import comfy.sd
    import comfy.taesd.taesd
    import torch

    taesd = {f"taesd_decoder.{name}": value for name, value in comfy.taesd.taesd.Decoder(16).state_dict().items()}
    taesd |= {f"taesd_encoder.{name}": value for name, value in comfy.taesd.taesd.Encoder(16).state_dict().items()}
    asked = {
        "shape": (vae, torch.zeros(16, 8, 8)),
        "channels": (vae, torch.zeros(1, 4, 8, 8)),
        "kind": (comfy.sd.VAE(sd=taesd), torch.zeros(1, 16, 8, 8)),
    }
    answer = {}
    for name, (given, latent) in asked.items():
        try:
            run.decode(given, latent, 64)
        except pack("client.errors").PackshotError as error:
            answer[name] = error.report()
    return answer


def memory() -> dict[str, Any]:
    """A decode in an address space that is too small for the tile asked for: what the ladder did, and the distance."""
    import torch

    run = pack("nodes.tiled_vae_run")
    vae = kl(16)
    latent = torch.randn((1, 16, 64, 64), generator=torch.Generator().manual_seed(2))
    whole = vae.decode(latent)
    run.decode(vae, latent, 64)  # whatever is loaded at the first use is loaded
    now = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    answer: dict[str, Any] = {}
    for room in (256, 192, 128, 96, 64):  # MiB: how much is left beside what is mapped differs between machines
        resource.setrlimit(resource.RLIMIT_AS, (now + room * 2**20, resource.RLIM_INFINITY))
        try:
            made, outcome = run.decode(vae, latent, 512)
        except pack("client.errors").OutOfMemory as error:
            answer["refused"] = error.report()
            continue
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        if outcome.steps:
            answer |= {"steps": outcome.steps, "tile": outcome.tile, "apart": float((made - whole).abs().max())}
            break
    return answer


def main() -> None:
    what, comfyui = sys.argv[1:]
    sys.path.insert(0, comfyui)
    sys.argv = [sys.argv[0], "--cpu"]  # core reads its options while it is imported
    import comfy.options

    comfy.options.enable_args_parsing()
    logging.disable(logging.WARNING)
    import torch

    with torch.inference_mode():
        answer = {"exact": exact, "memory": memory}[what]()
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
