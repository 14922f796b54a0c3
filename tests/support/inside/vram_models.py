"""What VRAM policies do to tiny models of four families, as JSON on standard output; run by the host's own Python.

    python vram_models.py sd15|sd3|flux1|flux2|refusals|ladder|lock|dynamic|loras COMFYUI_FOLDER MODELS_FOLDER

The models are those of ``tiny_models.py``, and the starter as FLUX.2. A CPU never moves weights, but core's streamed
path casts and patches each layer at its use all the same, which is what is compared. Core's manager for Dynamic VRAM
runs on a CPU too, without pages; where an engine with pages is asked, one object stands in for it, and says so.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[3] / "bench"))
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


def lora_tensors(model: Any) -> dict[str, Any]:
    """A LoRA on a third of the model's matrices."""
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
    return tensors


def with_lora(model: Any) -> Any:
    """The model with that LoRA, by core's own function."""
    import comfy.sd

    return comfy.sd.load_lora_for_models(model, None, lora_tensors(model), 0.8, 0)[0]


def policies(models: Path, family: str, dtype: str) -> dict[str, Any]:
    """Residency, distances between policies, and the state of what is global after success, error and cancel."""
    import comfy.model_management as management
    from comfy.patcher_extension import CallbacksMP

    policy, apply = pack("nodes.memory.policy"), pack("nodes.memory.apply")
    model, sample = load(models, family, dtype), Sampler(family)
    weights = policy.weigh(model)
    half = (weights.least + weights.total) / 2
    budget = policy.Policy(policy.Mode.BUDGET, budget_gib=half / policy.GIB)
    blocks = policy.Policy(policy.Mode.BLOCKS, blocks=1)
    least = policy.Policy(policy.Mode.BUDGET, budget_gib=(weights.least + 1) / policy.GIB)
    attach = apply.PolicyWrappers.attach
    answer: dict[str, Any] = {"total": weights.total, "blocks": len(weights.blocks), "patches": {}, "deltas": {}}

    def run(given: Any, asked: Any) -> tuple[Any, int]:
        """A picture, and the most that was resident: after each load, and at each step."""
        held = attach(given, asked)
        resident: list[int] = []
        held.add_callback_with_key(CallbacksMP.ON_LOAD, "test", lambda one, *_: resident.append(one.loaded_size()))
        management.unload_all_models()
        made = sample(held, lambda *_: resident.append(held.loaded_size()))
        answer["said"] = pack("nodes.memory.record").last()["phases"][-1]
        return made, max(resident)

    full = sample(model)
    for name, asked in (("budget", budget), ("blocks", blocks), ("least", least)):
        made, resident = run(model, asked)
        limit = policy.cap(asked, weights)
        answer[name] = {
            "same": bool((made == full).all()), "resident": resident, "limit": limit, "said": answer["said"]["policy"],
            "at the end": answer["said"]["resident"],
        }  # fmt: skip
    again = sample(model)
    answer["whole again"] = {"same": bool((again == full).all()), "resident": model.loaded_size()}
    patched = with_lora(model)
    for way in policy.Patching if dtype == "fp8" else (policy.Patching.WEIGHTS, policy.Patching.BYPASS):
        small = policy.Policy(policy.Mode.BUDGET, budget_gib=half / policy.GIB, lora=way)
        made, _ = run(patched, policy.Policy(lora=way))
        streamed, resident = run(patched, small)
        answer["patches"][way.value] = answer["said"]["patches"]
        answer["deltas"][way.value] = float((made - streamed).norm() / made.norm())
        answer["changed"] = float((made - full).norm() / full.norm())
        answer[f"budget, {way.value}"] = {"resident": resident, "limit": policy.cap(small, weights)}
    answer["quantised"] = pack("nodes.memory.lora").quantised(model)
    answer["after"] = after(model, sample, policy, attach, management)
    answer["unchanged"] = bool((sample(model) == full).all())
    return answer


