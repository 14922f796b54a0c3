"""The recipe of a LoRA: what is trained, for how long, at which learning rate, on which noise levels.

No torch here. The node that trains, the command that sends it, and the configurations for other trainers read the same
recipe, so that one set of rules holds for all of them.
"""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from ...errors import InputInvalid
from ...models.cards import Card, load_card

Schedule = Literal["constant", "cosine", "linear"]
TimestepSampling = Literal["logit-normal", "uniform"]

SCHEDULES: tuple[Schedule, ...] = get_args(Schedule)
TIMESTEP_SAMPLINGS: tuple[TimestepSampling, ...] = get_args(TimestepSampling)

#: Linear layers of attention and feed-forward blocks, by the names that ComfyUI's transformer models give them: ``qkv``
#: and ``proj`` of FLUX, SD3 and Z-Image, ``to_q`` of Qwen-Image, ``linear1`` and ``linear2`` of FLUX's single blocks.
DEFAULT_TARGETS = ("*attn*", "*attention*", "*mlp*", "*feed_forward*", "*single_blocks.*.linear*")

# What a finished or interrupted run may change and still go on from its checkpoint: how long it is, and how often it
# looks. Everything else decides the weights of the steps that are done already. With another length a schedule that
# falls is another one from there on, which the LoRA's metadata say.
_FREE = ("steps", "validation_interval", "sample_interval", "checkpoint_interval")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a LoRA is trained. Steps are updates of the weights; each takes ``batch_size * accumulation`` pictures.

    Attributes:
        trigger: the word or phrase that stands in every caption and calls the LoRA up in a prompt.
        steps: 1 or more.
        learning_rate: of AdamW at the top of the schedule, above 0 and at most 1.
        rank: of the two matrices beside each layer, 1 to 512.
        alpha: the update is scaled by ``alpha / rank`` (Hu et al., LoRA, arXiv 2106.09685, section 4.1).
        targets: shell patterns of module names below the diffusion model; only linear layers are taken.
        schedule: how the learning rate falls after the warm-up.
        warmup: steps in which it rises from ``learning_rate / warmup`` to ``learning_rate``.
        batch_size: pictures that pass the model at once.
        accumulation: batches whose gradients are averaged into one step.
        resolution: side in pixels of the square whose area every picture is fitted to, at its own proportions.
        timestep_sampling: distribution of the noise level before the shift: the sigmoid of a standard normal variable
            (Esser et al., Scaling Rectified Flow Transformers, arXiv 2403.03206, section 3.1), or uniform.
        shift: ``s`` in ``s t / (1 + (s - 1) t)`` (the same paper, section 5.3.2); 0: the model's own.
        caption_dropout: share of pictures that are trained with an empty caption, 0 to 1, so that guidance keeps
            working (Ho and Salimans, arXiv 2207.12598).
        ema_decay: share of the old average kept at each step, 0 (no averaging) to below 1.
        validation_interval, sample_interval, checkpoint_interval: in steps; 0: only at the end.
        seed: of everything that is drawn, 0 to 2**64 - 1.
    """

    trigger: str
    steps: int = 500
    learning_rate: float = 2e-4
    rank: int = 16
    alpha: float = 16.0
    targets: tuple[str, ...] = DEFAULT_TARGETS
    schedule: Schedule = "cosine"
    warmup: int = 20
    batch_size: int = 1
    accumulation: int = 1
    resolution: int = 512
    timestep_sampling: TimestepSampling = "logit-normal"
    shift: float = 0.0
    caption_dropout: float = 0.05
    ema_decay: float = 0.0
    validation_interval: int = 100
    sample_interval: int = 0
    checkpoint_interval: int = 50
    seed: int = 0

    @classmethod
    def of_base(cls, base: str, **options: Any) -> Recipe:
        """Make a recipe for a model, where options that are left out or None are the model's own or the defaults.

        Args:
            base: id of the model's card.
            options: attributes of the recipe; ``targets`` may be a text, see :func:`read_targets`. The resolution is
                the model's own by default, and ``alpha`` the rank.

        Raises:
            ModelMissing: there is no such card.
            InputInvalid: a value is outside its range, or two of them contradict each other.
        """
        stated = {name: value for name, value in options.items() if value is not None}
        stated["resolution"] = stated.get("resolution") or native_side(load_card(base))
        if "rank" in stated:
            stated.setdefault("alpha", stated["rank"])
        if isinstance(stated.get("targets"), str):
            stated["targets"] = read_targets(stated["targets"])
        return cls(**stated)

    def __post_init__(self) -> None:
        """Refuse what cannot be trained.

        Raises:
            InputInvalid: a value is outside its range, or two of them contradict each other.
        """
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if not low <= value <= high:
                raise InputInvalid(f"{value:g} is not from {low:g} to {high:g}", place=f"training option '{name}'")
        if self.schedule not in SCHEDULES or self.timestep_sampling not in TIMESTEP_SAMPLINGS:
            raise InputInvalid(
                f"there is no schedule '{self.schedule}' or no timestep sampling '{self.timestep_sampling}'",
                place="training options",
                remedy=f"schedules: {', '.join(SCHEDULES)}; sampling: {', '.join(TIMESTEP_SAMPLINGS)}",
            )
        if self.warmup > self.steps:
            raise InputInvalid(
                f"a warm-up of {self.warmup} steps does not end within {self.steps} steps",
                place="training option 'warmup'",
                remedy="make it shorter; a twentieth of the steps is usual",
            )
        if not self.targets:
            raise InputInvalid("no layers are named", place="training option 'targets'", remedy="leave it empty")

    def learning_rate_at(self, step: int) -> float:
        """The learning rate of a step, the first being 0; cosine and linear reach 0 after the last."""
        if step < self.warmup:
            return self.learning_rate * (step + 1) / self.warmup
        done = (step - self.warmup) / max(1, self.steps - self.warmup)
        if self.schedule == "cosine":
            return self.learning_rate * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
        return self.learning_rate * (max(0.0, 1 - done) if self.schedule == "linear" else 1.0)

    def due(self, interval: int, step: int) -> bool:
        """Whether something that is done every ``interval`` steps is due after ``step`` steps; always after all."""
        return step == self.steps or (interval > 0 and step % interval == 0)

    def choose(self, names: Iterable[str]) -> list[str]:
        """The modules to train, of the names of all linear layers below the diffusion model, in their order.

        Raises:
            InputInvalid: no pattern fits any of them.
        """
        names = list(names)
        chosen = [name for name in names if any(fnmatch.fnmatchcase(name, pattern) for pattern in self.targets)]
        if not chosen:
            raise InputInvalid(
                f"no linear layer of the model fits {', '.join(self.targets)}",
                place="training option 'targets'",
                remedy=f"the model has, for instance, {', '.join(names[:3])}",
            )
        return chosen

    def settled(self, dataset: str, base: str) -> dict[str, Any]:
        """Collect all that decides the weights of the steps done, by name: what a checkpoint must agree in.

        Args:
            dataset: :attr:`~..dataset.dataset.Dataset.hash`.
            base: id of the base model's card.

        Returns:
            The same values as JSON gives them back.
        """
        values = {name: value for name, value in asdict(self).items() if name not in _FREE}
        return {**values, "targets": list(self.targets), "dataset": dataset, "base": base}


def changed_fields(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, str]:
    """Compare two answers of :meth:`Recipe.settled`: the fields that differ, each with its old and its new value."""
    fields = {}
    for name in sorted(before.keys() | now.keys()):
        old, new = before.get(name), now.get(name)
        if old != new:
            fields[name] = f"{name} was {_shown(old)} and is {_shown(new)}"
    if "dataset" in fields:  # two hashes tell nobody anything
        fields["dataset"] = "dataset has other pictures, captions or parts"
    return fields


def _shown(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


_RANGES: tuple[tuple[str, float, float], ...] = (
    ("steps", 1, 1_000_000),
    ("learning_rate", 1e-8, 1.0),
    ("rank", 1, 512),
    ("alpha", 1e-3, 4096),
    ("warmup", 0, 1_000_000),
    ("batch_size", 1, 256),
    ("accumulation", 1, 1024),
    ("resolution", 64, 4096),
    ("shift", 0.0, 100.0),
    ("caption_dropout", 0.0, 1.0),
    ("ema_decay", 0.0, 0.99999),
    ("validation_interval", 0, 1_000_000),
    ("sample_interval", 0, 1_000_000),
    ("checkpoint_interval", 0, 1_000_000),
    ("seed", 0, 2**64 - 1),
)


def read_targets(text: str) -> tuple[str, ...]:
    """Patterns from a text with commas between them; an empty one stands for :data:`DEFAULT_TARGETS`."""
    return tuple(filter(None, (part.strip() for part in text.split(",")))) or DEFAULT_TARGETS


def token_limit(card: Card) -> int:
    """Tokens of a caption that the card's model reads: 77 where all its text encoders are CLIP's, else 512."""
    encoders = [component.detected_as or "" for component in card.slot("text_encoder")]
    return 77 if all(name.startswith("clip") for name in encoders) else 512


def native_side(card: Card) -> int:
    """Side in pixels of the square that has the area of the card's own picture size."""
    width, height = card.resolution.native
    return round(math.sqrt(width * height))


def bucket(width: int, height: int, resolution: int, step: int) -> tuple[int, int]:
    """The size that a picture is trained at: about ``resolution**2`` pixels, nearest to its own proportions.

    Args:
        width, height: of the picture, in pixels.
        resolution: side of the square of that area, in pixels.
        step: both sides are multiples of it, and at least one of it.

    Returns:
        Width and height in pixels. Proportions beyond 1:2 are cut to 1:2: a bucket of one picture trains badly.
    """
    area = resolution * resolution
    shape = min(max(width / height, 0.5), 2.0)
    candidates = []
    for columns in range(max(1, int(resolution * 0.7) // step), int(resolution * 1.43) // step + 1):
        rows = max(1, round(area / (columns * step) / step))
        candidates.append((columns * step, rows * step))
    return min(candidates, key=lambda size: (abs(math.log(size[0] / size[1] / shape)), abs(size[0] * size[1] - area)))


def crop_loss(size: tuple[int, int], wanted: tuple[int, int]) -> float:
    """Share of a picture that is cut off, 0 to 1, when it is scaled to cover ``wanted`` and cropped to it."""
    ratio = (size[0] / size[1]) / (wanted[0] / wanted[1])
    return 1 - min(ratio, 1 / ratio)
