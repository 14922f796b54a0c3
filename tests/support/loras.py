"""Makes small LoRA files with numbers in them, of every algorithm, for tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

Arrays = dict[str, np.ndarray]

#: Linear layers of the starter model's architecture, an eighth as wide: name -> outputs, inputs.
LAYERS = {
    "double_blocks.0.img_attn.qkv": (96, 32),
    "double_blocks.0.img_attn.proj": (32, 32),
    "double_blocks.1.txt_attn.proj": (32, 32),
    "single_blocks.2.linear2": (32, 128),
}


#: The same layers as wide as the starter model has them.
STARTER = {
    "double_blocks.0.img_attn.qkv": (768, 256),
    "double_blocks.0.img_attn.proj": (256, 256),
    "double_blocks.1.txt_attn.proj": (256, 256),
    "single_blocks.2.linear2": (256, 1024),
}


def _random(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype(np.float32)


def lora(name: str, out: int, into: int, rng: np.random.Generator, rank: int = 4) -> Arrays:
    return {
        f"{name}.lora_up.weight": _random(rng, out, rank),
        f"{name}.lora_down.weight": _random(rng, rank, into),
        f"{name}.alpha": np.array(2.0, np.float32),
    }


def peft(name: str, out: int, into: int, rng: np.random.Generator, rank: int = 4) -> Arrays:
    return {f"{name}.lora_B.weight": _random(rng, out, rank), f"{name}.lora_A.weight": _random(rng, rank, into)}


def with_bias(name: str, out: int, into: int, rng: np.random.Generator) -> Arrays:
    return {**lora(name, out, into, rng), f"{name}.diff_b": _random(rng, out)}


def dora(name: str, out: int, into: int, rng: np.random.Generator) -> Arrays:
    return {**lora(name, out, into, rng), f"{name}.dora_scale": np.abs(_random(rng, out, 1)) + 0.5}


def loha(name: str, out: int, into: int, rng: np.random.Generator, rank: int = 3) -> Arrays:
    made = {
        f"{name}.hada_{side}": _random(rng, *((out, rank) if side.endswith("a") else (rank, into)))
        for side in ("w1_a", "w1_b", "w2_a", "w2_b")
    }
    return {**made, f"{name}.alpha": np.array(1.5, np.float32)}


def loha_wide(name: str, out: int, into: int, rng: np.random.Generator) -> Arrays:
    """Of so high a rank that its product is no longer of low rank."""
    return loha(name, out, into, rng, rank=20)


def lokr(name: str, out: int, into: int, rng: np.random.Generator) -> Arrays:
    return {
        f"{name}.lokr_w1": _random(rng, 8, 8),
        f"{name}.lokr_w2_a": _random(rng, out // 8, 3),
        f"{name}.lokr_w2_b": _random(rng, 3, into // 8),
        f"{name}.alpha": np.array(1.5, np.float32),
    }


def lokr_both(name: str, out: int, into: int, rng: np.random.Generator) -> Arrays:
    return {
        f"{name}.lokr_w1_a": _random(rng, 8, 2),
        f"{name}.lokr_w1_b": _random(rng, 2, 8),
        f"{name}.lokr_w2_a": _random(rng, out // 8, 3),
        f"{name}.lokr_w2_b": _random(rng, 3, into // 8),
        f"{name}.alpha": np.array(6.0, np.float32),
    }


def lokr_full(name: str, out: int, into: int, rng: np.random.Generator) -> Arrays:
    return {
        f"{name}.lokr_w1": _random(rng, 4, 4),
        f"{name}.lokr_w2": _random(rng, out // 4, into // 4),
        f"{name}.alpha": np.array(1e10, np.float32),
    }


def oft(name: str, out: int, _into: int, rng: np.random.Generator) -> Arrays:
    return {f"{name}.oft_blocks": _random(rng, 8, out // 8, out // 8) * np.float32(0.02)}


def boft(name: str, out: int, _into: int, rng: np.random.Generator) -> Arrays:
    blocks = _random(rng, 2, out // 8, 8, 8) * np.float32(0.02)
    return {f"{name}.oft_blocks": blocks, f"{name}.alpha": np.array(0.0, np.float32)}


def boft_bare(name: str, out: int, into: int, rng: np.random.Generator) -> Arrays:
    """Without the alpha that ComfyUI needs to apply it."""
    return {key: value for key, value in boft(name, out, into, rng).items() if not key.endswith("alpha")}


def glora(name: str, out: int, into: int, rng: np.random.Generator) -> Arrays:
    return {
        f"{name}.a1.weight": _random(rng, into, 4), f"{name}.a2.weight": _random(rng, 4, into),
        f"{name}.b1.weight": _random(rng, out, 4), f"{name}.b2.weight": _random(rng, 4, into),
    }  # fmt: skip


def diff(name: str, out: int, into: int, rng: np.random.Generator) -> Arrays:
    return {f"{name}.diff": _random(rng, out, into), f"{name}.diff_b": _random(rng, out)}


Make = Callable[[str, int, int, np.random.Generator], Arrays]
ADDITIVE: Mapping[str, Make] = {
    "lora": lora, "peft": peft, "with a bias": with_bias, "loha": loha, "loha, wide": loha_wide, "lokr": lokr,
    "lokr, both factored": lokr_both, "lokr, full": lokr_full, "diff": diff,
}  # fmt: skip
OTHERS: Mapping[str, Make] = {"dora": dora, "oft": oft, "boft": boft, "glora": glora}


def arrays(
    make: Make = lora,
    seed: int = 1,
    prefix: str = "diffusion_model.",
    layers: Mapping[str, tuple[int, int]] = LAYERS,
    **options: int,
) -> Arrays:
    """The tensors of a LoRA; a prefix that ends in ``_`` has underscores for dots in the names."""
    rng = np.random.default_rng(seed)
    made: Arrays = {}
    for layer, (out, into) in layers.items():
        name = prefix + (layer.replace(".", "_") if prefix.endswith("_") else layer)
        made |= make(name, out, into, rng, **options)
    return made


def write(
    path: Path,
    make: Make = lora,
    seed: int = 1,
    prefix: str = "diffusion_model.",
    metadata: dict[str, str] | None = None,
    layers: Mapping[str, tuple[int, int]] = LAYERS,
    scale: float = 1.0,
    **options: int,
) -> Path:
    """A whole file, by the safetensors library's own writer."""
    made = arrays(make, seed, prefix, layers, **options)
    # A rotation is scaled by its own size, and an alpha or a magnitude is none of a matrix's numbers.
    scaled = {
        name: value if value.ndim == 0 or "dora_scale" in name or "magnitude" in name else value * np.float32(scale)
        for name, value in made.items()
    }
    save_file(scaled, str(path), metadata)
    return path


