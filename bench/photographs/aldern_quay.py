"""The ten products of the catalogue ``aldern-quay``: shapes with their materials, in metres, standing at the origin."""

from __future__ import annotations

from collections.abc import Callable

import bpy
import numpy as np

from . import materials
from .materials import ALONG_X, ALONG_Y, ALONG_Z, Grain
from .shaders import Shader
from .shapes import (
    Floats,
    Object,
    block,
    circle,
    deform,
    join,
    lathe,
    place,
    plate,
    rectangle,
    resample,
    rounded,
    sheet,
    spline,
    tube,
    waves,
)
from .studio import dress

_STRAP = 0.0115  # half the breadth of a tote's handle, in metres
OAT_CLAY, BRASS = "#A98A68", "#C9A45C"


def oak(grain: Grain) -> Shader:
    return materials.wood("#C39C6C", "#8E6840", grain, rings=0.004, figure=1.0)


def ash(grain: Grain) -> Shader:
    return materials.wood("#E0C69E", "#B8956A", grain, rings=0.005, figure=0.7)


def mug() -> list[Object]:
    """A thrown mug with a strap for a handle; its foot is left raw."""
    outside = [
        (0.0, 0.004),
        (0.031, 0.004),
        (0.0345, 0.004),
        (0.0385, 0.010),
        (0.0415, 0.030),
        (0.0425, 0.060),
        (0.0418, 0.094),
    ]
    inside = [(0.0384, 0.094), (0.0388, 0.060), (0.0375, 0.020), (0.030, 0.0095), (0.0, 0.009)]
    wall = lathe(rounded(resample(rounded([*outside, *inside], 0.0015), 400).tolist(), 0.0004, 3))
    deform(wall, lambda at: at * (1 + 0.006 * waves(at, 0.12, 3, 1))[:, None])
    path = spline(
        [
            (0.0393, 0, 0.0795),
            (0.0465, 0, 0.0812),
            (0.0550, 0, 0.0830),
            (0.066, 0, 0.081),
            (0.0745, 0, 0.068),
            (0.074, 0, 0.050),
            (0.064, 0, 0.034),
            (0.053, 0, 0.0275),
            (0.046, 0, 0.0258),
            (0.0388, 0, 0.0250),
        ],
        14,
    )
    along = np.linspace(0, 1, len(path))
    radius = 0.0036 + 0.0012 * np.abs(2 * along - 1) ** 3
    strap = tube(path, radius, squash=2.1, up=(0, 1, 0))
    foot = lathe(
        rounded([(0.0, 0.0015), (0.027, 0.0015), (0.0285, 0.0), (0.0325, 0.0), (0.0345, 0.0055), (0.03, 0.006)], 0.0008)
    )
    shader = materials.stoneware("#E9E0CF", "#A97F52", speckles=0.16)
    return [dress(wall, shader), dress(strap, shader), dress(foot, materials.clay(OAT_CLAY, rings=0.0))]


