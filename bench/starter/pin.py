"""Write the SHA-256 and sizes of the starter's files to all that names them, after new weights were exported.

.venv/bin/python bench/starter/pin.py
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

from packshot.models.starter import files as starter

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Change ``client/models/starter/files.py``, the card, and the locks of releases."""
    code, card = (
        ROOT / "client" / "models" / "starter" / "files.py",
        ROOT / "client" / "models" / "cards" / "starter.yaml",
    )
    locks = sorted((ROOT / "workflows" / "releases").glob("*/*.lock.json"))
    for file in starter.FILES:
        digest, size = hashlib.sha256(), 0
        for part in starter.content(file):
            digest.update(part)
            size += len(part)
        new, name = digest.hexdigest(), re.escape(Path(file.path).name)
        code.write_text(code.read_text(encoding="utf-8").replace(file.sha256, new), encoding="utf-8")
        entry = rf"(name: {name}\n +precision: \w+\n +size: )\d+(\n +size_is: \w+\n +sha256: )\w+"
        card.write_text(re.sub(entry, rf"\g<1>{size}\g<2>{new}", card.read_text(encoding="utf-8")), encoding="utf-8")
        for lock in locks:
            text = lock.read_text(encoding="utf-8")
            for model in json.loads(text)["models"]:
                if model["file"] == file.path:
                    text = text.replace(model["sha256"], new).replace(f'"size": {model["size"]}', f'"size": {size}')
            lock.write_text(text, encoding="utf-8")
        print(f"{file.path}: {size} bytes, {new}")


if __name__ == "__main__":
    main()
