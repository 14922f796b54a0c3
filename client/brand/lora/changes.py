"""What each layer of a LoRA adds to the model's weight, as the product of two matrices.

LoRA and LoHa are such products by construction; LoKr and a full difference become one with the identity. What DoRA,
OFT, BOFT and GLoRA do to a weight depends on that weight, so that it cannot be added up without the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...errors import InputInvalid, ModelCorrupt
from ...models.files.adapters import Adapter
from ...models.files.adapters import adapters as read_adapters
from .naming.parts import scaling
from .prices import enforce_price, priced
from .tensors import Floats, TensorFile

#: Algorithm: why its change is no sum.
NOT_ADDITIVE: Mapping[str, str] = {
    "dora": "DoRA scales the sum of weight and change to a learnt magnitude, which depends on the base model's weight",
    "oft": "OFT turns the base model's weight: it multiplies, and adds nothing",
    "boft": "BOFT turns the base model's weight: it multiplies, and adds nothing",
    "glora": "GLoRA adds a multiple of the base model's weight",
}
_VECTORS = {"bias": "diff_b", "w": "w_norm", "b": "b_norm"}  # part: how its tensor's name ends


@dataclass(frozen=True, slots=True)
class Change:
    """``up @ down``, of the layer's weight flattened to outputs x everything else.

    Attributes:
        up: float32, outputs x rank. The scale alpha / rank is in it.
        down: float32, rank x (inputs x kernel).
        kernel: sides of a convolution's kernel; empty for a linear layer.
    """

    up: Floats
    down: Floats
    kernel: tuple[int, ...] = ()

    @property
    def shape(self) -> tuple[int, int]:
        """Outputs, and inputs x kernel."""
        return self.up.shape[0], self.down.shape[1]

    def dense(self) -> Floats:
        """The whole matrix."""
        return self.up @ self.down


@dataclass(frozen=True, slots=True)
class LayerChange:
    """What a file adds to one layer.

    Attributes:
        adapter: the layer and how the file has it.
        matrix: added to its weight; None where only vectors change.
        vectors: ``diff_b`` (bias), ``w_norm``, ``b_norm`` or ``diff`` (a weight that is a vector) -> what is added.
    """

    adapter: Adapter
    matrix: Change | None
    vectors: Mapping[str, Floats]


def adapters_of(file: TensorFile) -> list[Adapter]:
    """The layers that a LoRA file changes.

    Raises:
        InputInvalid: the file is no LoRA.
    """
    found = read_adapters({name: info.shape for name, info in file.header.tensors.items()})
    if not found:
        raise InputInvalid("holds no LoRA", place=str(file.header.path), remedy="give a LoRA file")
    return found


def identity(adapter: Adapter) -> tuple[bool, str]:
    """What is the same for one layer in the namings of different trainers: text encoder or not, and its name."""
    return adapter.text, adapter.layer.replace(".", "_")


def change_of(file: TensorFile, adapter: Adapter) -> LayerChange:
    """What a layer's tensors add to it at strength 1.

    Raises:
        InputInvalid: the change is no sum, a matrix is missing, or it takes more memory than there is.
        ModelCorrupt: the matrices do not fit each other, or hold no finite numbers.
    """
    reason = NOT_ADDITIVE.get(adapter.algorithm)
    if "scale" in adapter.tensors:  # a magnitude may stand beside any algorithm
        reason = NOT_ADDITIVE["dora"]
    if "reshape" in adapter.tensors:
        reason = "it makes the layer larger"
    if any(name.endswith(".set_weight") for name in adapter.tensors.values()):
        reason = "it replaces the layer's weight and adds nothing"
    if reason is not None:
        raise InputInvalid(f"cannot be added up: {reason}", place=_place(file, adapter), remedy=_REMEDY)
    try:
        enforce_price(priced(_shapes(file, adapter), adapter.algorithm), _place(file, adapter))
        with np.errstate(over="ignore", invalid="ignore"):
            matrix = _matrix(file, adapter)
        if matrix is not None and not (np.isfinite(matrix.up).all() and np.isfinite(matrix.down).all()):
            raise ModelCorrupt(
                "holds values whose products are infinite",
                place=_place(file, adapter),
                remedy="the training went wrong or the file is damaged: use another one",
            )
        return LayerChange(adapter, matrix, _vectors(file, adapter))
    except ValueError as error:
        raise InputInvalid(
            f"its matrices do not fit each other: {error}", place=_place(file, adapter), remedy="the file is damaged"
        ) from error
    except KeyError as error:
        raise InputInvalid(
            f"has no matrix {error}", place=_place(file, adapter), remedy="the file is damaged"
        ) from error


_REMEDY = "use the file in a stack of LoRAs, which applies it to the model, or convert only its dtype"


def _place(file: TensorFile, adapter: Adapter) -> str:
    return f"{file.header.path}, layer '{adapter.name}'"


def _vectors(file: TensorFile, adapter: Adapter) -> dict[str, Floats]:
    found = {suffix: adapter.tensors[part] for part, suffix in _VECTORS.items() if part in adapter.tensors}
    if "diff" in adapter.tensors and len(file.header.tensors[adapter.tensors["diff"]].shape) < 2:
        found["diff"] = adapter.tensors["diff"]
    vectors = {suffix: file.floats(name) for suffix, name in found.items()}
    if found.get("diff_b", "").endswith(".bias"):  # PEFT's is scaled as its matrices are
        sources = {name: file.floats(name) for part, name in adapter.tensors.items() if part in ("alpha", "down")}
        vectors["diff_b"] = vectors["diff_b"] * np.float32(scaling(adapter, sources))
    return vectors


def _shapes(file: TensorFile, adapter: Adapter) -> dict[str, tuple[int, ...]]:
    """The shapes of a layer's matrices by part.

    Raises:
        ValueError: one of them is of no matrix.
    """
    names = {part: name for part, name in adapter.tensors.items() if part not in _VECTORS and part != "alpha"}
    shapes = {part: tuple(file.header.tensors[name].shape) for part, name in names.items()}
    for part, shape in shapes.items():
        if 0 in shape or (len(shape) < 2 and part != "diff"):
            raise ValueError(f"'{part}' has the shape {shape}")
    return shapes


def _matrix(file: TensorFile, adapter: Adapter) -> Change | None:
    parts = {part: file.floats(name) for part, name in adapter.tensors.items() if part not in _VECTORS}
    scale = parts.pop("alpha", None)
    if scale is not None and scale.size != 1:
        raise ValueError(f"alpha has {scale.size} values")
    alpha = None if scale is None else float(scale.reshape(-1)[0])
    if adapter.algorithm == "lora":
        return _lora(parts, alpha)
    if adapter.algorithm == "loha":
        return _loha(parts, alpha)
    if adapter.algorithm == "lokr":
        return _lokr(parts, alpha)
    weight = parts.get("diff")
    return None if weight is None or weight.ndim < 2 else _whole(weight)


def _lora(parts: Mapping[str, Floats], alpha: float | None) -> Change:
    up, down = parts["up"], parts["down"]
    rank = down.shape[0]
    if "mid" in parts:  # a Tucker decomposition (LyCORIS, "LoCon"): the kernel is in the middle
        down = np.einsum("rskl,si->rikl", parts["mid"], down.reshape(rank, -1))
    scale = 1.0 if alpha is None else alpha / rank
    change = Change(up.reshape(up.shape[0], -1) * np.float32(scale), down.reshape(rank, -1), down.shape[2:])
    if change.up.shape[1] != rank:
        raise ValueError(f"ranks {change.up.shape[1]} and {rank}")
    return change


def _loha(parts: Mapping[str, Floats], alpha: float | None) -> Change:
    """The elementwise product of two low-rank matrices (FedPara, arXiv 2108.06098).

    Of ranks r and s it has at most rank r·s, with the row-wise and column-wise Kronecker products as factors.
    """
    scale = np.float32(1.0 if alpha is None else alpha / parts["w1_b"].shape[0])
    if "t1" in parts:
        first, second = (_tucker(parts[f"t{i}"], parts[f"w{i}_a"], parts[f"w{i}_b"]) for i in (1, 2))
        return _whole(first * second * scale)
    up1, down1, up2, down2 = (parts[name] for name in ("w1_a", "w1_b", "w2_a", "w2_b"))
    rank = up1.shape[1] * up2.shape[1]
    if rank >= min(up1.shape[0], down1.shape[1]):
        return _whole((up1 @ down1) * (up2 @ down2) * scale)
    up = np.einsum("or,os->ors", up1, up2).reshape(-1, rank)
    down = np.einsum("ri,si->rsi", down1, down2).reshape(rank, -1)
    return Change(up * scale, down)


def _lokr(parts: Mapping[str, Floats], alpha: float | None) -> Change:
    """The Kronecker product of two matrices, either of which may be a product of two (LyCORIS, arXiv 2309.14859)."""
    rank = None
    if "w1" in parts:
        first = parts["w1"]
    else:
        first, rank = parts["w1_a"] @ parts["w1_b"], parts["w1_b"].shape[0]
    if "w2" in parts:
        second = parts["w2"]
    else:
        rank = parts["w2_b"].shape[0]
        if "t2" in parts:
            second = _tucker(parts["t2"], parts["w2_a"], parts["w2_b"])
        else:
            second = parts["w2_a"] @ parts["w2_b"].reshape(rank, -1)
    scale = np.float32(1.0 if alpha is None or rank is None else alpha / rank)
    if second.ndim > 2:
        first = first.reshape(*first.shape, *(1 for _ in second.shape[2:]))
    return _whole(np.kron(first, second) * scale)


def _tucker(core: Floats, outputs: Floats, inputs: Floats) -> Floats:
    """Outputs x inputs x kernel, of a core of rank x rank x kernel."""
    return np.asarray(np.einsum("ijkl,jr,ip->prkl", core, inputs, outputs), np.float32)


def _whole(weight: Floats) -> Change:
    """A matrix that is not factored, as its product with the identity on its shorter side."""
    flat = weight.reshape(weight.shape[0], -1)
    outputs, inputs = flat.shape
    if outputs <= inputs:
        return Change(np.eye(outputs, dtype=np.float32), flat, weight.shape[2:])
    return Change(flat, np.eye(inputs, dtype=np.float32), weight.shape[2:])
