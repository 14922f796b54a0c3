"""What a workflow loads and how large its latents are, read from the file alone: no host, no node definitions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import InputUnknown, nearest
from .canvas.convert import is_model_file
from .canvas.graph import BYPASSED, MUTED, SUBGRAPH_INPUT, CanvasGraph, Link, Node, Subgraph
from .contract import contract_widgets
from .workflow import Workflow

# The widgets of loaders and latents that matter here, in the order in which the canvas saves them. Widgets are only
# ever appended to a node, so that their places stay.
_SIZE = ("width", "height", "batch_size")
_WIDGETS: Mapping[str, tuple[str, ...]] = {
    "CheckpointLoaderSimple": ("ckpt_name",),
    "UNETLoader": ("unet_name",),
    "UnetLoaderGGUF": ("unet_name",),
    "CLIPLoader": ("clip_name",),
    "CLIPLoaderGGUF": ("clip_name",),
    "DualCLIPLoader": ("clip_name1", "clip_name2"),
    "DualCLIPLoaderGGUF": ("clip_name1", "clip_name2"),
    "TripleCLIPLoader": ("clip_name1", "clip_name2", "clip_name3"),
    "QuadrupleCLIPLoader": ("clip_name1", "clip_name2", "clip_name3", "clip_name4"),
    "VAELoader": ("vae_name",),
    "PackshotLoadModel": ("card", "precision"),
    "EmptyLatentImage": _SIZE,
    "EmptySD3LatentImage": _SIZE,
    "EmptyFlux2LatentImage": _SIZE,
    "EmptyHunyuanImageLatent": _SIZE,
    "PackshotEmptyLatent": _SIZE,
    "EmptyLTXVLatentVideo": ("width", "height", "length", "batch_size"),
    "VAEDecodeTiled": ("tile_size",),
}
_FOLDERS = {"ckpt": "checkpoints", "unet": "diffusion_models", "clip": "text_encoders", "vae": "vae"}


@dataclass(frozen=True, slots=True)
class Latent:
    """The size of a latent: pixels (0: the model's own size), pictures at once, latent frames of a video."""

    width: int = 0
    height: int = 0
    batch: int = 1
    frames: int = 1


@dataclass(frozen=True, slots=True)
class Loads:
    """What a workflow puts into memory.

    Attributes:
        files: for each loader node, the models folder and the names of its files in there.
        cards: for each loader of a model card, its id and the precision that was chosen, ``auto`` where none was.
        latents: of every node that makes an empty one.
        tile: the smallest side, in pixels, of the tiles in which pictures are decoded; None: they are decoded whole.
    """

    files: tuple[tuple[str, tuple[str, ...]], ...]
    cards: tuple[tuple[str, str], ...]
    latents: tuple[Latent, ...]
    tile: int | None


def read_loads(workflow: Workflow, values: Mapping[str, str]) -> Loads:
    """Read what a workflow loads, in its subgraphs too.

    Nodes that are muted or bypassed do not count; nor do widgets that another node is wired to. A widget that a
    subgraph shows outside counts with the value that it was saved with inside.

    Args:
        values: of the workflow's inputs, by name, as text; they take the place of what the file has.

    Raises:
        InputUnknown: the workflow has no input of that name.
    """
    widgets = contract_widgets(workflow.data)
    unknown = [name for name in values if name not in widgets]
    if unknown:
        raise InputUnknown(
            f"the workflow has no input '{unknown[0]}'", place=workflow.place, remedy=nearest(unknown[0], widgets)
        )
    changed = {widgets[name]: value for name, value in values.items()}
    nodes = [
        (node.type, _values(node, links) | {widget: value for (at, widget), value in changed.items() if at == place})
        for place, node, links in _live(workflow.graph, workflow.graph, "", frozenset())
        if node.type in _WIDGETS
    ]
    files = [(_folder(found), tuple(name for name in found.values() if is_model_file(name))) for _, found in nodes]
    return Loads(
        files=tuple((folder, names) for folder, names in files if names),
        cards=tuple((str(found["card"]), str(found.get("precision", "auto"))) for _, found in nodes if "card" in found),
        latents=tuple(
            Latent(
                _whole(found.get("width"), 0),
                _whole(found.get("height"), 0),
                _whole(found.get("batch_size"), 1),
                (_whole(found.get("length"), 1) - 1) // 8 + 1,  # as EmptyLTXVLatentVideo counts them
            )
            for kind, found in nodes
            if "width" in _WIDGETS[kind]
        ),
        tile=min((_whole(found["tile_size"], 512) for _, found in nodes if "tile_size" in found), default=None),
    )


def _live(
    graph: CanvasGraph, part: CanvasGraph | Subgraph, prefix: str, within: frozenset[str]
) -> Iterator[tuple[str, Node, Mapping[int, Link]]]:
    """The nodes that would run, each with its id from the outermost graph on (``12:3``) and the links around it."""
    for node in part.nodes.values():
        if node.mode in (MUTED, BYPASSED):
            continue
        yield prefix + node.id, node, part.links
        inner = graph.subgraphs.get(node.type)
        if inner is not None and inner.id not in within:  # a subgraph in itself is no workflow, and no reason to hang
            yield from _live(graph, inner, f"{prefix}{node.id}:", within | {inner.id})


def _values(node: Node, links: Mapping[int, Link]) -> dict[str, Any]:
    names = _WIDGETS[node.type]
    wired = {
        slot.widget
        for slot in node.inputs
        for link in slot.links
        if link in links and links[link].origin != SUBGRAPH_INPUT
    }
    found = node.widgets if isinstance(node.widgets, dict) else dict(zip(names, node.widgets, strict=False))
    return {name: found[name] for name in names if name in found and name not in wired}


def _folder(found: Mapping[str, Any]) -> str:
    return next((_FOLDERS[name.partition("_")[0]] for name in found if name.partition("_")[0] in _FOLDERS), "")


def _whole(value: Any, default: int) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return default
