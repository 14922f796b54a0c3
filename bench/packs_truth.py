"""What the pages of the commonest node packs submit, as the measure of ``bench/convert.py`` for their nodes.

    .venv/bin/python bench/packs_truth.py FOLDER [--packs DIR] [--host URL] [--smoke]
    .venv/bin/python bench/convert.py FOLDER --peers

It takes the packs at the commits of ``PACKS`` into the user's cache, starts a ComfyUI of its own that has them, and
opens Chromium. There it makes every node of the packs, alone and wired, and the workflows of ``packs/canvas.js``; saves
each; opens it again; and writes the file, the prompt and ``object_info.json`` into FOLDER. A pack whose Python does not
import here is left out.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import requests
from _common import BENCH, say
from _options import add_host, add_smoke
from convert_truth import open_browser, open_canvas
from playwright.sync_api import Browser, Error, Page

from packshot.host.install import install
from packshot.host.managed import ManagedHost
from packshot.paths import cache_dir, write_text

PACKS: Mapping[str, str] = {
    "rgthree/rgthree-comfy": "13b4399c00b5ef5a97b1b6800fc1185874740f5d",
    "Kosinkadink/ComfyUI-VideoHelperSuite": "4ee72c065db22c9d96c2427954dc69e7b908444b",
    "kijai/ComfyUI-KJNodes": "3f20054214fec9f9234fd3841ae6f1e4287948f6",
    "chrisgoringe/cg-use-everywhere": "a3952a4480a07fc3df03ec8be315dfcd11bd5135",
    "yolain/ComfyUI-Easy-Use": "4de1ab3b66e48da916b6f263bacd001df53a2720",
    "pythongosssss/ComfyUI-Custom-Scripts": "609f3afaa74b2f88ef9ce8d939626065e3247469",
    "ltdrdata/was-node-suite-comfyui": "f86447721c18758d7b3b6ae5769f52344a3d764a",
    "cubiq/ComfyUI_essentials": "33ff89fd354d8ec3ab6affb605a79a931b445d99",
    "crystian/ComfyUI-Crystools": "2f18256c5b5063937106f29a8e0a7db3ae3869b7",
    "Fannovel16/comfyui_controlnet_aux": "e8b689a513c3e6b63edc44066560ca5919c0576e",
    "jags111/efficiency-nodes-comfyui": "4579b7d6076b2870998a08f5d37883fbc8261ff2",
    "melMass/comfy_mtb": "eabe43db79112d4e3674db343c5c184145e8396c",
}

# What their Python imports at start, as far as it is light.
_REQUIREMENTS = [
    "opencv-python-headless",
    "imageio-ffmpeg",
    "color-matcher",
    "mss",
    "deepdiff",
    "pynvml",
    "py-cpuinfo",
    "piexif",
    "scikit-image",
    "matplotlib",
    "lark",
    "simpleeval",
    "cachetools",
    "colour-science",
    "qrcode",
    "GitPython",
    "rich_argparse",
    "requirements-parser",
    "numba",
]
_TOGETHER = 15  # nodes in a workflow


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--packs", type=Path, help="a folder with the packs, instead of fetching them")
    add_host(parser)
    add_smoke(parser)
    options = parser.parse_args()
    folder: Path = options.folder
    shelf = options.packs or cache_dir() / "bench" / "packs"
    with contextlib.nullcontext(options.host) if options.host else _host(shelf, options.packs is None) as url:
        definitions = requests.get(f"{url}/object_info", timeout=60).json()
        write_text(folder / "object_info.json", json.dumps(definitions))
        with open_browser() as browser:
            _Judge(browser, url, definitions, folder).ask(options.smoke)
    print(f"{len(list((folder / 'truth').glob('*.json')))} workflows are in {folder}")


@contextlib.contextmanager
def _host(shelf: Path, fetch: bool) -> Iterator[str]:
    """A host with the packs on its shelf, and their requirements in a folder beside them."""
    installation = install(cache_dir() / "host", say)
    libraries = cache_dir() / "bench" / "pack-libraries"
    if not libraries.exists():
        pip = [str(installation.python), "-m", "pip", "install", "--quiet", "--target", str(libraries)]
        subprocess.run([*pip, *_REQUIREMENTS], check=True)
    with tempfile.TemporaryDirectory(prefix="packshot-bench-") as home:
        host = ManagedHost(Path(home) / "host", installation, Path(home) / "models")
        nodes = Path(home) / "host" / "base" / "custom_nodes"
        nodes.mkdir(parents=True)
        for repository, commit in PACKS.items():
            pack = shelf / repository.partition("/")[2]
            if fetch and not pack.exists():
                _fetch(repository, commit, pack)
            (nodes / pack.name).symlink_to(pack.resolve(), target_is_directory=True)
        # The host's own libraries come first: numpy and the like of the packs' list are not to replace them.
        os.environ["PYTHONPATH"] = os.pathsep.join([str(_site_packages(installation.python)), str(libraries)])
        try:
            yield str(host.up(progress=say).url)
        finally:
            host.down()


def _site_packages(python: Path) -> Path:
    command = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    return Path(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())


def _fetch(repository: str, commit: str, pack: Path) -> None:
    say(f"fetching {repository}")
    subprocess.run(["git", "init", "--quiet", str(pack)], check=True)
    git = ["git", "-C", str(pack)]
    subprocess.run([*git, "fetch", "--quiet", "--depth", "1", f"https://github.com/{repository}", commit], check=True)
    subprocess.run([*git, "checkout", "--quiet", "FETCH_HEAD"], check=True)


class _Judge:
    """The packs' own pages: what they save, and what they submit of it."""

    def __init__(self, browser: Browser, url: str, definitions: dict[str, Any], folder: Path) -> None:
        self._browser = browser
        self._url = url
        self._definitions = definitions
        self._folder = folder
        self._page = self._open()

    def _open(self) -> Page:
        page = open_canvas(self._browser, self._url)
        page.set_default_timeout(20_000)
        page.evaluate((BENCH / "packs" / "canvas.js").read_text(encoding="utf-8"))
        return page

    def ask(self, smoke: bool) -> None:
        for name in self._page.evaluate("packs.cases"):
            self._record(f"case {name}", f"packs.build({json.dumps(name)})")
            if smoke:
                return
        for pack, types in self._types().items():
            say(f"{pack}: {len(types)} nodes")
            for at in range(0, len(types), _TOGETHER):
                for kind in ("lone", "wired"):
                    self._record_nodes(f"{pack} {kind} {at // _TOGETHER:02}", kind, types[at : at + _TOGETHER])

    def _types(self) -> dict[str, list[str]]:
        types = {"canvas": self._page.evaluate("d => packs.canvasOnly(d)", self._definitions)}
        for name, definition in sorted(self._definitions.items()):
            room, _, pack = definition["python_module"].partition(".")
            if room == "custom_nodes" and pack != "packshot":
                types.setdefault(pack, []).append(name)
        return types

    def _record_nodes(self, name: str, kind: str, types: list[str]) -> None:
        """A workflow of some nodes; where one of them cannot be made or submitted, a workflow for each."""
        call = f"packs.{kind}(TYPES, definitions)"
        if not self._record(name, call.replace("TYPES", json.dumps(types))):
            for each in types if len(types) > 1 else ():
                self._record(f"{name} {re.sub(r'[^A-Za-z0-9]+', '_', each)}", call.replace("TYPES", json.dumps([each])))

    def _record(self, name: str, build: str) -> bool:
        if (self._folder / "truth" / f"{name}.json").exists():
            return True
        try:
            workflow = self._page.evaluate(f"definitions => {build}", self._definitions)
            submitted = self._page.evaluate("workflow => packs.submit(workflow)", workflow)
        except Error as error:
            say(f"{name}: the page gives no answer: {error.message.splitlines()[0][:200]}")
            self._page.close()
            self._page = self._open()
            return False
        write_text(self._folder / "workflows" / f"{name}.json", json.dumps(workflow))
        write_text(self._folder / "truth" / f"{name}.json", submitted)
        return True


if __name__ == "__main__":
    main()
