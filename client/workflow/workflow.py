"""A workflow that can be filled in and submitted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ..errors import ModelMissing, nearest
from .canvas.convert import ApiGraph, is_model_file, to_api
from .canvas.definitions import ObjectInfo
from .canvas.graph import CanvasGraph, parse, read_json
from .contract import Contract, contract_names, contract_widgets, read_contract, read_requires
from .versions import SUFFIX, library, resolve

_LOADERS = ("PackshotLoadPhoto", "LoadImage")


class Workflow:
    """One workflow file, as the canvas opens it."""

    def __init__(self, data: dict[str, Any], place: str) -> None:
        self.data = data
        self.place = place
        self.graph: CanvasGraph = parse(data, place)

    @classmethod
    def load(cls, reference: str | Path) -> Workflow:
        """Load a workflow of the library by ``name`` or ``name@version``, or a file of the user's own by its path.

        Raises:
            WorkflowInvalid: see :func:`~.versions.resolve`, and ``read_json`` and ``parse`` in :mod:`.canvas.graph`.
        """
        path = resolve(reference)
        return cls(read_json(path), str(path))

    @classmethod
    def library(cls) -> list[Workflow]:
        """Load the newest release of each workflow that ships with Packshot, by name."""
        return [cls.load(path) for path in library().values()]

    @property
    def name(self) -> str:
        """Its name in ``extra.packshot``, or the file's."""
        return str(self._block.get("name") or Path(self.place).name.removesuffix(SUFFIX).removesuffix(".json"))

    @property
    def version(self) -> str:
        """Its version in ``extra.packshot``; empty for a file that was never released."""
        return str(self._block.get("version") or "")

    @property
    def summary(self) -> str:
        """What it makes, in a sentence; may be empty."""
        return str(self._block.get("summary") or "")

    @property
    def input_names(self) -> list[str]:
        """The names of its inputs, which need no node definitions to be known."""
        return contract_names(self.data)

    @cached_property
    def loaded_inputs(self) -> frozenset[str]:
        """The names of those inputs that are the picture of a node that loads one; needs no node definitions either."""
        types = {str(node.get("id")): node.get("type") for node in self.data.get("nodes", ())}
        widgets = contract_widgets(self.data).items()
        return frozenset(name for name, (node, widget) in widgets if types.get(node) in _LOADERS and widget == "image")

    @cached_property
    def sha256(self) -> str:
        """SHA-256 over the file's content, whatever its white space and order of keys."""
        canonical = json.dumps(self.data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        # JSON can escape halves of characters, which UTF-8 refuses to encode.
        return hashlib.sha256(canonical.encode(errors="surrogatepass")).hexdigest()

    @property
    def _block(self) -> Mapping[str, Any]:
        extra = self.data.get("extra")
        block = extra.get("packshot") if isinstance(extra, Mapping) else None
        return block if isinstance(block, Mapping) else {}

    def api_graph(self, info: ObjectInfo) -> dict[str, dict[str, Any]]:
        """The API graph that the canvas would submit, given node definitions (see :func:`~.canvas.convert.to_api`)."""
        return to_api(self.graph, info, self.place).nodes

    def prepare(self, info: ObjectInfo, *, runs: bool = True) -> PreparedWorkflow:
        """Convert and read the contract, once for many submissions to one host.

        Args:
            runs: whether it will be submitted; if not, files of weights may be missing.

        Raises:
            NodeMissing, WorkflowInvalid: see :func:`~.canvas.convert.to_api` and :func:`~.contract.read_contract`.
            ModelMissing: the host's lists do not have a file of weights that the workflow names.
        """
        api = to_api(self.graph, info, self.place)
        if runs:
            self._find_models(api)
        return PreparedWorkflow(self, api, read_contract(self.data, api, self.place))

    def _find_models(self, api: ApiGraph) -> None:
        for (node, name), field in api.fields.items():
            value = api.nodes[node]["inputs"].get(name) if node in api.nodes else None
            choices = field.widget.spec.choices
            if is_model_file(value) and choices is not None and value not in choices:
                raise ModelMissing(
                    f"the host does not have the file '{value}'",
                    place=f"{self.place}, {field.place}, input '{field.widget.name}'",
                    remedy="; ".join(filter(None, (nearest(str(value), map(str, choices)), self._source()))),
                )

    def _source(self) -> str:
        """Where to get its weights, as far as the file tells."""
        cards = read_requires(self.data).get("models")
        if isinstance(cards, list) and cards:
            return f"fetch it with `packshot models fetch {cards[0]}`"
        return "put it into the host's model folder"


@dataclass(frozen=True, slots=True)
class PreparedWorkflow:
    """A workflow converted for one host, ready to be filled in again and again."""

    workflow: Workflow
    api: ApiGraph
    contract: Contract

    def as_dict(self) -> dict[str, Any]:
        """Give the workflow and what it takes on this host, as ``packshot workflow show --json`` prints it."""
        return {
            "name": self.workflow.name,
            "version": self.workflow.version,
            "summary": self.workflow.summary,
            "sha256": self.workflow.sha256,
            "inputs": {name: spec.as_dict() for name, spec in self.contract.inputs.items()},
            "outputs": list(self.contract.outputs),
        }

    def fill(self, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Set inputs to values that :meth:`Contract.check` has passed.

        Returns:
            The graph to submit, and the canvas file with the same values in its widgets, which the host embeds in its
            pictures: dropped onto the canvas, such a picture opens the workflow that made it. Neither shares a changed
            node with the workflow itself.
        """
        graph: dict[str, Any] = dict(self.api.nodes)
        canvas = dict(self.workflow.data)
        for name, value in values.items():
            spec = self.contract.spec(name)
            field = self.api.fields[spec.node, spec.widget]
            for node, widget in field.targets:
                graph[node] = {**graph[node], "inputs": {**graph[node]["inputs"], widget: value}}
            field.write(canvas, value)
        return graph, canvas
