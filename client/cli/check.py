"""``packshot check``: whether pictures pass a channel's rules, a brand's palette and more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ..quality.check_image import check_image
from ..quality.run import Report
from .common import JsonOption, echo, say


def check(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE…", help="Pictures, or folders of them.")],
    channel: Annotated[str, typer.Option(help="Whose rules; 'plain' only reports.")] = "plain",
    brand: Annotated[Path | None, typer.Option(help="A brand kit: a folder with brand.yaml, or that file.")] = None,
    references: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A folder of pictures of the brand's look, three or more.")
    ] = None,
    original: Annotated[
        Path | None, typer.Option(help="The product's own pixels in the same frame, with its mask as transparency.")
    ] = None,
    logo: Annotated[Path | None, typer.Option(help="A logo that must be in the picture.")] = None,
    text: Annotated[str | None, typer.Option(help="A text that must be in the picture; implies --ocr.")] = None,
    ocr: Annotated[bool, typer.Option("--ocr", help="Read text, and allow none beside the product.")] = False,
    together: Annotated[
        bool, typer.Option("--together", help="They are one catalogue: find near-duplicates and what stands out.")
    ] = False,
    annotate: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write each picture with what was found drawn into it.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check pictures against a channel's rules. Exits with 3 when one fails."""
    answers: list[dict[str, Any]] = []
    for report in check_image(
        *images, channel=channel, brand=brand, references=references, original=original, logo=logo, text=text, ocr=ocr,
        together=together, notes=annotate,
    ):  # fmt: skip
        answers.append(report.as_dict())
        if not as_json:
            _show(report)
    passed = all(answer["passed"] for answer in answers)
    if as_json:
        echo(json.dumps({"passed": passed, "channel": channel, "images": answers}, ensure_ascii=False))
    if not passed:
        raise typer.Exit(3)


def _show(report: Report) -> None:
    echo(f"{'passed' if report.passed else 'failed'}  {report.file}")
    for verdict in report.verdicts:
        shown = f"{verdict.value:.4g}" if isinstance(verdict.value, float) else verdict.value
        value = f"{'-' if shown is None else shown} {verdict.unit}".strip()
        limit = json.dumps(verdict.limit.as_dict(), ensure_ascii=False) if not verdict.limit.reports_only else ""
        mark = "ok  " if verdict.passed else "FAIL"
        echo(f"  {mark} {verdict.id:26} {value:24} {limit}  {verdict.reason}".rstrip())
    for check_id, needs in report.skipped.items():
        say(f"  not run: {check_id} (needs {'--ocr' if needs == 'ocr' else needs})")
