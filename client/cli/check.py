"""``packshot check``: whether pictures pass a channel's rules, a brand's palette and more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .common import JsonOption, say

if TYPE_CHECKING:
    from ..quality.checks import Given
    from ..quality.run import Report


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
    from ..quality.channels import load_channel
    from ..quality.run import check_files

    rules = load_channel(channel)
    given = _given(brand, references, original, logo, text, ocr)
    reports: list[dict[str, Any]] = []
    for report in check_files(_files(images), rules, given, together=together):
        if annotate is not None:
            _annotate(report, annotate, len(reports))
        reports.append(report.as_dict())
        if not as_json:
            _show(report)
    passed = all(report["passed"] for report in reports)
    if as_json:
        typer.echo(json.dumps({"passed": passed, "channel": rules.id, "images": reports}, ensure_ascii=False))
    if not passed:
        raise typer.Exit(3)


def _files(images: list[Path]) -> list[Path]:
    """The pictures named, and those in the folders named."""
    from ..errors import InputInvalid

    endings = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".gif", ".bmp"}
    files = []
    for path in images:
        if path.is_dir():
            files += sorted(file for file in path.iterdir() if file.suffix.casefold() in endings)
        else:
            files.append(path)
    if not files:
        raise InputInvalid(
            "no pictures here", place=", ".join(map(str, images)), remedy="give files or a folder with some"
        )
    return files


def _given(
    brand: Path | None, references: Path | None, original: Path | None, logo: Path | None, text: str | None, ocr: bool
) -> Given:
    from ..brand import BrandKit
    from ..quality.checks import Given
    from ..quality.look import look_of
    from ..quality.picture import read_picture

    kit = BrandKit.load(brand) if brand else None
    return Given(
        palette={colour.name: colour.hex for colour in kit.palette} if kit else None,
        look=look_of(read_picture(file) for file in _files([references])) if references else None,
        original=read_picture(original) if original else None,
        logo=read_picture(logo) if logo else None,
        text=text or "",
        ocr=ocr or text is not None,
    )


def _annotate(report: Report, folder: Path, position: int) -> None:
    import io

    from ..paths import atomic_write
    from ..quality.annotate import annotate

    if report.subject is None:
        return
    encoded = io.BytesIO()
    annotate(report).save(encoded, "PNG")
    with atomic_write(folder / f"{position + 1:04}-{Path(report.file).stem[:80]}.png") as file:
        file.write(encoded.getbuffer())


def _show(report: Report) -> None:
    typer.echo(f"{'passed' if report.passed else 'failed'}  {report.file}")
    for verdict in report.verdicts:
        shown = f"{verdict.value:.4g}" if isinstance(verdict.value, float) else verdict.value
        value = f"{'-' if shown is None else shown} {verdict.unit}".strip()
        limit = json.dumps(verdict.limit.as_dict(), ensure_ascii=False) if not verdict.limit.reports_only else ""
        mark = "ok  " if verdict.passed else "FAIL"
        typer.echo(f"  {mark} {verdict.id:26} {value:24} {limit}  {verdict.reason}".rstrip())
    for check_id, needs in report.skipped.items():
        say(f"  not run: {check_id} (needs {'--ocr' if needs == 'ocr' else needs})")