def lamp() -> list[Object]:
    """A lantern of folded paper on a turned foot, lit."""
    foot = [
        (0.0, 0.0),
        (0.072, 0.0),
        (0.078, 0.006),
        (0.077, 0.014),
        (0.055, 0.024),
        (0.030, 0.036),
        (0.0215, 0.060),
        (0.024, 0.085),
        (0.0315, 0.104),
        (0.027, 0.122),
        (0.016, 0.134),
        (0.014, 0.150),
        (0.0, 0.150),
    ]
    turned = dress(lathe(resample(spline(rounded(foot, 0.004, 4).tolist(), 4), 300)), oak(ALONG_Z))
    pleats = 36
    profile = spline(
        [(0.070, 0.158), (0.098, 0.190), (0.122, 0.250), (0.126, 0.310), (0.108, 0.372), (0.074, 0.412)], 10
    )
    turn = np.linspace(0, 2 * np.pi, 2 * pleats, endpoint=False)
    depth = np.where(np.arange(2 * pleats) % 2, -0.009, 0.009)
    radius = profile[:, :1] + depth * np.linspace(0.7, 1, len(profile))[:, None]
    points = np.stack([radius * np.cos(turn), radius * np.sin(turn), np.repeat(profile[:, 1:], 2 * pleats, 1)], 2)
    points *= (1 + 0.006 * waves(points, 0.12, 5, 1))[..., None]
    shade = dress(sheet(points, wrap=True), materials.paper("#F5ECDA", glow=0.4))
    shade.data.shade_flat()
    brass = materials.metal(BRASS, roughness=0.3)
    rims = [
        tube(np.stack([*circle(r, steps=160).T, np.full(160, z)], 1)[[*range(160), 0]], 0.0018)
        for r, z in ((0.071, 0.158), (0.075, 0.412))
    ]
    stem = lathe([(0.0, 0.148), (0.0085, 0.148), (0.0085, 0.185), (0.016, 0.187), (0.016, 0.222), (0.0, 0.222)])
    arms = [
        tube(
            np.array(
                [
                    [0.0, 0, 0.165],
                    [0.04 * np.cos(a), 0.04 * np.sin(a), 0.160],
                    [0.07 * np.cos(a), 0.07 * np.sin(a), 0.158],
                ]
            ),
            0.0014,
        )
        for a in np.radians([20, 140, 260])
    ]
    bulb = lathe(
        spline([(0.0, 0.318), (0.018, 0.312), (0.030, 0.290), (0.028, 0.265), (0.014, 0.238), (0.012, 0.222)], 10)
    )
    cable = tube(
        spline(
            [
                (0.0, 0.070, 0.006),
                (0.02, 0.13, 0.0035),
                (0.07, 0.20, 0.0035),
                (0.10, 0.32, 0.0035),
                (0.06, 0.46, 0.0035),
                (-0.02, 0.6, 0.0035),
            ],
            20,
        ),
        0.003,
    )
    lamp_light = bpy.data.lights.new("bulb", "POINT")
    lamp_light.energy, lamp_light.color, lamp_light.shadow_soft_size = 0.5, (1.0, 0.76, 0.5), 0.03
    holder = bpy.data.objects.new("bulb", lamp_light)
    holder.location = (0, 0, 0.285)
    bpy.context.scene.collection.objects.link(holder)
    glow = dress(bulb, materials.light("#FFD6A3", 2.5))
    glow.visible_shadow = False
    metal = [dress(shape, brass) for shape in (*rims, stem, *arms)]
    return [turned, shade, *metal, glow, dress(cable, materials.plastic("#3A2F28"))]


