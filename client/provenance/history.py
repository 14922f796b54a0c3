"""What happened to a picture, read from the graph that makes it: whether a model did, to what, and with which seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .marking import Making, making_of

#: ComfyUI's API format: node id -> ``{"class_type", "inputs"}``; an input is a value or a link ``[node id, slot]``.
Prompt = Mapping[str, Mapping[str, Any]]

_COMPOSITE = "PackshotProductComposite"
_LOADERS = ("PackshotLoadPhoto", "LoadImage", "LoadImageMask", "LoadImageOutput")
_SEEDS = ("seed", "noise_seed")
_MODELS = ("card", "ckpt_name", "unet_name")


@dataclass(frozen=True, slots=True)
class History:
    """How a picture came about.

    Attributes:
        making: see :data:`~.marking.Making`.
        photographs: what the nodes that load pictures were told to load, in no order that means anything.
        recipe: ``workflow``, ``seed`` and ``model``, those that the graph tells.
    """

    making: Making
    photographs: tuple[str, ...]
    recipe: Mapping[str, Any]


def history_of(prompt: Prompt, node: str, generates: Callable[[str], bool], workflow: str = "") -> History:
    """How the picture that a node is given came about.

    Whatever passes a node that generates counts as made by a model, as its decoder draws every pixel anew. Only a
    product that Packshot Product Composite puts in afterwards, and that no model has touched, keeps its own pixels.

    Args:
        node: the id of the node that saves it.
        generates: whether a kind of node makes pictures with a model.
        workflow: name and version, where they are known.
    """
    above = [prompt[key] for key in _above(prompt, node)]
    after_models = [prompt[key] for key in _above(prompt, node, stop=generates)]
    from_model = any(generates(one["class_type"]) for one in above)
    kept = any(
        one["class_type"] == _COMPOSITE
        and not any(generates(prompt[key]["class_type"]) for key in _linked(prompt, one, "product"))
        for one in after_models
    )
    recipe: dict[str, Any] = {"workflow": workflow} if workflow else {}
    for name, keys, kind in (("seed", _SEEDS, int), ("model", _MODELS, str)):
        values = {one["inputs"][key] for one in above for key in keys if isinstance(one["inputs"].get(key), kind)}
        if len(values) == 1:  # several would not say which is which
            recipe[name] = values.pop()
    loaded = (one["inputs"].get("image") for one in above if one["class_type"] in _LOADERS)
    photographs = dict.fromkeys(name for name in loaded if isinstance(name, str))
    return History(making_of(from_model=from_model, product_pixels=kept), tuple(photographs), recipe)


def _above(prompt: Prompt, start: str, stop: Callable[[str], bool] | None = None) -> Iterator[str]:
    """The nodes that lead to one, nearest first; those behind a node at which it stops are left out."""
    seen, waiting = {start}, [start]
    while waiting:
        key = waiting.pop(0)
        if key != start:
            yield key
            if stop is not None and stop(prompt[key]["class_type"]):
                continue
        for linked in _links(prompt, prompt[key]["inputs"].values()):
            if linked not in seen:
                seen.add(linked)
                waiting.append(linked)


def _linked(prompt: Prompt, node: Mapping[str, Any], name: str) -> Iterator[str]:
    """The nodes that lead to one input of a node."""
    for key in _links(prompt, [node["inputs"].get(name)]):
        yield key
        yield from _above(prompt, key)


def _links(prompt: Prompt, values: Any) -> Iterator[str]:
    for value in values:
        if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and value[0] in prompt:
            yield value[0]
