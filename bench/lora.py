"""LoRA files: how long it takes to know a large collection, and what our loading costs beside core's.

    python bench/lora.py                 30,000 files: index new, index warm
    python bench/lora.py --files N       another number
    python bench/lora.py --load          applying a file: core's LoraLoader against ours, in the host's own Python
    python bench/lora.py --smoke         twenty files, and the starter's LoRA applied once by each

The collection is made of the published models' own layers: 24 bases and parts of them, three namings, six ranks, with
the metadata that trainers write, 432 kinds of file in all. Bodies are holes in the files, so that size costs nothing.
Each figure comes from a process of its own. The limits are 20 s for a new index and 2 s for a warm one; the exit code
is 1 where they are missed, but for ``--smoke``.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from _options import add_smoke
from safetensors.numpy import save_file

from packshot.host.install import install
from packshot.models.starter.files import write_starter
from packshot.paths import cache_dir, shipped

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
from support.weights import model, write_raw, write_safetensors

NEW_LIMIT, WARM_LIMIT = 20.0, 2.0  # seconds
LOAD_LIMIT = 1.1  # times core's own way
VARIANTS = (
    "flux1", "flux2-dev", "flux2-klein-4b", "flux2-klein-9b", "sd3-medium", "sd3.5-medium", "sd3.5-large", "sd15",
    "sdxl", "z-image", "qwen-image", "chroma",
)  # fmt: skip
PARTS = ("", "attn")  # all layers, or attention alone
NAMINGS = (("lora_unet_", "lora_down", "lora_up"), ("diffusion_model.", "lora_A", "lora_B"), ("", "lora_A", "lora_B"))
RANKS = (4, 8, 16, 32, 64, 128)
SCAN = """
import json, sys, time
from pathlib import Path
begun = time.perf_counter()
from packshot.brand.lora.index import LoraIndex
with LoraIndex(Path(sys.argv[2])) as index:
    found = index.scan(Path(sys.argv[1]))
took = time.perf_counter() - begun
bases = {}
for entry in found:
    bases[str(entry.summary.get("base"))] = bases.get(str(entry.summary.get("base")), 0) + 1
refused = sum("error" in entry.summary for entry in found)
print(json.dumps({"seconds": took, "files": len(found), "refused": refused, "bases": bases}))
"""


def kinds() -> Iterator[tuple[str, int]]:
    """The part of a header that describes tensors, as text, and the bytes of their body."""
    for variant, part, (prefix, down, up), rank in itertools.product(VARIANTS, PARTS, NAMINGS, RANKS):
        at, entries = 0, []
        for name, shape in model(variant).items():
            layer = name.removesuffix(".weight")
            if layer == name or len(shape) != 2 or part not in layer:
                continue
            layer = prefix + (layer.replace(".", "_") if prefix.endswith("_") else layer)
            for suffix, sides in ((down, (rank, shape[1])), (up, (shape[0], rank))):
                size = sides[0] * sides[1] * 2
                entry = {"dtype": "BF16", "shape": sides, "data_offsets": [at, at := at + size]}
                entries.append(f'"{layer}.{suffix}.weight":{json.dumps(entry, separators=(",", ":"))}')
        if entries:
            yield ",".join(entries), at


def write_collection(folder: Path, count: int) -> int:
    """Write ``count`` files in folders of a thousand; the number of kinds among them."""
    rng = random.Random(1)
    made = list(kinds())
    for number in range(count):
        text, body = made[rng.randrange(len(made))]
        metadata = {
            "ss_output_name": f"lora {number}",
            "ss_network_module": "networks.lora",
            "modelspec.title": f"LoRA {number}",
            "modelspec.trigger_phrase": f"style {number}",
            "ss_tag_frequency": json.dumps({"10_x": {f"tag {rng.random()}": n for n in range(40)}}),
        }
        header = f'{{"__metadata__":{json.dumps(metadata)},{text}}}'
        path = folder / f"{number // 1000:03}" / f"{number}.safetensors"
        path.parent.mkdir(exist_ok=True)
        write_raw(path, header.encode(), body)
    return len(made)


def collection(count: int) -> bool:
    """Time a new index and a warm one; whether both keep to their limits."""
    with tempfile.TemporaryDirectory(prefix="packshot-loras-") as scratch:
        folder = Path(scratch) / "loras"
        folder.mkdir()
        found = write_collection(folder, count)
        size = sum(path.stat().st_blocks * 512 for path in folder.glob("*/*"))
        print(f"{count:,} files of {found} kinds, {size / 1e9:.1f} GB of headers")
        command = [sys.executable, "-c", SCAN, str(folder), str(Path(scratch) / "index.sqlite")]
        times = []
        for _ in range(4):
            answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            times.append(answer["seconds"])
            if len(times) == 1:
                assert answer["files"] == count, answer
                assert not answer["refused"], answer
                print(f"new index: {times[0]:.1f} s, {times[0] / count * 1000:.2f} ms a file; {answer['bases']}")
        warm = times[1:]
        print(f"warm index: {statistics.median(warm):.2f} s (of 3: {min(warm):.2f} to {max(warm):.2f})")
    return bool(times[0] <= NEW_LIMIT and statistics.median(warm) <= WARM_LIMIT)


LOAD = """
import json, sys, time
comfyui, pack, model_file, lora, pairs = sys.argv[1:]
sys.path[:0] = [comfyui, pack]
sys.argv = sys.argv[:1] + ["--cpu"]
import comfy.options
comfy.options.enable_args_parsing()
import comfy.sd, comfy.utils
from pathlib import Path
from packshot.nodes.brand import lora_apply
model = comfy.sd.load_diffusion_model(model_file)
def core():
    tensors, metadata = comfy.utils.load_torch_file(lora, safe_load=True, return_metadata=True)
    comfy.sd.load_lora_for_models(model, None, tensors, 0.8, 0.8, lora_metadata=metadata)
