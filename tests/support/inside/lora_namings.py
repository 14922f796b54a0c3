"""Prints how much of LoRAs in every naming core loads for every family, and how much we say; run by the host's Python.

    lora_namings.py PACK_FOLDER

Run in the folder of ComfyUI. The models are core's own classes in their real shapes, on the meta device; the LoRAs have
a layer of every kind. An answer of lines, each a case: ``family``, ``naming``, ``algorithm``, ``total`` tensors, what
we say is ``matched``, what the model's patcher holds afterwards (``core``), how many ``layers`` are patched, how many
of those that core takes without us are patched ``elsewhere``, and how it is refused. A line for each family has the
names of our tables that core reads in other rows.
"""

from __future__ import annotations

import json
import re
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, sys.argv[1])
import core_shapes  # starts ComfyUI, and sends what it prints to standard error

import comfy.lora  # isort: skip
import comfy.lora_convert
import comfy.model_base
import comfy.model_patcher
import torch

from packshot.client.brand.lora.naming.families import diffusers_parts, foreign_parts
from packshot.client.models.files.adapters import adapters
from packshot.nodes.brand import lora_apply, lora_match

Tensors = dict[str, Any]
Layers = dict[str, tuple[int, ...]]
RANK = 4
META = torch.device("meta")


def _of(*shape: int) -> Any:
    return torch.empty(shape, device=META)


def _alpha() -> Any:
    return torch.tensor(2.0)


def _low_rank(down: str, up: str, alpha: bool) -> Callable[[str, tuple[int, ...]], Tensors]:
    def make(layer: str, shape: tuple[int, ...]) -> Tensors:
        kernel, ones = shape[2:], (1,) * len(shape[2:])
        made = {f"{layer}{down}": _of(RANK, shape[1], *kernel), f"{layer}{up}": _of(shape[0], RANK, *ones)}
        return made | ({f"{layer}.alpha": _alpha()} if alpha else {})

    return make


KOHYA = _low_rank(".lora_down.weight", ".lora_up.weight", True)
PEFT = _low_rank(".lora_A.weight", ".lora_B.weight", False)


def _with(make: Callable[..., Tensors], name: str) -> Callable[[str, tuple[int, ...]], Tensors]:
    def extended(layer: str, shape: tuple[int, ...]) -> Tensors:
        column = name == ".dora_scale"
        return make(layer, shape) | {f"{layer}{name}": _of(shape[0], 1) if column else _of(shape[0])}

    return extended


def loha(layer: str, shape: tuple[int, ...]) -> Tensors:
    sides = {"a": (shape[0], RANK), "b": (RANK, shape[1])}
    made = {f"{layer}.hada_w{i}_{side}": _of(*sides[side]) for i in (1, 2) for side in "ab"}
    return made | {f"{layer}.alpha": _alpha()}


