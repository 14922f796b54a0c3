"""YAML from others: its safe subset, with bounds on how deep it goes and on what its aliases unfold to."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import yaml

from .budget import Budget, OverBudget

_DEEPEST = 32  # levels; what people write by hand has less than ten
_MOST_NODES = 100_000  # keys and values, each alias with all that it stands for
_LONGEST_NUMBER = 100  # characters


def read_yaml(content: bytes) -> Any:
    """Read one document in UTF-8.

    Raises:
        OverBudget: it is nested too deeply, or stands for too much.
        UnicodeDecodeError, yaml.YAMLError: it is no YAML, has a key twice in one section, or a number nobody can need.
    """
    return yaml.load(content.decode("utf-8-sig"), _Loader)


class _Loader(yaml.SafeLoader):
    """Counts while it composes: afterwards, an alias of an alias of an alias looks as cheap as what it stands for."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._budget = Budget(most_items=_MOST_NODES)
        self._depth = 0
        self._sizes: dict[yaml.Node, int] = {}  # nodes in each that is whole, itself included

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            anchored = super().compose_node(parent, index)
            if anchored is not None:
                if anchored not in self._sizes:
                    raise OverBudget("depth", _DEEPEST)  # it contains itself
                self._budget.take_items(self._sizes[anchored])
            return anchored
        self._depth += 1
        if self._depth > _DEEPEST:
            raise OverBudget("depth", _DEEPEST)
        before = self._budget.items
        self._budget.take_items()
        node = super().compose_node(parent, index)
        self._depth -= 1
        if node is not None:
            self._sizes[node] = self._budget.items - before
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key.value, str):
                continue
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"'{key.value}' stands twice in one section", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_number(self, node: yaml.ScalarNode) -> float:
        if len(node.value) > _LONGEST_NUMBER:
            message = f"a number of {len(node.value):,} characters"
            raise yaml.constructor.ConstructorError(None, None, message, node.start_mark)
        whole = node.tag == "tag:yaml.org,2002:int"
        number: float = self.construct_yaml_int(node) if whole else self.construct_yaml_float(node)
        return number


for _tag in ("int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _Loader.construct_number)
