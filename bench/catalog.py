"""Catalogue runs: scaling over hosts, overhead a row, 100,000 rows, and a campaign of kills.

python bench/catalog.py scale                   100,000 rows: plan, resume, memory, ledger, report; no host
python bench/catalog.py hosts                   1, 2 and 4 hosts whose jobs sleep, beside a pool of threads and a peer
python bench/catalog.py phases                  loads of the text encoder for 100 rows, with and without phases
python bench/catalog.py phases --card 12        the same on a GPU of so many GiB, and pictures an hour
python bench/catalog.py kills --kills 200       kill -9 of coordinator and hosts, and what is true afterwards
python bench/catalog.py kills --engine ray      the same on a Ray cluster, whose nodes are killed too
python bench/catalog.py kills --table FILE      a product table of your own; may be given twice
python bench/catalog.py WHAT --smoke            any of them with a few rows, one host and one kill
"""

from __future__ import annotations

import argparse
from pathlib import Path

from _catalog_hosts import bench_hosts
from _catalog_kills import BAD, bench_kills
from _catalog_phases import bench_phases
from _catalog_scale import bench_scale
from _options import add_smoke


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
    add_smoke(parser)
    options = parser.parse_args()
    if options.what == "scale":
        bench_scale(options.rows or (600 if options.smoke else 100_000))  # the page shows 500 at once
    elif options.what == "hosts" and options.smoke:
        bench_hosts(most=1, jobs=2, rounds=1, fetch=False)
    elif options.what == "hosts":
        bench_hosts(options.hosts, options.rows or 40)
    elif options.what == "phases":
        bench_phases(options.rows or (2 if options.smoke else 100), options.card, options.comfyui)
    elif options.smoke:
        bench_kills(1, options.table, options.engine, hosts=1, rows=BAD + 2, seconds=0.2)
    else:
        bench_kills(options.kills, options.table, options.engine)


if __name__ == "__main__":
    main()
