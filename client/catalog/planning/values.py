"""Which rows of a plan a host would refuse for their values, before anything runs.

Only a host knows what its nodes take: types, ranges, choices, and which files it has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from ...comfy.client import HostClient
from ...errors import AddressRefused, InputInvalid, InputUnknown, PhotographInvalid
from ...workflow.contract import Contract, InputSpec
from ..runner.station import read_values
from ..table.photos import PhotoPlaces
from ..table.products import RowProblem
from .catalog_file import Catalog


def refused_values(client: HostClient, catalog: Catalog) -> Iterator[RowProblem]:
    """The first fault of each row that a host would refuse; nothing is sent, uploaded or fetched.

    A photograph at an address is not looked at: the run fetches it.

    Raises:
        NodeMissing, ModelMissing, WorkflowInvalid: the host cannot run one of the workflows at all.
        HostUnreachable: it does not answer.
    """
    contracts = {key: client.prepare(workflow).contract for key, workflow in catalog.workflows.items()}
    places = catalog.file.photos.places(catalog.table.folder, catalog.file.literals)
    there: dict[str, bool] = {}
    for item in catalog.plan.items:
        try:
            read_values(contracts[item.workflow], item.inputs, item.seed, {})
            for spec, text in _not_here(contracts[item.workflow], item.inputs, places):
                if text not in there:
                    there[text] = _has(client, text)
                if not there[text]:
                    kind = PhotographInvalid if spec.media == "image" else InputInvalid
                    raise kind(
                        f"there is no file '{text}', here or on the host" if text else "the row names no file for it",
                        place=spec.place,
                        remedy="correct it in the table, or name the folder of the photographs with --photos",
                    )
        except (AddressRefused, InputInvalid, InputUnknown, PhotographInvalid) as error:
            yield RowProblem(item.item_id, f"{item.place}, {error.place}", error.message, error.remedy, slug=error.slug)


def _not_here(contract: Contract, inputs: Mapping[str, str], places: PhotoPlaces) -> Iterator[tuple[InputSpec, str]]:
    """The inputs that take a file, with what a row names for them that is none on this machine."""
    for name, spec in contract.inputs.items():
        text = inputs.get(name)
        if spec.uploads and text is not None and places.locate(text) is None:
            yield spec, text


def _has(client: HostClient, text: str) -> bool:
    """Whether a host has a file, named as its nodes name it: ``name``, ``folder/name``, ``name [output]``."""
    said = re.fullmatch(r"(.*?) ?\[(input|output|temp)\]", text)
    name, folder = said.groups() if said else (text, "input")
    path = PurePosixPath(name)
    return bool(path.name) and client.api.has_file(path.name, str(path.parent).removeprefix("."), folder)
