"""Memory policies over whole prompts on a real host: what a cancel leaves, what a picture says, where policies part."""

from __future__ import annotations

import io
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from packshot import Client, Job
from packshot.comfy import protocol
from packshot.comfy.protocol import HostFile, Record
from packshot.host.install import Installation
from packshot.host.managed import ManagedHost
from packshot.provenance.reading import read_account
from support.host.memory_graphs import Graph, node, run, submit

# A node whose model, after so many calls, asks so many times for more memory than any machine has.
HUNGRY = """
import torch
from comfy.patcher_extension import WrappersMP

class Hungry:
    RETURN_TYPES, FUNCTION, CATEGORY = ("MODEL",), "make", "tests"

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"model": ("MODEL",), "after": ("INT", {"default": 0}), "times": ("INT", {"default": 1})}}

    def make(self, model, after, times):
        calls = iter(range(10**9))

        def hungry(executor, *args, **kwargs):
            if after <= next(calls) < after + times:
                torch.empty(2**50, dtype=torch.uint8)
            return executor(*args, **kwargs)

        model = model.clone()
        model.add_wrapper_with_key(WrappersMP.DIFFUSION_MODEL, "hungry", hungry)
        return (model,)

NODE_CLASS_MAPPINGS = {"Hungry": Hungry}
"""

FREE = {"mode": "auto", "budget_gib": 0.0, "blocks": 0, "headroom_gib": 0.0}

LORA = "aldern-quay-starter.safetensors"


