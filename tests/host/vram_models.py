"""What VRAM policies do to tiny models of four families, as JSON on standard output; run by the host's own Python.

    python vram_models.py policies|refusals|ladder COMFYUI_FOLDER MODELS_FOLDER

The models are those of ``tiny_models.py``, and the starter as FLUX.2. A CPU never moves weights, but core's streamed
path casts and patches each layer at its use all the same, which is what is compared.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[2] / "bench"))
from _inside import packed as pack

STEPS = 2
DTYPES = ("fp32", "fp16", "bf16", "fp8")

# Family: file, latent, context width, pooled width.
FAMILIES: dict[str, tuple[str, tuple[int, ...], int, int]] = {
    "sd15": ("tiny-sd15", (1, 4, 8, 8), 768, 0),
    "sd3": ("tiny-sd3", (1, 16, 16, 16), 4096, 2048),
    "flux1": ("tiny-flux1", (1, 16, 16, 16), 768, 768),
    "flux2": ("starter-flux2", (1, 128, 4, 4), 768, 0),
}


class Sampler:
    """Samples with a model of one family, from the same noise and words each time."""

    def __init__(self, family: str) -> None:
        import torch

        _, shape, width, pooled = FAMILIES[family]
        random = torch.Generator().manual_seed(7)
        self.latent = torch.zeros(shape)
        self.noise = torch.randn(shape, generator=random)
        extras = {"pooled_output": torch.randn(1, pooled, generator=random)} if pooled else {}
        self.words = [[torch.randn(1, 16, width, generator=random), extras]]

    def __call__(self, model: Any, callback: Any = None) -> Any:
        import comfy.sample

        names = ("euler", "simple")
        return comfy.sample.sample(
            model, self.noise, STEPS, 2.0, *names, self.words, self.words, self.latent, callback=callback, seed=3,
            disable_pbar=True,
        )  # fmt: skip


def load(models: Path, family: str, dtype: str) -> Any:
    """A tiny model by core's own loader, its weights stored in a dtype."""
    import comfy.sd
    import torch

    stored = getattr(torch, {"fp8": "float8_e4m3fn", "fp16": "float16", "bf16": "bfloat16", "fp32": "float32"}[dtype])
    path = models / "diffusion_models" / f"{FAMILIES[family][0]}.safetensors"
    return comfy.sd.load_diffusion_model(str(path), model_options={"dtype": stored})


def with_lora(model: Any) -> Any:
    """The model with a LoRA on a third of its matrices, by core's own function."""
    import comfy.sd
    import torch

    random = torch.Generator().manual_seed(11)
    tensors = {}
    matrices = [
        (key, value) for key, value in model.model.diffusion_model.state_dict().items()
        if key.endswith(".weight") and value.ndim == 2
    ]  # fmt: skip
    for key, value in matrices[::3]:
        name, (out, into) = key.removesuffix(".weight"), value.shape
        tensors[f"diffusion_model.{name}.lora_up.weight"] = torch.randn(out, 4, generator=random)
        tensors[f"diffusion_model.{name}.lora_down.weight"] = torch.randn(4, into, generator=random) / into**0.5 / 4
    return comfy.sd.load_lora_for_models(model, None, tensors, 0.8, 0)[0]


def policies(models: Path, family: str, dtype: str) -> dict[str, Any]:
    """Residency, distances between policies, and the state of what is global after success, error and cancel."""
    import comfy.model_management as management

    policy, apply = pack("nodes.vram_policy"), pack("nodes.vram_apply")
    model, sample = load(models, family, dtype), Sampler(family)
    weights = policy.weigh(model)
    half = (weights.least + weights.total) / 2
    budget = policy.Policy(policy.Mode.BUDGET, budget_gib=half / policy.GIB)
    blocks = policy.Policy(policy.Mode.BLOCKS, blocks=1)
    attach = apply.PolicyWrappers.attach
    answer: dict[str, Any] = {"total": weights.total, "blocks": len(weights.blocks), "patches": {}, "deltas": {}}

    def run(given: Any, asked: Any) -> tuple[Any, int]:
        held = attach(given, asked)
        resident: list[int] = []
        made = sample(held, lambda *_: resident.append(held.loaded_size()))
        answer["said"] = pack("nodes.memory_record").last()["phases"][-1]
        return made, max(resident)

    full = sample(model)
    for name, asked in (("budget", budget), ("blocks", blocks)):
        made, resident = run(model, asked)
        limit = policy.cap(asked, weights)
        answer[name] = {"same": bool((made == full).all()), "resident": resident, "limit": limit}
    again = sample(model)
    answer["whole again"] = {"same": bool((again == full).all()), "resident": model.loaded_size()}
    patched = with_lora(model)
    for way in policy.Patching if dtype == "fp8" else (policy.Patching.WEIGHTS, policy.Patching.BYPASS):
        small = policy.Policy(policy.Mode.BUDGET, budget_gib=half / policy.GIB, lora=way)
        made, _ = run(patched, policy.Policy(lora=way))
        streamed, _ = run(patched, small)
        answer["patches"][way.value] = answer["said"]["patches"]
        answer["deltas"][way.value] = float((made - streamed).norm() / made.norm())
        answer["changed"] = float((made - full).norm() / full.norm())
    answer["quantised"] = pack("nodes.vram_lora").quantised(model)
    answer["after"] = after(model, sample, policy, attach, management)
    answer["unchanged"] = bool((sample(model) == full).all())
    return answer


