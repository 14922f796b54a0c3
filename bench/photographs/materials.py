"""What products are made of: glazed and raw clay, woods, cloths, leather, paper, wax, metals and glass."""

from __future__ import annotations

from .shaders import Colour, Shader, Socket, linear

Grain = tuple[float, float, float]
ALONG_X, ALONG_Y, ALONG_Z = (0.06, 1, 1), (1, 0.06, 1), (1, 1, 0.06)


def stoneware(glaze: str, edge: str, *, speckles: float = 0.0, roughness: float = 0.22, rings: float = 0.004) -> Shader:
    """Thrown and glazed clay: the glaze is thin at edges, where the clay shows through.

    Args:
        glaze, edge: colours.
        speckles: share of the surface with spots of iron.
        rings: height of the potter's rings, in metres.
    """
    shader = Shader("stoneware", Roughness=roughness, Coat_Weight=0.35, Coat_Roughness=0.08)
    at = shader.place()
    cloud = shader.noise(at, 0.035, 5.0)
    light, dark = (_shade(linear(glaze), tone) for tone in (1.08, 0.86))
    colour = shader.mix(shader.ramp(cloud, (0.35, 0.0), (0.68, 1.0)), dark, light)
    thin = shader.ramp(shader.edges(), (0.52, 0.0), (0.57, 1.0))
    colour = shader.mix(shader.math("MULTIPLY", thin, 0.75), colour, linear(edge))
    if speckles:
        colour = shader.mix(_speckles(shader, at, speckles), colour, _shade(linear(edge), 0.45))
    shader.set(Base_Color=colour)
    _rings(shader, at, rings)
    return shader.bump(shader.noise(at, 0.006, 2.0), 0.0002)


def clay(colour: str, *, roughness: float = 0.62, rings: float = 0.006, grit: float = 0.00025) -> Shader:
    """Raw clay with the potter's rings."""
    shader = Shader("clay", Roughness=roughness, Specular_IOR_Level=0.35)
    at = shader.place()
    cloud = shader.noise(at, 0.05, 6.0)
    tones = [_shade(linear(colour), tone) for tone in (0.78, 1.0, 1.15)]
    body = shader.ramp(cloud, (0.3, tones[0]), (0.5, tones[1]), (0.7, tones[2]))
    body = shader.mix(_speckles(shader, at, 0.25, 0.0016), body, tones[0])
    worn = shader.ramp(shader.edges(), (0.5, 0.0), (0.6, 1.0))
    shader.set(Base_Color=shader.mix(shader.math("MULTIPLY", worn, 0.4), body, _shade(linear(colour), 1.35)))
    _rings(shader, at, rings)
    return shader.bump(shader.noise(at, 0.0009, 3.0), grit)


def wood(
    light: str,
    dark: str,
    grain: Grain,
    *,
    rings: float = 0.006,
    roughness: float = 0.42,
    oil: float = 0.0,
    figure: float = 1.0,
    pith: Grain = (0.07, 0.045, 0.05),
) -> Shader:
    """Wood with rings of growth, pores and figure.

    Args:
        light, dark: early and late wood.
        grain: how much each axis is stretched; see ``ALONG_X``.
        rings: distance of two rings, in metres.
        oil: weight of a coat of oil.
        figure: how clearly the rings show.
        pith: where the middle of the trunk lies, in metres.
    """
    shader = Shader("wood", Roughness=roughness, Coat_Weight=oil, Coat_Roughness=0.25)
    chance = shader.add("ObjectInfo").outputs["Random"]
    along = grain.index(min(grain))
    shift = [shader.math("MULTIPLY", chance, 40.0 if axis == along else 0.03) for axis in range(3)]
    at = shader.vector("ADD", shader.place(scale=grain, move=pith), shader.combined(*shift))
    bent = shader.warp(shader.warp(at, 0.12, 0.014), 0.02, 0.0016)
    wave = shader.add("TexWave", Vector=bent, Scale=0.314 / rings, Distortion=0.6, Detail=3.0, Detail_Scale=2.0)
    wave.wave_type, wave.rings_direction, wave.wave_profile = "RINGS", "XYZ"[along], "SAW"
    ring = shader.math("POWER", wave.outputs[1], 2.2)
    clear = shader.ramp(shader.noise(at, 0.06, 3.0), (0.35, 0.25), (0.7, 1.0))
    streak = tuple(0.3 * share if share < 1 else share for share in grain)
    fine = shader.noise(shader.vector("ADD", shader.place(scale=streak), shader.combined(*shift)), 0.0013, 4.0)
    broad = shader.noise(at, 0.022, 4.0)
    tone = shader.math("MULTIPLY_ADD", shader.math("MULTIPLY", ring, clear), 0.42 * figure, -0.12)
    tone = shader.math("MULTIPLY_ADD", fine, 0.42, tone)
    tone = shader.math("MULTIPLY_ADD", broad, 0.5, tone)
    early, late = linear(light), linear(dark)
    colour = shader.ramp(
        tone, (0.12, _shade(early, 1.1)), (0.4, early), (0.78, _between(early, late, 0.8)), (1.0, late)
    )
    board = shader.ramp(chance, (0.0, 0.86), (1.0, 1.06))
    colour = shader.mix(1.0, colour, board, "MULTIPLY")
    pored = tuple(0.2 * share if share < 1 else share for share in grain)
    pores = shader.ramp(shader.noise(shader.place(scale=pored), 0.00055, 2.0), (0.62, 0.0), (0.72, 1.0))
    shader.set(Base_Color=shader.mix(shader.math("MULTIPLY", pores, 0.45), colour, _shade(late, 0.65)))
    shader.bump(shader.math("SUBTRACT", 1.0, pores), 0.00015)
    return shader.bump(fine, 0.00006)


