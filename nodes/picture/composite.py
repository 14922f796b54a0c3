"""The node that puts a product on a background with its own pixels."""

from __future__ import annotations

from comfy_api.latest import io

from ...client.colours import opaque_colour
from ...client.compose.pixels import Pixels, colour, mask_of_size, plain
from ...client.compose.product import Composite, Edge, Placement, Shadow, compose
from ...client.errors import InputInvalid
from ..refusal import refusing, tell
from . import batch

_FIT, _IN_PLACE = "fit", "as in its picture"
_ENLARGED = 1.05  # above, a product looks softer than its background


class PackshotProductComposite(io.ComfyNode):
    """A product's own pixels on a picture or on one exact colour, with a contact shadow."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Product, mask, background and placement; the composite, and what it was made of."""
        share = {"default": 0.5, "min": 0.0, "max": 1.0, "step": 0.01}
        size = {"default": 0, "min": 0, "max": 16384}
        return io.Schema(
            node_id="PackshotProductComposite",
            display_name="Packshot Product Composite",
            category="Packshot/Compositing",
            description="Puts the product on a background. Inside its edge, every pixel is the product's own, and away"
            " from it and its shadow, every pixel is the background's.",
            search_aliases=["paste", "composite", "white background", "product true", "shadow", "packshot"],
            inputs=[
                io.Image.Input("product", tooltip="The picture that shows the product."),
                io.Mask.Input(
                    "mask", optional=True, tooltip="White is the product. Not needed where the picture has alpha."
                ),
                io.Image.Input("background", optional=True, tooltip="Without one: the plain colour."),
                io.Color.Input("colour", default="#FFFFFF", tooltip="Of the background, where none is linked."),
                io.Int.Input("width", tooltip="Of the plain background, in pixels; 0: the product picture's.", **size),
                io.Int.Input("height", tooltip="Of the plain background, in pixels; 0: the product picture's.", **size),
                io.Combo.Input(
                    "placement",
                    options=[_FIT, _IN_PLACE],
                    default=_FIT,
                    tooltip="fit: by fill, x, y and margin. As in its picture: pasted back where it was photographed.",
                ),
                io.Float.Input(
                    "fill",
                    default=0.85,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Share of the frame that the product reaches, across or down. 0: at its pixels' own size.",
                ),
                io.Float.Input("x", tooltip="0 left, 0.5 in the middle, 1 right.", **share),
                io.Float.Input("y", tooltip="0 at the top, 0.5 in the middle, 1 at the bottom.", **share),
                io.Float.Input(
                    "margin",
                    default=0.05,
                    min=0.0,
                    max=0.45,
                    step=0.01,
                    tooltip="Kept free on every side, as a share of the frame's shorter side.",
                ),
                io.Float.Input(
                    "shadow",
                    default=0.35,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="Darkness of the contact shadow. 0: none, for channels that want pure white around it.",
                ),
                io.Float.Input(
                    "softness",
                    default=1.0,
                    min=0.1,
                    max=4.0,
                    step=0.1,
                    advanced=True,
                    tooltip="Of the shadow: 1 as by a large window, 0.3 as by a small lamp.",
                ),
                io.Int.Input(
                    "edge",
                    default=3,
                    min=0,
                    max=64,
                    advanced=True,
                    tooltip="Width of the edge, in pixels; further inside, pixels are the product's, bit for bit.",
                ),
                io.Boolean.Input(
                    "remove_spill",
                    default=True,
                    advanced=True,
                    tooltip="Take the old background's colour out of the edge.",
                ),
                io.Float.Input(
                    "solid",
                    default=0.95,
                    min=0.55,
                    max=1.0,
                    step=0.01,
                    advanced=True,
                    tooltip="Mask values from here on count as the product alone, and below 1 - solid as none of it.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="image"),
                io.Mask.Output(id="mask_out", display_name="mask", tooltip="The product, in its place."),
                io.Mask.Output(display_name="inside", tooltip="Where the picture is the product's, bit for bit."),
                io.Image.Output(
                    id="product_out",
                    display_name="product",
                    tooltip="The product's picture in its place and size, black around it: what 'inside' is equal to.",
                ),
                io.Mask.Output(id="shadow_out", display_name="shadow", tooltip="How much light the shadow keeps away."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def validate_inputs(cls, colour: str | None) -> bool | str:
        """Refuse what is no solid colour before anything is queued."""
        try:
            if colour is not None:
                opaque_colour(colour, "input 'colour'")
        except InputInvalid as error:
            return error.report()
        return True

    @classmethod
    def execute(
        cls,
        product: io.Image.Type,
        colour: str,
        width: int,
        height: int,
        placement: str,
        fill: float,
        x: float,
        y: float,
        margin: float,
        shadow: float,
        softness: float,
        edge: int,
        remove_spill: bool,
        solid: float,
        mask: io.Mask.Type | None = None,
        background: io.Image.Type | None = None,
    ) -> io.NodeOutput:
        """Compose each picture of the batch."""
        where = Placement(fill, x, y, margin) if placement == _FIT else None
        look = (where, Edge(edge, solid, remove_spill), Shadow(shadow, softness))
        with refusing():
            found = batch.masks(mask) if mask is not None else batch.alphas(product)
            if found is None:
                raise InputInvalid(
                    "there is no mask, and the product's picture has no alpha",
                    place="input 'mask'",
                    remedy="link the mask of Packshot Matte",
                )
            grounds = None if background is None else batch.colours(background)

            def make(picture: Pixels, opacity: Pixels, ground: Pixels | None) -> Composite:
                high, wide = picture.shape[:2]
                if ground is None:
                    ground = _plain(colour, width or wide, height or high)
                return compose(picture, mask_of_size(opacity, wide, high), ground, *look)

            rows = batch.together(product=batch.colours(product), mask=found, background=grounds)
            made = batch.each(rows, make)
            layers = [
                batch.stacked([getattr(one, name) for one in made])
                for name in ("picture", "mask", "inside", "product", "shadow")
            ]
        largest = max(one.scale for one in made)
        warnings = []
        if largest > _ENLARGED:
            warnings.append(f"the product was enlarged {largest:.1f} times, and may look soft; its pixels are too few")
        return io.NodeOutput(*layers, ui=tell(cls.hidden.unique_id, warnings))


def _plain(text: str, width: int, height: int) -> Pixels:
    return plain(colour(text, "input 'colour'"), width, height)