def tote() -> list[Object]:
    """A bag of waxed canvas with leather handles, standing by itself."""
    around, up = 480, 220
    turn = np.linspace(0, 2 * np.pi, around, endpoint=False)

    def wall(turn: Floats, share: Floats, out: float = 0.0) -> Floats:
        """Points of the bag's wall: ``share`` of its height 0..1, ``out`` in metres."""
        width = 0.165 + 0.030 * share + out
        depth = 0.074 * np.maximum(1 - share, 0) ** 0.8 + 0.020 + 0.016 * np.sin(np.pi * share) + out
        power = 2 / (4.5 - 1.6 * share)
        cosine, sine = np.cos(turn), np.sin(turn)
        x = width * np.sign(cosine) * np.abs(cosine) ** power
        y = depth * np.sign(sine) * np.abs(sine) ** power
        z = 0.34 * share + 0.008 * share * np.cos(2 * turn) + 0.006 * share * np.sin(turn * 3 + 1)
        flat = np.stack([x * 0.6, y * 1.5, z * 0.8], -1)
        folds = 0.010 * waves(flat, 0.24, 8, 2) * np.sin(np.pi * np.clip(share, 0.02, 0.9)) ** 0.7
        folds += 0.0035 * waves(np.stack([x, y, z * 0.35], -1), 0.07, 21, 3) * (0.35 + share)
        slump = 0.006 * np.exp(-(((share - 0.14 - 0.03 * np.sin(3 * turn)) / 0.03) ** 2))
        normal = np.stack([cosine * 0.5, sine, np.zeros_like(sine)], -1)
        return np.stack([x, y, z], -1) + normal * (folds + slump)[..., None]

    share = np.linspace(0, 1, up)[:, None]
    grid = np.broadcast_to(turn, (up, around))
    points = wall(grid, np.broadcast_to(share, grid.shape))
    tuck = np.linspace(0.0, 1, 14)[:, None, None]
    base = points[0] * [1, 1, 0]
    floor = base * np.concatenate([tuck, tuck, tuck], 2) + [0, 0, 0.004]
    points[:12] += (1 - np.linspace(0, 1, 12)[:, None, None]) ** 2 * -0.012 * _outward(points[0])[None]
    floor[-1] = points[0]
    body = sheet(np.concatenate([floor[:-1] * [0.93, 0.86, 1], points]), wrap=True, thickness=0.0022)
    hem = sheet(
        np.stack([wall(turn, np.full(around, s), 0.0022) for s in np.linspace(0.90, 1.004, 12)]),
        wrap=True,
        thickness=0.0026,
    )
    skirt = sheet(
        np.stack([wall(turn, np.full(around, s), 0.002) for s in np.linspace(0.035, 0.215, 30)]),
        wrap=True,
        thickness=0.0022,
    )
    fabric = materials.canvas("#2E423C", wax=0.7)
    parts = [dress(shape, fabric) for shape in (body, hem, skirt)]
    stitches = [
        _stitches(resample(wall(np.linspace(0, 2 * np.pi, 3000), np.full(3000, s), out), 260), 0.00055)
        for s, out in ((0.912, 0.0037), (0.985, 0.0037), (0.206, 0.0033))
    ]
    parts += [dress(join(*stitches), materials.yarn("#B9A98A"))]
    leather, brass = materials.leather("#7A4A2B"), materials.metal(BRASS, roughness=0.28)
    for side, peak, swing in ((-1, 0.565, -0.02), (1, 0.555, 0.035)):
        parts += _handle(wall, side, peak, swing, leather, brass)
    return parts


def _outward(ring: Floats) -> Floats:
    flat = ring * [1, 1, 0]
    outward: Floats = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9)
    return outward


def _handle(
    wall: Callable[..., Floats], side: int, peak: float, swing: float, leather: Shader, brass: Shader
) -> list[Object]:
    """A strap that is riveted to the wall of the bag: up, over and down."""
    share = np.linspace(0.52, 0.985, 9)
    reach = np.linspace(0, np.pi, 721)
    paths = []
    for x in (-0.085, 0.085):
        line = np.empty((len(share), 3))
        for row, s in enumerate(share):
            ring = wall(side * reach, np.full(721, s), 0.0065)
            order = np.argsort(ring[:, 0])
            near = np.array([x - _STRAP, x, x + _STRAP])
            y, z = (np.interp(near, ring[order, 0], ring[order, axis]) for axis in (1, 2))
            line[row] = [x, side * (side * y).max(), z[1]]
        line[:, 1] = side * np.maximum.accumulate(side * line[::-1, 1])[::-1]  # hangs straight from what stands out
        paths.append(line)
    left, right = paths
    top = (left[-1] + right[-1]) / 2
    over = np.array(
        [
            [np.cos(a) * 0.085, top[1] + swing * np.sin(a), top[2] + (peak - top[2]) * np.sin(a) ** 0.75]
            for a in np.linspace(np.pi, 0, 15)[1:-1]
        ]
    )
    path = resample(spline([*left.tolist(), *over.tolist(), *right[::-1].tolist()], 10), 220)
    strap = dress(tube(path, _STRAP, squash=0.16, up=(0, 1, 0)), leather)
    rivets = []
    for column in (left, right):
        for at in (column[0] + [0, 0, 0.012], column[2]):
            cap = lathe(spline([(0.0, 0.0022), (0.003, 0.002), (0.0046, 0.0008), (0.0048, 0.0)], 8), 48)
            rivets.append(dress(place(cap, at + np.array([0, side * 0.0016, 0]), (-90 * side, 0, 0)), brass))
    return [strap, *rivets]


