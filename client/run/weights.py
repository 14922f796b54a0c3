"""Which weights a workflow is made with, and what their licences say to the user's profile."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..comfy.http import HostApi
from ..errors import HostFailed
from ..host.managed import ManagedHost
from ..models.cards import card_ids
from ..models.licensing.licences import Decision, Profile, judge
from ..models.licensing.parts import AS_NAMED, Origin, origin_of_file, origin_of_metadata, parts_of_files
from ..workflow import PreparedWorkflow
from ..workflow.canvas.convert import ObjectInfo, input_options, is_model_file
from ..workflow.canvas.graph import BYPASSED, MUTED, CanvasGraph

LOADER, CARD = "PackshotLoadModel", "card"  # our loader, and the widget that names a whole model
_CONTROL, _KIND = "PackshotControl", "kind"
_MATTE, _MATTING = "PackshotMatte", "model"


@dataclass(frozen=True, slots=True)
class Weights:
    """What a graph loads.

    Attributes:
        files: by the names in its widgets.
        cards: ids of whole models.
        controls: by which kinds of pictures, ``canny`` or ``depth``, the cards' models are steered.
        mattings: what cuts products out, by the node's own names; those that are files are in ``files`` too.
    """

    files: frozenset[str]
    cards: frozenset[str]
    controls: frozenset[str] = frozenset()
    mattings: frozenset[str] = frozenset()


def weights_of_graph(graph: CanvasGraph) -> Weights:
    """What a workflow loads, as far as its file tells without a host: its widgets have values there, and no names."""
    files: set[str] = set()
    cards: set[str] = set()
    inside = (node for subgraph in graph.subgraphs.values() for node in subgraph.nodes.values())
    for node in (*graph.nodes.values(), *inside):
        if node.mode in (MUTED, BYPASSED):
            continue
        if node.type == LOADER and node.widgets:
            # Our loader's first widget is the card.
            value = node.widgets.get(CARD) if isinstance(node.widgets, dict) else node.widgets[0]
            cards.add(str(value))
        files.update(name for name in _texts(node.widgets) if is_model_file(name) and "\n" not in name)
    return Weights(frozenset(files), frozenset(cards))


def weights_of_run(
    prepared: PreparedWorkflow, info: ObjectInfo, changes: Mapping[str, Collection[str]] | None = None
) -> Weights:
    """What a workflow loads on a host.

    Args:
        prepared: the workflow as that host runs it.
        info: the host's node definitions; text of several lines, such as a prompt, names no file.
        changes: input -> all values that it is given instead of the artist's own.
    """
    specs = ((prepared.contract.spec(name), values) for name, values in (changes or {}).items())
    given = {target: values for spec, values in specs for target in prepared.api.fields[spec.node, spec.widget].targets}
    files: set[str] = set()
    named: dict[tuple[str, str], set[str]] = {
        (LOADER, CARD): set(),
        (_CONTROL, _KIND): set(),
        (_MATTE, _MATTING): set(),
    }
    for node_id, node in prepared.api.nodes.items():
        options = input_options(info[node["class_type"]])
        for name, value in node["inputs"].items():
            values = [] if type(value) is list else list(_texts(given.get((node_id, name), value)))  # a list is a wire
            own = named.get((node["class_type"], name))
            if own is not None:
                own.update(values)
            if not options.get(name, ("", {}))[1].get("multiline"):
                files.update(filter(is_model_file, values))
    cards, controls, mattings = map(frozenset, named.values())
    return Weights(frozenset(files), cards, controls, mattings)


def judge_weights(weights: Weights, profile: Profile, host: HostApi | None = None) -> Decision:
    """What the licences of all weights say to a profile.

    Each file is looked into: by our node pack on the host, or in the managed host's models folder. A host without the
    pack gives away a LoRA's metadata alone, which prove nothing. Without a host a file that is not here stands for what
    its name says.

    Args:
        host: where the workflow runs.

    Raises:
        ModelMissing, ModelCorrupt, WorkflowInvalid: a card that is not there or not valid, a file that is not whole.
        HostUnreachable: the host does not answer.
    """
    folder = managed_models(host)
    parts = parts_of_files([], sorted(weights.cards), profile, lambda _: None)
    for name in sorted(weights.files):
        for origin in _origins(name, folder, host):
            parts += parts_of_files([name], [], profile, {name: origin}.get)
    return judge(parts, profile)


def _origins(name: str, folder: Path | None, host: HostApi | None) -> list[Origin | None]:
    """What all files of a name say of themselves: a loader may take any of them. None: it could not be looked into."""
    seen = host_origins(host, name) if host is not None else []
    if seen:
        return seen
    paths = list(_weights_named(folder, name)) if folder is not None else []
    if paths:
        return [origin_of_file(path) for path in paths]
    if host is None:
        return [AS_NAMED]
    metadata = host.lora_metadata(name)
    return [origin_of_metadata(metadata) if metadata is not None else None]


def host_origins(host: HostApi, name: str) -> list[Origin | None]:
    """What a host's files of a name say of themselves, as our node pack there reads their headers.

    Returns:
        One for each folder that has such a file; empty where the host has none, or not the pack.

    Raises:
        HostUnreachable: the host does not answer.
    """
    response = host.request("GET", "/packshot/weights", params={"name": name})
    answer = host.parse(response) if response.ok else None
    listed = answer.get("files") if isinstance(answer, dict) else None
    return [_origin_said(each) for each in listed] if isinstance(listed, list) else []


def _origin_said(file: object) -> Origin | None:
    cards_here = set(card_ids())
    match file:
        case {"cards": list(cards), "addition": bool(addition), "licence": str(licence)} if cards_here.issuperset(
            cards
        ):
            return Origin(tuple(cards), addition, licence)
    return None


def _texts(value: Any) -> Iterator[str]:
    """All texts in a widget's value, however deeply a node keeps them: some hold a table of LoRAs in one widget."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, Collection):
        for inner in value:
            yield from _texts(inner)


def managed_models(host: HostApi | None) -> Path | None:
    """The managed host's models folder, if that is where ``host`` has its files."""
    managed = ManagedHost()
    if host is not None and managed.status().url != host.url:
        return None
    try:
        return managed.models
    except HostFailed:
        return None  # nothing is installed yet


def find_weights(models: Path, name: str) -> Path | None:
    """The first file of that name below one of the folders of a models folder, which core's loaders read."""
    return next(_weights_named(models, name), None)


def _weights_named(models: Path, name: str) -> Iterator[Path]:
    relative = Path(name.replace("\\", "/"))
    if relative.is_absolute() or ".." in relative.parts or not models.is_dir():
        return
    yield from (path for folder in sorted(models.iterdir()) if (path := folder / relative).is_file())
