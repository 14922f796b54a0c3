"""The Packshot Train LoRA node: from a folder of pictures to a LoRA file that says what it is."""

from __future__ import annotations

from typing import Any

import comfy.utils
import torch
from comfy_api.latest import io

from ...client.brand.dataset.dataset import check_dataset
from ...client.brand.dataset.listing import files_in
from ...client.brand.training.metadata import Brand
from ...client.brand.training.recipe import (
    SCHEDULES,
    TIMESTEP_SAMPLINGS,
    Recipe,
    native_side,
    read_targets,
)
from ...client.errors import PackshotError
from ...client.models.cards import Card as ModelCard
from ..model import card_files
from ..model.card_type import Card
from ..refusal import refusing, tell
from . import samples
from .checkpoint import Progress, read_standing
from .data import Prepared, prepare
from .files import LoraWriter, RunFiles, dataset_folder
from .loop import Trainer, Watcher, training_copy

_FRESH, _AUTO = "start anew", "auto"
_LAST = {"advanced": True}


class PackshotTrainLoRA(io.ComfyNode):
    """Trains a LoRA beside a rectified-flow model; a run that was stopped goes on where it stood."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Model, VAE, CLIP, card, data set and recipe; the LoRA, its losses, its name in core's list, and a report."""
        return io.Schema(
            node_id="PackshotTrainLoRA",
            display_name="Packshot Train LoRA",
            category="Packshot/Brand",
            description="Trains a LoRA on a folder of pictures that was checked first. Cancel it, or lose power: the"
            " same inputs go on from the last checkpoint, to the same weights.",
            search_aliases=["train lora", "fine-tune", "dreambooth", "brand style"],
            inputs=[
                io.Model.Input("model", tooltip="From Packshot Load Model."),
                io.Clip.Input("clip", tooltip="From Packshot Load Model."),
                io.Vae.Input("vae", tooltip="From Packshot Load Model."),
                Card.Input("card", tooltip="From Packshot Load Model. Its licence becomes the LoRA's."),
                io.String.Input("dataset", default="", tooltip="A folder in the input folder: pictures and captions."),
                io.String.Input("trigger", default="", tooltip="An invented word that stands in every caption."),
                io.String.Input("output_name", default="my-brand", tooltip="Of the LoRA, and of the run."),
                io.Int.Input("steps", default=500, min=1, max=1_000_000, tooltip="Updates of the weights."),
                io.Float.Input(
                    "learning_rate", default=2e-4, min=1e-8, max=1.0, step=1e-8, tooltip="At its height."
                ),
                io.Int.Input("rank", default=16, min=1, max=512, tooltip="How much it can learn, and its size."),
                io.Float.Input("alpha", default=16.0, min=1e-3, max=4096.0, step=0.5, tooltip="Its update is scaled by"
                               " alpha / rank."),
                io.Int.Input("resolution", default=0, min=0, max=4096, step=8, tooltip="In pixels: pictures are fitted"
                             " to the area of this square, at their own proportions. 0: the model's own."),
                io.Int.Input("seed", default=0, min=0, max=0xFFFFFFFFFFFFFFFF, tooltip="Of everything random."),
                io.Int.Input("batch_size", default=1, min=1, max=256, tooltip="Pictures at once."),
                io.Int.Input("accumulation", default=1, min=1, max=1024, tooltip="Batches for one step.", **_LAST),
                io.Combo.Input("schedule", options=list(SCHEDULES), default="cosine", tooltip="How the learning rate"
                               " falls.", **_LAST),
                io.Int.Input("warmup", default=20, min=0, max=1_000_000, tooltip="Steps in which it rises.", **_LAST),
                io.Combo.Input("timestep_sampling", options=list(TIMESTEP_SAMPLINGS), default="logit-normal",
                               tooltip="Which noise levels are trained.", **_LAST),
                io.Float.Input("shift", default=0.0, min=0.0, max=100.0, step=0.01, tooltip="Towards high noise; 0: the"
                               " model's own.", **_LAST),
                io.Float.Input("caption_dropout", default=0.05, min=0.0, max=1.0, step=0.01, tooltip="Share of pictures"
                               " trained without their caption, for guidance.", **_LAST),
                io.Float.Input("ema_decay", default=0.0, min=0.0, max=0.99999, step=0.0001, tooltip="Average of the"
                               " weights over steps; 0: none.", **_LAST),
                io.Float.Input("validation_fraction", default=0.1, min=0.0, max=0.5, step=0.01, tooltip="Share of the"
                               " products that is held back to judge by.", **_LAST),
                io.Int.Input("validation_interval", default=100, min=0, max=1_000_000, tooltip="In steps; 0: only at"
                             " the end.", **_LAST),
                io.Int.Input("sample_interval", default=0, min=0, max=1_000_000, tooltip="Steps between sample grids;"
                             " 0: only at the end.", **_LAST),
                io.Int.Input("checkpoint_interval", default=50, min=0, max=1_000_000, tooltip="In steps; 0: only at the"
                             " end.", **_LAST),
                io.String.Input("targets", default="", tooltip="Patterns of layers, with commas; empty: attention and"
                                " feed-forward layers.", **_LAST),
                io.Combo.Input("resume", options=[_AUTO, _FRESH], default=_AUTO, tooltip="auto: go on where a run of"
                               " this name stood, or with more steps than it had.", **_LAST),
                io.Combo.Input("licence_profile", options=card_files.profiles(), default=card_files.SETTINGS,
                               tooltip="What the LoRA is for: as in Packshot Load Model.", **_LAST),
                io.String.Input("brand", default="", tooltip="Name for the LoRA's metadata.", **_LAST),
                io.String.Input("brand_kit", default="", tooltip="Hash of the brand kit, for the metadata.", **_LAST),
            ],
            outputs=[
                io.LoraModel.Output(display_name="lora", tooltip="For core's Load LoRA Model and Save LoRA."),
                io.LossMap.Output(display_name="loss_map", tooltip="For core's Plot Loss Graph."),
                io.String.Output(id="lora_name", display_name="lora_name", tooltip="In core's list of LoRAs."),
            ],
            hidden=[io.Hidden.unique_id],
            is_output_node=True,
        )  # fmt: skip

    @classmethod
    def validate_inputs(cls, dataset: str | None, output_name: str | None) -> bool | str:
        """Refuse, before anything is queued, a folder that is not there and a name that cannot be a file's."""
        try:
            if dataset is not None:
                dataset_folder(dataset)
            if output_name is not None:
                RunFiles.named(output_name)
        except PackshotError as error:
            return error.report()
        return True

    @classmethod
    def fingerprint_inputs(cls, dataset: str, output_name: str, **_: Any) -> str:
        """The pictures and captions as they are, and how many LoRAs the run has left: a change runs again."""
        files = [path for _, path in files_in(dataset_folder(dataset), [])]
        stamps = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files if path.is_file()]
        return repr((stamps, len(RunFiles.named(output_name).loras())))

    @classmethod
    def execute(
        cls,
        model: io.Model.Type,
        clip: io.Clip.Type,
        vae: io.Vae.Type,
        card: ModelCard,
        dataset: str,
        output_name: str,
        trigger: str,
        targets: str,
        validation_fraction: float,
        resume: str,
        licence_profile: str,
        brand: str,
        brand_kit: str,
        resolution: int,
        **options: Any,
    ) -> io.NodeOutput:
        """Check everything, encode, train; every checkpoint leaves a LoRA file that can be used.

        Args:
            options: the other fields of :class:`Recipe`, whose names the widgets have.
        """
        with refusing():
            card_files.decide(card, licence_profile).enforce(card.name)
            files = RunFiles.named(output_name)
            side = resolution or native_side(card)
            recipe = Recipe(trigger=trigger.strip(), targets=read_targets(targets), resolution=side, **options)
            report = check_dataset(
                dataset_folder(dataset),
                recipe.trigger,
                card.id,
                resolution=side,
                validation_fraction=validation_fraction,
            )
            found = report.require()
            terms = recipe.settled(found.hash, card.id)
            if resume == _FRESH:
                files.clear(everything=True)
            standing = read_standing(files.checkpoint)
            if standing is not None:
                standing.require(terms, recipe.steps)
            files = files.towards(standing, recipe.steps)
            files.clear(everything=False)
            bar = comfy.utils.ProgressBar(recipe.steps + len(found.pictures) * 2, node_id=cls.hidden.unique_id)
            data = prepare(found, recipe, card.resolution.step, vae, clip, lambda: bar.update(1))
            writer = LoraWriter(files, card, recipe, Brand(brand, brand_kit), found.hash, len(found.part("train")))
            with torch.inference_mode(False):
                weights, progress = _train(model, vae, card, terms, data, writer, bar)
        said = [f"{fault.picture or 'the set'}: {fault.message}" for fault in report.faults]
        said.append(_summary(files, progress))
        ui = tell(cls.hidden.unique_id, said) or {}
        ui["lora"] = [files.ui(files.lora)]
        ui["images"] = [files.ui(path) for path in files.grids()[-1:]]
        return io.NodeOutput(weights, {"loss": progress.losses}, files.lora.name, ui=ui)