def _stitches(line: Floats, radius: float) -> Object:
    """Short threads along a closed line: one from every other point to the next."""
    ends = list(zip(line[::2], line[1::2], strict=True))
    return join(*(tube(np.linspace(start, end, 3), radius) for start, end in ends))


def chair() -> list[Object]:
    """A chair of bent wood with a seat woven of paper cord."""
    upright, across, deep = ash(ALONG_Z), ash(ALONG_X), ash(ALONG_Y)
    taper = np.linspace(0.0125, 0.0175, 40)
    front = [tube(np.linspace([x * 1.05, -0.235, 0], [x, -0.215, 0.452], 40), taper) for x in (-0.225, 0.225)]
    back = []
    for x in (-1, 1):
        line = spline(
            [
                (0.205 * x, 0.285, 0),
                (0.200 * x, 0.235, 0.22),
                (0.198 * x, 0.205, 0.44),
                (0.212 * x, 0.228, 0.62),
                (0.232 * x, 0.262, 0.755),
            ],
            16,
        )
        back.append(tube(line, np.interp(np.linspace(0, 1, len(line)), [0, 0.55, 1], [0.0125, 0.0185, 0.0125])))
    angle = np.radians(np.linspace(-158, -22, 60))
    bow = np.stack(
        [0.262 * np.cos(angle) / np.cos(np.radians(22)), 0.13 - 0.165 * np.sin(angle) - 0.005, np.full(60, 0.745)], 1
    )
    bow[:, 1] = 0.262 + 0.085 * (1 - (bow[:, 0] / bow[0, 0]) ** 2) - 0.012
    breadth = np.interp(np.linspace(0, 1, 60), [0, 0.08, 0.5, 0.92, 1], [0.008, 0.0115, 0.0125, 0.0115, 0.008])
    rail = tube(bow, breadth, squash=3.1, up=(0, 0, 1))
    sides = [
        tube(np.linspace([0.222 * x, -0.215, h], [0.198 * x, 0.21 + b, h + 0.004], 20), 0.0105)
        for x in (-1, 1)
        for h, b in ((0.425, 0.0), (0.235, 0.022))
    ]
    cross = [tube(np.linspace([-0.222, -0.2155, h], [0.222, -0.2155, h], 20), 0.0105) for h in (0.425,)]
    cross += [
        tube(np.linspace([-0.2, 0.207, 0.425], [0.2, 0.207, 0.425], 20), 0.0105),
        tube(np.linspace([-0.21, 0.0, 0.236], [0.21, 0.0, 0.236], 20), 0.0095),
    ]
    v, u = np.meshgrid(np.linspace(-1, 1, 241), np.linspace(-1, 1, 241), indexing="ij")
    narrow = 0.226 - 0.012 * (v + 1)
    edge = np.maximum(np.abs(u), np.abs(v))
    height = 0.4385 - 0.016 * (1 - u**2) * (1 - v**2) - 0.019 * np.clip((edge - 0.93) / 0.07, 0, 1) ** 2
    seat = sheet(np.stack([u * narrow, -0.004 + 0.222 * v, height], 2), thickness=0.004)
    cord = materials.paper_cord("#DBC39A", aspect=1.0)
    parts = [dress(shape, upright) for shape in (*front, *back)]
    parts += [dress(shape, across) for shape in (rail, *cross)] + [dress(shape, deep) for shape in sides]
    return [*parts, dress(seat, cord)]