def canvas(colour: str, *, threads: float = 0.0011, wax: float = 0.0) -> Shader:
    """Woven cloth by texture coordinates in metres; wax makes it shine where it is bent."""
    shader = Shader("canvas", Roughness=0.82 - 0.25 * wax, Sheen_Weight=0.25 * (1 - wax), Sheen_Roughness=0.5)
    uv = shader.place("UV")
    weave, tone = _weave(shader, uv, threads)
    at = shader.place()
    cloud = shader.noise(at, 0.08, 6.0, 0.6)
    base = linear(colour)
    body = shader.ramp(cloud, (0.28, _shade(base, 0.72)), (0.52, base), (0.75, _shade(base, 1.3)))
    body = shader.mix(shader.math("MULTIPLY", tone, 0.35), body, _shade(base, 0.55))
    if wax:
        crease = shader.ramp(shader.edges(), (0.5, 0.0), (0.58, 1.0))
        mottle = shader.ramp(shader.noise(at, 0.02, 5.0, 1.0), (0.45, 0.0), (0.75, 1.0))
        paler = _between(base, (0.35, 0.36, 0.3), 0.28)
        body = shader.mix(shader.math("MULTIPLY", shader.math("MAXIMUM", crease, mottle), 0.55 * wax), body, paler)
    shader.set(Base_Color=body)
    shader.bump(shader.noise(at, 0.012, 5.0), 0.0007)
    return shader.bump(weave, 0.00035)


def herringbone(light: str, dark: str, *, rib: float = 0.0045, height: float = 0.016) -> Shader:
    """Wool in herringbone, by texture coordinates in metres.

    Args:
        rib: breadth of a rib.
        height: of a column of ribs that lean one way.
    """
    shader = Shader("wool", Roughness=0.95, Sheen_Weight=0.7, Sheen_Roughness=0.55, Specular_IOR_Level=0.15)
    uv = shader.warp(shader.place("UV"), 0.03, 0.0012)
    u, v, _ = shader.axes(uv)
    zigzag = shader.math("PINGPONG", u, height)
    lean = shader.math("ADD", v, zigzag)
    ribs = shader.math("PINGPONG", shader.math("DIVIDE", lean, rib), 0.5)
    ribs = shader.math("MULTIPLY", ribs, 2.0)
    fibres = shader.noise(shader.place("UV"), 0.0009, 3.0)
    soft = shader.math("MULTIPLY_ADD", fibres, 0.7, shader.math("SUBTRACT", ribs, 0.35))
    tones = linear(light), linear(dark)
    melange = shader.noise(shader.place("UV"), 0.02, 5.0)
    colour = shader.ramp(soft, (0.32, _shade(tones[1], 0.85)), (0.55, tones[1]), (0.72, tones[0]))
    colour = shader.mix(shader.ramp(melange, (0.35, 0.0), (0.7, 0.35)), colour, _shade(tones[0], 1.12))
    shader.set(Base_Color=colour, Sheen_Tint=_between(tones[0], (1, 1, 1), 0.5))
    shader.bump(soft, 0.0014)
    return shader.bump(fibres, 0.0009)


def yarn(colour: str) -> Shader:
    """Twisted wool, cotton or paper cord, along the second texture coordinate."""
    shader = Shader("yarn", Roughness=0.92, Sheen_Weight=0.4, Sheen_Roughness=0.6, Specular_IOR_Level=0.2)
    at = shader.place()
    fibres = shader.noise(at, 0.0007, 3.0)
    base = linear(colour)
    shader.set(Base_Color=shader.ramp(fibres, (0.3, _shade(base, 0.7)), (0.6, base), (0.8, _shade(base, 1.2))))
    return shader.bump(fibres, 0.0006)


