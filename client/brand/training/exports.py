"""The same recipe for trainers of their own, for bases that are too heavy to train inside ComfyUI.

Option names and the models that each trainer knows were read in

* ai-toolkit (ostris), ``config/examples/train_lora_qwen_image_24gb.yaml`` at 01c9f8309df8 and
  ``train_lora_zimage_base_32gb.yaml`` at 30db027639f5 (``ema_config``, ``lr_scheduler``, ``timestep_type``);
* musubi-tuner (kohya), ``docs/dataset_config.md`` at ff3330474180, ``docs/flux_2.md`` at f7cb2dbf5aec,
  ``docs/zimage.md`` at 867ab25d24c0, ``docs/qwen_image.md`` at 473ddf4d236a;
* sd-scripts (kohya), ``docs/config_README-en.md`` at 8b694b61f52f and ``docs/flux_train_network.md`` at a125c10852bf.

No trainer was run. What a trainer has no option for is said in the file's comments and not silently dropped.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any, Literal, get_args

import yaml

from ...errors import InputInvalid
from .recipe import DEFAULT_TARGETS, Recipe

Trainer = Literal["ai-toolkit", "musubi-tuner", "sd-scripts"]
TRAINERS: tuple[Trainer, ...] = get_args(Trainer)

# Card -> ai-toolkit's name of the architecture, and the repository that it loads.
_AI_TOOLKIT = {
    "flux2-dev": ("flux2", "black-forest-labs/FLUX.2-dev"),
    "flux2-klein-4b-base": ("flux2_klein_4b", "black-forest-labs/FLUX.2-klein-base-4B"),
    "qwen-image": ("qwen_image", "Qwen/Qwen-Image"),
    "z-image": ("zimage", "Tongyi-MAI/Z-Image"),
}


@dataclass(frozen=True, slots=True)
class _Musubi:
    """How musubi-tuner trains one model: its scripts' prefix, network, noise levels, and what else it must be told."""

    script: str
    network: str
    sampling: tuple[str, ...]
    options: tuple[str, ...] = ()


_MUSUBI = {
    "flux2-dev": _Musubi("flux_2", "lora_flux_2", ("flux2_shift",), ("--model_version", "flux.2-dev")),
    "flux2-klein-4b-base": _Musubi(
        "flux_2", "lora_flux_2", ("flux2_shift",), ("--model_version", "flux.2-klein-base-4b")
    ),
    "flux2-klein-9b": _Musubi("flux_2", "lora_flux_2", ("flux2_shift",), ("--model_version", "flux.2-klein-9b")),
    "qwen-image": _Musubi("qwen_image", "lora_qwen_image", ("shift", "2.2"), ("--model_version", "original")),
    "z-image": _Musubi("zimage", "lora_zimage", ("shift", "2.0")),
}
_SD_SCRIPTS = {"flux1-dev", "flux1-schnell"}

_KOHYA_SCHEDULES = {"constant": "constant_with_warmup", "cosine": "cosine", "linear": "linear"}


def export(trainer: Trainer, card: str, name: str, recipe: Recipe, folder: str) -> dict[str, str]:
    """Configuration files for another trainer: file name -> content. Paths of its models are left to fill in.

    Args:
        card: id of the base model's card.
        name: of the LoRA.
        folder: where the pictures and their caption files are.

    Raises:
        InputInvalid: the trainer is not known to train that model.
    """
    known = _cards(trainer)
    if card not in known:
        others = [each for each in TRAINERS if each != trainer and card in _cards(each)]
        raise InputInvalid(
            f"{trainer} is not known to train {card}",
            place="option 'trainer'",
            remedy=f"take {' or '.join(others)}" if others else f"it trains {', '.join(sorted(known))}",
        )
    if trainer == "ai-toolkit":
        return {f"{name}.yaml": _ai_toolkit(card, name, recipe, folder)}
    if trainer == "musubi-tuner":
        return {
            f"{name}-dataset.toml": _musubi_dataset(recipe, folder, name),
            f"{name}.sh": _musubi(card, name, recipe),
        }
    return {f"{name}-dataset.toml": _sd_scripts_dataset(recipe, folder), f"{name}.sh": _sd_scripts(name, recipe)}


