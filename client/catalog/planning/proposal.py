"""A mapping proposed for a table of any shape: which column is the SKU, the title, the pictures."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import yaml

from ...errors import CatalogInvalid
from ..table.dialects import FIELDS, PLAIN, ColumnChoice, canonical, columns_of
from ..table.read import open_rows
from ..table.rows import RowFile
from .catalog_file import SUFFIXES

_ROWS = 200  # looked at for what a column holds

# Words in headers, the surest first, in English, German, French, Spanish, Italian, Dutch, Polish, Portuguese, Czech,
# Swedish, Turkish and Japanese.
# fmt: off
_WORDS: dict[str, tuple[str, ...]] = {
    "sku": (
        "sku", "artikelnummer", "artikelnr", "art nr", "art-nr", "artnr", "artikel nr", "article number", "item number",
        "product code", "item code", "reference", "référence", "referencia", "referência", "codice", "código", "code",
        "numer katalogowy", "indeks", "symbol", "kod produktu", "katalogové číslo", "kód", "artikelkod", "stok kodu",
        "bestellnummer", "materialnummer", "model", "artikel", "ref", "nr", "商品番号", "品番", "product id", "id",
    ),
    "title": (
        "title", "titel", "product name", "produktname", "artikelbezeichnung", "bezeichnung", "name", "nom", "nombre",
        "nome", "nazwa", "název", "namn", "naam", "libellé", "désignation", "titre", "título", "titolo", "ürün adı",
        "商品名", "item name", "benämning", "omschrijving kort", "kurztext", "label",
    ),
    "body": (
        "description", "beschreibung", "langtext", "descripción", "descrição", "descrizione", "omschrijving", "opis",
        "popis", "beskrivning", "açıklama", "商品説明", "body", "text", "details",
    ),
    "vendor": (
        "vendor", "brand", "marke", "hersteller", "marque", "fabricant", "marca", "fabricante", "merk", "producent",
        "marka", "výrobce", "značka", "märke", "ブランド", "manufacturer",
    ),
    "category": (
        "category", "kategorie", "warengruppe", "catégorie", "categoría", "categoria", "categorie", "kategoria",
        "kategori", "カテゴリ", "collection",
    ),
    "type": ("product type", "produktart", "type", "typ", "tipo"),
    "tags": ("tags", "keywords", "schlagworte", "schlagwörter", "mots-clés", "słowa kluczowe"),
    "gtin": ("gtin", "ean", "ean13", "ean-13", "upc", "barcode", "jan", "isbn", "strichcode", "code-barres"),
    "group": ("item group id", "parent sku", "parent", "vatersku", "master sku", "modellnummer", "style number"),
    "image": (
        "image", "picture", "photo", "bild", "foto", "imagen", "imagem", "immagine", "afbeelding", "zdjęcie", "obrázek",
        "resim", "görsel", "画像", "img", "image url", "image link",
    ),
}
# fmt: on
_PICTURE = re.compile(r"\.(?:jpe?g|png|webp|avif|heic|tiff?|gif|bmp)\b", re.IGNORECASE)
_GTIN = re.compile(r"[0-9]{8,14}")


def write_mapping(table: str, path: Path, columns: ColumnChoice | None = None, encoding: str | None = None) -> None:
    """Write a ``catalog.yaml`` that names a table and proposes what is read from which of its columns.

    Args:
        columns: what the user says already; goes before what is proposed.
        encoding: of the table's text.

    Raises:
        CatalogInvalid: the table cannot be read, or the file is there already or cannot be written.
    """
    if table.lower().endswith(SUFFIXES):
        raise CatalogInvalid(
            "a mapping is proposed for a table, and this is a catalogue", place=table, remedy="name its table"
        )
    file = open_rows(table, columns, encoding)
    proposed = {**propose_columns(file), **(columns or {})}
    beside = table if "://" in table else Path(os.path.relpath(table, path.parent)).as_posix()
    content = {"table": beside, **({"encoding": encoding} if encoding else {}), "columns": proposed}
    taken = {h for headers in proposed.values() for h in ([headers] if isinstance(headers, str) else headers)}
    unread = [column for column in file.columns if column not in taken]
    text = "# Proposed: correct what is wrong, then look again with `packshot catalog inspect` and this file.\n"
    text += yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=120)
    text += f"# Not read: {' | '.join(' '.join(column.split()) for column in unread)}\n" if unread else ""
    try:
        with path.open("x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError as error:
        raise CatalogInvalid(
            "this file is there already", place=str(path), remedy="give another name, or remove it"
        ) from error
    except OSError as error:
        raise CatalogInvalid(
            f"cannot be written: {error.strerror}", place=str(path), remedy="check the folder and its permissions"
        ) from error


def propose_columns(file: RowFile) -> dict[str, str | list[str]]:
    """Which column holds what: as its dialect knows, and for the rest by its header and by what is in it.

    Returns:
        Field -> column, or columns for ``images``; without what no column seems to hold.
    """
    dialect_columns = columns_of(file.columns)
    proposed: dict[str, str | list[str]] = {
        field: column for field, column in dialect_columns.of.items() if field in FIELDS
    }
    pictures = list(dialect_columns.pictures)
    rows = [row for row, _ in itertools.islice(file.rows(), _ROWS)]
    cells = {column: [cell for row in rows if (cell := row[column].strip())] for column in file.columns}
    free = [column for column in file.columns if column not in proposed.values() and column not in pictures]
    for field in _WORDS if dialect_columns.dialect.id == PLAIN else dialect_columns.missing:
        column = None if field in proposed else _best(field, free, cells)
        if column is not None:
            proposed[field] = column
            free.remove(column)
    pictures += [column for column in free if _share(_is_picture, cells[column]) > 0.5]
    if pictures:
        proposed["images"] = pictures
    return {field: proposed[field] for field in FIELDS if field in proposed}


def _best(field: str, columns: Sequence[str], cells: dict[str, list[str]]) -> str | None:
    """The column that a field is most likely in: by its header where that fits its cells, else by its cells alone."""
    fitting = [column for column in columns if _fits(field, cells[column])]
    by_name = min(fitting, key=lambda column: _rank(field, column), default=None)
    if by_name is not None and _rank(field, by_name) < len(_WORDS.get(field, ())) * 2:
        return by_name
    return next(_by_cells(field, fitting, cells), None)


def _rank(field: str, column: str) -> int:
    """How surely a header says a field, 0 the surest; twice the number of its words where it does not."""
    header, words = canonical(column), _WORDS.get(field, ())
    if header in words:
        return words.index(header)
    inside = (at for at, word in enumerate(words) if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", header))
    return len(words) + next(inside, len(words))


def _fits(field: str, cells: Sequence[str]) -> bool:
    """Whether cells can be those of a field."""
    if field == "sku":
        return bool(cells) and len(set(cells)) == len(cells) and not any(map(_is_picture, cells))
    if field == "title":
        return bool(cells) and not any(map(_is_picture, cells)) and not _share(_is_number, cells) > 0.5
    if field == "image":
        return _share(_is_picture, cells) > 0.5
    if field == "gtin":
        return _share(lambda cell: _GTIN.fullmatch(cell) is not None, cells) > 0.5
    return bool(cells) and not any(map(_is_picture, cells))


def _by_cells(field: str, columns: Sequence[str], cells: dict[str, list[str]]) -> Iterator[str]:
    if field == "sku":
        yield from (column for column in columns if all(len(cell) <= 40 and " " not in cell for cell in cells[column]))
    elif field == "title":
        yield from (column for column in columns if 8 < sum(map(len, cells[column])) / len(cells[column]) < 150)
    elif field in ("image", "gtin"):
        yield from columns


def _share(holds: Callable[[str], bool], cells: Sequence[str]) -> float:
    return sum(map(holds, cells)) / len(cells) if cells else 0.0


def _is_picture(cell: str) -> bool:
    return _PICTURE.search(cell) is not None and (" " not in cell.strip() or "://" in cell)


def _is_number(cell: str) -> bool:
    return re.fullmatch(r"[0-9.,]+", cell) is not None