def paper_cord(colour: str, *, width: float = 0.0042, aspect: float = 1.0) -> Shader:
    """A seat woven of cord, as it is wound about four rails: in four triangles that meet on the diagonals.

    Args:
        width: of a cord, in metres.
        aspect: breadth of the seat for each metre of its depth.
    """
    shader = Shader("cord", Roughness=0.75, Specular_IOR_Level=0.3)
    x, y, _ = shader.axes(shader.warp(shader.place(), 0.03, 0.0005))
    front = shader.math(
        "GREATER_THAN", shader.math("MULTIPLY", shader.math("ABSOLUTE", y), aspect), shader.math("ABSOLUTE", x)
    )
    across = shader.add("Mix", Factor=front)
    shader.feed(across, 2, y)
    shader.feed(across, 3, x)
    position = shader.math("DIVIDE", across.outputs[0], width)
    cord = shader.math("ABSOLUTE", shader.math("SINE", shader.math("MULTIPLY", position, 3.14159)))
    cord = shader.math("POWER", cord, 0.6)
    tint = shader.add("TexWhiteNoise", Vector=shader.combined(shader.math("FLOOR", position)))
    fibres = shader.noise(shader.place(), 0.0009, 3.0)
    base = linear(colour)
    shade = shader.math("MULTIPLY_ADD", fibres, 0.25, shader.math("MULTIPLY", cord, 0.75))
    shade = shader.math("MULTIPLY_ADD", tint.outputs[0], 0.12, shader.math("SUBTRACT", shade, 0.06))
    shader.set(
        Base_Color=shader.ramp(shade, (0.1, _shade(base, 0.22)), (0.5, _shade(base, 0.8)), (0.95, _shade(base, 1.12)))
    )
    return shader.bump(cord, 0.0028)


def leather(colour: str) -> Shader:
    """Leather with its grain, darker at its edges."""
    shader = Shader("leather", Roughness=0.48, Coat_Weight=0.1, Coat_Roughness=0.4)
    at = shader.place()
    cells = shader.add("TexVoronoi", Vector=shader.warp(at, 0.004, 0.0006), Scale=1 / 0.0014).outputs[0]
    base = linear(colour)
    cloud = shader.noise(at, 0.03, 5.0)
    shader.set(Base_Color=shader.ramp(cloud, (0.3, _shade(base, 0.7)), (0.55, base), (0.8, _shade(base, 1.2))))
    return shader.bump(cells, 0.00025)


def paper(colour: str, *, glow: float = 0.55) -> Shader:
    """Paper that light shines through; fibres show.

    Args:
        glow: share of the light that goes through.
    """
    shader = Shader("paper", Roughness=0.8, Specular_IOR_Level=0.2)
    at = shader.place()
    fibres = shader.noise(at, 0.01, 8.0, 1.5)
    base = linear(colour)
    tone = shader.ramp(fibres, (0.3, _shade(base, 0.9)), (0.7, base))
    shader.set(Base_Color=tone)
    shader.bump(shader.noise(at, 0.0012, 4.0), 0.0001)
    through = shader.add("BsdfTranslucent", Color=tone)
    both = shader.add("MixShader", Fac=glow)
    shader.feed(both, 1, shader.surface.outputs[0])
    shader.feed(both, 2, through.outputs[0])
    return shader.replace_surface(both.outputs[0])


def book_cloth(colour: str) -> Shader:
    """Linen on boards, by texture coordinates in metres or by the object's own."""
    shader = Shader("linen", Roughness=0.85, Sheen_Weight=0.25, Sheen_Roughness=0.5, Specular_IOR_Level=0.25)
    at = shader.place()
    weave, tone = _weave(shader, at, 0.0007)
    base = linear(colour)
    cloud = shader.noise(at, 0.05, 5.0)
    body = shader.ramp(cloud, (0.3, _shade(base, 0.88)), (0.7, _shade(base, 1.1)))
    slubs = shader.ramp(shader.noise(shader.place(scale=(1, 0.1, 1)), 0.00035, 2.0), (0.58, 0.0), (0.8, 1.0))
    body = shader.mix(shader.math("MULTIPLY", slubs, 0.28), body, _between(base, (0.8, 0.8, 0.75), 0.3))
    shader.set(Base_Color=shader.mix(shader.math("MULTIPLY", tone, 0.5), body, _shade(base, 0.5)))
    return shader.bump(weave, 0.0003)


def pages(colour: str) -> Shader:
    """The cut edge of a block of pages, which lie along z."""
    shader = Shader("pages", Roughness=0.9, Specular_IOR_Level=0.15)
    at = shader.place(scale=(0.02, 0.02, 1))
    leaves = shader.noise(at, 0.00045, 2.0)
    base = linear(colour)
    shader.set(Base_Color=shader.ramp(leaves, (0.3, _shade(base, 0.72)), (0.6, base)))
    return shader.bump(leaves, 0.0002)


