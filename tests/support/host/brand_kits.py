"""LoRAs for the starter model and brand kits that use them, for the tests of a host with brands."""

from __future__ import annotations

import datetime
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from safetensors.numpy import save_file

from packshot.brand.lora.convert import convert
from packshot.brand.lora.merge import Part, merge
from support import loras

#: What the starter's layers, which have no biases, take whole.
ALGORITHMS = {
    name: make for name, make in {**loras.ADDITIVE, **loras.OTHERS}.items() if name not in ("with a bias", "diff")
}
#: One LoRA in the names of several tools: how its layers are called, and in whose parts it is written.
FOREIGN: dict[str, tuple[str, loras.Make]] = {
    "adapter name": ("diffusion_model.", loras.of_peft(loras.peft, "brand")),
    "peft": ("base_model.model.", loras.peft),
    "diffsynth": ("pipe.dit.", loras.of_peft(loras.peft, "default")),
    "bare": ("", loras.peft),
    "checkpoint": ("model.diffusion_model.", loras.peft),
    "lycoris": ("lycoris_", loras.peft),
    "dora of peft": ("diffusion_model.", loras.of_peft(loras.dora_of_peft)),
}
REFUSED: dict[str, loras.Make] = {
    "with a bias": loras.with_bias, "oft of peft": loras.oft_of_peft, "two adapters": loras.two_adapters,
    "halves": loras.halves,
}  # fmt: skip
TODAY = datetime.datetime.now(datetime.timezone.utc).date()


def write_loras(folder: Path) -> None:
    """A LoRA of every algorithm for the starter model, and some that do not belong there."""
    folder.mkdir(parents=True)
    for name, make in ALGORITHMS.items():
        loras.write(folder / f"{name}.safetensors", make, layers=loras.STARTER, scale=0.1)
    loras.write(folder / "dora of kohya.safetensors", loras.dora_of_peft, layers=loras.STARTER, scale=0.1)
    for name, (prefix, make) in FOREIGN.items():
        loras.write(folder / f"foreign {name}.safetensors", make, prefix=prefix, layers=loras.STARTER, scale=0.1)
    for name, make in REFUSED.items():
        loras.write(folder / f"refused {name}.safetensors", make, layers=loras.STARTER)
    loras.write(folder / "untrained.safetensors", loras.untrained, layers=loras.STARTER)
    write_namings(folder)
    loras.write(folder / "kohya.safetensors", seed=2, prefix="lora_unet_", layers=loras.STARTER, scale=0.1)
    (folder / "mine").mkdir()
    said = {"modelspec.trigger_phrase": "tide style"}
    loras.write(folder / "mine" / "tide.safetensors", seed=3, layers=loras.STARTER, scale=0.2, metadata=said)
    loras.write(folder / "bare.safetensors", loras.boft_bare, layers=loras.STARTER)
    half = {**loras.STARTER, **{f"double_blocks.{n}.img_attn.proj": (256, 256) for n in range(5, 10)}}
    loras.write(folder / "larger.safetensors", layers=half)
    wider = {name: (out * 2, into * 2) for name, (out, into) in loras.STARTER.items()}
    loras.write(folder / "wider.safetensors", layers=wider)
    merge(
        [Part(folder / "lora.safetensors", 0.8), Part(folder / "kohya.safetensors", -0.5)], folder / "both.safetensors"
    )


def write_namings(folder: Path) -> None:
    """The LoRA ``peft`` with other layers' names, and one whose layers have no names that anything knows."""
    arrays = {name: value * np.float32(0.1) for name, value in loras.arrays(loras.peft, layers=loras.STARTER).items()}
    musubi = {name.replace("_attn.", "_attn_"): value for name, value in arrays.items()}
    unknown = {name.replace("_blocks.", "_stages."): value for name, value in arrays.items()}
    clip = {"lora_te1_text_model_encoder_layers_0_self_attn_q_proj": (768, 768)}
    save_file(musubi, str(folder / "foreign musubi.safetensors"))
    save_file(loras.split_attention(arrays), str(folder / "foreign diffusers.safetensors"))
    save_file(unknown, str(folder / "refused names.safetensors"))
    for source, names in (("musubi", "diffusers"), ("diffusers", "native"), ("adapter name", "kohya")):
        convert(folder / f"foreign {source}.safetensors", folder / f"converted {names}.safetensors", names=names)
    unet = {f"input_blocks.4.1.transformer_blocks.{n}.attn2.to_k": (640, 2048) for n in (0, 1)}
    loras.write(folder / "refused other model.safetensors", prefix="lora_unet_", layers=unet)
    (folder / "answer.safetensors").write_text('{"error": "Access to this model is restricted"}')
    (folder / "pointer.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:1\n")
    loras.write(folder / "refused text.safetensors", prefix="", layers=clip)


def kit(folder: Path, **changes: Any) -> dict[str, Any]:
    """A kit with one LoRA that may be used."""
    tide = folder / "mine" / "tide.safetensors"
    own = {
        "name": "Tide",
        "file": "tide.safetensors",
        "sha256": hashlib.sha256(tide.read_bytes()).hexdigest(),
        "base": "starter",
        "strength": 0.8,
        "min_strength": 0.4,
        "max_strength": 1.0,
        "trigger_words": ["tide style"],
        "licence": "apache-2.0",
        "approved_by": "Ann Example",
    }
    return {"name": "Tests", "prompt": {"prefix": "photo of", "negative": "text"}, "loras": [{**own, **changes}]}


def kits(folder: Path) -> dict[str, dict[str, Any]]:
    larger = hashlib.sha256((folder / "larger.safetensors").read_bytes()).hexdigest()
    stepped = [{"start": 0, "strength": 0}, {"start": 0.5, "strength": 0.8}]
    return {
        "good": kit(folder),
        "steps": kit(folder, schedule=stepped),
        "never": kit(folder, schedule=[{"start": 0, "strength": 0}]),
        "always": kit(folder, schedule=[{"start": 0, "strength": 0.8}]),
        "unapproved": kit(folder, approved_by=""),
        "expired": kit(folder, expires=TODAY - datetime.timedelta(days=2)),  # over everywhere on Earth
        "last-day": kit(folder, expires=TODAY),
        "another-file": kit(folder, sha256="0" * 64),
        "missing": kit(folder, file="nowhere.safetensors"),
        "unknown-licence": kit(folder, licence="my-own-words"),
        "another-base": kit(folder, base="sdxl"),
        "wrong-base": kit(folder, file="larger.safetensors", sha256=larger),
        "no-lora": {"name": "Nothing"},
    }


def write_brands(home: Path, models: Path) -> Path:
    """A models folder with the starter model and LoRAs for it, and brand kits in the settings below ``home``."""
    shelf = home / "models"
    for file in models.glob("*/starter-*"):
        (shelf / file.parent.name).mkdir(parents=True, exist_ok=True)
        (shelf / file.parent.name / file.name).symlink_to(file)
    write_loras(shelf / "loras")
    brands = home / "settings" / "packshot" / "brands"
    for name, content in kits(shelf / "loras").items():
        (brands / name).mkdir(parents=True)
        (brands / name / "brand.yaml").write_text(yaml.safe_dump(content))
    return shelf
