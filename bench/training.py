"""Training speed, memory and gradient beside core's Train LoRA: same model, pictures, rank, batch and precision.

    .venv/bin/python bench/training.py [STEPS] [--smoke]

Each trainer runs in a process of its own, with the host's Python, on random latents of the starter's shape at 128
pixels and a random text embedding. Both take STEPS timed steps after two that warm up. Core's node is called as the
canvas calls it, with its own defaults but float32 and rank 16; its time is that of a longer run less that of a shorter
one, because it offers no look between two steps. It trains every layer, biases and norms too, and has no choice there.
Peak memory is the process's.

The last line is the angle between the gradient that core's gradient checkpointing gives and ours, for the same layers,
weights and noise. Ours agrees with finite differences (tests/host/nodes/training), so a cosine below 1 is an error.
"""

from __future__ import annotations

import argparse
import importlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from _inside import packed
from _options import add_smoke

RANK, SIDE, TOKENS, WARM = 16, 8, 77, 2


def main(steps: int) -> None:
    from _common import say

    from packshot.host.install import install
    from packshot.models.starter.files import write_starter
    from packshot.paths import cache_dir

    installation = install(cache_dir() / "host", say)
    models = cache_dir() / "host" / "models"
    write_starter(models)
    model = models / "diffusion_models" / "starter-flux2.safetensors"

    def answer(what: str) -> dict[str, Any]:
        say(what)
        command = [str(installation.python), __file__, "--child", what]
        command += [str(installation.comfyui), str(model), str(steps)]
        lines = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.splitlines()
        found: dict[str, Any] = json.loads(lines[-1])
        return found

    print("| trainer | tensors | s/step | x core | peak MiB |\n|---|--:|--:|--:|--:|")
    core = 0.0
    for who in ("core", "packshot"):
        one = answer(who)
        core = core or one["seconds"]
        print(f"| {who} | {one['tensors']} | {one['seconds']:.2f} | {core / one['seconds']:.2f} | {one['peak']:.0f} |")
    print(f"cosine between core's gradient and the right one: {answer('gradient')['cosine']:.3f}")


def measure(what: str, comfyui: str, model: str, steps: int) -> dict[str, Any]:
    """Seconds a step, trained tensors, peak resident memory in MiB; or the cosine of the two gradients."""
    sys.path.insert(0, comfyui)
    sys.argv = [sys.argv[0], "--cpu"]  # core reads its options while it is imported
    import comfy.options

    comfy.options.enable_args_parsing()
    import comfy.sd
    import torch

    with torch.inference_mode():
        loaded = comfy.sd.load_diffusion_model(model)
    random = torch.Generator().manual_seed(1)
    latents = torch.randn(6, 128, SIDE, SIDE, generator=random)
    text = [[torch.randn(1, TOKENS, 768, generator=random), {"pooled_output": None}]]
    if what == "gradient":
        return {"cosine": _cosine(loaded, latents[:2], text)}
    seconds, tensors = (_core if what == "core" else _packshot)(loaded, latents, text, steps)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "tensors": tensors, "peak": peak}


def _core(loaded: Any, latents: Any, text: Any, steps: int) -> tuple[float, int]:
    import torch

    trainer = importlib.import_module("comfy_extras.nodes_train").TrainLoraNode

    def train(count: int) -> tuple[float, int]:
        begun = time.perf_counter()
        with torch.inference_mode():  # as core executes every node
            lora, _, _ = trainer.execute(
                [loaded], [{"samples": latents}], [text], [1], [count], [1], [2e-4], [RANK], ["AdamW"], ["MSE"], [1],
                ["fp32"], ["fp32"], [False], ["LoRA"], [True], [1], [False], ["[None]"], [False], [False],
            ).args  # fmt: skip
        return time.perf_counter() - begun, len(lora)

    short, _ = train(WARM)
    long, tensors = train(WARM + steps)
    return (long - short) / steps, tensors


def _packshot(loaded: Any, latents: Any, text: Any, steps: int) -> tuple[float, int]:
    import torch

    data, loop = packed("nodes.training.data"), packed("nodes.training.loop")
    items = tuple(data.Item(latents[at : at + 1], "") for at in range(len(latents)))
    times: list[float] = []
    watcher = loop.Watcher(lambda *_: None, lambda _: None, lambda *_: times.append(time.perf_counter()))
    with torch.inference_mode(False), tempfile.TemporaryDirectory() as folder:
        patcher = loop.training_copy(loaded)
        prepared = data.Prepared(items, (), {"": text})
        checkpoint = Path(folder) / "checkpoint.safetensors"
        recipe = _recipe(WARM + steps)
        trainer = loop.Trainer(
            patcher, recipe, prepared, checkpoint, recipe.settled("bench", "bench"), "bench", watcher
        )
        trainer.run()
    return (times[-1] - times[WARM - 1]) / steps, len(trainer.adapters.parameters())


def _cosine(loaded: Any, latents: Any, text: Any) -> float:
    """Of the gradient through core's checkpointed blocks and the one through ours."""
    import comfy.model_management
    import torch

    core = importlib.import_module("comfy_extras.nodes_train")
    flow, loop = packed("nodes.training.flow"), packed("nodes.training.loop")
    patcher = loop.training_copy(loaded)
    parameters = packed("nodes.training.adapters").Adapters(patcher, _recipe(1)).parameters()
    random = torch.Generator().manual_seed(2)
    with torch.no_grad():  # neither matrix may be zero, or half of the gradient is
        for value in parameters.values():
            value.copy_(torch.randn(value.shape, generator=random) * 0.05)
    comfy.model_management.load_models_gpu([patcher], memory_required=1e20, force_full_load=True)
    patcher.inject_model()
    judge = flow.Flow(patcher, _recipe(1))
    noise, levels = torch.randn(latents.shape, generator=random), torch.tensor([0.3, 0.7])

    def gradient() -> Any:
        for value in parameters.values():
            value.grad = None
        judge.loss(latents, [text] * len(latents), levels, noise).backward()
        return torch.cat([value.grad.flatten() for value in parameters.values()])

    with flow.training():
        with flow.gradients():
            ours = gradient()
        modules = core.find_modules_at_depth(patcher.model.diffusion_model, depth=1)
        for module in modules:
            core.patch(module)
        theirs = gradient()
    return float(torch.nn.functional.cosine_similarity(ours, theirs, dim=0))


def _recipe(steps: int) -> Any:
    return packed("client.brand.training.recipe").Recipe(
        trigger="bench", steps=steps, rank=RANK, alpha=1.0, warmup=0, schedule="constant", caption_dropout=0.0,
        checkpoint_interval=0, validation_interval=0,
    )  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        what, comfyui, model, steps = sys.argv[2:]
        print(json.dumps(measure(what, comfyui, model, int(steps))))
    else:
        parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("steps", type=int, nargs="?", default=10, help="that are timed")
        add_smoke(parser)
        options = parser.parse_args()
        main(1 if options.smoke else options.steps)
