# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Cameras as a table: CSV (RFC 4180) in and out (A-10), also as Italian spreadsheets write it.

The first line names the columns. An empty cell says nothing, so that the registry keeps what it
has. Text that a spreadsheet would run as a formula leaves with an apostrophe and loses it again.
"""

import csv
import difflib
import io
import re
from collections.abc import Callable, Iterator, Mapping
from typing import get_origin

from gateway.model.errors import ConfigError, ConfigErrors
from gateway.model.registry import Registry
from gateway.registry.rows import COLUMNS, READ_ONLY, Cell, rows
from gateway.registry.schema import CameraRow
from gateway.runtime.documents import Document, Loc

CSV_TYPE = "text/csv; charset=utf-8"
DELIMITERS = ",;\t"
MOST_ROWS = 100_000
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_SEPARATOR = re.compile(r'\ufeff?"?sep=[,;\t]"?\r?\n', re.IGNORECASE)
_YES = ("true", "vero", "sì", "si", "1")
_NO = ("false", "falso", "no", "0")

Table = dict[str, object]


def is_table(text: str) -> bool:
    """Return whether a text is CSV with our header: its first line names an id and no value."""
    line = _SEPARATOR.sub("", text, count=1).lstrip("\ufeff").partition("\n")[0]
    names = [_name(cell) for cell in re.split(f"[{DELIMITERS}]", line)]
    return len(names) > 1 and "id" in names and "=" not in line


def table_document(text: str, where: str) -> Document:
    """Return CSV as the table `camera`, with the line of each row; ConfigErrors if it is none."""
    skipped = _SEPARATOR.match(text)
    text = text[skipped.end() :] if skipped else text.lstrip("\ufeff")
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(first), strict=True)
    tables: list[Table] = []
    lines: dict[Loc, int] = {}
    faults: list[ConfigError] = []
    before = 1 if skipped else 0
    try:
        header = [_name(cell) for cell in next(reader, [])]
        _check_header(header, f"{where}:{before + 1}")
        start = reader.line_num + before + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                lines["camera", len(tables)] = start
                tables.append(_table(header, cells, f"{where}:{start}", faults))
            start = reader.line_num + before + 1
            if len(tables) > MOST_ROWS:
                raise ConfigError(where, "", "is too long", f"write at most {MOST_ROWS} rows")
    except csv.Error as error:
        place = f"{where}:{reader.line_num + before}"
        advice = "save it as CSV (UTF-8) with a quote before and after each cell that needs one"
        raise ConfigError(place, "", f"is not CSV: {error}", advice) from error
    if faults:
        raise ConfigErrors(faults)
    return Document(where, {"camera": tables}, lines)


def _name(cell: str) -> str:
    return cell.strip().strip('"').strip().lower()


def _delimiter(header: str) -> str:
    """Return what separates the names of the columns, which never hold one themselves."""
    return max(DELIMITERS, key=header.count)


def _check_header(header: list[str], place: str) -> None:
    """Refuse columns that nobody knows, and those that are there twice."""
    known = CameraRow.model_fields.keys() | READ_ONLY
    faults: list[ConfigError] = []
    for name in dict.fromkeys(header):
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
            advice = f"did you mean {near[0]}?" if near else f"columns: {', '.join(COLUMNS)}"
            faults.append(ConfigError(place, name or "header", "unknown column", advice))
        elif header.count(name) > 1:
            faults.append(ConfigError(place, name, "is there twice", "remove one column"))
    if "id" not in header:
        faults.append(ConfigError(place, "id", "is missing", "write the ids of cameras"))
    if faults:
        raise ConfigErrors(faults)


def _table(header: list[str], cells: list[str], place: str, faults: list[ConfigError]) -> Table:
    if len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
        advice = "write one cell for each column, in quotes if it holds the separator"
        faults.append(ConfigError(place, "", "has more cells than the header", advice))
    table: Table = {}
    for name, cell in zip(header, cells, strict=False):
        if not cell.strip() or name in READ_ONLY:
            continue
        try:
            table[name] = _READERS.get(_holds(name), _text)(cell)
        except ValueError as error:
            key = f"camera.{name}"
            faults.append(ConfigError(place, key, "cannot be read", f"write {error}"))
    return table


def _holds(name: str) -> type:
    """Return what a column holds, as the schema says it."""
    annotation = CameraRow.model_fields[name].annotation
    found = get_origin(annotation) or annotation
    return found if isinstance(found, type) else str


def _number(cell: str) -> float:
    bare = cell.strip()
    if not re.fullmatch(r"[+-]?\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?", bare):
        raise ValueError("a number, 44.08 or 44,08, without separators of thousands")
    return float(bare.replace(",", "."))


def _whole(cell: str) -> int:
    value = _number(cell)
    if not value.is_integer():
        raise ValueError("a whole number")
    return int(value)


def _flag(cell: str) -> bool:
    word = cell.strip().lower()
    if word not in (*_YES, *_NO):
        raise ValueError("true or false")
    return word in _YES


def _text(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _words(cell: str) -> tuple[str, ...]:
    return tuple(cell.split())


_READERS: Mapping[type, Callable[[str], object]] = {
    float: _number,
    int: _whole,
    bool: _flag,
    tuple: _words,
}


def to_csv(registry: Registry) -> str:
    """Return all cameras as CSV with a header, sorted by id; no cell is a formula."""
    return _written(registry, ",", _cell)


def to_italian_csv(registry: Registry) -> str:
    """Return the same for a spreadsheet in Italian: semicolons, decimal commas, a BOM."""
    return "\ufeff" + _written(registry, ";", _italian)


def _written(registry: Registry, delimiter: str, cell: Callable[[Cell], str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(COLUMNS)
    writer.writerows(_cells(registry, cell))
    return text.getvalue()


def _cells(registry: Registry, cell: Callable[[Cell], str]) -> Iterator[list[str]]:
    for row in rows(registry):
        yield [cell(value) for value in row.values()]


def _cell(value: Cell) -> str:
    """Return what stands in a cell; text that a spreadsheet would run gets an apostrophe."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and _FORMULA.match(value):
        return f"'{value}"
    return str(value)


def _italian(value: Cell) -> str:
    if isinstance(value, float):
        return str(value).replace(".", ",")
    if isinstance(value, bool):
        return "VERO" if value else "FALSO"
    return _cell(value)
