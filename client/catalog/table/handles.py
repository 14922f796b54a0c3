"""Tables in which rows share a handle: Shopify's and Matrixify's.

Every row carries the handle of its product. The first one carries the product and its first variant; the rows that
follow carry further variants and further pictures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .dialects import Columns
from .products import Product, RowProblem, Variant, cell_text, picture_texts, tag_texts, torn
from .rows import Row, RowFile


def read_handles(file: RowFile, columns: Columns) -> tuple[list[Product], list[RowProblem]]:
    """The products of such a table, in the order in which they first appear, and the rows that cannot be used."""
    return _Handles(file, columns).read()


@dataclass(slots=True)
class _Draft:
    """A product while its rows are still coming in."""

    handle: str
    title: str
    rows: list[Row] = field(default_factory=list)


class _Handles:
    def __init__(self, file: RowFile, columns: Columns) -> None:
        self._file = file
        self._columns = columns
        self._problems: list[RowProblem] = []

    def read(self) -> tuple[list[Product], list[RowProblem]]:
        products = [product for draft in self._drafts() if (product := self._finish(draft))]
        return products, self._problems

    def _raw(self, row: Row, what: str) -> str:
        column = self._columns.of.get(what)
        return row[column] if column else ""

    def _cell(self, row: Row, what: str) -> str:
        return cell_text(self._raw(row, what))

    def _tags(self, row: Row) -> tuple[str, ...]:
        return tag_texts(self._raw(row, "tags"), self._columns.dialect.tags)

    def _pictures(self, row: Row, what: str) -> tuple[str, ...]:
        return picture_texts(self._raw(row, what))

    def _problem(self, item: str, row: Row, message: str, remedy: str) -> None:
        self._problems.append(RowProblem(item, self._file.place(row.number, row.line), message, remedy))

    def _drafts(self) -> Iterator[_Draft]:
        drafts: dict[str, _Draft] = {}
        refused: set[str] = set()  # handles (or none) whose first row is a problem: what only continues it says no more
        above = ""
        for row, extra in self._file.rows():
            own, title = self._cell(row, "handle"), self._cell(row, "title")
            handle = own if own.strip() else above
            draft = drafts.get(handle)
            titled = bool(title.strip())
            if extra:
                self._problem(handle, row, *torn(extra))
                if draft is None:
                    refused.add(handle)
            elif handle in refused and not titled:
                continue
            elif not handle or (draft and titled and not own.strip() and title != draft.title):
                self._problem("", row, "the row has no handle", "give every row the handle of its product")
                refused.add(handle := "")
            elif draft is None:
                drafts[handle] = _Draft(handle, title, [row])
            elif titled and draft.title.strip() and title != draft.title:
                self._problem(
                    handle,
                    row,
                    f"handle '{handle}' comes back with another title;"
                    f" row {draft.rows[0].number} calls it '{draft.title}'",
                    "give each product a handle of its own",
                )
            else:
                draft.title = draft.title if draft.title.strip() else title
                draft.rows.append(row)
            above = handle
        yield from drafts.values()

    def _finish(self, draft: _Draft) -> Product | None:
        rows = draft.rows
        if not draft.title.strip():
            self._problem(draft.handle, rows[0], "the product has no title", "give it a title")
            return None

        def first(what: str) -> str:
            return next((cell for row in rows if (cell := self._cell(row, what)).strip()), "")

        return Product(
            handle=draft.handle,
            title=draft.title,
            body_html=first("body"),
            vendor=first("vendor"),
            category=first("category"),
            type=first("type"),
            status=first("status"),
            tags=next((tags for row in rows if (tags := self._tags(row))), ()),
            images=tuple(dict.fromkeys(image for row in rows for image in self._images(row))),
            variants=tuple(self._variants(rows)),
            row=rows[0],
        )

    def _images(self, row: Row) -> Iterator[str]:
        yield from self._pictures(row, "image")
        for column in self._columns.pictures:
            yield from picture_texts(row[column])

    def _variants(self, rows: Sequence[Row]) -> Iterator[Variant]:
        pairs = self._columns.pairs
        names = [next((row[name] for row in rows if name and row[name].strip()), "") for name, _ in pairs]
        for row in rows:
            values = [cell_text(row[value]) for _, value in pairs]
            sku = self._cell(row, "sku")
            # Every row after the first that has neither only brings a further picture.
            if row is not rows[0] and not sku.strip() and not any(value.strip() for value in values):
                continue
            # A product without options carries the option "Title" with the value "Default Title".
            options = {
                name or f"Option{n}": value
                for n, (name, value) in enumerate(zip(names, values, strict=True), 1)
                if value.strip() and not (name in ("Title", "") and value == "Default Title")
            }
            picture = next(iter(self._pictures(row, "variant image")), "")
            yield Variant(sku, " / ".join(options.values()), options, picture, row, self._cell(row, "gtin"))