def vase() -> list[Object]:
    """A bulbous vase, raw outside and glazed inside."""
    outside = spline(
        [
            (0.043, 0.0),
            (0.062, 0.012),
            (0.088, 0.050),
            (0.096, 0.090),
            (0.084, 0.128),
            (0.056, 0.156),
            (0.0335, 0.174),
            (0.0275, 0.192),
            (0.0315, 0.210),
            (0.0365, 0.219),
        ],
        20,
    )
    shell = lathe(rounded([(0.0, 0.001), (0.040, 0.001), *outside.tolist()], 0.0015, 3))
    inside = spline(
        [
            (0.0365, 0.219),
            (0.0352, 0.2205),
            (0.0335, 0.2195),
            (0.0285, 0.210),
            (0.0245, 0.192),
            (0.031, 0.172),
            (0.05, 0.155),
        ],
        12,
    )
    lining = lathe(inside)

    def uneven(at: Floats) -> Floats:
        return at * (1 + 0.010 * waves(at, 0.2, 11, 2))[:, None]

    clay = materials.clay("#4FA39B", roughness=0.75, rings=0.018, grit=0.0006)
    glaze = materials.stoneware("#1F7F80", "#7FC4BA", roughness=0.1, rings=0.0)
    return [dress(deform(shell, uneven), clay), dress(deform(lining, uneven), glaze)]


def kyusu() -> list[Object]:
    """A teapot for green tea, with its handle at the side."""
    belly = spline(
        [
            (0.030, 0.0),
            (0.038, 0.003),
            (0.052, 0.020),
            (0.0565, 0.036),
            (0.050, 0.054),
            (0.036, 0.0635),
            (0.0305, 0.0655),
        ],
        18,
    )
    pot = lathe([(0.0, 0.002), (0.028, 0.002), *belly.tolist(), (0.029, 0.0665), (0.027, 0.064), (0.026, 0.06)])
    lid = lathe(
        rounded(
            [
                (0.0275, 0.0645),
                (0.0335, 0.0662),
                (0.0335, 0.0686),
                (0.024, 0.0735),
                (0.008, 0.0765),
                (0.0048, 0.0785),
                (0.0062, 0.084),
                (0.0085, 0.0885),
                (0.006, 0.0925),
                (0.0, 0.093),
            ],
            0.002,
            6,
        )
    )
    grip = spline(
        [(0.0480, 0.0, 0.041), (0.066, 0, 0.046), (0.085, 0, 0.0535), (0.105, 0, 0.0625), (0.121, 0, 0.0705)], 14
    )
    radii = np.interp(np.linspace(0, 1, len(grip)), [0, 0.25, 0.8, 1], [0.0125, 0.0088, 0.0112, 0.0128])
    handle = tube(grip, radii)
    hollow = tube(grip[-3:] + (grip[-1] - grip[-2]) * 0.16, radii[-3:] * np.array([0.72, 0.74, 0.76]))
    spout_line = spline([(0.0, -0.046, 0.028), (0.0, -0.062, 0.036), (0.0, -0.074, 0.050), (0.0, -0.0845, 0.0655)], 14)
    spout = tube(spout_line, np.interp(np.linspace(0, 1, len(spout_line)), [0, 0.3, 1], [0.0185, 0.0118, 0.0072]))
    mouth = tube(spout_line[-3:] + (spout_line[-1] - spout_line[-2]) * 0.12, np.array([0.0052, 0.0053, 0.0054]))
    shader = materials.clay("#A84A33", roughness=0.5, rings=0.004, grit=0.00012)
    dark = materials.clay("#3A1710", rings=0.0)
    parts = [dress(shape, shader) for shape in (pot, lid, handle, spout)] + [
        dress(shape, dark) for shape in (hollow, mouth)
    ]
    for part in parts:
        part.rotation_euler.z = np.radians(-38)
    return parts


