"""The tiled VAE beside core's pass over the whole, as JSON on standard output; run by the host's own Python.

    python tiled_vae.py exact|large|memory|faults|first COMFYUI_FOLDER

Autoencoders of all kinds that are known, at a quarter of their width, with random weights: norms and biases too, so
that a statistic of a tile, or a zero in the wrong place, shows.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import itertools
import json
import logging
import resource
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from vram_models import pack

SIZES = ((15, 26), (9, 33))  # latents: no multiple of any tile, and long against the other side
TILES = (64, 104, 512)
LARGE = (66, 100)  # a latent that even tiles of 512 pixels cut both ways
LARGE_TILES = {"kl4": (96, 512), "kl16": (64, 256), "flux2": (64, 512), "wan": (96, 512)}
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
    """For each kind: the largest distance from core's own, both ways; core's tiles beside it."""
    import torch

    run = pack("nodes.tiled_vae.run")
    answer: dict[str, Any] = {}
    for name, (make, shape) in KINDS.items():
        vae, random = make(), torch.Generator().manual_seed(9)
        found: dict[str, Any] = {"decode": {}, "encode": {}, "lines": 0, "other forms": 0}
        for height, width in SIZES:
            latent = torch.randn(shape(height, width), generator=random)
            whole = vae.decode(latent)
            pixels = whole.reshape(-1, *whole.shape[-3:])
            encoded = vae.encode(pixels[:1])
            for tile in TILES:
                made, outcome = run.decode(vae, latent, tile)
                again, _ = run.encode(vae, pixels[:1], tile)
                found["decode"][f"{height}x{width} {tile}"] = float((made - whole).abs().max())
                found["encode"][f"{height}x{width} {tile}"] = float((again - encoded).abs().max())
                for one, other in ((made, whole), (again, encoded)):
                    found["other forms"] += one.shape != other.shape or one.dtype != other.dtype
                found["lines"] += sum(map(len, outcome.lines))
        half, _ = run.decode(vae, latent.half(), 64)
        half_latent, _ = run.encode(vae, pixels[:1].half(), 64)
        found["between"] = [str(half.dtype), str(half_latent.dtype)]
        small = torch.randn(shape(9, 17), generator=random)[:1]  # CPUs take long for float16
        found["16 bit"] = {dtype: in_16_bit(run, vae, dtype, small) for dtype in ("bfloat16", "float16")}
        answer[name] = found
    vae = kl(16)
    latent = torch.randn((1, 16, 24, 24), generator=torch.Generator().manual_seed(2))
    tiles = vae.decode_tiled(latent, tile_x=8, tile_y=8, overlap=2)
    answer["core"] = float((tiles - vae.decode(latent)).abs().max())
    answer["refusals"] = refusals(run, vae)
    answer["deviation"] = deviation()
    return answer


def in_16_bit(run: Any, vae: Any, dtype: str, latent: Any) -> dict[str, Any]:
    """How far from core's pass in 32 bit are core's own and ours in 16 bit, as GPUs compute: mean square, and most."""
    import torch

    whole = vae.decode(latent)
    pixels = whole.reshape(-1, *whole.shape[-3:])
    wanted = {"decode": whole, "encode": vae.encode(pixels)}
    half = copy.copy(vae)
    half.vae_dtype = getattr(torch, dtype)
    half.first_stage_model = copy.deepcopy(vae.first_stage_model).to(half.vae_dtype)
    half.patcher = type(vae.patcher)(half.first_stage_model, vae.patcher.load_device, vae.patcher.offload_device)
    answer: dict[str, Any] = {}
    for way, given in (("decode", latent), ("encode", pixels)):
        own, (ours, outcome) = getattr(half, way)(given), getattr(run, way)(half, given, 64)
        apart = [(made - wanted[way]).float() for made in (own, ours)]
        answer[way] = {
            "mean": [float(one.square().mean().sqrt()) for one in apart],
            "most": [float(one.abs().max()) for one in apart],
            "kept on": outcome.kept_on, "same form": ours.shape == own.shape and ours.dtype == own.dtype,
        }  # fmt: skip
    return answer


def large() -> dict[str, Any]:
    """Pictures that every tile divides: distance and seam metric both ways, and the progress that core was told."""
    import comfy.utils
    import torch

    run = pack("nodes.tiled_vae.run")
    told: list[tuple[int, int]] = []
    comfy.utils.set_progress_bar_global_hook(lambda value, total, *_, **__: told.append((value, total)))
    answer: dict[str, Any] = {}
    for name, (make, shape) in KINDS.items():
        vae = make()
        latent = torch.randn(shape(*LARGE), generator=torch.Generator().manual_seed(3))[:1]
        whole = vae.decode(latent)
        pixels = whole.reshape(-1, *whole.shape[-3:])
        encoded = vae.encode(pixels)
        answer[name] = {}
        for tile in LARGE_TILES[name]:
            found = {}
            for way, given, wanted in (("decode", latent, whole), ("encode", pixels, encoded)):
                told.clear()
                made, outcome = getattr(run, way)(vae, given, tile)
                error = made - wanted
                # Pictures are (…, H, W, C), latents (B, C, …, H, W).
                error = error.flatten(0, -4) if way == "decode" else error.flatten(0, -3)[..., None]
                lines = outcome.lines
                if way == "encode":  # the tiles of the picture, where they lie in its latent
                    sides = zip(pixels.shape[1:3], error.shape[1:3], strict=True)
                    lines = [[edge * small // side for edge in edges(side, tile)] for side, small in sides]
                found[way] = {
                    "apart": float(error.abs().max()), "lines": [len(one) for one in lines],
                    "seam": seam(error, lines), "told": list(told),
                }  # fmt: skip
            answer[name][str(tile)] = found
    return answer


def edges(side: int, tile: int) -> list[int]:
    """Where a side is cut into the fewest parts that are no longer than a tile."""
    count = -(-side // tile)
    return [round(number * side / count) for number in range(1, count)]


def deviation() -> float:
    """How far the deviation of features is off that lie thirty times as far from zero, taken in pieces; relative."""
    import torch

    random = torch.Generator().manual_seed(4)
    x = 30 + torch.randn((1, 8, 96, 70), generator=random)
    moments = pack("nodes.tiled_vae.tensors").Moments(2)
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
    node = pack("nodes.tiled_vae.nodes").PackshotVAEDecodeTiled
    asked = {
        "shape": lambda: run.decode(vae, torch.zeros(16, 8, 8), 64),
        "flat": lambda: node.execute(samples={"samples": torch.zeros(16)}, vae=vae, tile_size=64, overlay=False),
        "channels": lambda: run.decode(vae, torch.zeros(1, 4, 8, 8), 64),
        "kind": lambda: run.decode(comfy.sd.VAE(sd=taesd), torch.zeros(1, 16, 8, 8), 64),
        "small": lambda: run.encode(vae, torch.zeros(1, 5, 64, 3), 64),
    }
    answer = {}
    for name, ask in asked.items():
        try:
            ask()
        except pack("client.errors").PackshotError as error:
            answer[name] = error.report()
        except pack("nodes.refusal").Refused as error:
            answer[name] = str(error)
    return answer


def limited(room: int, ask: Callable[[], Any]) -> Any:
    """What is made with so many MiB more than there are in use; or the error that says that they are too few."""
    now = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + room * 2**20, resource.RLIM_INFINITY))
    try:
        return ask()
    except pack("client.errors").OutOfMemory as error:
        return error
    except RuntimeError as error:  # oneDNN's own, which does not tell why
        if "could not create a" not in str(error):
            raise
        return error
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def memory() -> dict[str, Any]:
    """A decode in an address space that is too small for the tile asked for: what the ladder did, and the distance."""
    import torch

    run, vae = pack("nodes.tiled_vae.run"), kl(16)
    latent = torch.randn((1, 16, 64, 64), generator=torch.Generator().manual_seed(2))
    whole = vae.decode(latent)
    run.decode(vae, latent, 64)  # whatever is loaded at the first use is loaded
    answer: dict[str, Any] = {}
    for room in (256, 192, 128, 96, 64):  # MiB: how much is left beside what is mapped differs between machines
        outcome = run.Outcome()
        made = limited(room, functools.partial(run.decode, vae, latent, 512, outcome))
        if isinstance(made, Exception):
            answer["refused"] = str(made)
        elif outcome.steps:
            apart = float((made[0] - whole).abs().max())
            answer |= {"steps": outcome.steps, "tile": outcome.tile, "apart": apart}
            break
    return answer


class Failing:
    """A hook that lets what it is attached to fail for so many times."""

    def __init__(self, failures: int, fail: Callable[[], Any]) -> None:
        self.failures, self.fail, self.tries = failures, fail, 0

    def __call__(self, *_: Any) -> None:
        self.tries += 1
        if self.tries <= self.failures:
            self.fail()

    def watch(self, module: Any, ask: Callable[[], Any]) -> Any:
        """What is made meanwhile, or the text of the refusal."""
        hook = module.register_forward_pre_hook(self)
        try:
            return ask()
        except pack("client.errors").PackshotError as error:
            return error.report()
        finally:
            hook.remove()


def as_on_a_gpu() -> None:
    """What torch raises there, and what core then decodes in tiles of its own for."""
    import torch

    raise torch.OutOfMemoryError("no memory is left")


def too_much() -> None:
    """An allocation that no machine can serve."""
    import torch

    torch.empty(2**50, dtype=torch.uint8)


def faults() -> dict[str, Any]:
    """Memory that runs out round the layers, within them, and in a video: what was made, tried, and recorded."""
    import torch

    import nodes as core

    run, video, node = (pack(f"nodes.tiled_vae{name}") for name in (".run", ".video", ".nodes"))
    answer: dict[str, Any] = {}

    def note(name: str, made: Any, whole: Any, steps: list[str], tries: int = 0) -> None:
        found = {"refused": made} if isinstance(made, str) else {"apart": float((made[0] - whole).abs().max())}
        answer[name] = {**found, "steps": steps, "tries": tries}

    random, flux2 = torch.Generator().manual_seed(2), kl(32, unpacked=True)
    for way, layer, given in (
        ("decode", flux2.first_stage_model.post_quant_conv, torch.randn((1, 128, 4, 6), generator=random)),
        ("encode", flux2.first_stage_model.quant_conv, torch.rand((1, 64, 96, 3), generator=random)),
    ):
        whole = getattr(flux2, way)(given)
        for failures in (1, 99):
            outcome, failing = run.Outcome(), Failing(failures, as_on_a_gpu)
            made = failing.watch(layer, functools.partial(getattr(run, way), flux2, given, 128, outcome))
            note(f"{way} {failures}", made, whole, outcome.steps, failing.tries)

    vae, latent = kl(16), torch.randn((1, 16, 16, 20), generator=random)
    decoder = vae.first_stage_model.decoder
    asked = {"samples": {"samples": latent}, "vae": vae, "tile_size": 128, "overlay": False}
    try:
        Failing(99, too_much).watch(decoder.conv_in, lambda: node.PackshotVAEDecodeTiled.execute(**asked))
    except pack("nodes.refusal").Refused as error:
        answer["node"] = {"refused": str(error), "phase": pack("nodes.memory.record").last()["phases"][-1]}
    for name in ("16 bit", "overflow"):
        if name == "overflow":  # features grow beyond 16 bit between two norms, the second of which takes that back
            for block in (block for level in decoder.up for block in level.block):
                block.conv1.weight.data *= 1e6
        outcome, whole = run.Outcome(), vae.decode(latent)
        decode = functools.partial(run.decode, vae, latent, 128, outcome)
        note(name, Failing(2, too_much).watch(decoder.conv_in, decode), whole, outcome.steps)
        answer[name]["finite"] = bool(whole.isfinite().all())

    vae, latent = wan(), torch.randn((1, 16, 9, 4, 4), generator=random)
    decode = functools.partial(core.VAEDecodeTiled().decode, vae=vae, samples={"samples": latent})
    for failures in (2, 99):
        steps: list[str] = []
        stepping = functools.partial(video.stepping_down, decode, video.Tiles.of(0), steps)
        made = Failing(failures, too_much).watch(vae.first_stage_model.conv2, stepping)
        note(f"video {failures}", made, decode(**video.Tiles(512, 16).sizes())[0], steps)
    return answer


@contextlib.contextmanager
def on_a_card(total: float, free: Iterator[float]) -> Iterator[None]:
    """Readings of a card's memory, in GiB. There is no card here; what is chosen follows from the readings alone."""
    import comfy.model_management as management

    of_the_machine, total_vram = management.get_free_memory, management.total_vram

    def reading(device: Any = None, *args: Any, **options: Any) -> Any:
        on_card = getattr(device, "type", "") == "cuda"
        return next(free) * 2**30 if on_card else of_the_machine(device, *args, **options)

    management.get_free_memory, management.total_vram = reading, total * 1024
    try:
        yield
    finally:
        management.get_free_memory, management.total_vram = of_the_machine, total_vram


