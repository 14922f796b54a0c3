"""Conditioning that was worked out ahead and is kept on disk, so that a picture can be made without its text encoder.

A key stands for everything that the numbers follow from: the content of the text encoder's files, how core loaded them,
the device and the versions of what computes, and the words. So what is read is bit for bit what would be computed; what
cannot be told for sure, such as a text encoder that a LoRA has changed, is neither kept nor looked for.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import comfy.ldm.modules.attention
import comfy.model_management
import comfy.sd
import comfyui_version
import safetensors.torch
import torch

import nodes as core

from ...client.hashes import HashCache
from ...client.kept import KeptFiles
from ...client.paths import cache_dir

LIMIT = 8 << 30  # bytes on disk; a prompt of a large model takes up to 32 MB
_FORMAT = 1
_LOADERS = ("load_clip_model_patcher", "load_checkpoint_clip_patcher")  # core's, whose arguments begin with files


def kept() -> KeptFiles:
    """The conditioning that this machine keeps, in the user's cache folder."""
    return KeptFiles(cache_dir() / "conditioning", LIMIT, ".safetensors")


def encode(clip: Any, text: str) -> Any:
    """CONDITIONING of a text: what is kept of it, or else as core's ``CLIPTextEncode`` computes it."""
    store = kept()
    key = _key(clip, text) if store.begun() else None
    content = store.read(key) if key else None
    return _computed(clip, text) if content is None else _unpack(content)


def encode_ahead(clip: Any, text: str) -> None:
    """Compute a text's conditioning and keep it, unless it is kept already or cannot be."""
    store = kept()
    key = _key(clip, text)
    if key is None or store.read(key) is not None:
        return
    content = _pack(_computed(clip, text))
    if content is not None:
        store.write(key, content)


def _computed(clip: Any, text: str) -> Any:
    return core.CLIPTextEncode().encode(clip, text)[0]


def _key(clip: Any, text: str) -> str | None:
    """What stands for the numbers, in 64 hexadecimal digits; None where it cannot be told."""
    if not isinstance(clip, comfy.sd.CLIP) or "embedding:" in text:  # the words would name a file of their own
        return None
    source = _source(clip)
    if source is None:
        return None
    patcher = clip.patcher
    computes = [
        torch.__version__,
        comfyui_version.__version__,
        comfy.model_management.get_torch_device_name(patcher.load_device),
        torch.get_num_threads(),
        sorted(str(dtype) for dtype in clip.cond_stage_model.dtypes),
        comfy.ldm.modules.attention.optimized_attention.__name__,
    ]
    return hashlib.sha256(json.dumps([_FORMAT, source, computes, text]).encode()).hexdigest()


def _source(clip: Any) -> list[Any] | None:
    """Which files a text encoder was loaded from, and how; None where it is not as core's loaders gave it."""
    patcher = clip.patcher
    changed = (
        patcher.patches,
        patcher.hook_patches,
        patcher.weight_wrapper_patches,
        patcher.injections,
        any(patcher.wrappers.values()),
        patcher.model_options != {"transformer_options": {}},
        patcher.forced_hooks,
        set(patcher.object_patches) - {"manual_cast_dtype"},  # which core sets for every text encoder
        clip.apply_hooks_to_conds,
        clip.use_clip_schedule,
        clip.tokenizer_options,
    )
    loader = getattr(patcher, "cached_patcher_init", None)
    if any(changed) or clip.layer_idx is not None or loader is None or loader[0].__name__ not in _LOADERS:
        return None
    files, _embeddings, *options = loader[1]
    how = repr(options)
    if " at 0x" in how:  # an object, of which only its address is known
        return None
    hashes = HashCache()
    digests = [hashes.sha256(Path(file)) for file in ([files] if isinstance(files, str) else files)]
    hashes.save()
    return [loader[0].__name__, digests, how]


def _pack(conditioning: Any) -> bytes | None:
    """CONDITIONING as a safetensors file, in its own dtypes; None where it holds something else than plain values."""
    tensors: dict[str, torch.Tensor] = {}
    rest = []
    for number, (words, more) in enumerate(conditioning):
        plain: dict[str, Any] = {}
        for name, value in {"": words, **more}.items():
            if isinstance(value, torch.Tensor):
                tensors[f"{number}.{name}"] = value.detach().cpu().contiguous().clone()
            elif value is not None and not isinstance(value, bool | int | float | str):
                return None
            plain[name] = None if isinstance(value, torch.Tensor) else value
        rest.append(plain)
    return safetensors.torch.save(tensors, {"conditioning": json.dumps(rest)})


def _unpack(content: bytes) -> Any:
    tensors = safetensors.torch.load(content)
    device = comfy.model_management.intermediate_device()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    conditioning = []
    for number, plain in enumerate(json.loads(header["__metadata__"]["conditioning"])):
        values = {
            name: tensors[f"{number}.{name}"].to(device) if f"{number}.{name}" in tensors else value
            for name, value in plain.items()
        }
        conditioning.append([values.pop(""), values])
    return conditioning
