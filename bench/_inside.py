"""What benchmarks share that run in a ComfyUI's own Python: its start, the node pack, random models of real shapes."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

PACK = Path(__file__).resolve().parents[1]
SEED = 20261127


def place(comfyui: str | None) -> tuple[str, Path]:
    """Python and folder of a ComfyUI: the managed one; or one that this Python can run, where there is no network."""
    if comfyui:
        return sys.executable, Path(comfyui).resolve()
    from packshot.host.install import install
    from packshot.paths import cache_dir

    host = install(cache_dir() / "host", lambda line: print(line, file=sys.stderr))
    return str(host.python), host.comfyui


def ask(script: str, at: tuple[str, Path], asked: dict[str, Any]) -> dict[str, Any]:
    """The answer of ``script --child`` in a process of its own; ``{"error": …}`` where it failed."""
    python, comfyui = at
    command = [python, script, "--child", json.dumps(asked)]
    environment = {**os.environ, "COMFYUI": str(comfyui)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        return {"error": (done.stderr.strip().splitlines() or ["killed"])[-1]}
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


@contextlib.contextmanager
def card(python: str, gib: float) -> Iterator[None]:
    """Make the GPU as small as ``gib`` for whatever runs meanwhile: another process holds the rest. 0: as it is."""
    if not gib:
        yield
        return
    command = [python, "-c", _BALLAST, str(gib)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            if process.stdout.readline().strip() != "held":
                raise SystemExit("a card can only be made smaller where this Python's torch sees a GPU")
            yield
        finally:
            process.stdin.close()  # it ends with its input


_BALLAST = """
import sys, torch
if torch.cuda.is_available():
    free, _ = torch.cuda.mem_get_info()
    held = torch.empty(max(0, int(free - float(sys.argv[1]) * 2**30)), dtype=torch.uint8, device="cuda")
    print("held", flush=True)
    sys.stdin.read()
"""


def start(*flags: str) -> Any:
    """Make ComfyUI importable as its ``main.py`` does, with flags of its command line; torch. Without a GPU on the CPU.

    The order is core's: its choice of torch's allocator comes before torch, and the engine of Dynamic VRAM, which it
    is only asked for with ``--enable-dynamic-vram`` here, before what is built on it.
    """
    sys.path.insert(0, os.environ["COMFYUI"])
    sys.argv = [sys.argv[0], *flags]
    import comfy.options

    comfy.options.enable_args_parsing()
    logging.disable(logging.WARNING)
    from comfy.cli_args import args

    importlib.import_module("cuda_malloc")
    if "--enable-dynamic-vram" in flags:
        import comfy_aimdo.control

        if not comfy_aimdo.control.init(nvml_pressure=not args.disable_nvml_pressure):
            raise SystemExit("left out: the engine of Dynamic VRAM does not load here")
    import torch

    args.cpu = not torch.cuda.is_available()
    import comfy.model_management

    comfy.model_management.set_cudnn_benchmark()
    torch.set_grad_enabled(False)
    return torch


def start_dynamic() -> None:
    """Start Dynamic VRAM as core's ``main.py`` does, after :func:`start`."""
    import comfy.memory_management
    import comfy.model_management
    import comfy.model_patcher
    import comfy_aimdo.control

    devices = ((device.index, 0) for device in comfy.model_management.get_all_torch_devices())
    if not comfy_aimdo.control.init_devices(devices):
        raise SystemExit("this GPU or its driver has no Dynamic VRAM")
    comfy.model_patcher.CoreModelPatcher = comfy.model_patcher.ModelPatcherDynamic
    comfy.memory_management.aimdo_enabled = True


def node_done() -> None:
    """What core does after each node under Dynamic VRAM."""
    import comfy.memory_management
    import comfy.model_management
    import comfy.model_prefetch
    import comfy_aimdo.model_vbar

    if comfy.memory_management.aimdo_enabled:
        comfy.model_management.reset_cast_buffers()
        comfy.model_prefetch.cleanup_prefetch_queues()
        comfy_aimdo.model_vbar.vbars_reset_watermark_limits()


def packed(name: str) -> Any:
    """A module of the node pack, imported as ComfyUI imports it."""
    if "pack" not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            "pack", PACK / "__init__.py", submodule_search_locations=[str(PACK)]
        )
        assert spec is not None
        assert spec.loader is not None
        sys.modules["pack"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["pack"])
    return importlib.import_module(f"pack.{name}")


def timed(torch: Any, work: Callable[[], Any]) -> tuple[float, float, Any]:
    """Seconds on the clock, seconds of this process on the CPU, and what was made."""
    clock, cpu = time.perf_counter(), time.process_time()
    made = work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - clock, time.process_time() - cpu, made


def random_state(torch: Any, shapes: dict[str, Any], dtype: Any) -> dict[str, Any]:
    """Weights in main memory by which values keep their size: norms 1, biases 0, matrices scaled by their inputs."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    random = torch.Generator(device=device).manual_seed(SEED)
    state = {}
    for key, shape in shapes.items():
        if len(shape) > 1:
            made = torch.randn(tuple(shape), generator=random, device=device).div_(float(shape[-1]) ** 0.5)
            if len(shape) == 4:
                made.div_(float(shape[1] * shape[2]) ** 0.5)
        else:
            made = torch.zeros(shape) if key.endswith(("bias", "running_mean")) else torch.ones(shape)
        state[key] = made.to("cpu", dtype)
    return state


def autoencoder(torch: Any, latent: int, width: int = 128) -> Any:
    """A KL autoencoder: FLUX.1's with 16 channels of its latent, FLUX.2's with 32."""
    import comfy.sd

    return comfy.sd.VAE(sd=autoencoder_state(torch, latent, width))


def autoencoder_state(torch: Any, latent: int, width: int = 128) -> dict[str, Any]:
    """Its weights."""
    from comfy.ldm.modules.diffusionmodules.model import Decoder, Encoder

    shape = {
        "out_ch": 3, "ch": width, "ch_mult": (1, 2, 4, 4), "num_res_blocks": 2, "attn_resolutions": [],
        "in_channels": 3, "resolution": 256, "z_channels": latent, "dropout": 0.0,
    }  # fmt: skip
    shapes: dict[str, Any] = {}
    for name, kind in (("decoder", Decoder), ("encoder", Encoder)):
        with torch.device("meta"):
            # Core makes the encoder at its full width, whatever that of the decoder.
            made = kind(**(shape if name == "decoder" else shape | {"ch": 128}))
        shapes |= {f"{name}.{key}": value.shape for key, value in made.state_dict().items()}
    if latent == 32:
        shapes |= {"post_quant_conv.weight": (32, 32, 1, 1), "post_quant_conv.bias": (32,)}
        shapes |= {"quant_conv.weight": (64, 64, 1, 1), "quant_conv.bias": (64,)}
        shapes |= {"bn.running_mean": (128,), "bn.running_var": (128,)}
    return random_state(torch, shapes, torch.float32)
