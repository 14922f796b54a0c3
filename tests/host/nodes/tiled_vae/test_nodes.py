"""The tiled nodes on a real host: what is refused and when, borders that are drawn, and videos by core's own tiles."""

from __future__ import annotations

import io
import time
import uuid
from typing import Any

import numpy as np
import pytest
from PIL import Image

from packshot import Client
from packshot.comfy import protocol
from packshot.comfy.protocol import HostFile, Record

Graph = dict[str, dict[str, Any]]

MAGENTA = (255, 0, 255)


def node(class_type: str, /, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs, "_meta": {"title": class_type}}


def submit(client: Client, graph: Graph) -> tuple[Any, str]:
    prompt_id = str(uuid.uuid4())
    return client.api.submit({"prompt": graph, "prompt_id": prompt_id, "client_id": prompt_id}), prompt_id


def run(client: Client, graph: Graph) -> Record:
    answer, prompt_id = submit(client, graph)
    assert answer.ok, answer.text
    while (record := protocol.read_record(client.api.history(prompt_id), prompt_id)) is None:
        time.sleep(0.1)
    return record


def upload(client: Client, width: int, height: int, seed: int) -> str:
    """Put a picture of noise into the host's input folder; its name there."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    data = io.BytesIO()
    Image.fromarray(noise).save(data, "PNG")
    data.seek(0)
    return client.api.upload(data, f"noise-{uuid.uuid4().hex[:8]}.png", "")


def pictures(client: Client, record: Record, node_id: str) -> np.ndarray:
    """(B, H, W, 3) in 8 bits, of an output node."""
    made = []
    for file in record.outputs:
        if isinstance(file, HostFile) and file.node == node_id:
            stream = client.api.view(file.filename, file.subfolder, file.folder)
            assert stream is not None
            with Image.open(io.BytesIO(b"".join(stream))) as image:
                made.append(np.asarray(image))
    return np.stack(made)


@pytest.mark.parametrize("tile", [-8, 63, 16392, 10**9])
@pytest.mark.parametrize("kind", ["PackshotVAEDecodeTiled", "PackshotVAEEncodeTiled"])
def test_a_size_that_is_no_tile_is_refused_before_the_queue(tiny_client: Client, kind: str, tile: int) -> None:
    given = {"samples": ["2", 0], "overlay": False} if "Decode" in kind else {"pixels": ["4", 0]}
    asked = {
        "1": node("VAELoader", vae_name="tiny-wan.safetensors"),
        "2": node("EmptySD3LatentImage", width=64, height=64, batch_size=1),
        "3": node(kind, vae=["1", 0], tile_size=tile, **given),
        "4": node("EmptyImage", width=64, height=64, batch_size=1, color=0),
        "5": node("PackshotMemoryReport", value=["3", 0]),
    }
    answer, _ = submit(tiny_client, asked)
    assert not answer.ok
    (error,) = answer.json()["node_errors"]["3"]["errors"]
    assert "[input-invalid]" in error["details"]
    assert f"tiles of {tile} pixels" in error["details"]
    assert "What to do: 0 for a size by free memory, or 64 to 16384" in error["details"]


@pytest.mark.parametrize(
    ("vae", "source", "words"),
    [
        (
            "tiny-kl4",
            ("EmptyLatentAudio", {"seconds": 1.0}),
            r"of shape 1 x 64 x \d+; this VAE takes B x C x h x w",
        ),
        (
            "tiny-wan",
            ("EmptyLatentAudio", {"seconds": 1.0}),
            r"of shape 1 x 64 x \d+; this VAE takes B x C x frames",
        ),
        ("tiny-kl4", ("EmptySD3LatentImage", {"width": 64, "height": 64}), "1 x 16 x 8 x 8; .* with C = 4"),
        ("tiny-ltx", ("EmptySD3LatentImage", {"width": 64, "height": 64}), "1 x 16 x 8 x 8; .* with C = 128"),
    ],
)
def test_what_is_no_latent_of_this_vae_is_refused_with_its_shape(
    tiny_client: Client, vae: str, source: tuple[str, dict[str, Any]], words: str
) -> None:
    asked = {
        "1": node("VAELoader", vae_name=f"{vae}.safetensors"),
        "2": node(source[0], batch_size=1, **source[1]),
        "3": node("PackshotVAEDecodeTiled", samples=["2", 0], vae=["1", 0], tile_size=64, overlay=False),
        "4": node("PreviewImage", images=["3", 0]),
    }
    error = protocol.failure(run(tiny_client, asked), asked)
    assert (error.slug, bool(error.remedy)) == ("input-invalid", True)
    with pytest.raises(type(error), match=words):
        raise error


def test_the_overlay_marks_the_borders_of_tiles_and_nothing_else(tiny_client: Client) -> None:
    """208 pixels in tiles of at most 64 are four of 52, and 112 are two of 56."""
    asked = {
        "1": node("LoadImage", image=upload(tiny_client, 208, 112, 1)),
        "2": node("VAELoader", vae_name="starter-flux2-vae.safetensors"),
        "3": node("PackshotVAEEncodeTiled", pixels=["1", 0], vae=["2", 0], tile_size=64),
        "4": node("PackshotVAEDecodeTiled", samples=["3", 0], vae=["2", 0], tile_size=64, overlay=False),
        "5": node("PackshotVAEDecodeTiled", samples=["3", 0], vae=["2", 0], tile_size=64, overlay=True),
        "6": node("PreviewImage", images=["4", 0]),
        "7": node("PreviewImage", images=["5", 0]),
    }
    record = run(tiny_client, asked)
    assert record.succeeded, record.error
    plain, drawn = pictures(tiny_client, record, "6")[0], pictures(tiny_client, record, "7")[0]
    borders = np.zeros((112, 208), bool)
    borders[56] = True
    borders[:, [52, 104, 156]] = True
    assert (drawn[borders] == MAGENTA).all()
    assert (drawn[~borders] == plain[~borders]).all()
    assert not (plain[borders] == MAGENTA).all(axis=-1).any()


def test_a_video_of_ltx_is_that_of_cores_tiles_over_space_and_time(tiny_client: Client) -> None:
    """73 frames in tiles of 64, 320 x 288 pixels in tiles of 256: both are cut."""
    sizes = {"tile_size": 256, "overlap": 32, "temporal_size": 64, "temporal_overlap": 8}
    asked = {
        "1": node("LoadImage", image=upload(tiny_client, 288, 320, 2)),
        "2": node("LoadImage", image=upload(tiny_client, 288, 320, 3)),
        "3": node("RepeatImageBatch", image=["1", 0], amount=40),
        "4": node("RepeatImageBatch", image=["2", 0], amount=33),
        "5": node("ImageBatch", image1=["3", 0], image2=["4", 0]),
        "6": node("VAELoader", vae_name="tiny-ltx.safetensors"),
        "7": node("PackshotVAEEncodeTiled", pixels=["5", 0], vae=["6", 0], tile_size=256),
        "8": node("PackshotVAEDecodeTiled", samples=["7", 0], vae=["6", 0], tile_size=256, overlay=True),
        "9": node("VAEEncodeTiled", pixels=["5", 0], vae=["6", 0], **sizes),
        "10": node("VAEDecodeTiled", samples=["9", 0], vae=["6", 0], **sizes),
        "11": node("VAEDecode", samples=["9", 0], vae=["6", 0]),
        "12": node("PackshotMemoryReport", value=["8", 0]),
    }
    for number, made in (("20", "12"), ("21", "10"), ("22", "11")):
        # Of 73 frames some round frame 56, where the second tile begins to be blended in.
        asked[f"{number}0"] = node("ImageFromBatch", image=[made, 0], batch_index=54, length=6)
        asked[number] = node("PreviewImage", images=[f"{number}0", 0])
    record = run(tiny_client, asked)
    assert record.succeeded, record.error
    ours, core, whole = (pictures(tiny_client, record, number) for number in ("20", "21", "22"))
    assert ours.shape == (6, 320, 288, 3)
    assert (ours == core).all()
    assert (whole != core).any()  # there were tiles at all
    assert [(phase["phase"], phase["node"]) for phase in record.memory] == [("VAE encode", "7"), ("VAE decode", "8")]
    said = "a video: core's own tiles of 256 pixels and 64 frames, blended where they overlap"
    assert all(phase["notes"] == [said] and phase["steps"] == [] and phase["peak"] > 0 for phase in record.memory)
