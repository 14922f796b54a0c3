"""Surfaces of products: of revolution, tubes, blocks and sheets, as Blender's objects in metres, z up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import bmesh
import bpy
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Point = Sequence[float]
Object = Any  # bpy.types.Object; bpy comes without types

AROUND = 192  # facets of a full turn


def mesh_object(vertices: Floats, faces: Iterable[Sequence[int]], coordinates: Floats | None = None) -> Object:
    """Make a smooth object.

    Args:
        vertices: ``[N, 3]``.
        faces: of three or more vertices.
        coordinates: ``[N, 2]``, of textures.
    """
    mesh = bpy.data.meshes.new("shape")
    mesh.from_pydata(vertices.tolist(), [], [list(face) for face in faces])
    if coordinates is not None:
        corners = np.empty(len(mesh.loops), np.int32)
        mesh.loops.foreach_get("vertex_index", corners)
        mesh.uv_layers.new().data.foreach_set("uv", coordinates[corners].astype(np.float32).ravel())
    mesh.shade_smooth()
    mesh.validate()
    shape = bpy.data.objects.new("shape", mesh)
    bpy.context.scene.collection.objects.link(shape)
    return shape


def sheet(points: Floats, *, wrap: bool = False, thickness: float = 0.0, smooth: int = 0) -> Object:
    """Make a surface of points ``[rows, columns, 3]``; texture coordinates are metres along both.

    Args:
        wrap: joins the last column to the first.
        thickness: in metres, to both sides.
        smooth: levels of subdivision.
    """
    if wrap:
        points = np.concatenate([points, points[:, :1]], axis=1)
    rows, columns = points.shape[:2]
    down = np.linalg.norm(np.diff(points, axis=0), axis=2).mean(1).cumsum()
    along = np.linalg.norm(np.diff(points, axis=1), axis=2).mean(0).cumsum()
    v, u = np.meshgrid(np.append(0, down), np.append(0, along), indexing="ij")
    index = np.arange(rows * columns).reshape(rows, columns)
    corners = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    faces = np.stack([corner.ravel() for corner in corners], 1)
    shape = mesh_object(points.reshape(-1, 3), faces.tolist(), np.stack([u.ravel(), v.ravel()], 1))
    if wrap:
        _weld(shape)
    if thickness:
        solid = shape.modifiers.new("thickness", "SOLIDIFY")
        solid.thickness, solid.offset = thickness, 0.0
    if smooth:
        _subdivide(shape, smooth)
    return shape


def lathe(profile: Iterable[Point], around: int = AROUND) -> Object:
    """Make a surface of revolution of (radius, height) pairs."""
    radius, height = np.array(list(profile), float).T
    turn = np.linspace(0, 2 * np.pi, around, endpoint=False)
    ring = np.stack([np.cos(turn), np.sin(turn), np.zeros_like(turn)], 1)
    points = np.maximum(radius, 1e-5)[:, None, None] * ring + height[:, None, None] * np.array([0, 0, 1.0])
    return sheet(points, wrap=True)


def tube(path: Floats, radius: float | Floats, squash: float = 1.0, up: Point = (0.3, 0.5, 0.8)) -> Object:
    """Make a tube along points ``[N, 3]``, closed at its ends.

    Args:
        radius: of the tube, or one for each point.
        squash: how high the tube is, as a share of its breadth.
        up: near the direction in which it is squashed.
    """
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    side = np.cross(along[0], up)
    sides = []
    for direction in along:  # carried along without a twist
        side = side - direction * (side @ direction)
        side /= np.linalg.norm(side)
        sides.append(side)
    across = np.array(sides)
    other = np.cross(along, across)
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    ring = np.cos(turn)[None, :, None] * across[:, None] + squash * np.sin(turn)[None, :, None] * other[:, None]
    radii = np.broadcast_to(np.asarray(radius, float), len(path))
    rings = path[:, None] + radii[:, None, None] * ring
    caps = [path[:1, None] + ring[:1] * 1e-6, rings, path[-1:, None] + ring[-1:] * 1e-6]
    return sheet(np.concatenate(caps), wrap=True)


def block(x: float, y: float, z: float, bevel: float) -> Object:
    """Make a box of these sides, standing on the ground, with rounded edges."""
    signs = np.array([[i, j, k] for i in (-0.5, 0.5) for j in (-0.5, 0.5) for k in (0, 1)])
    faces = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))
    shape = mesh_object(signs * [x, y, z], faces)
    round_edges(shape, bevel)
    return shape


def plate(outline: Floats, thickness: float, bevel: float, holes: Sequence[Floats] = ()) -> Object:
    """Make a flat plate of an outline ``[N, 2]`` with rounded edges and holes, lying on the ground."""
    curve = bpy.data.curves.new("plate", "CURVE")
    curve.dimensions, curve.fill_mode = "2D", "BOTH"
    curve.extrude, curve.bevel_depth, curve.bevel_resolution = thickness / 2 - bevel, bevel, 5
    curve.offset = -bevel
    for line in (outline, *holes):
        spline = curve.splines.new("POLY")
        spline.points.add(len(line) - 1)
        spline.points.foreach_set("co", np.column_stack([line, np.zeros(len(line)), np.ones(len(line))]).ravel())
        spline.use_cyclic_u = True
    shape = bpy.data.objects.new("plate", curve)
    bpy.context.scene.collection.objects.link(shape)
    bpy.context.view_layer.update()
    solid = bpy.data.objects.new("plate", bpy.data.meshes.new_from_object(shape))
    bpy.data.objects.remove(shape)
    solid.data.transform(_matrix(np.eye(3), (0, 0, thickness / 2)))
    solid.data.materials.clear()
    bpy.context.scene.collection.objects.link(solid)
    return solid


def round_edges(shape: Object, radius: float, segments: int = 5) -> None:
    """Bevel the edges of an object."""
    bevel = shape.modifiers.new("bevel", "BEVEL")
    bevel.width, bevel.segments, bevel.limit_method, bevel.angle_limit = radius, segments, "ANGLE", 0.6
    bevel.harden_normals = True


def rounded(points: Sequence[Point], radius: float | Sequence[float], steps: int = 8) -> Floats:
    """Round the corners of a line ``[N, D]``; its ends stay.

    Args:
        radius: how far from a corner the bend begins: one for all, or one for each corner.
    """
    line = np.array(points, float)
    radii = np.broadcast_to(np.asarray(radius, float), len(line) - 2)
    result = [line[0]]
    for before, corner, after, reach in zip(line, line[1:], line[2:], radii, strict=False):
        to, away = before - corner, after - corner
        near = min(reach, np.linalg.norm(to) * 0.49, np.linalg.norm(away) * 0.49)
        start, end = (corner + near * way / np.linalg.norm(way) for way in (to, away))
        for t in np.linspace(0, 1, steps):
            result.append((1 - t) ** 2 * start + 2 * t * (1 - t) * corner + t**2 * end)
    return np.array([*result, line[-1]])


def spline(points: Sequence[Point], steps: int = 12) -> Floats:
    """Draw a smooth line through points (Catmull-Rom): ``[(N - 1) * steps + 1, D]``."""
    line = np.array(points, float)
    padded = np.concatenate([2 * line[:1] - line[1:2], line, 2 * line[-1:] - line[-2:-1]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    parts = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False)
    ]
    return np.concatenate([*parts, line[-1:]])


def resample(line: Floats, count: int) -> Floats:
    """Space the points of a line evenly: ``[count, D]``."""
    length = np.append(0, np.linalg.norm(np.diff(line, axis=0), axis=1).cumsum())
    at = np.linspace(0, length[-1], count)
    return np.stack([np.interp(at, length, axis) for axis in line.T], 1)


def rectangle(x: float, y: float, radius: float, steps: int = 12) -> Floats:
    """Draw a rectangle with round corners about the origin, against the clock: ``[4 * steps, 2]``."""
    turn = np.linspace(0, np.pi / 2, steps)
    corner = np.stack([np.cos(turn), np.sin(turn)], 1) * radius
    quarters = []
    for number, (i, j) in enumerate(((1, 1), (-1, 1), (-1, -1), (1, -1))):
        angle = number * np.pi / 2
        spin = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        quarters.append(corner @ spin.T + [i * (x / 2 - radius), j * (y / 2 - radius)])
    return np.concatenate(quarters)


def circle(radius: float, x: float = 0.0, y: float = 0.0, steps: int = 64) -> Floats:
    """Draw a circle: ``[steps, 2]``."""
    turn = np.linspace(0, 2 * np.pi, steps, endpoint=False)
    return np.stack([x + radius * np.cos(turn), y + radius * np.sin(turn)], 1)


def place(shape: Object, at: Point = (0, 0, 0), turn: Point = (0, 0, 0)) -> Object:
    """Turn an object about x, y and z by degrees, and move it."""
    shape.rotation_euler = np.radians(turn)
    shape.location = at
    return shape


def join(*shapes: Object) -> Object:
    """Put the surfaces of objects, as they are placed, into the first one."""
    bpy.context.view_layer.update()
    whole = bmesh.new()
    for shape in shapes:
        part = shape.data.copy()
        part.transform(shape.matrix_world)
        whole.from_mesh(part)
        bpy.data.meshes.remove(part)
    first, *others = shapes
    whole.to_mesh(first.data)
    whole.free()
    first.location, first.rotation_euler = (0, 0, 0), (0, 0, 0)
    for shape in others:
        bpy.data.objects.remove(shape)
    return first


def deform(shape: Object, move: Callable[[Floats], Floats]) -> Object:
    """Move the vertices of an object: ``move`` takes and gives ``[N, 3]``."""
    vertices = np.empty(len(shape.data.vertices) * 3)
    shape.data.vertices.foreach_get("co", vertices)
    shape.data.vertices.foreach_set("co", move(vertices.reshape(-1, 3)).ravel())
    shape.data.update()
    return shape


def waves(points: Floats, size: float, seed: int, octaves: int = 3) -> Floats:
    """Give a smooth random height in about -1..1 at points ``[..., D]``; ``size`` is that of a wave in metres."""
    random = np.random.default_rng(seed)
    height = np.zeros(points.shape[:-1])
    for octave in range(octaves):
        for _ in range(6):
            direction = random.normal(size=points.shape[-1])
            direction *= 2**octave / size * 2 * np.pi / np.linalg.norm(direction) * random.uniform(0.6, 1.2)
            height += np.sin(points @ direction + random.uniform(0, 2 * np.pi)) / 2**octave / 4
    return height


def _weld(shape: Object) -> None:
    """Join the vertices that coincide; seams of texture coordinates stay."""
    whole = bmesh.new()
    whole.from_mesh(shape.data)
    bmesh.ops.remove_doubles(whole, verts=whole.verts, dist=1e-7)
    bmesh.ops.recalc_face_normals(whole, faces=whole.faces)
    whole.to_mesh(shape.data)
    whole.free()
    shape.data.shade_smooth()


def _subdivide(shape: Object, levels: int) -> None:
    finer = shape.modifiers.new("smooth", "SUBSURF")
    finer.levels = finer.render_levels = levels


def _matrix(turn: Floats, move: Point) -> Any:
    from mathutils import Matrix

    whole = np.eye(4)
    whole[:3, :3], whole[:3, 3] = turn, move
    return Matrix(whole.tolist())