@pytest.fixture(scope="module")
def client(installation: Installation, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    managed = ManagedHost(tmp_path_factory.mktemp("host"), installation, models)
    nodes = managed.home / "base" / "custom_nodes"
    nodes.mkdir(parents=True)
    (nodes / "hungry.py").write_text(HUNGRY)
    try:
        with Client(str(managed.up().url)) as connected:
            yield connected
    finally:
        managed.down()


def policy(model: list[Any], **changes: Any) -> dict[str, Any]:
    return node("PackshotVRAMPolicy", model=model, **(FREE | {"lora": "auto"} | changes))


def picture(model: list[Any], steps: int = 2, seed: int = 5, **nodes: Any) -> Graph:
    """The starter with a LoRA, sampled by the ``model`` that ``nodes`` make of it, and shown."""
    sampler = {"seed": seed, "steps": steps, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple", "denoise": 1.0}
    return {
        "1": node("UNETLoader", unet_name="starter-flux2.safetensors", weight_dtype="default"),
        "2": node("CLIPLoader", clip_name="starter-clip-l.safetensors", type="stable_diffusion", device="default"),
        "3": node("VAELoader", vae_name="starter-flux2-vae.safetensors"),
        "4": node("CLIPTextEncode", clip=["2", 0], text="a mug"),
        "5": node("EmptyFlux2LatentImage", width=128, height=128, batch_size=1),
        "6": node("LoraLoaderModelOnly", model=["1", 0], lora_name=LORA, strength_model=1.0),
        "7": node("KSampler", model=model, positive=["4", 0], negative=["4", 0], latent_image=["5", 0], **sampler),
        "8": node("VAEDecode", samples=["7", 0], vae=["3", 0]),
        "9": node("PreviewImage", images=["8", 0]),
        **{str(key): value for key, value in nodes.items()},
    }


def content(client: Client, record: Record) -> bytes:
    (file,) = (one for one in record.outputs if isinstance(one, HostFile))
    parts = client.api.view(file.filename, file.subfolder, file.folder)
    assert parts is not None
    return b"".join(parts)


def pixels(client: Client, graph: Graph) -> Any:
    record, _ = run(client, graph)
    assert record.succeeded, record.error
    return np.asarray(Image.open(io.BytesIO(content(client, record))))


def headroom(client: Client) -> int:
    return int(client.api.json("GET", "/packshot/memory")["headroom"])


def test_a_cancel_leaves_the_model_and_the_headroom_as_they_were(client: Client) -> None:
    plain = picture(["1", 0])
    before, kept = pixels(client, plain), headroom(client)
    held = picture(["20", 0], steps=1000, **{"20": policy(["6", 0], headroom_gib=3.0, lora="bypass")})
    answer, prompt = submit(client, held)
    assert answer.ok, answer.text
    while headroom(client) == kept:
        assert protocol.read_record(client.api.history(prompt), prompt) is None, "it ended before it was cancelled"
        time.sleep(0.05)
    assert headroom(client) == 3 * 2**30
    client.api.request("POST", "/interrupt", json={"prompt_id": prompt})
    while (record := protocol.read_record(client.api.history(prompt), prompt)) is None:
        time.sleep(0.1)
    assert record.interrupted
    assert headroom(client) == kept
    with_lora = pixels(client, picture(["20", 0], **{"20": policy(["6", 0], lora="bypass")}))
    assert (with_lora != before).any()
    client.api.free_memory()  # or the host would hand out what it has kept
    assert (pixels(client, plain) == before).all()


def test_a_picture_made_on_a_lower_rung_says_so(client: Client, tmp_path: Path) -> None:
    saved = node(
        "PackshotSaveForChannel", image=["8", 0], channel="plain", sku="RUNG", variant="1", gtin="", title="",
        rights="", folder="packshot/tests", fit=False, format="PNG", name="", made="from the graph", keep_graph=False,
        sign="never",
    )  # fmt: skip
    nodes = {"20": node("Hungry", model=["1", 0], after=1, times=3), "21": policy(["20", 0]), "9": saved}
    record, outputs = run(client, picture(["21", 0], **nodes))
    assert record.succeeded, record.error
    (sampling,) = record.memory
    assert (sampling["node"], len(sampling["steps"])) == ("7", 3)
    assert sampling["steps"][0] == "out of memory; then other models unloaded"
    assert [phase["steps"] for phase in outputs["9"]["packshot_memory"]] == [sampling["steps"]]
    file = tmp_path / "rung.png"
    file.write_bytes(content(client, record))
    assert read_account(file).as_dict()["recipe"]["memory"] == [f"sampling: {step}" for step in sampling["steps"]]
    # The next prompt is another one, and has no policy.
    record, outputs = run(client, picture(["1", 0], seed=6, **{"9": saved}))
    assert record.succeeded, record.error
    assert record.memory == ()
    assert "packshot_memory" not in outputs["9"]
    file.write_bytes(content(client, record))
    assert "memory" not in read_account(file).as_dict()["recipe"]


def test_the_job_has_the_steps_whatever_node_saves_the_picture(client: Client, tmp_path: Path) -> None:
    def job(graph: Graph) -> Job:
        answer, prompt = submit(client, graph)
        assert answer.ok, answer.text
        nothing: dict[str, Any] = {
            "wanted": {},
            "stem": "",
            "boot": None,
            "submitted": True,
            "changes": lambda _: False,
        }
        return Job(client.api, prompt, graph, out=tmp_path, patience=10.0, listening=lambda: False, **nothing)

    nodes = {"20": node("Hungry", model=["1", 0], after=0, times=1), "21": policy(["20", 0])}
    lowered = job(picture(["21", 0], **nodes))
    plain = job(picture(["1", 0], seed=7))
    (sampling,) = lowered.wait(120).memory
    assert sampling["steps"] == ["out of memory; then other models unloaded"]
    assert plain.wait(120).memory == ()
    assert client.api.phases(plain.id) == []
    assert client.api.phases("no such job") == []


@pytest.mark.parametrize(
    ("lora", "said"),
    [("weights", "they part from step 1 of 2 on; latents: max"), ("bypass", "bit-identical at all 2 steps")],
)
def test_where_two_policies_part_depends_on_how_a_lora_is_applied(client: Client, lora: str, said: str) -> None:
    asked = picture(["6", 0])
    asked["1"]["inputs"]["weight_dtype"] = "fp8_e4m3fn"
    asked["20"], asked["21"] = policy(["6", 0], lora=lora), policy(["6", 0], mode="budget", budget_gib=0.003, lora=lora)
    assert compared(client, asked, ["20", 0], ["21", 0]).startswith(said)


def test_runs_that_began_anew_are_compared_step_by_step_all_the_same(client: Client) -> None:
    asked = picture(["1", 0])
    asked["20"], asked["21"] = node("Hungry", model=["1", 0], after=1, times=1), policy(["20", 0])
    assert compared(client, asked, ["21", 0], ["1", 0]) == "bit-identical at all 2 steps"


def compared(client: Client, asked: Graph, first: list[Any], second: list[Any]) -> str:
    """What Parity Check says of two models of a graph, which is not sampled otherwise."""
    for key in ("7", "8", "9"):
        del asked[key]
    asked["4"]["inputs"]["text"] = f"a mug {uuid.uuid4()}"
    asked["30"] = node(
        "PackshotParityCheck", model_a=first, model_b=second, positive=["4", 0], negative=["4", 0], latent=["5", 0],
        seed=5, steps=2, cfg=1.0, sampler="euler", scheduler="simple",
    )  # fmt: skip
    record, outputs = run(client, asked)
    assert record.succeeded, record.error
    (text,) = outputs["30"]["text"]
    return str(text)
