"""What is kept of conditioning beside what core computes, as JSON on standard output; run by the host's own Python.

python conditioning.py COMFYUI_FOLDER TEXT_ENCODER_FILE
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from vram_models import pack


def same(one: Any, other: Any) -> bool:
    """Whether two conditionings are the same to the last bit, dtypes and the order of what they hold included."""
    import torch

    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and one.shape == other.shape and torch.equal(one, other)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[name], other[name]) for name in one)
    return type(one) is type(other) and one == other


def main(encoder: Path) -> dict[str, Any]:
    import comfy.sd
    import torch

    import nodes as core

    kept = pack("nodes.model.conditioning")
    folder = kept.kept().folder

    def files() -> list[str]:
        return sorted(path.name for path in folder.glob("*.safetensors"))

    def load() -> Any:
        return comfy.sd.load_clip([str(encoder)], clip_type=comfy.sd.CLIPType.STABLE_DIFFUSION)

    clip = load()
    mug = core.CLIPTextEncode().encode(clip, "a mug")[0]
    said: dict[str, Any] = {
        "no folder is made by looking": same(kept.encode(clip, "a mug"), mug) and not folder.exists()
    }
    kept.encode_ahead(clip, "a mug")
    said["files"] = len(files())
    content = (folder / files()[0]).read_bytes()

    computed: list[str] = []
    compute = kept._computed
    kept._computed = lambda clip, text: computed.append(text) or compute(clip, text)
    said["read"] = same(kept.encode(clip, "a mug"), mug) and not computed
    said["another load knows it"] = same(kept.encode(load(), "a mug"), mug) and not computed
    kept.encode_ahead(clip, "a mug")
    said["not encoded twice"] = not computed
    said["another text is computed"] = not same(kept.encode(clip, "a cup"), mug) and computed == ["a cup"]

    # What cannot be told for sure is neither kept nor looked for.
    before = files()
    patched, shorter = clip.clone(), clip.clone()
    name = next(name for name, value in clip.cond_stage_model.named_parameters() if value.ndim == 2)
    patched.add_patches({name: ("diff", (torch.ones_like(clip.cond_stage_model.get_parameter(name)),))}, 0.5)
    shorter.clip_layer(-2)
    for other, text in ((patched, "a mug"), (shorter, "a mug"), (clip, "a mug, embedding:mine")):
        kept.encode_ahead(other, text)
    said["only what is sure"] = files() == before
    computed.clear()
    for other in (patched, shorter):
        kept.encode(other, "a mug")
    said["changed encoders are asked themselves"] = computed == ["a mug", "a mug"]
    said["an untouched clone is as good"] = kept._key(clip.clone(), "a mug") == kept._key(clip, "a mug")

    (folder / files()[0]).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    computed.clear()
    said["a damaged file counts as none"] = same(kept.encode(clip, "a mug"), mug) and computed == ["a mug"]
    kept.encode_ahead(clip, "a mug")
    said["and is replaced"] = (folder / files()[0]).read_bytes() == content

    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        more = {"pooled_output": torch.rand(1, 3).to(dtype), "attention_mask": torch.ones(1, 4, dtype=torch.int64)}
        given = [[torch.rand(1, 4, 8).to(dtype).transpose(1, 2), {**more, "guidance": 3.5, "text": None, "on": True}]]
        said[f"form of {dtype}"] = same(kept._unpack(kept._pack(given)), given)
    said["hooks are not kept"] = kept._pack([[torch.rand(1, 4, 8), {"hooks": object()}]]) is None
    return said


if __name__ == "__main__":
    comfyui, encoder = sys.argv[1:]
    sys.path.insert(0, comfyui)
    sys.argv = [sys.argv[0], "--cpu"]
    import comfy.options

    comfy.options.enable_args_parsing()
    print(json.dumps(main(Path(encoder))))
