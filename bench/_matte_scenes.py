"""Products before backdrops, path-traced by Mitsuba 3, each with its true mask: what ``bench/matte/`` holds.

    pip install mitsuba==3.9.1
    python bench/_matte_scenes.py [--out DIR] [--only NAME …] [--smoke]

Shapes are surfaces of revolution, tubes and boxes with materials of ceramic, steel, wood, glass and cloth, lit by two
soft boxes. The mask is the share of a pixel's samples that hit the product. Noise is that of path tracing; a lens and
JPEG do the rest. Mitsuba is no dependency of Packshot: its pictures are committed.
"""

from __future__ import annotations

import argparse
import tempfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from _options import add_smoke
from PIL import Image, ImageFilter

Floats = npt.NDArray[np.float64]
Dictionary = dict[str, Any]
Part = tuple["Mesh", Dictionary]

SIDE, SAMPLES, MASK_SAMPLES = 640, 64, 64
_AROUND = 96  # facets of a full turn


@dataclass(frozen=True, slots=True)
class Mesh:
    """A surface of triangles: vertices ``[N, 3]``, texture coordinates ``[N, 2]``, faces ``[M, 3]``."""

    vertices: Floats
    coordinates: Floats
    faces: npt.NDArray[np.int32]

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0, turn: float = 0.0) -> Mesh:
        """Turned about the vertical by degrees, then moved."""
        angle = np.radians(turn)
        spin = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
        return Mesh(self.vertices @ spin.T + [x, y, z], self.coordinates, self.faces)

    def write(self, path: Path) -> None:
        """Write it as PLY."""
        kinds = [(axis, "<f4") for axis in ("x", "y", "z", "u", "v")]
        points = np.empty(len(self.vertices), kinds)
        for column, values in zip(kinds, np.column_stack([self.vertices, self.coordinates]).T, strict=True):
            points[column[0]] = values
        faces = np.empty(len(self.faces), [("n", "u1"), ("i", "<i4", 3)])
        faces["n"], faces["i"] = 3, self.faces
        header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(points)}"]
        header += [f"property float {axis}" for axis, _ in kinds]
        header += [f"element face {len(faces)}", "property list uchar int vertex_indices", "end_header", ""]
        path.write_bytes("\n".join(header).encode() + points.tobytes() + faces.tobytes())


def grid(points: Floats, wrap: bool) -> Mesh:
    """A mesh of points ``[rows, columns, 3]``; ``wrap`` joins the last column to the first."""
    rows, columns = points.shape[:2]
    if wrap:
        points = np.concatenate([points, points[:, :1]], axis=1)
        columns += 1
    v, u = np.meshgrid(np.linspace(0, 1, rows), np.linspace(0, 1, columns), indexing="ij")
    index = np.arange(rows * columns).reshape(rows, columns)
    low, high = index[:-1, :-1].ravel(), index[1:, 1:].ravel()
    right, up = index[:-1, 1:].ravel(), index[1:, :-1].ravel()
    faces = np.concatenate([np.stack([low, right, high], 1), np.stack([low, high, up], 1)]).astype(np.int32)
    return Mesh(points.reshape(-1, 3), np.stack([u.ravel(), v.ravel()], 1), faces)


def lathe(*profile: tuple[float, float]) -> Mesh:
    """A surface of revolution of (radius, height) pairs."""
    radius, height = np.array(profile, float).T
    turn = np.linspace(0, 2 * np.pi, _AROUND, endpoint=False)
    ring = np.stack([np.cos(turn), np.sin(turn), np.zeros_like(turn)], 1)
    return grid(radius[:, None, None] * ring + height[:, None, None] * np.array([0, 0, 1.0]), wrap=True)


def tube(path: Floats, radius: float | Floats) -> Mesh:
    """A tube along points ``[N, 3]``."""
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    side = np.cross(along[0], [0.3, 0.5, 0.8])
    sides = []
    for direction in along:  # carried along without a twist
        side = side - direction * (side @ direction)
        side /= np.linalg.norm(side)
        sides.append(side)
    across = np.array(sides)
    other = np.cross(along, across)
    turn = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    ring = np.cos(turn)[None, :, None] * across[:, None] + np.sin(turn)[None, :, None] * other[:, None]
    return grid(path[:, None] + np.broadcast_to(radius, len(path))[:, None, None] * ring, wrap=True)