def after(model: Any, sample: Sampler, policy: Any, attach: Any, management: Any) -> dict[str, Any]:
    """What is global or shared during a run with a LoRA by bypass, and after one that succeeds, fails, is cancelled."""
    before = management.EXTRA_RESERVED_VRAM
    held = attach(with_lora(model), policy.Policy(headroom_gib=3.0, lora=policy.Patching.BYPASS))
    seen: dict[str, Any] = {}

    def wrapped() -> int:
        return sum(module.forward.__func__ is not type(module).forward for module in model.model.modules())

    for how, error in (("success", None), ("error", ValueError), ("cancel", management.InterruptProcessingException)):
        meanwhile: list[tuple[bool, bool]] = []

        def callback(step: int, *_: Any, error: Any = error, meanwhile: Any = meanwhile) -> None:
            meanwhile.append((management.EXTRA_RESERVED_VRAM == 3 * policy.GIB, wrapped() > 0))
            if step == 1 and error is not None:
                raise error

        raised = None
        try:
            sample(held, callback)
        except BaseException as caught:
            raised = type(caught)
        restored = before == management.EXTRA_RESERVED_VRAM
        # As of every injection, it is core that takes the LoRA out, when another model is loaded or this one unloaded.
        management.unload_model_and_clones(held)
        seen[how] = {
            "raised": raised is error, "meanwhile": meanwhile[0] == (True, True), "restored": restored,
            "forwards": wrapped() == 0,
        }  # fmt: skip
    return seen


def ladder(models: Path) -> dict[str, Any]:
    """What sampling does where its first tries run out of memory, by a real allocation that no machine can serve."""
    import torch
    from comfy.patcher_extension import WrappersMP

    policy, apply, record = pack("nodes.memory.policy"), pack("nodes.memory.apply"), pack("nodes.memory.record")
    model, sample = load(models, "flux2", "fp16"), Sampler("flux2")
    whole, weights = sample(model), policy.weigh(model)
    answer: dict[str, Any] = {"total": weights.total, "least": weights.least}
    least = policy.Policy(policy.Mode.BUDGET, budget_gib=(weights.least + 1) / policy.GIB)
    for name, failures, asked in (
        *((str(times), times, policy.Policy()) for times in (1, 3, 4, 9)), ("least budget", 9, least),
    ):  # fmt: skip
        left = [failures]

        def hungry(executor: Any, *args: Any, left: list[int] = left, **kwargs: Any) -> Any:
            if left[0]:
                left[0] -= 1
                torch.empty(2**50, dtype=torch.uint8)
            return executor(*args, **kwargs)

        held = apply.PolicyWrappers.attach(model, asked)
        held.add_wrapper_with_key(WrappersMP.DIFFUSION_MODEL, "test", hungry)
        try:
            made = sample(held)
            apart = float((made - whole).norm() / whole.norm())
            answer[name] = {"same": bool((made == whole).all()), "apart": apart}
        except Exception as error:
            answer[name] = {"error": str(error)}
        answer[name]["phase"] = record.last()["phases"][-1]
    answer["after"] = after_the_last_rung(model, sample, policy, apply)
    answer["unchanged"] = bool((sample(model) == whole).all())
    return answer


def after_the_last_rung(model: Any, sample: Sampler, policy: Any, apply: Any) -> dict[str, Any]:
    """Whether guider, compute dtype and reserve are as before after the 16 bit rung succeeds, fails, is cancelled."""
    import comfy.model_management as management
    import comfy.samplers
    import torch
    from comfy.patcher_extension import WrappersMP

    def state() -> tuple[Any, ...]:
        return (
            guider.model_patcher,
            model.model.manual_cast_dtype,
            management.EXTRA_RESERVED_VRAM,
            held.force_cast_weights,
        )

    answer = {}
    interrupted = management.InterruptProcessingException
    for how, failures, error in (("success", 4, None), ("error", 9, Exception), ("cancel", 4, interrupted)):
        computed: list[Any] = []

        def hungry(
            executor: Any, x: Any, *args: Any, failures: int = failures, computed: Any = computed, **kw: Any
        ) -> Any:
            computed.append(x.dtype)
            if len(computed) <= failures:
                torch.empty(2**50, dtype=torch.uint8)
            return executor(x, *args, **kw)

        def callback(*_: Any, how: str = how) -> None:
            if how == "cancel":
                raise interrupted

        held = apply.PolicyWrappers.attach(model, policy.Policy(headroom_gib=3.0))
        held.add_wrapper_with_key(WrappersMP.DIFFUSION_MODEL, "test", hungry)
        guider = comfy.samplers.CFGGuider(held)
        guider.set_conds(sample.words, sample.words)
        sigmas = comfy.samplers.calculate_sigmas(model.get_model_object("model_sampling"), "simple", STEPS)
        before, raised = state(), None
        try:
            guider.sample(
                sample.noise, sample.latent, comfy.samplers.sampler_object("euler"), sigmas, callback=callback,
                disable_pbar=True, seed=3,
            )  # fmt: skip
        except BaseException as caught:
            raised = caught
        answer[how] = {
            "raised": raised is None if error is None else isinstance(raised, error),
            "lowered": computed[-1] == torch.bfloat16, "restored": before == state(),
        }  # fmt: skip
    return answer


