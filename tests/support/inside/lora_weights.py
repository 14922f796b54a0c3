"""Prints how far core's patched weights are from ours; run by the host's own Python.

    python lora_weights.py COMFYUI_FOLDER PACK_FOLDER MODEL LORA…

For each file, the largest relative error of a layer, over what core's own loader and calculation make of it:

- ``error``, of the sum that the library works out without torch; None where the change is no sum;
- ``applied``, of what our nodes hand to core.

PACK_FOLDER holds the node pack under the name ``packshot``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

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

    from packshot.client.brand.lora.changes import NOT_ADDITIVE, adapters_of, change_of
    from packshot.client.brand.lora.tensors import TensorFile
    from packshot.nodes.brand import lora_apply, lora_match

    model = comfy.sd.load_diffusion_model(model_file)
    target = lora_apply.target_of(model, None)
    names = comfy.lora.model_lora_keys_unet(model.model, {})
    weights = model.model.state_dict()

    def calculated(patches: list[Any], key: str) -> Any:
        """Core's own result; it works in place, and the weight is needed again."""
        return comfy.lora.calculate_weight(patches, weights[key].float().clone(), key)

    worst = {}
    for path in files:
        patched, _ = comfy.sd.load_lora_for_models(model, None, comfy.utils.load_torch_file(path), STRENGTH, 0)
        lora = lora_apply.load(Path(path))
        ours_patched, _ = lora_apply.patched(model, None, lora, lora_match.match(target, lora), STRENGTH, 0)
        assert patched.patches.keys() == ours_patched.patches.keys()
        theirs = {key: calculated(patches, key) for key, patches in patched.patches.items()}
        applied = [
            _apart(theirs[key], calculated(patches, key), weights[key].float())
            for key, patches in ours_patched.patches.items()
        ]
        file = TensorFile(path)
        errors = []
        for adapter in adapters_of(file):
            if adapter.algorithm in NOT_ADDITIVE:
                continue
            change = change_of(file, adapter)
            sums = {} if change.matrix is None else {names[adapter.name]: change.matrix.dense()}
            if "diff_b" in change.vectors:
                sums[names[adapter.name].removesuffix("weight") + "bias"] = change.vectors["diff_b"]
            for key, added in sums.items():
                if key not in weights:  # the model has no such bias, and core leaves it out
                    continue
                before = weights[key].float()
                ours = before + STRENGTH * torch.from_numpy(added).reshape(before.shape)
                errors.append(_apart(theirs[key], ours, before))
        worst[Path(path).name] = {
            "layers": len(applied),
            "error": max(errors, default=None),
            "applied": max(applied),
        }
    print(json.dumps(worst))


def _apart(theirs: Any, ours: Any, before: Any) -> float:
    """The norm of the difference of two results, over that of what was changed."""
    return float((theirs - ours).norm() / (theirs - before).norm())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4:])