def first() -> dict[str, Any]:
    """The first ways that a decode by FLUX.1's autoencoder tries on cards of which other models hold a part."""
    import torch
    from comfy.ldm.modules.diffusionmodules.model import Decoder

    run, layout, programs = (pack(f"nodes.tiled_vae.{name}") for name in ("run", "layout", "programs"))
    with torch.device("meta"):
        decoder = Decoder(z_channels=16, **{**_KL, "ch": 128})
    device, vae = torch.device("cuda:0"), kl(16)
    answer: dict[str, Any] = {}
    for size, total, free in itertools.product((1024, 2048, 4096), (12, 24), (0.5, 2.5, 4, 10)):
        plan = layout.Layout(programs.stages_of(decoder), (16, size // 8, size // 8), 2)
        name = f"{size} {total} {free:g}"
        with on_a_card(total, itertools.repeat(free)):
            rungs = list(run._rungs(plan, device, torch.bfloat16, 0))
        answer[name] = {"rungs": [[str(rung.store), rung.step, rung.tile] for rung in rungs[:4]]}
        # What is free before, and after other models are unloaded: all of the card, or no more than before.
        for after in (total, free):
            steps: list[str] = []
            with on_a_card(total, itertools.chain([free], itertools.repeat(after))):
                ways = run._rungs(plan, device, torch.bfloat16, 0)
                pieces = run._Pieces(decoder, plan, ways, 1, (None, None), steps, vae.patcher)
                answer[name][f"after {'all' if after == total else 'none'}"] = {
                    "store": str(pieces.rung.store), "steps": steps, "gib": plan.taken(pieces.rung.tile) / 2**30,
                }  # fmt: skip
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
        answer = {"exact": exact, "large": large, "memory": memory, "faults": faults, "first": first}[what]()
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