def of_peft(make: Make, adapter: str = "") -> Make:
    """The same in PEFT's own names: a magnitude is a vector, and an adapter's name may stand in each of them."""
    suffix = f".{adapter}.weight" if adapter else ".weight"

    def renamed(name: str, out: int, into: int, rng: np.random.Generator) -> Arrays:
        theirs: Arrays = {}
        for key, value in make(name, out, into, rng).items():
            if key.endswith(".dora_scale"):
                theirs[key.replace("dora_scale", f"lora_magnitude_vector{suffix}")] = value[:, 0].copy()
            else:
                theirs[key.removesuffix(".weight") + suffix] = value
        return theirs

    return renamed


def dora_of_peft(name: str, out: int, into: int, rng: np.random.Generator) -> Arrays:
    return {**peft(name, out, into, rng), f"{name}.dora_scale": np.abs(_random(rng, out, 1)) + 0.5}


def oft_of_peft(name: str, _out: int, into: int, rng: np.random.Generator) -> Arrays:
    return {f"{name}.oft_R.weight": _random(rng, into // 8, 28)}


def two_adapters(name: str, out: int, into: int, rng: np.random.Generator) -> Arrays:
    return {**of_peft(peft, "first")(name, out, into, rng), **of_peft(peft, "second")(name, out, into, rng)}


def halves(name: str, out: int, into: int, rng: np.random.Generator) -> Arrays:
    """The second matrix of each layer, without the first."""
    return {key: value for key, value in peft(name, out, into, rng).items() if "lora_B" in key}


def untrained(name: str, out: int, into: int, rng: np.random.Generator) -> Arrays:
    """As every trainer begins: the second matrix is zero."""
    return {key: value * ("lora_A" in key) for key, value in peft(name, out, into, rng).items()}


def split_attention(arrays: Arrays) -> Arrays:
    """A LoRA of the starter's fused attention as diffusers has it: three of query, key and value."""
    theirs: Arrays = {}
    for key, value in arrays.items():
        name = key.replace("diffusion_model.", "transformer.").replace("single_blocks", "single_transformer_blocks")
        name = name.replace("double_blocks", "transformer_blocks").replace("img_attn.proj", "attn.to_out.0")
        name = name.replace("txt_attn.proj", "attn.to_add_out").replace("linear2", "attn.to_out")
        if "img_attn.qkv" not in name:
            theirs[name] = value
            continue
        for part, place in zip("qkv", range(3), strict=True):
            rows = value.shape[0] // 3
            half = value[place * rows : (place + 1) * rows] if "lora_B" in key else value
            theirs[name.replace("img_attn.qkv", f"attn.to_{part}")] = half.copy()
    return theirs


METADATA = {
    "modelspec.sai_model_spec": "1.0.0",
    "modelspec.title": "Tide",
    "modelspec.license": "apache-2.0",
    "modelspec.trigger_phrase": "tide style, sea light",
    "ss_network_dim": "4",
    "ss_network_alpha": "2.0",
    "ss_network_module": "networks.lora",
    "ss_training_comment": "made for tests",
    "sshs_model_hash": "0" * 64,
    "custom.key": "kept",
}


def metadata(path: Path) -> dict[str, str]:
    with safe_open(str(path), "np") as file:
        return dict(file.metadata() or {})


def body_start(path: Path) -> int:
    return 8 + int.from_bytes(path.read_bytes()[:8], "little")
