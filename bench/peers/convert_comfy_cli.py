"""comfy-cli's converter over many files, in one process: OBJECT_INFO OUT FILE …"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from comfy_cli.workflow_to_api import convert_ui_to_api


def main(object_info: str, out: str, *files: str) -> None:
    info = json.loads(Path(object_info).read_bytes())
    for file in map(Path, files):
        try:
            graph = convert_ui_to_api(json.loads(file.read_bytes()), info)
        except Exception as error:
            print(f"{file.name}: {error}", file=sys.stderr)
        else:
            (Path(out) / file.name).write_text(json.dumps(graph, indent=2), encoding="utf-8")


main(*sys.argv[1:])
