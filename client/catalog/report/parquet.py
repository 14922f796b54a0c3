"""The manifest as Parquet; needs pyarrow."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

_BATCH = 2000  # rows in memory at once
_NUMBERS = {"seed": pa.int64(), "attempts": pa.int64(), "seconds": pa.float64()}


class ParquetManifest:
    """Rows of one shape, written in batches; what is nested is JSON."""

    def __init__(self, file: IO[bytes], columns: Sequence[str]) -> None:
        self._schema = pa.schema([(name, _NUMBERS.get(name, pa.string())) for name in columns])
        self._writer = pq.ParquetWriter(file, self._schema)
        self._rows: list[dict[str, Any]] = []

    def add(self, record: Mapping[str, Any]) -> None:
        """Add a row."""
        self._rows.append({name: _value(value) for name, value in record.items()})
        if len(self._rows) >= _BATCH:
            self._flush()

    def close(self) -> None:
        """Write what is left, and the footer without which there is no Parquet file."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, self._schema))
            self._rows.clear()


def _value(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | float) else json.dumps(value, ensure_ascii=False)