def bar(start: Sequence[float], end: Sequence[float], radius: float) -> Mesh:
    """A straight tube."""
    return tube(np.linspace(start, end, 8), radius)


def arc(
    centre: Sequence[float], across: float, up: float, first: float, last: float, radius: float, turns: float = 0.0
) -> Mesh:
    """A bent tube in the plane of x and z: part of an ellipse, angles in degrees from +x."""
    angle = np.radians(np.linspace(first, last, 60))
    path = np.stack([across * np.cos(angle), np.zeros_like(angle), up * np.sin(angle)], 1)
    return Mesh(*_tube_parts(tube(path, radius), turns, centre))


def _tube_parts(mesh: Mesh, turns: float, centre: Sequence[float]) -> tuple[Floats, Floats, npt.NDArray[np.int32]]:
    placed = mesh.moved(turn=turns).moved(*centre)
    return placed.vertices, placed.coordinates, placed.faces


def block(x: float, y: float, z: float) -> Mesh:
    """A box of these sides, standing on the ground."""
    corners = np.array([[i, j, k] for i in (-0.5, 0.5) for j in (-0.5, 0.5) for k in (0, 1)]) * [x, y, z]
    quads = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))
    vertices = np.concatenate([corners[list(quad)] for quad in quads])
    faces = [(4 * side, 4 * side + a, 4 * side + b) for side in range(6) for a, b in ((1, 2), (2, 3))]
    unit = np.tile([[0.0, 0], [0, 1], [1, 1], [1, 0]], (6, 1))
    return Mesh(vertices, unit, np.array(faces, np.int32))


def matt(*rgb: float) -> Dictionary:
    return {"type": "twosided", "bsdf": {"type": "diffuse", "reflectance": {"type": "rgb", "value": list(rgb)}}}


def glazed(*rgb: float) -> Dictionary:
    colour = {"type": "rgb", "value": list(rgb)}
    return {"type": "twosided", "bsdf": {"type": "roughplastic", "diffuse_reflectance": colour, "alpha": 0.08}}


def metal(kind: str, alpha: float) -> Dictionary:
    return {"type": "twosided", "bsdf": {"type": "roughconductor", "material": kind, "alpha": alpha}}


def printed(values: Floats, repeat: float = 1.0) -> Dictionary:
    """Cloth, wood or paper: a picture ``[H, W, 3]`` of sRGB values on a matt surface."""
    import mitsuba as mi

    bitmap = mi.Bitmap(np.clip(values * 255, 0, 255).astype(np.uint8))
    texture = {"type": "bitmap", "bitmap": bitmap, "to_uv": mi.ScalarTransform4f().scale(repeat)}
    return {"type": "twosided", "bsdf": {"type": "diffuse", "reflectance": texture}}


def perforated(bsdf: Dictionary, across: int, down: int) -> Dictionary:
    """Sheet with round holes."""
    import mitsuba as mi

    v, u = np.mgrid[0:1024, 0:2048] / [[[1024]], [[2048]]]
    hole = np.hypot((u * across) % 1 - 0.5, (v * down) % 1 - 0.5) < 0.3
    solid = (~(hole & (v > 0.08) & (v < 0.92))).astype(np.uint8) * 255
    texture = {"type": "bitmap", "bitmap": mi.Bitmap(solid[..., None]), "raw": True, "filter_type": "nearest"}
    return {"type": "mask", "opacity": texture, "bsdf": bsdf}


def wood(dark: Sequence[float], light: Sequence[float], seed: str, planks: int = 0) -> Floats:
    """Grain along x, with joints where it lies in planks."""
    random = np.random.default_rng(zlib.crc32(seed.encode()))
    rows, columns = np.mgrid[0:512, 0:512] / 512.0
    waves = sum(
        np.sin(2 * np.pi * (rows * f + 0.4 * np.sin(2 * np.pi * columns * random.uniform(0.3, 1)) + random.random()))
        for f in random.uniform(8, 50, 7)
    )
    share = np.clip(0.5 + 0.16 * np.asarray(waves) + random.normal(0, 0.05, rows.shape), 0, 1)[..., None]
    values: Floats = np.array(dark) * (1 - share) + np.array(light) * share
    if planks:
        tone = random.uniform(0.75, 1.1, planks)[(rows * planks).astype(int) % planks]
        values = values * tone[..., None] * np.where((rows * planks) % 1 < 0.03, 0.4, 1)[..., None]
    return values


