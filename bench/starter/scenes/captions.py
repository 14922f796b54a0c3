"""Captions of the starter model's pictures, in English and German, and what its words mean."""

from __future__ import annotations

import random

from .drawing import Scene

_NOUNS = {  # English names; German names with their gender
    "mug": (("mug", "cup"), (("Tasse", "f"), ("Becher", "m"))),
    "bottle": (("bottle",), (("Flasche", "f"),)),
    "shoe": (("shoe", "sneaker"), (("Schuh", "m"), ("Sneaker", "m"))),
    "bag": (("bag", "handbag", "tote"), (("Tasche", "f"), ("Handtasche", "f"))),
    "lamp": (("lamp", "table lamp"), (("Lampe", "f"), ("Tischlampe", "f"))),
    "chair": (("chair",), (("Stuhl", "m"),)),
    "ring": (("ring",), (("Ring", "m"),)),
    "shirt": (("shirt", "t-shirt"), (("Hemd", "n"), ("T-Shirt", "n"))),
    "hat": (("hat",), (("Hut", "m"),)),
    "teapot": (("teapot",), (("Teekanne", "f"), ("Kanne", "f"))),
    "glasses": (("pair of glasses", "glasses"), (("Brille", "f"),)),
    "watch": (("watch", "wristwatch"), (("Uhr", "f"), ("Armbanduhr", "f"))),
    "sofa": (("sofa", "couch"), (("Sofa", "n"), ("Couch", "f"))),
    "table": (("table",), (("Tisch", "m"),)),
    "umbrella": (("umbrella",), (("Regenschirm", "m"), ("Schirm", "m"))),
    "candle": (("candle",), (("Kerze", "f"),)),
    "bowl": (("bowl",), (("Schale", "f"), ("Schüssel", "f"))),
    "trousers": (("pair of trousers", "trousers"), (("Hose", "f"),)),
    "dress": (("dress",), (("Kleid", "n"),)),
    "sock": (("sock",), (("Socke", "f"),)),
    "headphones": (("pair of headphones", "headphones"), (("Kopfhörer", "m"),)),
    "vase": (("vase",), (("Vase", "f"),)),
    "blanket": (("blanket",), (("Decke", "f"),)),
    "board": (("cutting board", "serving board", "board"), (("Schneidebrett", "n"), ("Brett", "n"))),
    "notebook": (("notebook", "book"), (("Notizbuch", "n"), ("Buch", "n"))),
}
_GERMAN = {
    "red": "rot", "orange": "orange", "yellow": "gelb", "green": "grün", "turquoise": "türkis", "blue": "blau",
    "purple": "lila", "pink": "rosa", "brown": "braun", "black": "schwarz", "white": "weiß", "grey": "grau",
}  # fmt: skip
_UNINFLECTED = {"orange", "türkis", "lila", "rosa"}
_GERMAN_GROUND = {
    "white": "weißem", "grey": "grauem", "beige": "beigem", "light blue": "hellblauem", "pink": "rosa",
    "dark": "dunklem",
}  # fmt: skip
_OPENINGS = ("", "", "", "", "product photo of ", "studio photo of ", "packshot of ", "a photo of ")
_ENDINGS = (
    "", "", "", "", ", studio light", ", soft light, sharp focus", ", centred", ", product photography",
    ", soft window light from the left, gentle shadow", ", eye-level, 85 mm lens, no people", ", rim light, low-key",
)  # fmt: skip
_GERMAN_OPENINGS = ("", "", "", "Produktfoto: ", "Packshot: ")
_GERMAN_ENDINGS = ("", "", "", ", weiches Licht", ", Studiolicht", ", Produktfoto")


def caption(scene: Scene, rng: random.Random) -> str:
    """One way to ask for a scene; a third of the captions are German. White may go without saying."""
    return _german(scene, rng) if rng.random() < 1 / 3 else _english(scene, rng)


def plain(type: str, colour: str, background: str, language: str = "en") -> str:
    """The plainest way to ask: "a red mug on a white background"."""
    ground = f"auf {_GERMAN_GROUND[background]} Hintergrund" if language == "de" else f"on a {background} background"
    return f"{product(type, colour, language)} {ground}"


def product(type: str, colour: str, language: str = "en") -> str:
    """A product and its colour in plain words, in English or German (``de``): "a red mug"."""
    names = _NOUNS[type]
    if language == "de":
        noun, gender = names[1][0]
        return f"{_article(gender)} {_inflected(_GERMAN[colour], gender)} {noun}"
    return _a(colour, names[0][0])


def _english(scene: Scene, rng: random.Random) -> str:
    noun = rng.choice(_NOUNS[scene.type][0])
    plainest = _a(scene.colour, noun)
    what = rng.choice([plainest, plainest, f"{scene.colour} {noun}", f"{noun} in {scene.colour}"])
    ground = scene.background
    where = rng.choice([
        f" on a {ground} background", f" on a {ground} background", f" on {ground} background",
        f", {ground} background",
        f" in front of a {ground} background", f" on a {ground} backdrop", f" on {ground}",
    ])  # fmt: skip
    if ground == "white" and rng.random() < 0.3:
        where = ""
    return rng.choice(_OPENINGS) + what + where + rng.choice(_ENDINGS)


def _german(scene: Scene, rng: random.Random) -> str:
    noun, gender = rng.choice(_NOUNS[scene.type][1])
    colour = _GERMAN[scene.colour]
    adjective = _inflected(colour, gender)
    what = rng.choice([
        f"{_article(gender)} {adjective} {noun}", f"{_article(gender)} {adjective} {noun}", f"{adjective} {noun}",
        f"{noun} in {colour.capitalize()}",
    ])  # fmt: skip
    ground = _GERMAN_GROUND[scene.background]
    where = rng.choice([f" auf {ground} Hintergrund", f" auf {ground} Hintergrund", f" vor {ground} Hintergrund"])
    if scene.background == "white" and rng.random() < 0.3:
        where = ""
    return rng.choice(_GERMAN_OPENINGS) + what + where + rng.choice(_GERMAN_ENDINGS)


def _a(colour: str, noun: str) -> str:
    if noun.startswith("pair of "):
        return f"a pair of {colour} {noun.removeprefix('pair of ')}"
    if noun in ("glasses", "trousers", "headphones"):
        return f"{colour} {noun}"
    return f"{'an' if colour[0] in 'aeiou' else 'a'} {colour} {noun}"


def _article(gender: str) -> str:
    return "eine" if gender == "f" else "ein"


def _inflected(colour: str, gender: str) -> str:
    if colour in _UNINFLECTED:
        return colour
    return colour + {"m": "er", "f": "e", "n": "es"}[gender]
