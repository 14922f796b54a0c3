"""Graphs of Blender's shader nodes, in few words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy

Socket = Any  # bpy.types.NodeSocket
Value = Any  # a socket, a number, or a colour
Colour = tuple[float, float, float]


def linear(code: str) -> Colour:
    """Give the linear light of a colour in sRGB such as ``#3F5E57`` (IEC 61966-2-1)."""
    levels = [int(code[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (level / 12.92 if level <= 0.04045 else ((level + 0.055) / 1.055) ** 2.4 for level in levels)
    return red, green, blue


class Shader:
    """A material with one Principled BSDF, and the nodes that feed it.

    Attributes:
        material: Blender's.
        surface: the node of the Principled BSDF.
    """

    def __init__(self, name: str, **inputs: Value) -> None:
        self.material = bpy.data.materials.new(name)
        self.material.use_nodes = True
        self._tree = self.material.node_tree
        self._tree.nodes.clear()
        self._output = self.add("OutputMaterial")
        self.surface = self.add("BsdfPrincipled", **inputs)
        self._link(self.surface.outputs[0], self._output.inputs["Surface"])

    def add(self, kind: str, **inputs: Value) -> Any:
        """Add a node ``ShaderNode<kind>``; inputs by name, with ``_`` for a space."""
        node = self._tree.nodes.new(f"ShaderNode{kind}")
        for name, value in inputs.items():
            self.feed(node, name.replace("_", " "), value)
        return node

    def feed(self, node: Any, name: str | int, value: Value) -> None:
        """Give an input of a node a socket, a number or a colour."""
        socket = node.inputs[name]
        if isinstance(value, bpy.types.NodeSocket):
            self._link(value, socket)
        elif isinstance(value, Sequence) and socket.type == "RGBA":
            socket.default_value = (*value[:3], 1.0)
        else:
            socket.default_value = value

    def set(self, **inputs: Value) -> Shader:
        """Feed the Principled BSDF."""
        for name, value in inputs.items():
            self.feed(self.surface, name.replace("_", " "), value)
        return self

    def replace_surface(self, socket: Socket) -> Shader:
        """Show another shader in place of the Principled BSDF."""
        self._link(socket, self._output.inputs["Surface"])
        return self

    def place(
        self, kind: str = "Object", scale: Sequence[float] = (1, 1, 1), move: Sequence[float] = (0, 0, 0)
    ) -> Socket:
        """Give coordinates, ``Object`` in metres, ``UV`` or ``Generated``, scaled and moved."""
        source = self.add("TexCoord").outputs[kind]
        return self.add("Mapping", Vector=source, Scale=scale, Location=move).outputs[0]

    def noise(self, at: Socket, size: float, detail: float = 4.0, distortion: float = 0.0) -> Socket:
        """Give noise 0..1 whose clouds have this size in metres."""
        return self.add("TexNoise", Vector=at, Scale=1 / size, Detail=detail, Distortion=distortion).outputs[0]

    def warp(self, at: Socket, size: float, reach: float) -> Socket:
        """Push coordinates about by noise, as far as ``reach`` metres."""
        colour = self.add("TexNoise", Vector=at, Scale=1 / size, Detail=2.0).outputs[1]
        centred = self.vector("SUBTRACT", colour, (0.5, 0.5, 0.5))
        return self.vector("ADD", at, self.vector("SCALE", centred, scale=2 * reach))

    def vector(self, operation: str, first: Value, second: Value = None, scale: float | None = None) -> Socket:
        """Compute with vectors."""
        node = self.add("VectorMath")
        node.operation = operation
        self.feed(node, 0, first)
        if second is not None:
            self.feed(node, 1, second)
        if scale is not None:
            self.feed(node, "Scale", scale)
        return node.outputs[0]

    def math(self, operation: str, first: Value, second: Value = 0.0, third: Value = 0.0) -> Socket:
        """Compute with numbers."""
        node = self.add("Math")
        node.operation = operation
        for number, value in enumerate((first, second, third)):
            self.feed(node, number, value)
        return node.outputs[0]

    def axes(self, at: Socket) -> tuple[Socket, Socket, Socket]:
        """Split coordinates."""
        x, y, z = self.add("SeparateXYZ", Vector=at).outputs
        return x, y, z

    def combined(self, x: Value = 0.0, y: Value = 0.0, z: Value = 0.0) -> Socket:
        """Join numbers to coordinates."""
        return self.add("CombineXYZ", X=x, Y=y, Z=z).outputs[0]

    def ramp(self, factor: Socket, *stops: tuple[float, Value]) -> Socket:
        """Give colours (or greys, by a number) by a factor 0..1."""
        node = self.add("ValToRGB", Fac=factor)
        points = node.color_ramp.elements
        while len(points) < len(stops):
            points.new(1.0)
        for point, (at, value) in zip(points, stops, strict=True):
            grey = (value, value, value) if isinstance(value, int | float) else value
            point.position, point.color = at, (*grey, 1.0)
        return node.outputs[0]

    def mix(self, share: Value, first: Value, second: Value, blend: str = "MIX") -> Socket:
        """Mix colours."""
        node = self.add("Mix")
        node.data_type, node.blend_type = "RGBA", blend
        self.feed(node, 0, share)
        self.feed(node, 6, first)
        self.feed(node, 7, second)
        return node.outputs[2]

    def edges(self) -> Socket:
        """Give 0.5 on flat parts, more where the surface is pointed and less where it is hollow."""
        return self.add("NewGeometry").outputs["Pointiness"]

    def bump(self, height: Socket, depth: float, strength: float = 1.0) -> Shader:
        """Roughen the surface by a height 0..1 of this depth in metres; on top of the bumps before."""
        node = self.add("Bump", Height=height, Distance=depth, Strength=strength)
        before = self.surface.inputs["Normal"]
        if before.is_linked:
            self._link(before.links[0].from_socket, node.inputs["Normal"])
        self._link(node.outputs[0], before)
        return self

    def _link(self, source: Socket, target: Socket) -> None:
        self._tree.links.new(source, target)