def checks(first: Sequence[float], second: Sequence[float], count: int, seed: str) -> Floats:
    """Tiles or a woven cloth of two colours."""
    random = np.random.default_rng(zlib.crc32(seed.encode()))
    rows, columns = np.mgrid[0:512, 0:512] * count // 512
    odd = ((rows + columns) % 2)[..., None]
    tone = random.uniform(0.85, 1.1, (count, count))[rows, columns]
    values: Floats = (np.array(first) * odd + np.array(second) * (1 - odd)) * tone[..., None]
    return values


def label(ground: Sequence[float], ink: Sequence[float], seed: str) -> Floats:
    """Blocks and lines, as of a printed pack."""
    random = np.random.default_rng(zlib.crc32(seed.encode()))
    values = np.broadcast_to(np.array(ground, float), (512, 512, 3)).copy()
    values[120:200, 40:472] = ink
    for row in range(240, 440, 26):
        values[row : row + 9, 60 : 60 + int(random.integers(150, 390))] = ink
    return values


def mug(bsdf: Dictionary) -> list[Part]:
    wall = lathe((0, 0), (0.38, 0), (0.42, 0.05), (0.42, 0.95), (0.39, 0.95), (0.385, 0.08), (0, 0.08))
    return [(wall, bsdf), (arc((0.42, 0, 0.5), 0.26, 0.3, -90, 90, 0.045), bsdf)]


def kettle(bsdf: Dictionary, dark: Dictionary) -> list[Part]:
    body = lathe((0, 0), (0.5, 0), (0.55, 0.06), (0.5, 0.4), (0.3, 0.68), (0.16, 0.72), (0, 0.76))
    spout = tube(
        np.array([[0.42, 0, 0.25], [0.6, 0, 0.34], [0.72, 0, 0.5], [0.84, 0, 0.66]]), np.array([0.11, 0.08, 0.06, 0.05])
    )
    knob = lathe((0, 0.74), (0.05, 0.76), (0.06, 0.82), (0, 0.86))
    return [(body, bsdf), (spout, bsdf), (arc((0, 0, 0.42), 0.46, 0.75, 2, 178, 0.035), dark), (knob, dark)]


def chair(bsdf: Dictionary) -> list[Part]:
    seat = block(0.8, 0.7, 0.06).moved(z=0.6)
    legs = [bar((x, y, 0), (0.85 * x, 0.85 * y, 0.62), 0.03) for x in (-0.38, 0.38) for y in (-0.32, 0.32)]
    back = [bar((x, 0.3, 0.62), (x * 1.1, 0.4, 1.32), 0.014) for x in np.linspace(-0.32, 0.32, 7)]
    rails = [bar((-0.4, 0.4, 1.32), (0.4, 0.4, 1.32), 0.035), bar((-0.34, -0.3, 0.3), (0.34, -0.3, 0.3), 0.018)]
    return [(mesh, bsdf) for mesh in (seat, *legs, *back, *rails)]


def lamp(shade: Dictionary, stem: Dictionary) -> list[Part]:
    foot = lathe((0, 0), (0.3, 0), (0.3, 0.03), (0.05, 0.05), (0, 0.05))
    cover = lathe((0.42, 0.85), (0.2, 1.35))
    return [(cover, shade), (bar((0, 0, 0.03), (0, 0, 1.3), 0.012), stem), (foot, stem)]


def headphones(bsdf: Dictionary, pads: Dictionary) -> list[Part]:
    band = arc((0, 0, 0.62), 0.46, 0.55, 0, 180, 0.03)
    cups = [lathe((0, 0), (0.2, 0), (0.22, 0.05), (0.2, 0.13), (0, 0.14)) for _ in range(2)]
    parts: list[Part] = [(band, bsdf)]
    for cup, x in zip(cups, (-0.46, 0.46), strict=True):
        turned = Mesh(cup.vertices[:, [2, 1, 0]] * [np.sign(-x), 1, 1] + [x, 0, 0.42], cup.coordinates, cup.faces)
        parts += [(turned, pads), (bar((x, 0, 0.42), (x, 0, 0.66), 0.02), bsdf)]
    cable = np.linspace(0, 1, 60)
    run = np.stack([-0.46 - 0.25 * np.sin(3 * cable), -0.5 * cable, 0.22 * (1 - cable) ** 3 + 0.012], 1)
    return [*parts, (tube(run, 0.012), bsdf)]


