"""The studio: ground and wall, soft boxes, and a camera that frames the product."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import bpy
import numpy as np
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector

from .shaders import Shader, linear
from .shapes import Floats, Object, block, place, rounded, sheet

_SENSOR = 0.036  # metres, of the longer side


@dataclass(frozen=True, slots=True)
class View:
    """How a photograph is taken.

    Attributes:
        width, height: in pixels.
        around, above: where the camera stands, in degrees: from the front to the right, and above the horizon.
        lens: in millimetres, of a camera whose longer side is 36 mm.
        stop: f-number of the lens.
        fill: share of the frame that the product takes, of the side that it fills more.
        lift: by how much the product lies below the middle of the frame, as a share of the frame.
    """

    width: int = 1600
    height: int = 1600
    around: float = 0.0
    above: float = 12.0
    lens: float = 85.0
    stop: float = 11.0
    fill: float = 0.8
    lift: float = 0.0


@dataclass(frozen=True, slots=True)
class Light:
    """How a product is lit; powers are those of a soft box seen from it, 1 for a wall of white.

    Attributes:
        key: power of the large box.
        fill: of the box on the other side.
        top: of the box above.
        world: of all around.
        wall: of the light on the wall behind.
        side: degrees of the key from the front to the right.
        size: of the key, in lengths of the product.
    """

    key: float = 6.0
    fill: float = 1.6
    top: float = 3.0
    world: float = 0.4
    wall: float = 2.0
    side: float = -55.0
    size: float = 1.6


Ground = Callable[[float], None]


def points_of(shapes: Sequence[Object]) -> Floats:
    """Give the corners of objects as they are shown, in the world: ``[N, 3]``."""
    bpy.context.view_layer.update()
    shown = bpy.context.evaluated_depsgraph_get()
    parts = []
    for shape in shapes:
        mesh = shape.evaluated_get(shown).to_mesh()
        vertices = np.empty(len(mesh.vertices) * 3)
        mesh.vertices.foreach_get("co", vertices)
        matrix = np.array(shape.matrix_world)
        parts.append(vertices.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3])
    return np.concatenate(parts)


def light_up(light: Light, reach: float) -> None:
    """Set up the soft boxes about a product of this length, in metres, at the origin."""
    scene = bpy.context.scene
    world = scene.world = bpy.data.worlds.new("studio")
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs[0].default_value = (0.95, 0.97, 1.0, 1)
    world.node_tree.nodes["Background"].inputs[1].default_value = light.world
    far = 2.6 * reach
    key = np.radians(light.side)
    front = np.array([np.sin(key), -np.cos(key), 0.55])
    _box(front * far, light.size * reach, light.key, (1.0, 0.975, 0.94), reach)
    _box(np.array([-front[0], front[1], 0.35]) * far, 2.0 * reach, light.fill, (0.93, 0.96, 1.0), reach)
    _box(np.array([0.0, 0.35, 1.0]) * far, 1.5 * reach, light.top, (1.0, 1.0, 1.0), reach)
    if light.wall:
        _box(
            np.array([0.0, 1.2, 1.5]) * far,
            4 * reach,
            light.wall,
            (1.0, 1.0, 1.0),
            reach,
            np.array([0, 3.2, 0.2]) * far,
        )


def _box(at: Floats, size: float, power: float, tint: Sequence[float], reach: float, aim: Floats | None = None) -> None:
    lamp = bpy.data.lights.new("box", "AREA")
    lamp.shape, lamp.size, lamp.color = "SQUARE", size, tint
    lamp.energy = power * np.pi * size**2
    holder = bpy.data.objects.new("box", lamp)
    bpy.context.scene.collection.objects.link(holder)
    holder.location = Vector(at.tolist())
    target = Vector((np.array([0, 0, 0.3 * reach]) if aim is None else aim).tolist())
    holder.rotation_euler = (target - holder.location).to_track_quat("-Z", "Y").to_euler()


def seamless(colour: str = "#F4F4F2") -> Ground:
    """Paper that runs from the table up the wall without an edge."""

    def build(reach: float) -> None:
        shader = Shader("seamless", Base_Color=linear(colour), Roughness=0.7, Specular_IOR_Level=0.25)
        curve = rounded([(-8, 0), (5.5, 0), (5.5, 12)], 3.5, 48) * reach
        x = np.linspace(-9, 9, 3) * reach
        points = np.stack(
            [np.broadcast_to(x, (len(curve), 3)), *(np.repeat(curve[:, axis, None], 3, 1) for axis in (0, 1))], 2
        )
        dress(sheet(points), shader)

    return build


def table(shader: Callable[[], Shader], wall: str, *, planks: int = 0, depth: float = 1.6, far: float = 3.5) -> Ground:
    """A table before a plain wall.

    Args:
        planks: boards of the table over its depth; 0 for one piece.
        depth: of the table behind the product, and ``far`` of the wall, in lengths of the product.
    """

    def build(reach: float) -> None:
        front = 3.0
        count = planks or 1
        breadth = (depth + front) * reach / count
        top = shader()
        for number in range(count):
            board = place(block(14 * reach, breadth - (0.002 if planks else 0), 0.04, 0.002), (0, 0, -0.04))
            board.location.y = (-front * reach) + breadth * (number + 0.5)
            board.location.x = 0.37 * reach * ((number * 7) % 5 - 2)
            dress(board, top)
        back = Shader("wall", Base_Color=linear(wall), Roughness=0.9, Specular_IOR_Level=0.1)
        back.bump(back.noise(back.place(), 0.03, 5.0), 0.0015)
        x = np.array([-12.0, 12.0]) * reach
        points = np.array([[[i, far * reach, z * reach] for i in x] for z in (-6.0, 12.0)])
        dress(sheet(points), back)

    return build


def dress(shape: Object, shader: Shader) -> Object:
    """Give an object its material."""
    shape.data.materials.clear()
    shape.data.materials.append(shader.material)
    return shape


def frame(view: View, product: Sequence[Object]) -> None:
    """Put the camera where the product fills its share of the frame, and focus on the nearest part of it."""
    scene = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y = view.width, view.height
    camera = bpy.data.cameras.new("camera")
    camera.lens, camera.sensor_width, camera.sensor_fit = view.lens, _SENSOR * 1000, "AUTO"
    camera.clip_start, camera.clip_end = 0.005, 500
    holder = scene.camera = bpy.data.objects.new("camera", camera)
    scene.collection.objects.link(holder)
    points = points_of(product)
    points = points[:: max(1, len(points) // 6000)]
    around, above = np.radians(view.around), np.radians(view.above)
    away = np.array([np.sin(around) * np.cos(above), -np.cos(around) * np.cos(above), np.sin(above)])
    target, far = (points.min(0) + points.max(0)) / 2, 6 * np.ptp(points, axis=0).max()
    holder.rotation_euler = Vector((-away).tolist()).to_track_quat("-Z", "Y").to_euler()
    for _ in range(12):
        holder.location = Vector((target + away * far).tolist())
        bpy.context.view_layer.update()
        seen = np.array([world_to_camera_view(scene, holder, Vector(point)) for point in points.tolist()])
        low, high = seen[:, :2].min(0), seen[:, :2].max(0)
        right, up = (np.array(holder.matrix_world.col[axis])[:3] for axis in (0, 1))
        longer = far * _SENSOR * 1000 / view.lens
        size = longer * np.array([min(1, view.width / view.height), min(1, view.height / view.width)])
        middle = (low + high) / 2 - 0.5 + [0, view.lift]
        target = target + right * middle[0] * size[0] + up * middle[1] * size[1]
        far *= (high - low).max() / view.fill
    near, deep = np.percentile(seen[:, 2], (2, 60))
    camera.dof.use_dof, camera.dof.aperture_fstop = True, view.stop
    camera.dof.focus_distance = float((near + deep) / 2)
