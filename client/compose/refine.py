"""The outline of a product at its photograph's full resolution, from a coarse mask and the photograph itself.

A network sees a few hundred pixels a side. Within a band around its outline each pixel is judged anew, by the colours
that product and surroundings have near it, and, before a plain backdrop, by its distance from that: this also finds
parts that the network lost, and backdrop that the product encloses. The judgement is smoothed by a guided filter, which
keeps to the photograph's edges (K. He, J. Sun, X. Tang, "Guided Image Filtering", TPAMI 2013; as a filter of costs: A.
Hosni et al., "Fast Cost-Volume Filtering for Visual Correspondence and Beyond", TPAMI 2013), and before a plain
backdrop carried by random walks to the next edge: a shadow ends softly, a product does not. In the last pixels of the
edge, opacity is where a pixel's colour lies between those of product and surroundings.
"""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage, sparse
from scipy.sparse import linalg

from .backdrop import Backdrop, blurred, fit_backdrop, mean_near
from .pixels import HAMMING, Flags, Pixels, resize

WORK = 800  # longer side at which pixels are judged; the opacity of the edge is computed in the photograph's own pixels
_BAND = 0.018  # of the longer side, to either side of the coarse outline: three pixels of a mask of 320, about
_COLOURS = 32  # that the photograph is told apart by
_NEAR = 0.06  # of the longer side: reach of the colours that are compared
_SMALL_PART = 0.002  # of the largest part: what is smaller is dirt
_CONTRAST = 0.15  # between product and surroundings, from which colours are trusted as much as they can be
_BLIND = 0.2  # of it, below which colours tell nothing and the network's outline stays
_CHAIN = 0.75  # of the band: what is nowhere deeper inside is too thin for walks along its colours
_PRIOR = 0.005  # weight of a pixel's own judgement, beside 1 of a neighbour of its very colour
_DOUBT = 0.3  # added to its squared odds
_GRAIN = 0.002  # difference of neighbours, 0..1, that is never an edge
_STEP = 15.0  # squared differences, in units of their median, over which two neighbours part
_NEIGHBOURS = ((np.s_[1:, :], np.s_[:-1, :]), (np.s_[:, 1:], np.s_[:, :-1]))  # below and above, right and left
_ROWS = 256  # of the photograph that are in work at once


def refine(picture: Pixels, coarse: Pixels) -> Pixels:
    """The mask at the photograph's resolution, ``[H, W]``, 0..1.

    Args:
        picture: ``[H, W, 3]``, 0..1.
        coarse: ``[H, W]``, 0..1: right but for a band around its outline, lost thin parts and enclosed backdrop.
    """
    height, width = coarse.shape
    scale = min(1.0, WORK / max(height, width))
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    small, core = resize(picture, *size, HAMMING), resize(coarse, *size, HAMMING) > 0.5
    if not core.any():
        return np.zeros_like(coarse)
    return _opacity(picture, small, _outline(small, core))