def candle() -> list[Object]:
    """A candle like a pebble, not lit yet."""
    v, u = np.meshgrid(
        np.linspace(-np.pi / 2, np.pi / 2, 160), np.linspace(0, 2 * np.pi, 240, endpoint=False), indexing="ij"
    )
    flat = np.sign(np.sin(v)) * np.abs(np.sin(v)) ** 0.9
    points = np.stack(
        [0.062 * np.cos(v) ** 0.88 * np.cos(u), 0.046 * np.cos(v) ** 0.88 * np.sin(u), 0.0265 * flat + 0.0265], 2
    )
    points[..., 2] *= 1 + 3.2 * points[..., 0] + 1.5 * points[..., 1]
    points *= (1 + 0.035 * waves(points, 0.17, 6, 2))[..., None]
    pool = np.hypot(points[..., 0] - 0.004, points[..., 1]) / 0.012
    points[..., 2] -= np.where(points[..., 2] > 0.03, 0.0012 * np.exp(-(pool**2)), 0.0)
    points[..., 2] -= points[..., 2].min()
    stone = dress(sheet(points, wrap=True), materials.wax("#D98A4E", "#F3E3CC"))
    near = np.hypot(points[..., 0] - 0.004, points[..., 1]) + (points[..., 2] < 0.03)
    top = float(points[..., 2].ravel()[near.argmin()])
    line = spline(
        [
            (0.004, 0, top - 0.012),
            (0.004, 0, top + 0.003),
            (0.0052, 0.0004, top + 0.010),
            (0.0076, 0.0005, top + 0.0165),
        ],
        10,
    )
    return [stone, dress(_twisted(line, 0.0011), materials.yarn("#E8DFC8"))]


