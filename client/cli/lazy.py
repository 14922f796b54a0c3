"""Commands that are imported when they are asked for, so that help is quick and a command pays for itself alone."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group


def lazy_group(package: str, commands: Mapping[str, tuple[str, str]]) -> type[TyperGroup]:
    """Make the class of a group that knows its commands by name and help line alone.

    Args:
        package: where the modules of the commands are.
        commands: name -> the command's place, ``module:function``, or ``module:app`` for a group of its own; and its
            line in the help of this group.
    """

    class LazyGroup(TyperGroup):
        def __init__(self, **settings: Any) -> None:
            super().__init__(**settings)
            self.commands.update({name: TyperCommand(name, help=line) for name, (_, line) in commands.items()})

        def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
            """Find the command by its name, as any group does, and import it."""
            name, command, rest = super().resolve_command(ctx, args)
            return name, command and _load(package, str(name), commands[str(name)][0]), rest

    return LazyGroup


def _load(package: str, name: str, place: str) -> Any:
    """The command itself, made as if it had been added to its group by Typer's own means."""
    module, _, attribute = place.partition(":")
    target = getattr(importlib.import_module(f"{package}.{module}"), attribute)
    frame = typer.Typer()
    if isinstance(target, typer.Typer):
        frame.add_typer(target, name=name)
    else:
        frame.command(name)(target)
    return get_group(frame).commands[name]