def ours():
    lora_apply._loaded.cache_clear()
    file = lora_apply.load(Path(lora))
    target = lora_apply.target_of(model, None)
    found = lora_apply.admitted(target, file, "here")
    lora_apply.patched(model, None, file, found, 0.8, 0.8)
    return lora_apply.Applied.of(file, found, 0.8, 0.8, lora_apply.ADDED, name="it").line()
def timed(what):
    begun = time.perf_counter()
    what()
    return time.perf_counter() - begun
first = timed(ours)
core()
pairs = [(timed(core), timed(ours)) for _ in range(int(pairs))]
print(json.dumps({"first": first, "pairs": pairs, "report": ours()}))
"""


def load(pairs: int, starter: bool) -> bool:
    """Apply a LoRA by core and by ours in turns, ``pairs`` times; whether ours keeps to its limit.

    The model has Stable Diffusion 1.5's shapes with empty weights, and the LoRA changes all its matrices with rank 32;
    ``starter``: the starter and an example brand's LoRA, which are small.
    """
    host = cache_dir() / "host"
    installation = install(host, lambda line: print(line, file=sys.stderr))
    with tempfile.TemporaryDirectory(prefix="packshot-load-") as scratch:
        folder = Path(scratch)
        (folder / "pack").mkdir()
        (folder / "pack" / "packshot").symlink_to(Path(__file__).resolve().parents[1], target_is_directory=True)
        if starter:
            write_starter(host / "models")
            unet = host / "models" / "diffusion_models" / "starter-flux2.safetensors"
            lora = sorted((shipped("examples") / "brands").glob("*/loras/*.safetensors"))[0]
        else:
            unet = write_safetensors(folder / "unet.safetensors", model("sd15", "diffusers"), dtype="F16")
            lora = write_lora(folder / "lora.safetensors")
        words = [installation.python, "-c", LOAD, installation.comfyui, folder / "pack", unet, lora, pairs]
        environment = {**os.environ, "XDG_CACHE_HOME": str(folder)}
        answer = subprocess.run(list(map(str, words)), check=True, stdout=subprocess.PIPE, text=True, env=environment)
        found = json.loads(answer.stdout.splitlines()[-1])
        size = lora.stat().st_size / 1e6
    core, ours = (statistics.median(column) for column in zip(*found["pairs"], strict=True))
    ratio = statistics.median(mine / theirs for theirs, mine in found["pairs"])
    print(f"{size:.0f} MB; {found['report']}")
    print(
        f"core {core * 1000:.0f} ms, ours {ours * 1000:.0f} ms, ratio {ratio:.2f} (medians of {pairs} pairs in turns);"
    )
    print(f"the first time, with SHA-256 and norm of the change: {found['first'] * 1000:.0f} ms")
    return bool(ratio <= LOAD_LIMIT)


def write_lora(path: Path) -> Path:
    """Write a LoRA of rank 32 of all matrices of Stable Diffusion 1.5, 552 tensors."""
    tensors = {}
    rng = np.random.default_rng(1)
    for name, shape in model("sd15").items():
        if name.endswith(".weight") and len(shape) == 2:
            layer = "lora_unet_" + name.removesuffix(".weight").replace(".", "_")
            tensors[f"{layer}.lora_down.weight"] = rng.standard_normal((32, shape[1])).astype("f2")
            tensors[f"{layer}.lora_up.weight"] = rng.standard_normal((shape[0], 32)).astype("f2")
            tensors[f"{layer}.alpha"] = np.array(32, "f2")
    save_file(tensors, str(path))
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=30_000)
    parser.add_argument("--load", action="store_true", help="what applying a file costs beside core's own way")
    add_smoke(parser)
    options = parser.parse_args()
    if options.smoke:
        collection(20)
        load(pairs=1, starter=True)
        return
    sys.exit(0 if (load(pairs=15, starter=False) if options.load else collection(options.files)) else 1)


if __name__ == "__main__":
    main()