def bowl(bsdf: Dictionary) -> list[Part]:
    shell = ((0, 0.0), (0.22, 0), (0.24, 0.05), (0.45, 0.2), (0.6, 0.44), (0.575, 0.44), (0.42, 0.22), (0.2, 0.08))
    return [(lathe(*shell, (0, 0.08)), bsdf)]


def carton(bsdf: Dictionary, turn: float = 28.0) -> list[Part]:
    return [(block(0.8, 0.55, 0.6).moved(turn=turn), bsdf)]


def bottle(bsdf: Dictionary, cap: Dictionary) -> list[Part]:
    body = lathe((0, 0), (0.26, 0), (0.28, 0.04), (0.28, 0.75), (0.1, 0.98), (0.09, 1.2), (0, 1.2))
    return [(body, bsdf), (lathe((0, 1.2), (0.11, 1.2), (0.11, 1.34), (0, 1.34)), cap)]


def necklace(bsdf: Dictionary, stone: Dictionary) -> list[Part]:
    parts: list[Part] = []
    for link, angle in enumerate(np.linspace(-230, 50, 64)):
        x, y = 0.62 * np.cos(np.radians(angle)), 0.5 * np.sin(np.radians(angle))
        tilt = 0.9 if link % 2 else 0.2
        turn = np.radians(np.linspace(0, 360, 28))
        ring = np.stack([0.042 * np.cos(turn), 0.024 * np.sin(turn) * tilt, 0.024 * np.sin(turn) * (1 - tilt)], 1)
        parts.append((tube(ring, 0.009).moved(x, y, 0.03, turn=angle + 90), bsdf))
    return [*parts, (lathe((0, 0), (0.1, 0.02), (0.12, 0.05), (0.06, 0.1), (0, 0.1)).moved(0, -0.55), stone)]


def handbag(bsdf: Dictionary, strap: Dictionary) -> list[Part]:
    body = block(0.95, 0.3, 0.6)
    long = np.linspace(0, np.pi, 60)
    strip = np.stack([0.44 * np.cos(long), 0.05 * np.sin(2 * long), 0.58 + 0.75 * np.sin(long)], 1)
    return [(body, bsdf), (tube(strip, 0.018), strap), (block(0.2, 0.32, 0.1).moved(z=0.4), strap)]


def stool(bsdf: Dictionary) -> list[Part]:
    seat = lathe((0, 0.8), (0.36, 0.8), (0.38, 0.84), (0.36, 0.88), (0, 0.88))
    ends = [(0.4 * np.cos(a), 0.4 * np.sin(a)) for a in np.radians([30, 150, 270])]
    legs = [bar((x, y, 0), (0.5 * x, 0.5 * y, 0.82), 0.025) for x, y in ends]
    ring = np.radians(np.linspace(0, 360, 80))
    return [(mesh, bsdf) for mesh in (seat, *legs)] + [
        (tube(np.stack([0.32 * np.cos(ring), 0.32 * np.sin(ring), np.full(80, 0.3)], 1), 0.012), bsdf)
    ]


OAK, WALNUT = ((0.5, 0.34, 0.18), (0.78, 0.6, 0.38)), ((0.2, 0.11, 0.06), (0.42, 0.26, 0.15))


@dataclass(frozen=True, slots=True)
class Shot:
    """A photograph to render.

    Attributes:
        product: gives its parts.
        ground: gives the material of floor and wall.
        height: of the camera, for a product one unit tall.
        span: how much of the width the frame shows, in units.
        aim: the height at which the camera looks.
    """

    product: Callable[[], list[Part]]
    ground: Callable[[], Dictionary]
    height: float = 1.3
    span: float = 1.9
    aim: float = 0.45


def _plain(*rgb: float) -> Callable[[], Dictionary]:
    return lambda: matt(*rgb)


WHITE, GREY, BEIGE, SLATE = _plain(0.86, 0.86, 0.86), _plain(0.42, 0.43, 0.45), _plain(0.62, 0.5, 0.38), _plain(
    0.05, 0.055, 0.06
)  # fmt: skip


def _planks() -> Dictionary:
    return printed(wood(*OAK, "table", planks=9), 2.0)


def _tiles() -> Dictionary:
    return printed(checks((0.75, 0.72, 0.66), (0.3, 0.34, 0.36), 14, "floor"), 1.0)


def _cloth() -> Dictionary:
    return printed(checks((0.72, 0.25, 0.22), (0.86, 0.82, 0.75), 48, "cloth"), 1.0)