def _outline(picture: Pixels, core: Flags) -> Flags:
    """What is product, ``[h, w]``, at the size at which pixels are judged."""
    side = max(core.shape)
    reach = max(4, round(_BAND * side))
    depth, away = depth_of(core), ndimage.distance_transform_edt(~core)
    soft = blurred(picture, 0.8)
    backdrop = fit_backdrop(soft, away > 2 * reach)
    band = (depth <= reach) & (away <= reach)
    none = np.zeros_like(core)
    stands, shaded = backdrop.strange(soft, 5.0) if backdrop.plain else (none, none)
    lost = (
        _lost_parts(stands | (shaded & backdrop.thin(soft)), backdrop, core, away > reach) if backdrop.plain else none
    )
    ground = (away > 0.8 * reach) & ~ndimage.binary_dilation(stands | lost, iterations=2)
    # Thin parts have no pixel so far inside: there, those along their middle.
    sure = core & (depth > np.minimum(0.8 * reach, 0.5 * ndimage.maximum_filter(depth, 2 * reach + 1)))
    colours = _by_colours(soft, sure, ground, _NEAR * side)
    contrast = _contrast(soft, core & (depth > 1), ground, reach)
    band &= contrast > _BLIND
    place = np.clip(0.5 + (depth - away) / (4 * reach), 0.02, 0.98)
    # Where product and surroundings look the same, the network's word counts more than colours.
    odds = contrast * _odds(colours) + (2.6 - 2 * contrast) * _odds(place)
    if backdrop.plain:
        far = backdrop.distance
        odds += np.where(stands, np.minimum(far - 4, 8) * 0.4, 0) - np.where((far < 2) & ~core, 2 - far, 0)
        odds -= np.where(shaded & ~core, 2.5, 0)
        odds[lost] = np.maximum(odds[lost], 2.0)
        holes = enclosed(soft, backdrop, core & (contrast > 0.5), shift=2.5)
        rim = ndimage.binary_dilation(holes, iterations=2)
        odds = np.where(rim, np.where(holes, -4.0, np.where(far > 4, 3.0, -1.0)), odds)
        band |= ndimage.binary_dilation(lost, iterations=2) | rim
    judged = np.where(band, 1 / (1 + np.exp(-np.clip(odds, -30, 30))), core).astype(np.float32)
    judged = np.where(band, np.clip(guided(picture, judged, 2, 1e-4), 0, 1), core)
    solid = judged > 0.5
    if backdrop.plain:  # in a pattern, edges are everywhere
        trust = (_PRIOR * (_DOUBT + _odds(judged) ** 2)).astype(np.float32)
        # The edges inside of a chain must not take it apart.
        chain = ndimage.maximum_filter(np.where(core, depth, 0), 4 * reach + 1) < _CHAIN * reach
        solid = np.where(chain, solid, walked(soft, judged, trust, band) > 0.5)
    labels, count = ndimage.label(solid, np.ones((3, 3)))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    outline: Flags = (sizes >= max(_SMALL_PART * sizes.max(), 1))[labels]
    return outline


def depth_of(flags: Flags) -> Pixels:
    """How far inside each pixel is, in pixels; the frame is no edge. Endless where all is inside."""
    if flags.all():
        return np.full(flags.shape, np.inf, np.float32)
    return np.asarray(ndimage.distance_transform_edt(np.pad(flags, 1, mode="edge"))[1:-1, 1:-1], np.float32)


def _odds(share: Pixels) -> Pixels:
    limited = np.clip(share, 0.01, 0.99)
    odds: Pixels = np.log(limited / (1 - limited))
    return odds


