"""Catalogue runs: scaling over hosts, overhead a row, 100,000 rows, and a campaign of kills.

python bench/catalog.py scale                   100,000 rows: plan, resume, memory, ledger, report; no host
python bench/catalog.py hosts                   1, 2 and 4 hosts whose jobs sleep, beside a pool of threads and a peer
python bench/catalog.py phases                  loads of the text encoder for 100 rows, with and without phases
python bench/catalog.py phases --card 12        the same on a GPU of so many GiB, and pictures an hour
python bench/catalog.py kills --kills 200       kill -9 of coordinator and hosts, and what is true afterwards
python bench/catalog.py kills --engine ray      the same on a Ray cluster, whose nodes are killed too
python bench/catalog.py kills --table FILE      a product table of your own; may be given twice
"""

from __future__ import annotations

import argparse
from pathlib import Path

from _catalog_hosts import bench_hosts
from _catalog_kills import bench_kills
from _catalog_phases import bench_phases
from _catalog_scale import bench_scale


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["scale", "hosts", "phases", "kills"])
    parser.add_argument("--rows", type=int, help="by default 100,000 for scale, 100 for phases, 40 a host")
    parser.add_argument("--hosts", type=int, default=4, help="how many hosts at most; 1, 2 or 4")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--table", type=Path, action="append", default=[])
    parser.add_argument("--card", type=float, default=0.0, help="GiB of the GPU that phases may use")
    parser.add_argument("--comfyui", type=Path, help="folder of a ComfyUI that this Python can run, for phases")
    parser.add_argument("--engine", choices=["local", "ray"], default="local")
    given = parser.parse_args()
    if given.what == "scale":
        bench_scale(given.rows or 100_000)
    elif given.what == "hosts":
        bench_hosts(given.hosts, given.rows or 40)
    elif given.what == "phases":
        bench_phases(given.rows or 100, given.card, given.comfyui)
    else:
        bench_kills(given.kills, given.table, given.engine)


if __name__ == "__main__":
    main()