def _cards(trainer: Trainer) -> set[str]:
    return {"ai-toolkit": set(_AI_TOOLKIT), "musubi-tuner": set(_MUSUBI), "sd-scripts": _SD_SCRIPTS}[trainer]


def _ai_toolkit(card: str, name: str, recipe: Recipe, folder: str) -> str:
    arch, repository = _AI_TOOLKIT[card]
    train: dict[str, Any] = {
        "batch_size": recipe.batch_size,
        "steps": recipe.steps,
        "gradient_accumulation": recipe.accumulation,
        "train_unet": True,
        "train_text_encoder": False,
        "gradient_checkpointing": True,
        "noise_scheduler": "flowmatch",
        "timestep_type": "sigmoid" if recipe.timestep_sampling == "logit-normal" else "linear",
        "optimizer": "adamw",
        "lr": recipe.learning_rate,
        "lr_scheduler": recipe.schedule,
        "dtype": "bf16",
        "ema_config": {"use_ema": recipe.ema_decay > 0, "ema_decay": recipe.ema_decay},
    }
    process = {
        "type": "sd_trainer",
        "training_folder": "output",
        "device": "cuda:0",
        "network": {"type": "lora", "linear": recipe.rank, "linear_alpha": recipe.alpha},
        "save": {"dtype": "bf16", "save_every": recipe.checkpoint_interval or recipe.steps},
        "datasets": [
            {
                "folder_path": folder,
                "caption_ext": "txt",
                "caption_dropout_rate": recipe.caption_dropout,
                "cache_latents_to_disk": True,
                "resolution": [recipe.resolution],
            }
        ],
        "train": train,
        "model": {"name_or_path": repository, "arch": arch, "quantize": True},
        "sample": {
            "sampler": "flowmatch",
            "sample_every": recipe.sample_interval or recipe.steps,
            "width": recipe.resolution,
            "height": recipe.resolution,
            "prompts": [recipe.trigger],
            "seed": recipe.seed,
            "walk_seed": False,
        },
    }
    config = {
        "job": "extension",
        "config": {"name": name, "process": [process]},
        "meta": {"name": "[name]", "version": "1.0"},
    }
    return _remarks(recipe, ("warmup", "shift", "targets", "seed")) + yaml.safe_dump(config, sort_keys=False)


def _musubi_dataset(recipe: Recipe, folder: str, name: str) -> str:
    return (
        "[general]\n"
        f"resolution = [{recipe.resolution}, {recipe.resolution}]\n"
        'caption_extension = ".txt"\n'
        f"batch_size = {recipe.batch_size}\n"
        "enable_bucket = true\n"
        "bucket_no_upscale = true\n\n"
        "[[datasets]]\n"
        f"image_directory = {_toml(folder)}\n"
        f"cache_directory = {_toml(f'{folder}/.cache-{name}')}\n"
    )


def _musubi(card: str, name: str, recipe: Recipe) -> str:
    model = _MUSUBI[card]
    config = ["--dataset_config", f"{name}-dataset.toml"]
    version = list(model.options)
    sampling = ["--timestep_sampling", model.sampling[0], "--weighting_scheme", "none"]
    if len(model.sampling) > 1:
        sampling += ["--discrete_flow_shift", f"{recipe.shift:g}" if recipe.shift else model.sampling[1]]
    lines = [
        _command(["python", f"src/musubi_tuner/{model.script}_cache_latents.py", *config, "--vae", "$VAE", *version]),
        _command([
            "python", f"src/musubi_tuner/{model.script}_cache_text_encoder_outputs.py", *config,
            "--text_encoder", "$TEXT_ENCODER", *version,
        ]),
        _command([
            "accelerate", "launch", "--num_cpu_threads_per_process", "1", "--mixed_precision", "bf16",
            f"src/musubi_tuner/{model.script}_train_network.py", "--dit", "$DIT", "--vae", "$VAE",
            "--text_encoder", "$TEXT_ENCODER", *version, *config, "--sdpa", "--mixed_precision", "bf16", *sampling,
            "--gradient_checkpointing", "--network_module", f"networks.{model.network}", *_kohya(name, recipe),
        ]),
    ]  # fmt: skip
    head = "# Set DIT, VAE and TEXT_ENCODER to the model's files, and run this in musubi-tuner's folder.\n"
    return head + _remarks(recipe, ("ema_decay", "caption_dropout", "targets")) + "\n".join(lines) + "\n"


