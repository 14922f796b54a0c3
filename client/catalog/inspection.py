"""What a product table says, before anything runs: dialect, columns, what would be made, and every row refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..comfy.client import HostClient
from ..errors import PackshotError
from ..host.managed import ManagedHost
from .planning.catalog_file import Catalog, CatalogFile
from .planning.mapping import mapping_for
from .planning.values import refused_values
from .table.products import RowProblem


def inspect_catalog(
    table: Path | str,
    mapping: Mapping[str, str] | None = None,
    *,
    host: str | None = None,
    headers: Mapping[str, str] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Look into a product table or a ``catalog.yaml``; nothing is made.

    Which values an input takes is known to a host alone: where none is named, in the file or by ``host``, and the
    managed one is not up, they are not looked at, and a note says so.

    Args:
        mapping, options: as for :meth:`CatalogRun.plan`.
        host: the address of a host that says what its nodes take.
        headers: sent with every request to it.

    Returns:
        ``table format encoding delimiter dialect products variants pictures workflows mapping other_columns templates
        host notes refused``; ``refused`` has a row's ``slug message place remedy``.

    Raises:
        CatalogInvalid, WorkflowInvalid, BrandInvalid, InputUnknown: something that it names cannot be used.
        HostUnreachable: ``host`` does not answer.
    """
    file = CatalogFile.of(str(table), mapping or {}, **options)
    catalog = Catalog(file)
    read, plan = catalog.table, catalog.plan
    answered, unfit, notes = _ask_host(catalog, host, headers)
    made_by = Counter(item.workflow for item in plan.items)
    return {
        "table": read.where,
        "format": read.format,
        "encoding": read.encoding,
        "delimiter": read.delimiter,
        "dialect": read.dialect,
        "products": len(read.products),
        "variants": sum(len(product.variants) for product in read.products),
        "pictures": len(plan.items),
        "workflows": {catalog.workflows[key].name: count for key, count in made_by.items()},
        "mapping": dict(read.mapping),
        "other_columns": [column for column in read.columns if column not in read.mapping.values()],
        "templates": mapping_for(catalog.workflows[""], file.mapping, read),
        "host": answered,
        "notes": [*read.notes, *notes],
        "refused": [asdict(problem) for problem in (*plan.problems, *unfit)],
    }


def _ask_host(
    catalog: Catalog, host: str | None, headers: Mapping[str, str] | None
) -> tuple[str | None, list[RowProblem], list[str]]:
    """The host that was asked, the rows whose values it refuses, and a note where there was none to ask."""
    status = ManagedHost().status()
    url = host or next(iter(catalog.file.hosts), None) or (status.url if status.healthy else None)
    if url is None:
        how = "give --host, or start one with `packshot host up`"
        return None, [], [f"no host was asked which values its nodes take: {how}"]
    try:
        with HostClient(url, headers=headers) as client:
            return client.url, list(refused_values(client, catalog)), []
    except PackshotError as error:
        if host:
            raise
        return None, [], [f"which values a host's nodes take is not known: {error}"]