SHOTS: dict[str, Shot] = {
    "mug-white-on-white": Shot(lambda: mug(glazed(0.8, 0.8, 0.79)), WHITE),
    "mug-red-on-grey": Shot(lambda: mug(glazed(0.5, 0.03, 0.03)), GREY),
    "mug-blue-on-planks": Shot(lambda: mug(glazed(0.03, 0.08, 0.4)), _planks),
    "kettle-steel-on-grey": Shot(lambda: kettle(metal("Cr", 0.2), matt(0.03, 0.03, 0.03)), GREY, span=2.1, aim=0.5),
    "kettle-red-on-white": Shot(lambda: kettle(glazed(0.5, 0.02, 0.02), matt(0.05, 0.05, 0.05)), WHITE, span=2.1),
    "chair-oak-on-white": Shot(lambda: chair(printed(wood(*OAK, "chair"))), WHITE, span=2.0, aim=0.62),
    "chair-walnut-on-tiles": Shot(lambda: chair(printed(wood(*WALNUT, "chair"))), _tiles, span=2.0, aim=0.62),
    "lamp-brass-on-white": Shot(lambda: lamp(perforated(metal("Cu", 0.25), 36, 9), metal("Cu", 0.2)), WHITE, aim=0.66),
    "lamp-black-on-beige": Shot(
        lambda: lamp(perforated(matt(0.02, 0.02, 0.02), 28, 7), matt(0.02, 0.02, 0.02)), BEIGE, aim=0.66
    ),
    "headphones-black-on-slate": Shot(lambda: headphones(matt(0.25, 0.25, 0.26), glazed(0.02, 0.02, 0.02)), SLATE),
    "headphones-white-on-grey": Shot(lambda: headphones(glazed(0.8, 0.8, 0.8), matt(0.7, 0.68, 0.66)), GREY),
    "bowl-white-on-white": Shot(lambda: bowl(glazed(0.82, 0.82, 0.81)), WHITE, aim=0.2),
    "bowl-ochre-on-cloth": Shot(lambda: bowl(glazed(0.5, 0.28, 0.06)), _cloth, aim=0.2),
    "box-white-on-white": Shot(lambda: carton(matt(0.8, 0.8, 0.8)), WHITE, aim=0.3),
    "box-printed-on-planks": Shot(
        lambda: carton(printed(label((0.15, 0.35, 0.3), (0.9, 0.85, 0.7), "box"))), _planks, aim=0.3
    ),
    "bottle-glass-on-white": Shot(lambda: bottle({"type": "dielectric"}, matt(0.1, 0.1, 0.1)), WHITE, aim=0.6),
    "bottle-green-on-grey": Shot(lambda: bottle(glazed(0.02, 0.14, 0.06), metal("Au", 0.2)), GREY, aim=0.6),
    "bottle-label-on-white": Shot(
        lambda: bottle(printed(label((0.92, 0.92, 0.9), (0.1, 0.2, 0.5), "lotion")), matt(0.75, 0.75, 0.75)),
        WHITE,
        aim=0.6,
    ),
    "necklace-gold-on-slate": Shot(
        lambda: necklace(metal("Au", 0.15), glazed(0.3, 0.01, 0.05)), SLATE, height=2.6, aim=0.0
    ),
    "necklace-silver-on-white": Shot(
        lambda: necklace(metal("Ag", 0.15), glazed(0.02, 0.05, 0.3)), WHITE, height=2.6, aim=0.0
    ),
    "bag-tan-on-white": Shot(lambda: handbag(matt(0.4, 0.2, 0.08), matt(0.1, 0.05, 0.03)), WHITE, aim=0.6),
    "bag-navy-on-cloth": Shot(lambda: handbag(matt(0.04, 0.06, 0.16), matt(0.5, 0.3, 0.1)), _cloth, aim=0.6),
    "stool-black-on-beige": Shot(lambda: stool(matt(0.03, 0.03, 0.03)), BEIGE, aim=0.42),
    "stool-oak-on-tiles": Shot(lambda: stool(printed(wood(*OAK, "stool"))), _tiles, aim=0.42),
}


