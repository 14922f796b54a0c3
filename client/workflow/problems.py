"""One thing that is wrong with a workflow, as data: where on the canvas, and what to do."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from ..errors import PackshotError
from .canvas.graph import Node
from .workflow import Workflow

# The end of a place in messages, as `Node.place_at` writes it.
_PLACE = re.compile(r'"(?P<title>.*)" \(.*, node (?P<node>[^\s,()]+)\)(?:, input \'(?P<input>.*)\')?', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        slug: its kind, one of the slugs of :mod:`packshot.errors`.
        node: the id of the node, with those of the subgraphs around it; empty where it is about no node.
        title: what the node is called on the canvas.
        input: the input of the node, or of the workflow.
        message: what is wrong.
        remedy: what to do next.
    """

    slug: str
    node: str
    title: str
    input: str
    message: str
    remedy: str

    def as_dict(self) -> dict[str, str]:
        """The problem as ``packshot workflow check --json`` prints it."""
        return asdict(self)


def invalid(message: str, remedy: str, *, node: str = "", title: str = "", name: str = "") -> Problem:
    """A problem of the file itself."""
    return Problem("workflow-invalid", node, title, name, message, remedy)


def as_problem(error: PackshotError, file: str) -> Problem:
    """An error as a problem, its node and input taken from the place that it names.

    Args:
        file: the workflow's own place, which the error's begins with.
    """
    place = error.place.removeprefix(file).removeprefix(", ")
    found = _PLACE.fullmatch(place)
    if found is None:
        where = f"{place}: " if place else ""
        return Problem(error.slug, "", "", "", f"{where}{error.message}", error.remedy)
    return Problem(error.slug, found["node"], found["title"], found["input"] or "", error.message, error.remedy)


def find_node(workflow: Workflow, full_id: str, title: str = "") -> Node | None:
    """A node of the file by the id, and the title, that messages give.

    Opening a file may give nodes inside subgraphs new ids; such a one is found by its title.
    """
    graph = workflow.graph
    if full_id in graph.nodes:
        return graph.nodes[full_id]
    inner = [node for each in graph.subgraphs.values() for node in each.nodes.values()]
    exact = [node for node in inner if node.id == full_id.rpartition(":")[2]]
    named = [node for node in inner if title in (node.title, node.type)]
    return next(iter([node for node in exact if node in named or not title] or named), None)


def title_of(node: Node, workflow: Workflow) -> str:
    """What a node is called on the canvas, as far as the file says."""
    subgraph = workflow.graph.subgraphs.get(node.type)
    return node.title or (subgraph.name if subgraph else node.type)


def near(name: str, known: Iterable[str]) -> str:
    """``"did you mean 'x'?"`` where a name is a slip of one that is known, else empty."""
    found = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
    return f"did you mean '{found[0]}'?" if found else ""