def wax(colour: str, vein: str) -> Shader:
    """Candle wax, which light goes into, with a pale vein like that of a pebble."""
    shader = Shader(
        "wax", Roughness=0.4, Subsurface_Weight=0.8, Subsurface_Scale=0.008, Coat_Weight=0.12, Coat_Roughness=0.35
    )
    at = shader.place()
    base = linear(colour)
    cloud = shader.noise(at, 0.02, 6.0, 0.4)
    body = shader.ramp(cloud, (0.3, _shade(base, 0.72)), (0.5, base), (0.7, _shade(base, 1.25)))
    x, y, z = shader.axes(shader.warp(shader.warp(at, 0.06, 0.007), 0.008, 0.0009))
    slant = shader.math("MULTIPLY_ADD", x, 0.34, shader.math("MULTIPLY_ADD", y, -0.2, z))
    off = shader.math("ABSOLUTE", shader.math("SUBTRACT", slant, 0.031))
    band = shader.ramp(shader.math("DIVIDE", off, 0.0055), (0.55, 1.0), (0.85, 0.0))
    body = shader.mix(shader.math("MULTIPLY", band, 0.85), body, linear(vein))
    body = shader.mix(_speckles(shader, at, 0.2, 0.0022), body, _shade(base, 0.45))
    shader.set(Base_Color=body)
    shader.surface.inputs["Subsurface Radius"].default_value = (1.0, 0.45, 0.2)
    return shader.bump(shader.noise(at, 0.0014, 4.0), 0.00018)


def metal(colour: str, *, roughness: float = 0.22) -> Shader:
    """Polished metal with faint smears."""
    shader = Shader("metal", Metallic=1.0, Roughness=roughness, Base_Color=linear(colour))
    smears = shader.noise(shader.place(), 0.04, 6.0)
    return shader.set(Roughness=shader.ramp(smears, (0.3, roughness * 0.85), (0.7, roughness * 1.25)))


def plastic(colour: str, *, roughness: float = 0.35) -> Shader:
    """Moulded plastic, rubber or paint."""
    shader = Shader("plastic", Base_Color=linear(colour), Roughness=roughness)
    return shader.bump(shader.noise(shader.place(), 0.0006, 2.0), 0.00004)


def light(colour: str, strength: float) -> Shader:
    """A lit filament, flame or lens."""
    shader = Shader("light", Base_Color=(0, 0, 0), Emission_Strength=strength)
    return shader.set(Emission_Color=linear(colour))


def _shade(colour: Colour, tone: float) -> Colour:
    red, green, blue = (min(level * tone, 1.0) for level in colour)
    return red, green, blue


def _between(first: Colour, second: Colour, share: float) -> Colour:
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return red, green, blue


def _speckles(shader: Shader, at: Socket, share: float, size: float = 0.0035) -> Socket:
    """Spots of uneven size, 0..1."""
    cells = shader.add("TexVoronoi", Vector=shader.warp(at, 0.002, 0.0008), Scale=1 / size)
    far = cells.outputs["Distance"]
    chance = shader.axes(cells.outputs["Color"])[0]
    radius = shader.math(
        "MULTIPLY", shader.math("MAXIMUM", shader.math("SUBTRACT", chance, 1 - share), 0.0), 0.2 / share
    )
    return shader.ramp(shader.math("SUBTRACT", radius, far), (0.0, 0.0), (0.05, 0.8))


def _rings(shader: Shader, at: Socket, height: float) -> None:
    """The potter's fingers leave rings on what is thrown."""
    _, _, z = shader.axes(shader.warp(at, 0.05, 0.002))
    shader.bump(shader.noise(shader.combined(z=z), 0.011, 2.0), height * 0.25)


def _weave(shader: Shader, at: Socket, threads: float) -> tuple[Socket, Socket]:
    """A plain weave of threads at this distance: its height, and how deep a point lies between threads, 0..1."""
    u, v, _ = shader.axes(shader.warp(at, 0.008, threads * 0.25))
    first, second = (shader.math("SINE", shader.math("MULTIPLY", axis, 3.14159 / threads)) for axis in (u, v))
    over = shader.math("MULTIPLY", first, second)
    height = shader.math("MULTIPLY_ADD", over, 0.5, 0.5)
    hollow = shader.math("SUBTRACT", 1.0, shader.math("ABSOLUTE", over))
    slub = shader.noise(at, threads * 1.5, 3.0)
    return shader.math("MULTIPLY_ADD", slub, 0.5, shader.math("MULTIPLY", height, 0.7)), hollow