def _train(
    model: Any, vae: Any, card: ModelCard, terms: dict[str, Any], data: Prepared, writer: LoraWriter, bar: Any
) -> tuple[dict[str, torch.Tensor], Progress]:
    """The run itself, outside inference mode."""
    patcher = training_copy(model)
    recipe, files = writer.recipe, writer.files
    before = bar.current
    shown = list(dict.fromkeys(item.caption for item in data.validation or data.train))[: samples.COUNT]

    def sample(step: int) -> None:
        texts = [data.texts[caption] for caption in shown]
        latent = (data.validation or data.train)[0].latent
        grid = samples.draw(patcher, vae, card, texts, data.texts[""], latent, recipe.seed)
        files.save_grid(grid, step)
        bar.update_absolute(before + step, preview=("JPEG", grid, 512))

    watcher = Watcher(writer.write, sample, lambda step: bar.update_absolute(before + step))
    trainer = Trainer(patcher, recipe, data, files.checkpoint, terms, files.lora_name, watcher)
    try:
        trainer.resume()
        progress = trainer.run()
        return trainer.weights(), progress
    finally:
        patcher.eject_model()
        patcher.cleanup()


def _summary(files: RunFiles, progress: Progress) -> str:
    lines = [f"{files.lora.name}: {progress.step} steps, training loss {progress.losses[-1]:.4f}"]
    if progress.validation:
        first, last = progress.validation[0][1], progress.validation[-1][1]
        lines.append(f"held-out loss {first:.4f} at first, {last:.4f} now")
    if len(progress.stages) > 1:
        first_step, steps = progress.stages[-1]
        lines.append(f"from step {first_step} on the learning rate is that of a run of {steps} steps")
    if files.lora_name != files.name:
        lines.append(f"the finished LoRA {files.name}.safetensors stays as it is")
    return "; ".join(lines)
