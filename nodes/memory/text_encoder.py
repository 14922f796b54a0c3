"""A text encoder in the memory report: each time that it encodes is a phase, loaded anew or not."""

from __future__ import annotations

from typing import Any

from .record import Phase, allocator, watched

_METHOD = "encode_token_weights"  # of core's text encoders; all encodings go through it


def noted(clip: Any) -> Any:
    """A clone of a text encoder that notes a phase each time it encodes."""
    clone = clip.clone()
    encode = clone.patcher.get_model_object(_METHOD)
    if not isinstance(encode, _Noted):
        # Core puts object patches in place before each encoding, also where the weights are on the device already.
        clone.patcher.add_object_patch(_METHOD, _Noted(encode, clip.patcher))
    return clone


class _Noted:
    """The model's own method, noted. ``patcher`` is one that does not hold this, so that no ring keeps it alive."""

    def __init__(self, encode: Any, patcher: Any) -> None:
        self._encode, self._patcher = encode, patcher

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        patcher = self._patcher
        phase = Phase("text encoder", allocator=allocator(patcher), weights=patcher.model_size())
        with watched(phase, patcher.load_device):
            try:
                return self._encode(*args, **kwargs)
            finally:
                phase.resident = patcher.loaded_size()
