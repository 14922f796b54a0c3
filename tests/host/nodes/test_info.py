"""What the pack says of the host."""

from __future__ import annotations

import importlib.metadata
import time
import uuid

import requests

from packshot.comfy.http import HostApi
from packshot.host.managed import HostStatus


def test_the_boot_route_tells_the_boot_and_the_version(host: HostStatus) -> None:
    answer = requests.get(f"{host.url}/packshot/boot", timeout=30).json()
    assert str(uuid.UUID(answer["boot"])) == answer["boot"]
    assert answer["version"] == importlib.metadata.version("packshot")
    assert requests.get(f"{host.url}/api/packshot/boot", timeout=30).json() == answer


def test_info_runs_alone_and_reports_what_the_host_reports(host: HostStatus) -> None:
    assert host.url
    api = HostApi(host.url)
    prompt_id = str(uuid.uuid4())
    graph = {"1": {"class_type": "PackshotInfo", "inputs": {}, "_meta": {"title": "Packshot Info"}}}
    assert api.submit({"prompt": graph, "prompt_id": prompt_id, "client_id": str(uuid.uuid4())}).ok
    while not (record := api.history(prompt_id)):
        time.sleep(0.1)
    stats = api.system_stats()
    api.close()
    assert record[prompt_id]["status"]["status_str"] == "success"
    [text] = record[prompt_id]["outputs"]["1"]["text"]
    lines = text.splitlines()
    assert f"Packshot {importlib.metadata.version('packshot')}" in lines
    assert f"ComfyUI {stats['system']['comfyui_version']}" in lines
    assert f"frontend {stats['system']['required_frontend_version']}" in lines
    assert f"torch {stats['system']['pytorch_version']}" in lines
    assert f"Python {stats['system']['python_version'].split()[0]}" in text
    [device] = [line for line in lines if line.startswith(f"device {stats['devices'][0]['name']}: ")]
    total = stats["devices"][0]["vram_total"] / 1024**3
    assert f" of {total:.1f} GiB free" in device