def after(model: Any, sample: Sampler, policy: Any, attach: Any, management: Any) -> dict[str, Any]:
    """What core's reserve was during a run, and is after one that succeeds, fails, and is cancelled."""
    before = management.EXTRA_RESERVED_VRAM
    held = attach(model, policy.Policy(headroom_gib=3.0))
    seen: dict[str, Any] = {}
    for how, error in (("success", None), ("error", ValueError), ("cancel", management.InterruptProcessingException)):
        meanwhile: list[int] = []

        def callback(step: int, *_: Any, error: Any = error, meanwhile: list[int] = meanwhile) -> None:
            meanwhile.append(management.EXTRA_RESERVED_VRAM)
            if step == 1 and error is not None:
                raise error

        raised = None
        try:
            sample(held, callback)
        except BaseException as caught:
            raised = type(caught)
        seen[how] = {
            "raised": raised is error,
            "meanwhile": meanwhile[0] == 3 * policy.GIB,
            "restored": before == management.EXTRA_RESERVED_VRAM,
            "forwards": all(module.forward.__func__ is type(module).forward for module in model.model.modules()),
        }
    return seen


def ladder(models: Path) -> dict[str, Any]:
    """What sampling does where its first tries run out of memory, by a real allocation that no machine can serve."""
    import torch
    from comfy.patcher_extension import WrappersMP

    policy, apply, record = pack("nodes.vram_policy"), pack("nodes.vram_apply"), pack("nodes.memory_record")
    model, sample = load(models, "flux2", "fp16"), Sampler("flux2")
    whole, weights = sample(model), policy.weigh(model)
    answer: dict[str, Any] = {"total": weights.total, "least": weights.least}
    for failures in (1, 3, 4, 9):
        left = [failures]

        def hungry(executor: Any, *args: Any, left: list[int] = left, **kwargs: Any) -> Any:
            if left[0]:
                left[0] -= 1
                torch.empty(2**50, dtype=torch.uint8)
            return executor(*args, **kwargs)

        held = apply.PolicyWrappers.attach(model, policy.Policy())
        held.add_wrapper_with_key(WrappersMP.DIFFUSION_MODEL, "test", hungry)
        try:
            made = sample(held)
            apart = float((made - whole).norm() / whole.norm())
            answer[str(failures)] = {"same": bool((made == whole).all()), "apart": apart}
        except Exception as error:
            answer[str(failures)] = {"error": str(error)}
        answer[str(failures)]["phase"] = record.last()["phases"][-1]
    answer["unchanged"] = bool((sample(model) == whole).all())
    return answer


def refusals(models: Path) -> dict[str, str]:
    """The text of each refusal."""
    import torch

    policy, apply, parity = pack("nodes.vram_policy"), pack("nodes.vram_apply"), pack("nodes.parity")
    model = load(models, "flux2", "fp16")

    class Foreign(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.diffusion_model = torch.nn.Sequential(torch.nn.Linear(8, 8))

    import comfy.model_patcher

    foreign = comfy.model_patcher.ModelPatcher(Foreign(), torch.device("cpu"), torch.device("cpu"))
    mode = policy.Mode
    asked = {
        "budget": lambda: apply.PolicyWrappers.attach(model, policy.Policy(mode.BUDGET, budget_gib=1e-4)),
        "blocks": lambda: apply.PolicyWrappers.attach(model, policy.Policy(mode.BLOCKS, blocks=99)),
        "lock": lambda: apply.PolicyWrappers.attach(model, policy.Policy(mode.FULL)),
        "foreign": lambda: apply.PolicyWrappers.attach(foreign, policy.Policy(mode.BUDGET, budget_gib=1.0)),
        "conflict": lambda: policy.Policy(mode.FULL, budget_gib=4.0),
        "missing": lambda: policy.check_lock(torch.device("cuda"), 10 * 2**30, 3 * 2**30, 12 * 2**30),
    }
    answer = {}
    for name, ask in asked.items():
        try:
            ask()
        except pack("client.errors").PackshotError as error:
            answer[name] = error.report()
    latents = [torch.zeros(4), torch.ones(4)]
    answer["compare"] = parity.compare(latents, [torch.zeros(4), torch.ones(4) * 1.5])
    answer["same"] = parity.compare(latents, latents)
    return answer


def main() -> None:
    what, comfyui, models = sys.argv[1:]
    sys.path.insert(0, comfyui)
    sys.argv = [sys.argv[0], "--cpu"]  # core reads its options while it is imported
    import comfy.options

    comfy.options.enable_args_parsing()
    logging.disable(logging.WARNING)
    import torch

    with torch.inference_mode():
        if what != "policies":
            answer: dict[str, Any] = {"refusals": refusals, "ladder": ladder}[what](Path(models))
        else:
            answer = {
                f"{family} {dtype}": policies(Path(models), family, dtype) for family in FAMILIES for dtype in DTYPES
            }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