def render(shot: Shot, folder: Path, side: int, samples: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """The photograph, uint8 ``[side, side, 3]``, and its mask, uint8 ``[side, side]``."""
    import mitsuba as mi

    product: Dictionary = {}
    for number, (mesh, bsdf) in enumerate(shot.product()):
        path = folder / f"part-{number}.ply"
        mesh.write(path)
        product[f"part_{number}"] = {"type": "ply", "filename": str(path), "bsdf": bsdf}
    look = mi.ScalarTransform4f()
    origin, target = [0.5, -4.2, shot.height], [0.06, 0, shot.aim]
    angle = 2 * np.degrees(np.arctan(shot.span / 2 / 4.2))
    sensor: Dictionary = {
        "type": "perspective", "fov": float(angle), "to_world": look.look_at(origin, target, [0, 0, 1]),
        "film": {"type": "hdrfilm", "width": side, "height": side, "pixel_format": "rgba", "rfilter": {"type": "box"}},
    }  # fmt: skip
    sweep = np.array([[y, z] for y, z in [(-6, 0), (1.6, 0)]])
    bend = np.radians(np.linspace(-90, 0, 16))
    curve = np.concatenate([sweep, np.stack([1.6 + 1.2 * np.cos(bend), 1.2 + 1.2 * np.sin(bend)], 1), [[2.8, 8.0]]])
    floor = np.stack([np.stack([np.full(len(curve), x), *curve.T], 1) for x in (-7.0, 7.0)], 1)
    spread = grid(floor, wrap=False)
    spread = Mesh(spread.vertices, spread.vertices[:, [0, 1]] / 2.5 + spread.vertices[:, [2]] * [0, 0.4], spread.faces)
    spread.write(folder / "ground.ply")
    scene: Dictionary = {
        "type": "scene",
        "integrator": {"type": "path", "max_depth": 10, "hide_emitters": True},
        "sensor": sensor,
        "ground": {"type": "ply", "filename": str(folder / "ground.ply"), "face_normals": False, "bsdf": shot.ground()},
        "fill": {"type": "constant", "radiance": {"type": "rgb", "value": [0.35, 0.35, 0.37]}},
        "key": {
            "type": "rectangle", "to_world": look.look_at([-2.6, -2.2, 3.2], [0, 0, 0.4], [0, 0, 1]).scale(1.1),
            "emitter": {"type": "area", "radiance": {"type": "rgb", "value": [5.2, 5.0, 4.7]}},
        },
        "side": {
            "type": "rectangle", "to_world": look.look_at([3.0, -1.4, 2.0], [0, 0, 0.4], [0, 0, 1]).scale(0.8),
            "emitter": {"type": "area", "radiance": {"type": "rgb", "value": [1.8, 1.9, 2.1]}},
        },
        **product,
    }  # fmt: skip
    light = np.array(mi.render(mi.load_dict(scene), spp=samples, seed=7))[..., :3]
    alone = {"type": "scene", "integrator": {"type": "path", "max_depth": 3}, "sensor": sensor, **product}
    hit = np.array(mi.render(mi.load_dict(alone), spp=MASK_SAMPLES, seed=8))[..., 3]
    exposed = light * _EXPOSURE
    coded = np.where(exposed <= 0.0031308, 12.92 * exposed, 1.055 * np.maximum(exposed, 1e-9) ** (1 / 2.4) - 0.055)
    picture = (np.clip(coded, 0, 1) * 255 + 0.5).astype(np.uint8)
    return picture, (np.clip(hit, 0, 1) * 255 + 0.5).astype(np.uint8)


_EXPOSURE = 1.3
_LENS = 0.7  # how soft a pixel is: picture and mask alike


def main() -> None:
    """Render the shots into a folder: NAME.jpg, and NAME.png for the mask."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("matte"))
    parser.add_argument("--only", nargs="*", default=sorted(SHOTS))
    add_smoke(parser)
    options = parser.parse_args()
    import mitsuba as mi

    mi.set_variant("scalar_rgb")
    options.out.mkdir(parents=True, exist_ok=True)
    side, samples = (64, 4) if options.smoke else (SIDE, SAMPLES)
    for name in options.only[: 1 if options.smoke else None]:
        with tempfile.TemporaryDirectory() as scratch:
            picture, mask = render(SHOTS[name], Path(scratch), side, samples)
        lens = ImageFilter.GaussianBlur(_LENS)
        Image.fromarray(picture).filter(lens).save(options.out / f"{name}.jpg", quality=85, optimize=True)
        Image.fromarray(mask).filter(lens).save(options.out / f"{name}.png", optimize=True)
        print(name, flush=True)


if __name__ == "__main__":
    main()
