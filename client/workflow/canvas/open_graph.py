"""A workflow as the canvas holds it once it is open: nodes with their widgets, and subgraphs, each held once."""

from __future__ import annotations

from dataclasses import dataclass, field

from .definitions import NodeDefinition, output_type
from .graph import BYPASSED, MUTED, Link, Node
from .packs import lives_on_canvas
from .widgets import Input, Widget


@dataclass(slots=True, eq=False)
class Port:
    """An input or output of a subgraph, with the links to it from within."""

    name: str
    type: str
    links: list[int]


@dataclass(slots=True, eq=False)
class OpenNode:
    """A node with its widgets and inputs.

    Attributes:
        definition: of its type; None for nodes of the canvas alone and for types that the host does not have.
        inner: the graph that it stands for, None unless it is a subgraph.
        kept: for a subgraph, the widget that each place of its ``widgets_values`` belongs to.
        behind: for a subgraph, the widget inside that each of its own began with the value of.
    """

    node: Node
    inputs: list[Input]
    widgets: list[Widget]
    definition: NodeDefinition | None = None
    inner: OpenGraph | None = None
    kept: list[Widget | None] = field(default_factory=list)
    behind: dict[str, tuple[OpenNode, Widget]] = field(default_factory=dict)

    @property
    def runs(self) -> bool:
        """Whether it is neither muted nor bypassed."""
        return self.node.mode not in (MUTED, BYPASSED)

    @property
    def virtual(self) -> bool:
        """Whether it is the canvas's alone, and never sent to the host."""
        return self.inner is not None or (self.definition is None and lives_on_canvas(self.node))

    def widget(self, name: str) -> Widget | None:
        """A widget by name."""
        return next((widget for widget in self.widgets if widget.name == name), None)

    def input_with(self, link: int) -> Input | None:
        """The input that a link leads to."""
        return next((each for each in self.inputs if each.link == link), None)

    def output_type(self, output: int) -> str | None:
        """The type of an output: its definition's, or what the file says; None where there is no such output."""
        known = output_type(self.definition, output) if self.definition is not None else None
        if known is None and self.inner is not None and 0 <= output < len(self.inner.outputs):
            known = self.inner.outputs[output].type
        outputs = self.node.outputs
        return known or (outputs[output].type if 0 <= output < len(outputs) else None)


@dataclass(slots=True, eq=False)
class OpenGraph:
    """The nodes and links of the workflow itself, or of a subgraph, which has inputs and outputs besides.

    Attributes:
        instances: the nodes that stand for this subgraph, wherever they are.
    """

    nodes: dict[str, OpenNode]
    links: dict[int, Link]
    inputs: list[Port] = field(default_factory=list)
    outputs: list[Port] = field(default_factory=list)
    instances: list[OpenNode] = field(default_factory=list)

    def target(self, link: int) -> tuple[OpenNode, Input] | None:
        """The node and input that a link of this graph leads to."""
        wire = self.links.get(link)
        node = self.nodes.get(wire.target) if wire else None
        entry = node.input_with(link) if node else None
        return (node, entry) if node is not None and entry is not None else None

    def below(self) -> list[OpenNode]:
        """All nodes of this graph and of the subgraphs in it, each subgraph's once."""
        graphs: list[OpenGraph] = [self]
        for graph in graphs:
            for node in graph.nodes.values():
                if node.inner is not None and not any(node.inner is known for known in graphs):
                    graphs.append(node.inner)
        return [node for graph in graphs for node in graph.nodes.values()]
