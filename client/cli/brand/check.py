"""``packshot brand check``: what is wrong or doubtful in a kit."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer

from ...brand.check import Finding, check_kit
from ...brand.kit import BrandKit
from ..common import JsonOption, echo
from .kit import KitArgument


def check(
    kit: KitArgument,
    loras: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The host's folder of LoRAs, to look into those of the kit.",
            show_default="the kit's own folder loras",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Look for what is wrong or doubtful: files and their hashes, colours, LoRAs, licences, approvals."""
    loaded = BrandKit.load(kit)
    findings = check_kit(loaded, loras=loras)
    ok = not any(finding.level == "error" for finding in findings)
    if as_json:
        problems = [dataclasses.asdict(finding) for finding in findings]
        state = {"ok": ok, "name": loaded.name, "hash": loaded.hash, "approved_by": list(loaded.approved_by)}
        echo(json.dumps({**state, "problems": problems}, ensure_ascii=False))
    else:
        _show(loaded, findings, ok)
    if not ok:
        raise typer.Exit(3)


def _show(kit: BrandKit, findings: list[Finding], ok: bool) -> None:
    for finding in findings:
        remedy = f" → {finding.remedy}" if finding.remedy else ""
        echo(f"{finding.level} {finding.place}: {finding.message}{remedy}")
    approved = f", approved by {', '.join(kit.approved_by)}" if kit.approved_by else ""
    echo(f"{kit.name}: {'good' if ok else 'not usable as it is'}{approved}")
