"""Files are migrated only when told."""

from __future__ import annotations

import json
from pathlib import Path

from packshot import Client, Workflow
from packshot.host.managed import HostStatus
from support.host.catalogs import packshot_json


def test_a_file_is_migrated_only_when_told_and_then_runs(host: HostStatus, tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    old = {
        "nodes": [
            {"id": 1, "type": "T2IAdapterLoader", "title": "Guide", "widgets_values": ["guide.safetensors"],
             "inputs": [{"name": "t2i_adapter_name", "type": "COMBO", "widget": {"name": "t2i_adapter_name"}}]},
        ],
        "links": [],
    }  # fmt: skip
    path.write_text(json.dumps(old))
    answer = packshot_json("workflow", "migrate", path, "--host", host.url)
    assert (answer["written"], json.loads(path.read_text())) == (False, old)
    assert answer["replaced"] == [
        {
            "node": "1",
            "title": "Guide",
            "before": "T2IAdapterLoader",
            "after": "ControlNetLoader",
            "renamed": {"t2i_adapter_name": "control_net_name"},
            "set": {},
            "lost": [],
        }
    ]
    assert packshot_json("workflow", "migrate", path, "--host", host.url, "--write")["written"]
    with Client(str(host.url)) as client:
        (node,) = Workflow.load(path).api_graph(client.object_info).values()
    assert (node["class_type"], node["inputs"]) == ("ControlNetLoader", {"control_net_name": "guide.safetensors"})
    assert packshot_json("workflow", "migrate", path, "--host", host.url) == {
        "file": str(path),
        "written": False,
        "replaced": [],
    }


def test_a_released_file_is_never_migrated_in_place(host: HostStatus, library: Path) -> None:
    before = library.read_text()
    data = json.loads(before)
    data["nodes"].append({"id": 99, "type": "T2IAdapterLoader", "widgets_values": ["guide.safetensors"]})
    library.write_text(json.dumps(data))
    error = packshot_json("workflow", "migrate", library, "--host", host.url, "--write", code=2)["error"]
    assert "never changes" in error["message"]
    assert json.loads(library.read_text()) == data