def _twisted(line: Floats, radius: float, pitch: float = 0.0045, strands: int = 3) -> Object:
    """A cord of strands twisted about a line."""
    line = resample(line, max(24, int(np.linalg.norm(np.diff(line, axis=0), axis=1).sum() / pitch * 10)))
    length = np.append(0, np.linalg.norm(np.diff(line, axis=0), axis=1).cumsum())
    along = np.gradient(line, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    side = np.cross(along, [0.31, 0.87, 0.11])
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    other = np.cross(along, side)
    parts = []
    for strand in range(strands):
        turn = 2 * np.pi * (length / pitch + strand / strands)
        parts.append(
            tube(line + 0.55 * radius * (np.cos(turn)[:, None] * side + np.sin(turn)[:, None] * other), 0.58 * radius)
        )
    return join(*parts)


def throw() -> list[Object]:
    """A blanket, folded, whose fringed end hangs over the front."""
    layers, deep, step = 6, 0.31, 0.0195
    line = [(-0.14, 0.010)]
    for layer in range(layers):
        z = 0.010 + layer * step
        front, back = -deep / 2 + 0.004 * (layer % 3), deep / 2 - 0.005 * (layer % 2)
        start, end = (front, back) if layer % 2 == 0 else (back, front)
        line += [(start + (end - start) * t, z + 0.0015 * np.sin(7 * t + layer)) for t in (0.06, 0.3, 0.5, 0.7, 0.94)]
        if layer < layers - 1:
            line.append((end + np.sign(end) * 0.006, z + step / 2))
    if line[-1][0] > 0:
        raise ValueError("the last layer must end at the front")
    top = line[-1][1]
    line += [(-0.165, top - 0.010), (-0.172, top - 0.040), (-0.174, top - 0.068)]
    path = resample(spline(line, 14), 900)
    wide = np.linspace(-0.23, 0.23, 190)
    x, _ = np.meshgrid(wide, path[:, 0])
    points = np.stack([x, np.repeat(path[:, :1], len(wide), 1), np.repeat(path[:, 1:], len(wide), 1)], 2)
    length = np.linspace(0, 1, len(path))[:, None]
    field = np.stack([x * 0.7, np.broadcast_to(length * 2.2, x.shape), np.zeros_like(x)], 2)
    points[..., 2] += 0.0028 * waves(field, 0.2, 17, 3)
    points[..., 1] += 0.004 * waves(field * [1, 0.4, 1], 0.3, 23, 2)
    points[..., 0] += 0.006 * np.sin(9 * length + 1) + 0.003 * waves(field, 0.25, 29, 1)
    points[..., 2] -= points[..., 2].min() - 0.004
    cloth = dress(sheet(points, thickness=0.0085), materials.herringbone("#D8C6AB", "#A0886B"))
    random = np.random.default_rng(12)
    hem, tassels = points[-1], []
    for at in np.linspace(2, len(wide) - 3, 74):
        start = hem[int(at)]
        sway = random.normal(0, [0.004, 0.0035])
        drop = max(0.004, start[2] - random.uniform(0.050, 0.056))
        line3 = spline(
            [
                start + np.array([0, 0, 0.004]),
                start + np.array([sway[0] * 0.3, -0.001 + sway[1] * 0.3, (drop - start[2]) * 0.5]),
                [start[0] + sway[0], start[1] + sway[1] - 0.002, drop],
            ],
            8,
        )
        tassels.append(_twisted(line3, 0.0021, 0.009, 2))
    return [cloth, dress(join(*tassels), materials.yarn("#B9A68D"))]


def board() -> list[Object]:
    """A board of oiled walnut with a hole for the thumb."""
    outline = rectangle(0.36, 0.21, 0.032, 24)
    hole = circle(0.0135, 0.145, 0.07)
    wood = materials.wood("#85583B", "#38210F", ALONG_X, rings=0.006, roughness=0.34, oil=0.4, pith=(0.0, 0.05, 0.055))
    return [dress(place(plate(outline, 0.019, 0.0035, [hole[::-1]]), turn=(0, 0, 24)), wood)]


def notebook() -> list[Object]:
    """A notebook in blue linen, its name in foil on the cover."""
    cloth = materials.book_cloth("#34496C")
    wide, tall, thick, cover = 0.148, 0.212, 0.0165, 0.0026
    boards = [place(block(wide, tall, cover, 0.0008), (0.002, 0, z)) for z in (0.0, thick + cover)]
    arc = np.radians(np.linspace(90, 270, 24))
    bend = np.stack([0.0052 * np.cos(arc) - wide / 2 + 0.0025, (thick / 2 + cover) * (1 + np.sin(arc))], 1)
    spine_points = np.array([[[x, y, z] for y in np.linspace(-tall / 2, tall / 2, 40)] for x, z in bend])
    spine = sheet(spine_points, thickness=0.0016)
    leaves = place(block(wide - 0.004, tall - 0.006, thick, 0.0004), (-0.0005, 0, cover))
    text = bpy.data.curves.new("name", "FONT")
    text.body, text.size, text.extrude, text.align_x, text.space_character = "LOGBOOK", 0.0125, 0.00006, "CENTER", 1.35
    letters = bpy.data.objects.new("name", text)
    bpy.context.scene.collection.objects.link(letters)
    place(letters, (0.004, 0.052, thick + 2 * cover + 0.00004))
    rule = place(block(0.052, 0.0007, 0.0001, 0.00002), (0.004, 0.046, thick + 2 * cover))
    ribbon_line = spline(
        [
            (0.022, -0.10, 0.011),
            (0.022, -0.106, 0.0095),
            (0.023, -0.115, 0.004),
            (0.026, -0.128, 0.0012),
            (0.031, -0.142, 0.001),
        ],
        10,
    )
    ribbon = tube(ribbon_line, 0.0028, squash=0.09, up=(0, 0, 1))
    foil = materials.metal("#D9B36A", roughness=0.22)
    parts = [dress(shape, cloth) for shape in (*boards, spine)]
    parts += [
        dress(leaves, materials.pages("#F1E9D8")),
        dress(letters, foil),
        dress(rule, foil),
        dress(ribbon, materials.yarn("#C4513A")),
    ]
    turn = np.radians(24)
    for part in parts:
        x, y, z = part.location
        part.location = (x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn), z)
        part.rotation_euler.z += turn
    return parts
