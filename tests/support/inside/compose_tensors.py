"""Runs the compositing nodes on tensors of many kinds, in ComfyUI's own Python, and prints what came out as JSON.

python compose_tensors.py COMFYUI_FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[3] / "bench"))
from _inside import packed


def main(comfyui: Path) -> None:
    sys.path.insert(0, str(comfyui))
    sys.argv = [sys.argv[0], "--cpu"]  # core reads its options while it is imported
    import comfy.options

    comfy.options.enable_args_parsing()
    import torch

    composite = packed("nodes.picture.composite").PackshotProductComposite.PREPARE_CLASS_CLONE(None)
    overlay = packed("nodes.picture.overlay")
    logo, text = (kind.PREPARE_CLASS_CLONE(None) for kind in (overlay.PackshotLogo, overlay.PackshotText))

    torch.manual_seed(5)
    product = torch.rand(1, 96, 128, 3)
    mask = torch.zeros(1, 96, 128)
    mask[:, 20:80, 30:100] = 1.0
    ground = torch.rand(1, 150, 200, 3)

    def compose(product: Any, **other: Any) -> Any:
        settings = {
            "colour": "#EFE6D6", "width": 0, "height": 0, "placement": "fit", "fill": 0.6, "x": 0.4, "y": 0.9,
            "margin": 0.05, "shadow": 0.4, "softness": 1.0, "edge": 2, "remove_spill": True, "solid": 0.95,
        }  # fmt: skip
        return composite.execute(product=product, **settings | other).result

    def words(image: Any) -> Any:
        box = {"left": 0.1, "top": 0.1, "width": 0.8, "height": 0.4}
        style = {"colour": "#1A2B3C", "size": 0, "align": "start", "vertical": "top", "line_spacing": 1.0}
        return text.execute(image=image, text="Kiln Harbor", font="auto", **box, **style).result

    def mark(image: Any, sign: Any, **other: Any) -> Any:
        rule = {"anchor": "auto", "width": 0.3, "smallest": 8, "clear_space": 0.1, "margin": 0.05, "box": True}
        return logo.execute(image=image, logo=sign, **rule | other).result

    def difference(one: Any, other: Any) -> list[float]:
        return [float((a - b).abs().max()) for a, b in zip(one, other, strict=True)]

    found: dict[str, Any] = {}
    base = compose(product, mask=mask, background=ground)
    found["types"] = sorted({str(made.dtype) for made in (*base, *words(ground), *mark(ground, product))})
    found["shapes"] = [list(made.shape) for made in base]
    for name in ("float16", "bfloat16", "float64"):
        kind = getattr(torch, name)
        inputs = {"mask": mask.to(kind), "background": ground.to(kind)}
        # Inputs of that precision, against the same numbers in float32: only the output could add an error.
        same = {key: value.float() for key, value in inputs.items()}
        found[f"{name} composite"] = difference(
            compose(product.to(kind), **inputs), compose(product.to(kind).float(), **same)
        )
        found[f"{name} text"] = difference(words(ground.to(kind)), words(ground.to(kind).float()))
        found[f"{name} logo"] = difference(
            mark(ground.to(kind), product.to(kind)), mark(ground.to(kind).float(), product.to(kind).float())
        )
    half = compose(product.half(), mask=mask.half(), background=ground.half())
    found["float16 against float32"] = difference(half, base)[:2]

    rgba = torch.cat([product, mask[..., None]], dim=3)
    found["alpha as the mask"] = difference(compose(rgba, background=ground), base)
    found["mask without a batch"] = difference(compose(product, mask=mask[0], background=ground), base)
    found["alpha of the background"] = difference(
        compose(product, mask=mask, background=torch.cat([ground, ground[..., :1]], dim=3)), base
    )
    grey = compose(product[..., :1], mask=mask, background=ground)
    found["one channel"] = difference(
        grey, compose(product[..., :1].expand(-1, -1, -1, 3), mask=mask, background=ground)
    )
    found["channels last in memory"] = difference(
        compose(product.transpose(1, 2).contiguous().transpose(1, 2), mask=mask, background=ground), base
    )

    second = torch.rand(1, 96, 128, 3)
    three = torch.cat([product, second, product])
    batch = compose(three, mask=mask, background=ground)
    found["batch of products"] = difference([made[:1] for made in batch], base)
    found["third of the batch"] = difference([made[2:] for made in batch], base)
    grounds = compose(product, mask=mask, background=torch.cat([ground, ground, ground]))
    found["batch of backgrounds"] = difference([made[2:] for made in grounds], base)
    masks = compose(product, mask=torch.cat([mask, mask]), background=ground)
    found["batch of masks"] = difference([made[1:] for made in masks], base)
    sign = mark(torch.cat([ground, ground]), product, transparency=1 - mask)
    found["logo in each picture"] = difference([made[1:] for made in sign], mark(ground, rgba))

    refusals = {
        "batches of two and three": lambda: compose(three, mask=torch.cat([mask, mask]), background=ground),
        "no mask": lambda: compose(product, background=ground),
        "empty mask": lambda: compose(product, mask=torch.zeros(1, 96, 128), background=ground),
        "mask of another picture": lambda: compose(product, mask=torch.ones(1, 64, 64), background=ground),
        "no product in the batch": lambda: compose(product[:0], mask=mask, background=ground),
        "no background in the batch": lambda: compose(product, mask=mask, background=ground[:0]),
        "no mask in the batch": lambda: compose(product, mask=mask[:0], background=ground),
        "background without pixels": lambda: compose(product, mask=mask, background=ground[:, :0]),
        "no colour": lambda: compose(product, mask=mask, colour="beigeish"),
        "no room for the logo": lambda: mark(ground, product, smallest=400),
    }
    for name, attempt in refusals.items():
        try:
            attempt()
        except Exception as error:  # the name of the kind is what is looked at
            found[name] = [type(error).__name__, str(error)]
    print("RESULT", json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
