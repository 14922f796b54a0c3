"""Prints how far core's patched weights are from ours; run by the host's own Python.

    python lora_weights.py COMFYUI_FOLDER PACK_FOLDER MODEL LORA…

For each file: the largest relative error of a layer, over ``weight + 0.7 * change``, of core's own calculation and of
the sum that the library works out without torch.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

STRENGTH = 0.7


def main(comfyui: Path, pack: Path, model_file: str, files: list[str]) -> None:
    sys.path[:0] = [str(comfyui), str(pack)]
    sys.argv = [sys.argv[0], "--cpu"]  # core reads its options while it is imported
    import comfy.options

    comfy.options.enable_args_parsing()
    import comfy.lora
    import comfy.sd
    import comfy.utils
    import torch

    from client.brand.lora.changes import adapters_of, change_of
    from client.brand.lora.tensors import TensorFile

    model = comfy.sd.load_diffusion_model(model_file)
    names = comfy.lora.model_lora_keys_unet(model.model, {})
    weights = model.model.state_dict()
    worst = {}
    for path in files:
        patched, _ = comfy.sd.load_lora_for_models(model, None, comfy.utils.load_torch_file(path), STRENGTH, 0)
        file = TensorFile(path)
        errors = []
        for adapter in adapters_of(file):
            change = change_of(file, adapter)
            sums = {} if change.matrix is None else {names[adapter.name]: change.matrix.dense()}
            if "diff_b" in change.vectors:
                sums[names[adapter.name].removesuffix("weight") + "bias"] = change.vectors["diff_b"]
            for key, added in sums.items():
                if key not in weights:  # the model has no such bias, and core leaves it out
                    continue
                before = weights[key].float()
                theirs = comfy.lora.calculate_weight(patched.patches[key], before.clone(), key)
                ours = before + STRENGTH * torch.from_numpy(added).reshape(before.shape)
                errors.append(float((theirs - ours).norm() / (theirs - before).norm()))
        worst[Path(path).name] = {"layers": len(errors), "error": max(errors)}
    print(json.dumps(worst))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4:])