def _sd_scripts_dataset(recipe: Recipe, folder: str) -> str:
    return (
        "[general]\n"
        'caption_extension = ".txt"\n'
        "enable_bucket = true\n"
        "bucket_no_upscale = true\n\n"
        "[[datasets]]\n"
        f"resolution = [{recipe.resolution}, {recipe.resolution}]\n"
        f"batch_size = {recipe.batch_size}\n\n"
        "[[datasets.subsets]]\n"
        f"image_dir = {_toml(folder)}\n"
        "num_repeats = 1\n"
        f"caption_dropout_rate = {recipe.caption_dropout:g}\n"
    )


def _sd_scripts(name: str, recipe: Recipe) -> str:
    if recipe.timestep_sampling == "uniform":
        sampling = ["--timestep_sampling", "uniform"]
    elif recipe.shift:
        sampling = ["--timestep_sampling", "shift", "--discrete_flow_shift", f"{recipe.shift:g}"]
    else:
        sampling = ["--timestep_sampling", "flux_shift"]
    # Captions that are dropped now and then cannot be cached.
    cached = ["--cache_latents"] + ([] if recipe.caption_dropout else ["--cache_text_encoder_outputs"])
    command = _command([
        "accelerate", "launch", "--num_cpu_threads_per_process", "1", "flux_train_network.py",
        "--pretrained_model_name_or_path", "$MODEL", "--clip_l", "$CLIP_L", "--t5xxl", "$T5XXL", "--ae", "$AE",
        "--dataset_config", f"{name}-dataset.toml", "--save_model_as", "safetensors", "--sdpa",
        "--mixed_precision", "bf16", "--gradient_checkpointing", "--guidance_scale", "1.0",
        "--model_prediction_type", "raw", *sampling, *cached, "--network_train_unet_only",
        "--network_module", "networks.lora_flux", *_kohya(name, recipe),
    ])  # fmt: skip
    head = "# Set MODEL, CLIP_L, T5XXL and AE to the model's files, and run this in the folder of sd-scripts.\n"
    return head + _remarks(recipe, ("ema_decay", "targets")) + command + "\n"


def _kohya(name: str, recipe: Recipe) -> list[str]:
    """Options that musubi-tuner and sd-scripts share."""
    return [
        "--network_dim", str(recipe.rank), "--network_alpha", f"{recipe.alpha:g}",
        "--optimizer_type", "adamw", "--learning_rate", f"{recipe.learning_rate:g}",
        "--lr_scheduler", _KOHYA_SCHEDULES[recipe.schedule], "--lr_warmup_steps", str(recipe.warmup),
        "--gradient_accumulation_steps", str(recipe.accumulation), "--max_train_steps", str(recipe.steps),
        "--save_every_n_steps", str(recipe.checkpoint_interval or recipe.steps), "--save_state",
        "--seed", str(recipe.seed), "--output_dir", "output", "--output_name", name,
    ]  # fmt: skip


def _command(words: list[str]) -> str:
    """A command line, one option to a line; a word that begins with a dollar sign is a variable of the shell."""
    text = " ".join(f'"{word}"' if word.startswith("$") else shlex.quote(word) for word in words)
    return text.replace(" --", " \\\n    --")


def _remarks(recipe: Recipe, without: tuple[str, ...]) -> str:
    """Comments on what the recipe asks for and the trainer has no option for, or none that is known here."""
    values = {"warmup": recipe.warmup, "shift": recipe.shift, "ema_decay": recipe.ema_decay, "seed": recipe.seed}
    values["caption_dropout"] = recipe.caption_dropout
    asked = [f"{name} {values[name]:g}" for name in without if values.get(name)]
    if "targets" in without and recipe.targets != DEFAULT_TARGETS:
        asked.append(f"targets {', '.join(recipe.targets)}")
    return f"# Not carried over, set it by hand if it matters: {'; '.join(asked)}.\n" if asked else ""


def _toml(text: str) -> str:
    """A TOML basic string."""
    escaped = "".join(f"\\u{ord(char):04X}" if char in '"\\' or ord(char) < 32 else char for char in text)
    return f'"{escaped}"'