def locks(models: Path) -> dict[str, Any]:
    """A quality lock, carried out. A CPU is refused, so that the device is put back to it after the node, as core's
    Select Model Device would."""
    import comfy.model_management as management
    import torch
    from comfy.patcher_extension import WrappersMP

    policy, apply, record = pack("nodes.memory.policy"), pack("nodes.memory.apply"), pack("nodes.memory.record")
    sample, attach = Sampler("flux2"), apply.PolicyWrappers.attach
    patched = with_lora(load(models, "flux2", "fp16"))
    weights = policy.weigh(patched)
    ways = {"lora": policy.Patching.WEIGHTS}
    half = policy.Policy(policy.Mode.BUDGET, budget_gib=(weights.least + weights.total) / 2 / policy.GIB, **ways)

    def locked(**options: Any) -> Any:
        moved = patched.clone()
        moved.load_device = torch.device("mps")
        held = attach(moved, policy.Policy(policy.Mode.FULL, **ways, **options))
        held.load_device = torch.device("cpu")
        return held

    def refused(held: Any) -> str:
        try:
            sample(held)
        except Exception as error:
            return str(error)
        return ""

    whole = sample(attach(patched, policy.Policy(**ways)))
    sample(attach(patched, half))
    streamed = management.loaded_models()[0].lowvram_patch_counter()
    held = locked()
    made = sample(held)
    answer: dict[str, Any] = {
        "streamed before": streamed, "same": bool((made == whole).all()), "resident": held.loaded_size(),
        "total": weights.total, "phase": record.last()["phases"][-1],
    }  # fmt: skip
    answer["no room"] = refused(locked(headroom_gib=2.0**20))

    def streaming(executor: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        prepared = executor(model, *args, **kwargs)
        model.partially_unload(model.offload_device, weights.total // 2)
        return prepared

    def hungry(executor: Any, *args: Any, **kwargs: Any) -> Any:
        torch.empty(2**50, dtype=torch.uint8)
        return executor(*args, **kwargs)

    for name, kind, wrapper in (
        ("not held", WrappersMP.PREPARE_SAMPLING, streaming), ("no memory", WrappersMP.DIFFUSION_MODEL, hungry),
    ):  # fmt: skip
        held = locked()
        held.add_wrapper_with_key(kind, "test", wrapper)
        answer[name] = refused(held)
    return answer


class Pages:
    """Stands in for the engine of Dynamic VRAM, which only a GPU has: remembers what it is told, holds nothing."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        if name not in {"set_watermark", "set_watermark_limit", "prioritize"}:
            raise AttributeError(name)
        return lambda *size: self.told.append((name, *size))

    def loaded_size(self) -> int:
        return 0


def dynamic(models: Path) -> dict[str, Any]:
    """Core's own manager for Dynamic VRAM on a CPU, where it has no pages; and what an engine with pages is told."""
    import comfy.memory_management
    import comfy.model_management as management
    import comfy.model_patcher
    import comfy_aimdo.control
    import comfy_aimdo.model_vbar
    import torch

    policy, apply, record = pack("nodes.memory.policy"), pack("nodes.memory.apply"), pack("nodes.memory.record")
    hold, attach, sample = pack("nodes.memory.hold"), apply.PolicyWrappers.attach, Sampler("flux2")
    legacy = load(models, "flux2", "fp8")
    whole = sample(legacy)
    management.unload_all_models()
    model = comfy.model_patcher.ModelPatcherDynamic(legacy.model, torch.device("meta"), torch.device("cpu"))
    model.cached_patcher_init = legacy.cached_patcher_init
    weights = policy.weigh(model)
    budget = policy.Policy(policy.Mode.BUDGET, budget_gib=(weights.least + weights.total) / 2 / policy.GIB)
    limit = policy.cap(budget, weights)
    answer: dict[str, Any] = {"pinned": weights.pinned, "limit": limit, "total": weights.total}

    def on_cpu(held: Any) -> Any:
        held.load_device = torch.device("cpu")  # as core's Select Model Device does; a clone made there is not dynamic
        held.register_load_device(held.load_device)
        return held

    def run(name: str, given: Any, asked: Any) -> Any:
        made = sample(on_cpu(attach(given, asked)))
        answer[name] = {"same": bool((made == whole).all()), "phase": record.last()["phases"][-1]}
        return made

    run("without pages", model, budget)
    held = on_cpu(attach(model, budget))
    sample(held)
    answer["forced"] = held.loaded_size()
    pages = Pages()
    held._vbar_get = lambda: pages
    for name, asked in (("much", 2**30 + held.loaded_size()), ("little", 100)):
        try:
            answer[name] = hold.hold(held, asked)
        except pack("client.errors").OutOfMemory as error:
            answer[name] = error.report()
    hold.lock(held, weights.total)
    answer["ended"] = hold.obtained(held, policy.Mode.FULL, None, weights.total)
    hold.release(held)
    answer["told"] = pages.told
    del held._vbar_get, held

    # An engine that cannot hold: core's copy without Dynamic VRAM is held instead, with its LoRA.
    patched = with_lora(model)
    by_bypass = sample(on_cpu(attach(patched, policy.Policy(lora=policy.Patching.BYPASS))))
    answer["changed"] = float((by_bypass - whole).norm() / whole.norm())
    kept = comfy_aimdo.model_vbar.ModelVBAR.set_watermark
    del comfy_aimdo.model_vbar.ModelVBAR.set_watermark
    try:
        run("delegate", model, budget)
        small = policy.Policy(policy.Mode.BUDGET, budget_gib=budget.budget_gib, lora=policy.Patching.BYPASS)
        made = run("delegate with a lora", patched, small)
        answer["delegate with a lora"]["same"] = bool((made == by_bypass).all())
        lone = model.clone()
        lone.cached_patcher_init = None
        try:
            run("no delegate", lone, budget)
        except Exception as error:
            answer["no delegate"] = str(error)
    finally:
        comfy_aimdo.model_vbar.ModelVBAR.set_watermark = kept
    answer["headroom"] = engine_headroom(comfy.memory_management, comfy_aimdo.control)
    return answer


def engine_headroom(memory: Any, control: Any) -> dict[str, Any]:
    """What three releases of the engine are told of headroom; it stands in for them by their signatures."""
    import torch
    from comfy.cli_args import args

    headroom = pack("nodes.memory.headroom").headroom
    told: list[dict[str, Any]] = []

    def newest(simple_vram_headroom: Any = None, nvml_pressure: bool = False) -> None:
        told.append({"simple_vram_headroom": simple_vram_headroom, "nvml_pressure": nvml_pressure})

    def before(simple_vram_headroom: Any = None) -> None:
        told.append({"simple_vram_headroom": simple_vram_headroom})

    def first() -> None:
        told.append({})

    answer, kept = {}, control.init
    memory.aimdo_enabled = True
    try:
        for reserved in (None, 0.25):
            args.reserve_vram = reserved
            for name, init in (("0.4.11", newest), ("0.4.10", before), ("0.4.9", first)):
                control.init = init
                told.clear()
                with headroom(2**30, torch.device("cuda:0")) as said:
                    pass
                answer[f"{name}, {reserved}"] = {"said": said, "told": list(told)}
    finally:
        memory.aimdo_enabled, control.init, args.reserve_vram = False, kept, None
    return answer


def again(patched: Any, sample: Sampler, attach: Any, policy: Any, management: Any) -> dict[str, bool]:
    """Whether budgets give the same picture and residency after whatever was loaded before as from nothing."""
    weights = policy.weigh(patched)
    ways = {"lora": policy.Patching.WEIGHTS}
    shares = [weights.least + (weights.total - weights.least) * share // 20 for share in (12, 11, 10, 13, 9, 9)]
    asked = {
        size: policy.Policy(policy.Mode.BUDGET, budget_gib=(size + 1) / policy.GIB, **ways) for size in shares
    }  # fmt: skip

    def run(given: Any) -> tuple[Any, int]:
        held = attach(patched, given)
        return sample(held), held.loaded_size()

    fresh = {}
    for size, given in asked.items():
        management.unload_all_models()
        fresh[size] = run(given)
    answer = {}
    for before in ("nothing", "all"):
        management.unload_all_models()
        if before == "all":
            run(policy.Policy(**ways))
        for number, size in enumerate(shares):
            made, resident = run(asked[size])
            answer[f"{before}, {number}"] = bool((made == fresh[size][0]).all()) and resident == fresh[size][1]
    return answer


def loras(models: Path) -> dict[str, Any]:
    """LoRAs by bypass in another copy of the model, under two policies, beside core's own, and where no layer fits."""
    import comfy.model_management as management
    import comfy.sd
    import torch

    policy, apply, record = pack("nodes.memory.policy"), pack("nodes.memory.apply"), pack("nodes.memory.record")
    model, sample, attach = load(models, "flux2", "fp16"), Sampler("flux2"), apply.PolicyWrappers.attach
    bypass, weights = (policy.Policy(lora=way) for way in (policy.Patching.BYPASS, policy.Patching.WEIGHTS))
    plain = sample(model)
    held = attach(with_lora(model), bypass)
    made = sample(held)
    copied = held.clone(force_deepcopy=True)  # core's own: other modules, as a delegate or another GPU's copy has
    answer: dict[str, Any] = {
        "changed": float((made - plain).norm() / plain.norm()), "copied": bool((sample(copied) == made).all()),
        "own": copied.model is not held.model,
    }  # fmt: skip
    tensors = [one for _, adapter, _ in held.get_attachment("packshot_bypass").adapters for one in adapter.weights]
    # A model's copies are on its device and in its 16 bit.
    answer["kept"] = sorted({str(one.dtype) for one in tensors if torch.is_tensor(one)})

    def said(given: Any) -> str:
        sample(given)
        return str(record.last()["phases"][-1]["patches"])

    answer["stacked"] = said(attach(with_lora(held), weights))
    twice = attach(with_lora(held), bypass)
    answer["twice"] = said(twice)
    both = sample(with_lora(with_lora(model)))
    answer["twice apart"] = float((sample(twice) - both).norm() / both.norm())
    cores = comfy.sd.load_bypass_lora_for_models(model, None, lora_tensors(model), 0.8, 1.0)[0]
    answer["core's"] = said(attach(cores, weights))
    around = attach(with_lora(cores), bypass)
    answer["around core's"] = said(around)
    answer["around core's apart"] = float((sample(around) - both).norm() / both.norm())
    management.unload_all_models()
    answer["unchanged"] = bool((sample(model) == plain).all())
    answer["again"] = again(with_lora(model), sample, attach, policy, management)
    stray = attach(with_lora(model), bypass)
    adapters = stray.get_attachment("packshot_bypass").adapters
    stray.get_attachment("packshot_bypass").adapters = (*adapters, ("diffusion_model.none.weight", *adapters[0][1:]))
    try:
        sample(stray)
    except Exception as error:
        answer["stray"] = str(error)
    return answer


def refusals(models: Path) -> dict[str, str]:
    """The text of each refusal."""
    import torch

    policy, apply, parity = pack("nodes.memory.policy"), pack("nodes.memory.apply"), pack("nodes.memory.parity")
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
    if what == "dynamic":
        import comfy_aimdo.control

        assert comfy_aimdo.control.init("cuda")  # before core is imported, as its main.py does
    import comfy.options

    comfy.options.enable_args_parsing()
    logging.disable(logging.WARNING)
    import torch

    with torch.inference_mode():
        if what not in FAMILIES:
            answer: dict[str, Any] = {
                "refusals": refusals, "ladder": ladder, "lock": locks, "dynamic": dynamic, "loras": loras,
            }[what](Path(models))  # fmt: skip
        else:
            answer = {f"{what} {dtype}": policies(Path(models), what, dtype) for dtype in DTYPES}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