def _by_colours(picture: Pixels, product: Flags, ground: Flags, reach: float) -> Pixels:
    """How likely each pixel is product, 0..1, by how often its colour is in product and ground around it."""
    levels = Image.fromarray((picture * 255 + 0.5).astype(np.uint8))
    palette = np.asarray(levels.quantize(_COLOURS, Image.Quantize.MEDIANCUT))
    step, sigma = 4, max(reach / 4, 0.5)
    rows, columns = (np.minimum(np.arange(length) // step, -(-length // step) - 1) for length in palette.shape)
    sums = [_blocks(flags, step) for flags in (product, ground)]
    totals = [blurred(total, sigma) + 1e-4 for total in sums]
    result = np.full(palette.shape, 0.5, np.float32)
    for colour in range(int(palette.max()) + 1):
        same = palette == colour
        inside, outside = (
            blurred(_blocks(flags & same, step), sigma) / total
            for flags, total in zip((product, ground), totals, strict=True)
        )
        share = (inside + 2e-3) / (inside + outside + 4e-3)
        result[same] = share[rows][:, columns][same]
    return result


def _blocks(flags: Flags, step: int) -> Pixels:
    """The share of each block of ``step`` x ``step`` pixels that is set."""
    height, width = flags.shape
    padded = np.pad(flags.astype(np.float32), ((0, -height % step), (0, -width % step)))
    shares: Pixels = padded.reshape(padded.shape[0] // step, step, padded.shape[1] // step, step).mean(axis=(1, 3))
    return shares


def _contrast(picture: Pixels, product: Flags, ground: Flags, reach: float) -> Pixels:
    """How far apart product and ground are near each pixel, 0..1; 1 is as good as it gets."""
    inner, _ = mean_near(picture, product.astype(np.float32), reach)
    outer, _ = mean_near(picture, ground.astype(np.float32), 2.0 * reach)
    apart = np.sqrt(((inner - outer) ** 2).sum(axis=2))
    return np.asarray(np.clip(apart / _CONTRAST, 0, 1) ** 2, np.float32)


def _lost_parts(stands: Flags, backdrop: Backdrop, core: Flags, beyond: Flags) -> Flags:
    """What stands before the backdrop and is not in the mask: joined to it, or large and strong enough by itself.

    Args:
        beyond: where the mask's own outline is not looked for; a part that does not reach so far is none.
    """
    labels, count = ndimage.label(ndimage.binary_dilation(stands & ~core), np.ones((3, 3)))
    if not count:
        return np.zeros_like(core)
    numbers = np.arange(1, count + 1)
    outside = stands & ~core
    sizes = np.maximum(ndimage.sum_labels(outside, labels, numbers), 1)
    strength = ndimage.sum_labels(np.where(outside, np.minimum(backdrop.distance, 40), 0), labels, numbers)
    joined = ndimage.maximum(ndimage.binary_dilation(core, iterations=2), labels, numbers) > 0
    reaching = ndimage.maximum(outside & beyond, labels, numbers) > 0
    part = reaching & (joined | (sizes > _SMALL_PART * core.sum())) & (strength > 12 * sizes)
    parts: Flags = np.concatenate([[False], part])[labels] & outside
    return parts


def enclosed(picture: Pixels, backdrop: Backdrop, core: Flags, shift: float) -> Flags:
    """Find backdrop that the mask has: areas of its very colour whose surroundings are surely product.

    A white label on a product before white is such an area too, where it has the backdrop's colour to a few levels. So
    nothing is told from a backdrop that is burnt out, as every white is then the same.

    Args:
        picture: that the backdrop was fitted to, ``[h, w, 3]``.
        core: the mask, ``[h, w]``.
        shift: how far an area's mean may be from the backdrop, in units of its noise.
    """
    plain: Flags = core & (backdrop.distance < 5) & (backdrop.surface.max(axis=2) < 0.985)
    labels, count = ndimage.label(plain)
    if not count:
        return plain
    numbers = np.arange(1, count + 1)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    off = (picture - backdrop.surface) / backdrop.noise
    shifts = np.max([np.abs(ndimage.mean(off[..., c], labels, numbers)) for c in range(3)], axis=0)
    beside = ndimage.grey_dilation(labels, size=(7, 7))
    beside[labels > 0] = 0
    # Beside product that is surely none of the backdrop, all around; what lies at the mask's outline is no hole.
    around = np.where(core, ndimage.maximum_filter(backdrop.distance, 5) > 8, False)
    shares = np.bincount(beside.ravel(), around.ravel(), count + 1) / np.maximum(
        np.bincount(beside.ravel(), minlength=count + 1), 1
    )
    hole: Flags = np.concatenate([[False], (sizes >= 5) & (shifts < shift) & (shares[1:] > 0.8)])[labels]
    return hole


def guided(guide: Pixels, values: Pixels, radius: int, epsilon: float) -> Pixels:
    """Smooth ``[H, W]`` along the edges of a colour picture ``[H, W, 3]``: He et al., equation 14 and following.

    Args:
        radius: of the windows, in pixels.
        epsilon: variance of the guide below which it counts as flat.
    """

    def mean(plane: Pixels) -> Pixels:
        return np.asarray(ndimage.uniform_filter(plane, 2 * radius + 1, mode="nearest"), np.float32)

    planes = [guide[..., c] for c in range(3)]
    means, average = [mean(plane) for plane in planes], mean(values)
    spread = np.empty((*values.shape, 3, 3), np.float32)
    for i in range(3):
        for j in range(i, 3):
            spread[..., i, j] = spread[..., j, i] = mean(planes[i] * planes[j]) - means[i] * means[j]
    spread[..., range(3), range(3)] += epsilon
    joint = np.stack(
        [mean(plane * values) - center * average for plane, center in zip(planes, means, strict=True)], axis=-1
    )
    slope = np.linalg.solve(spread, joint[..., None])[..., 0]
    offset = average - (slope * np.stack(means, axis=-1)).sum(axis=-1)
    smooth = sum(mean(slope[..., c]) * planes[c] for c in range(3)) + mean(offset)
    return np.asarray(smooth, np.float32)


def walked(picture: Pixels, judged: Pixels, trust: Pixels, band: Flags) -> Pixels:
    """Move a judgement of each pixel onto the photograph's edges, ``[h, w]``: random walks with priors.

    Pixels of one colour get one answer, and between two neighbours that differ it may change. This is the minimum of
    the sum of w (x_i - x_j)^2 over neighbours and of c (x_i - judged_i)^2 over pixels: L. Grady, "Multilabel Random
    Walker Image Segmentation Using Prior Models", CVPR 2005.

    Args:
        judged: 0..1; outside of the band it stays as it is.
        trust: c, 0 and more.
    """
    count = int(band.sum())
    if not count:
        return judged
    number = np.full(band.shape, -1)
    number[band] = np.arange(count)
    matrix = trust[band].astype(np.float64)
    right = matrix * judged[band]
    links: list[tuple[Pixels, Pixels, Pixels]] = []
    for first, second in _NEIGHBOURS:
        difference = ((picture[first] - picture[second]) ** 2).mean(axis=2)
        one, other = number[first], number[second]
        seen = (one >= 0) | (other >= 0)
        grain = max(float(np.median(difference[seen])), _GRAIN**2)
        weight = np.exp(-difference / (_STEP * grain)) + 1e-3
        for near, far, at in ((one, other, second), (other, one, first)):
            inner = near >= 0
            np.add.at(matrix, near[inner], weight[inner])
            outer = inner & (far < 0)
            np.add.at(right, near[outer], weight[outer] * judged[at][outer])
        both = (one >= 0) & (other >= 0)
        links.append((one[both], other[both], weight[both]))
    rows, columns, weights = (np.concatenate(parts) for parts in zip(*links, strict=True))
    joined = sparse.coo_matrix((-weights, (rows, columns)), (count, count))
    system = (joined + joined.T + sparse.diags(matrix)).tocsr()
    close = 1e-3 * float(np.linalg.norm(right))
    answer, _ = linalg.cg(system, right, x0=judged[band], atol=close, maxiter=200, M=sparse.diags(1 / matrix))
    result = judged.copy()
    result[band] = answer
    return result


def _opacity(picture: Pixels, small: Pixels, solid: Flags) -> Pixels:
    """How much of each pixel is product, ``[H, W]``, by its colour between those of product and surroundings."""
    sure = [ndimage.binary_erosion(flags, iterations=2, border_value=1) for flags in (solid, ~solid)]
    weights = [
        np.where(flags, 1.0, 0.02 * side).astype(np.float32) for flags, side in zip(sure, (solid, ~solid), strict=True)
    ]
    colours = [mean_near(small, weight, 2.5)[0] for weight in weights]
    signed = np.where(solid, depth_of(solid) - 0.5, 0.5 - ndimage.distance_transform_edt(~solid)).astype(np.float32)
    layers = np.concatenate([*colours, np.clip(signed, -8, 8)[..., None]], axis=2)
    height, width = picture.shape[:2]
    result = np.empty((height, width), np.float32)
    for top in range(0, height, _ROWS):
        rows = slice(top, min(top + _ROWS, height))
        result[rows] = _edge(picture[rows], _stretched(layers, rows, height, width), width / small.shape[1])
    return result


def _stretched(layers: Pixels, rows: slice, height: int, width: int) -> Pixels:
    """Some rows of ``layers`` at the photograph's size, linear in between."""
    scale = layers.shape[0] / height
    box = (0.0, rows.start * scale, float(layers.shape[1]), rows.stop * scale)
    size = (width, rows.stop - rows.start)
    planes = [Image.fromarray(np.ascontiguousarray(plane)) for plane in np.moveaxis(layers, 2, 0)]
    return np.stack([np.asarray(plane.resize(size, Image.Resampling.BILINEAR, box)) for plane in planes], axis=2)


def _edge(picture: Pixels, layers: Pixels, scale: float) -> Pixels:
    """Opacity of some rows; ``layers``: product's colour, ground's colour, distance inside the outline."""
    product, ground, signed = layers[..., :3], layers[..., 3:6], layers[..., 6]
    apart = product - ground
    contrast = (apart**2).sum(axis=2)
    between = ((picture - ground) * apart).sum(axis=2) / np.maximum(contrast, 1e-6)
    between = np.clip((between - 0.06) / 0.88, 0.0, 1.0)
    trust = contrast / (contrast + 0.006)
    opacity = trust * between + (1 - trust) * np.clip(signed * max(scale, 1.0) + 0.5, 0.0, 1.0)
    opacity = np.clip(opacity, np.clip(signed - 1, 0, 1), np.clip(signed + 2.5, 0, 1))
    opacity[opacity < 0.03], opacity[opacity > 0.97] = 0.0, 1.0
    return np.asarray(opacity, np.float32)