def lokr(layer: str, shape: tuple[int, ...]) -> Tensors:
    made = {f"{layer}.lokr_w1": _of(4, 4), f"{layer}.lokr_w2": _of(shape[0] // 4, shape[1] // 4)}
    return made | {f"{layer}.alpha": _alpha()}


def oft(layer: str, shape: tuple[int, ...]) -> Tensors:
    return {f"{layer}.oft_blocks": _of(shape[0] // 8, 8, 8), f"{layer}.alpha": _alpha()}


def loha_of_peft(layer: str, shape: tuple[int, ...]) -> Tensors:
    return {f"{name}.default": tensor for name, tensor in loha(layer, shape).items() if not name.endswith("alpha")}


def glora(layer: str, shape: tuple[int, ...]) -> Tensors:
    sides = {"a1": (shape[1], RANK), "a2": (RANK, shape[1]), "b1": (shape[0], RANK), "b2": (RANK, shape[1])}
    return {f"{layer}.{part}.weight": _of(*side) for part, side in sides.items()}


def oft_of_peft(layer: str, shape: tuple[int, ...]) -> Tensors:
    return {f"{layer}.oft_R.weight": _of(shape[1] // 8, 28)}


def two_adapters(layer: str, shape: tuple[int, ...]) -> Tensors:
    return {
        f"{layer}.lora_{side}.{name}.weight": tensor
        for name in ("first", "second")
        for side, tensor in (("A", _of(RANK, shape[1])), ("B", _of(shape[0], RANK)))
    }


ALGORITHMS: dict[str, Callable[[str, tuple[int, ...]], Tensors]] = {
    "kohya": KOHYA,
    "peft": PEFT,
    "peft with alpha": _low_rank(".lora_A.weight", ".lora_B.weight", True),
    "peft, default": _low_rank(".lora_A.default.weight", ".lora_B.default.weight", False),
    "peft, adapter name": _low_rank(".lora_A.my-style_2.weight", ".lora_B.my-style_2.weight", False),
    "peft, parameters": _low_rank(".lora_A", ".lora_B", False),
    "kohya, adapter name": _low_rank(".lora_down.default.weight", ".lora_up.default.weight", True),
    "early diffusers": _low_rank(".lora.down.weight", ".lora.up.weight", False),
    "transformers": _low_rank(".lora_linear_layer.down.weight", ".lora_linear_layer.up.weight", False),
    "dora of kohya": _with(KOHYA, ".dora_scale"),
    "dora of peft": _with(PEFT, ".lora_magnitude_vector"),
    "dora of diffusers": _with(PEFT, ".lora_magnitude_vector.weight"),
    "dora, adapter name": _with(
        _low_rank(".lora_A.default.weight", ".lora_B.default.weight", False), ".lora_magnitude_vector.default.weight"
    ),
    "loha": loha,
    "loha of peft": loha_of_peft,
    "lokr": lokr,
    "oft": oft,
    "glora": glora,
    "oft of peft": oft_of_peft,
    "two adapters": two_adapters,
}
NATIVE = ("diffusion_model.", "", "model.diffusion_model.", "base_model.model.", "pipe.dit.", "transformer.",
          "base_model.model.diffusion_model.", "lora_unet_", "lycoris_", "lora_transformer_")  # fmt: skip
DIFFUSERS = ("transformer.", "", "base_model.model.", "pipe.dit.", "diffusion_model.", "unet.", "lora_unet_",
             "transformer.base_model.model.", "lora_transformer_", "lycoris_", "unet.base_model.model.")  # fmt: skip

FOREIGN = ("diffusion_model.", "lora_unet_", "")


def main() -> Iterator[dict[str, Any]]:
    for variant, (_, architecture, kind, config) in core_shapes.MODELS.items():
        model_config = kind(dict(config))
        model_config.unet_config.pop("disable_unet_model_creation", None)
        model_config.custom_operations = core_shapes.comfy.ops.disable_weight_init
        model = model_config.get_model({}, "", device="meta")
        patcher = comfy.model_patcher.ModelPatcher(model, META, META)
        target = lora_apply.target_of(types.SimpleNamespace(model=model), None)
        natives = {
            name[len("diffusion_model.") : -len(".weight")]: shape
            for name, shape in target.shapes.items()
            if name.startswith("diffusion_model.") and name.endswith(".weight") and len(shape) in (2, 4)
        }
        parts = diffusers_parts(architecture, natives)
        layers = {"native": few(natives), "diffusers": few({n: sides(p, natives) for n, p in parts.items()})}
        for naming, tensors in special() if variant == "flux1" else ():
            yield {"family": variant, "naming": naming, "algorithm": "its own"} | counted(target, patcher, tensors)
        # FLUX.2 has no proj_mlp; core's list has one with the rows of FLUX.1's.
        others = {
            name: part
            for name, part in foreign_parts(natives).items()
            if name not in parts and not (architecture == "flux2" and name.endswith("proj_mlp"))
        }
        layers |= {f"foreign {number}": names for number, names in enumerate(once(others, natives))}
        yield {"family": variant, "tables apart": apart(parts, target.names)}
        for naming in layers:
            prefixes = {"native": NATIVE, "diffusers": DIFFUSERS}.get(naming, FOREIGN)
            if naming == "diffusers" and layers["native"].keys() == layers["diffusers"].keys():
                continue
            for prefix in prefixes:
                for algorithm, make in ALGORITHMS.items():
                    if algorithm in ("peft", "dora of peft") or (prefix == prefixes[0] and prefixes is not FOREIGN):
                        tensors = written(make, prefix, layers[naming])
                        yield {"family": variant, "naming": f"{naming} {prefix}", "algorithm": algorithm} | counted(
                            target, patcher, tensors
                        )


def special() -> Iterator[tuple[str, Tensors]]:
    """Yield LoRAs for FLUX.1 of makers with names of their own: XLabs' and those of FLUX.1's makers for control."""
    made: Tensors = {}
    for stem, layer in (
        ("double_blocks.0", "qkv_lora1"),
        ("double_blocks.0", "qkv_lora2"),
        ("single_blocks.3", "qkv_lora"),
    ):
        made |= {
            f"{stem}.processor.{layer}.down.weight": _of(RANK, 3072),
            f"{stem}.processor.{layer}.up.weight": _of(9216, RANK),
        }
    for stem, layer in (("double_blocks.1", "proj_lora1"), ("double_blocks.1", "proj_lora2")):
        made |= {
            f"{stem}.processor.{layer}.down.weight": _of(RANK, 3072),
            f"{stem}.processor.{layer}.up.weight": _of(3072, RANK),
        }
    yield "xlabs", made
    control = {
        f"double_blocks.0.img_attn.qkv.lora_{part}": _of(*shape)
        for part, shape in (("A.weight", (RANK, 3072)), ("B.weight", (9216, RANK)), ("B.bias", (9216,)))
    }
    control |= {
        "img_in.lora_A.weight": _of(RANK, 128),
        "img_in.lora_B.weight": _of(3072, RANK),
        "img_in.lora_B.bias": _of(3072),
    }
    control |= {
        "single_blocks.0.norm.key_norm.scale": _of(128),
        "double_blocks.0.img_attn.norm.query_norm.scale": _of(128),
    }
    yield "control of FLUX.1's makers", comfy.lora_convert.convert_lora(control)


def few(layers: Layers) -> Layers:
    """The first layer of each kind, and the second."""
    kinds: dict[str, int] = {}
    chosen = {}
    for name, shape in layers.items():
        kind = re.sub(r"\d+", "#", name)
        kinds[kind] = kinds.get(kind, 0) + 1
        if kinds[kind] <= 2 and all(side % 8 == 0 for side in shape[:2]) and len(shape) == 2:
            chosen[name] = shape
    return chosen


def once(parts: dict[str, Any], natives: Layers) -> list[Layers]:
    """Some layers of each kind, in as many files as it takes for none to have two names for one."""
    files: list[tuple[set[Any], Layers]] = []
    for name in few({name: sides(part, natives) for name, part in parts.items()}):
        part = parts[name]
        file = next((file for file in files if part not in file[0]), None)
        if file is None:
            files.append(file := (set(), {}))
        file[0].add(part)
        file[1][name] = sides(part, natives)
    return [layers for _, layers in files]


def sides(part: Any, natives: Layers) -> tuple[int, ...]:
    shape = natives[part.weight]
    return shape if part.rows is None else (part.rows, *shape[1:])


def written(make: Callable[[str, tuple[int, ...]], Tensors], prefix: str, layers: Layers) -> Tensors:
    made: Tensors = {}
    for name, shape in layers.items():
        made |= make(prefix + (name.replace(".", "_") if prefix.endswith("_") else name), shape)
    return made


def counted(target: Any, patcher: Any, tensors: Tensors) -> dict[str, Any]:
    layers = adapters({name: tuple(tensor.shape) for name, tensor in tensors.items()})
    file = lora_match.LoadedLora(Path("lora.safetensors"), tensors, {}, layers)
    found = lora_match.match(target, file)
    patched, _ = lora_apply.patched(patcher, None, file, found, 1.0, 0.0)
    held: set[int] = set()
    numbers = 0
    for patches in patched.patches.values():
        for _, patch, *_ in patches:
            adapter = hasattr(patch, "weights")
            values = patch.weights if adapter else patch[1]
            held |= {
                value.data_ptr() if value.device != META else id(value) for value in values if torch.is_tensor(value)
            }
            numbers += sum(isinstance(value, (float, list)) for value in values)
    theirs = comfy.lora.load_lora(tensors, target.names, log_missing=False)
    ours = set(found.patches)
    try:
        found.enforce("a case", target)
        refusal = None
    except Exception as error:
        refusal = {"message": error.message, "remedy": error.remedy}  # type: ignore[attr-defined]
    return {
        "total": len(tensors),
        "matched": found.matched,
        "core": len(held) + numbers,
        "elsewhere": len(set(theirs) - ours),
        "layers": len(ours),
        "refusal": refusal,
    }


def apart(parts: dict[str, Any], names: dict[str, Any]) -> list[str]:
    """Names of diffusers that core reads in other rows than our tables say."""
    wrong = []
    for name, part in parts.items():
        prefixed = (f"transformer.{name}", f"lora_unet_{name.replace('.', '_')}")
        theirs = next((names[prefixed_name] for prefixed_name in prefixed if prefixed_name in names), None)
        if theirs is not None and theirs != lora_match._rows(part):
            wrong.append(f"{name}: {theirs} and {lora_match._rows(part)}")
    return wrong


for line in main():
    print(json.dumps(line), file=core_shapes.answer)
