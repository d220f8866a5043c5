# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""TOML and JSON that people wrote: read, check against a schema, and name every fault at once.

A fault reads `file:line: dotted.key: problem (advice)`, so that an editor can jump to it.
"""

import difflib
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from gateway.model.errors import ConfigError, ConfigErrors

Loc = tuple[int | str, ...]
"""Keys and list indexes from the top of a text, as pydantic writes them."""
M = TypeVar("M", bound=BaseModel)

MOST_BYTES = 4 << 20
"""A seed of 10 000 cameras has about 3 MB."""

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed text with the lines on which its keys stand."""

    where: str
    """The file's path, or what else it came from."""
    data: Mapping[str, Any]
    lines: Mapping[Loc, int]

    def place(self, loc: Loc) -> str:
        """Return `where:line` of a key or of the nearest table around it."""
        for length in range(len(loc), 0, -1):
            if line := self.lines.get(loc[:length]):
                return f"{self.where}:{line}"
        return self.where

    def name(self, loc: Loc) -> str:
        """Return a key as people write it: `broker[sala-pl].port`, `zone[#2].polygon[#1]`."""
        words = ""
        node: Any = self.data
        for part in loc:
            node = _child(node, part)
            if isinstance(part, int):
                words += f"[{_label(node) or f'#{part + 1}'}]"
            else:
                words += f".{part}" if words else part
        return words

    def fault(self, loc: Loc, problem: str, advice: str = "") -> ConfigError:
        """Return the error for one key; whoever collects them raises ConfigErrors."""
        return ConfigError(self.place(loc), self.name(loc), problem, advice)


def read_text(path: Path) -> str:
    """Return the text of a file; ConfigError if it cannot be read or is no text."""
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        problem = (error.strerror or type(error).__name__).lower()
        raise ConfigError(str(path), "", problem, "write a file that can be read") from error
    return decode(raw, str(path))


def decode(raw: bytes, where: str) -> str:
    """Return UTF-8 as text; ConfigError if it is too long or not UTF-8."""
    if len(raw) > MOST_BYTES:
        raise ConfigError(where, "", "is too long", f"write at most {MOST_BYTES >> 20} MiB")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problem = f"is not UTF-8 text at byte {error.start}"
        raise ConfigError(where, "", problem, "save it as UTF-8") from error


def parse_toml(text: str, where: str) -> Document:
    """Return parsed TOML; ConfigError names the line of a syntax error."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        place = f"{where}:{found[1]}" if found else where
        problem = f"is not TOML: {error}"
        raise ConfigError(place, "", problem, 'write key = "text" or key = 1') from error
    except RecursionError as error:
        raise ConfigError(where, "", "is nested too deeply", "write flat tables") from error
    return Document(where, data, _lines(text))


def parse_json(text: str, where: str) -> Document:
    """Return a parsed JSON object; ConfigError names the line of a syntax error."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        place = f"{where}:{error.lineno}"
        raise ConfigError(
            place, "", f"is not JSON: {error.msg}", "write one JSON object"
        ) from error
    except RecursionError as error:
        raise ConfigError(where, "", "is nested too deeply", "write one JSON object") from error
    if not isinstance(data, dict):
        raise ConfigError(where, "", "is not a JSON object", "write one JSON object")
    return Document(where, data, {})


def check(document: Document, schema: type[M], more: Sequence[ConfigError] = ()) -> M:
    """Return the document as `schema`; ConfigErrors with every fault, `more` among them."""
    try:
        result = schema.model_validate(document.data)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        faults = [*(_fault(document, schema, d) for d in details), *more]
        raise ConfigErrors(sorted(faults, key=_line_of)) from None
    if more:
        raise ConfigErrors(sorted(more, key=_line_of))
    return result


def _line_of(fault: ConfigError) -> int:
    line = fault.where.rpartition(":")[2]
    return int(line) if line.isdecimal() else 0


def _fault(document: Document, schema: type[BaseModel], detail: ErrorDetails) -> ConfigError:
    loc: Loc = detail["loc"]
    context = detail.get("ctx", {})
    kind = detail["type"]
    if kind == "refusal":
        if context["key"]:
            loc = (*loc, context["key"])
        return document.fault(loc, context["problem"], context["advice"])
    if kind == "extra_forbidden":
        return document.fault(loc, "unknown key", _nearest(schema, loc))
    field = _field(schema, loc)
    advice = f"write {field.description}" if field and field.description else ""
    if kind == "missing":
        return document.fault(loc, "is missing", advice)
    return document.fault(loc, detail["msg"].replace("Input should", "must", 1), advice)


def _nearest(schema: type[BaseModel], loc: Loc) -> str:
    """Return advice on an unknown key: the nearest known one, else all of them."""
    field = _field(schema, loc[:-1])
    table = _table(field.annotation) if field else schema
    if table is None:
        return "remove it"
    known = sorted(f.alias or name for name, f in table.model_fields.items())
    near = difflib.get_close_matches(str(loc[-1]), known, n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else f"known keys: {', '.join(known)}"


def _field(schema: type[BaseModel], loc: Loc) -> FieldInfo | None:
    """Return the field that a location leads to; None for the top and for unknown keys."""
    found: FieldInfo | None = None
    table: type[BaseModel] | None = schema
    for part in loc:
        if isinstance(part, int):
            continue
        if table is None:
            return found
        named = {f.alias or name: f for name, f in table.model_fields.items()}
        found = named.get(part)
        table = _table(found.annotation) if found else None
    return found


def _table(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - any type form
    """Return the model inside `M`, `M | None` or `tuple[M, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (tuple, list, Union, UnionType):
        found = (_table(inner) for inner in get_args(annotation))
        return next((table for table in found if table), None)
    return None


def _child(node: Any, part: int | str) -> Any:  # noqa: ANN401 - parsed text of any shape
    if isinstance(part, int):
        return node[part] if isinstance(node, list) and part < len(node) else None
    return node.get(part) if isinstance(node, dict) else None


def _label(node: Any) -> str:  # noqa: ANN401 - parsed text of any shape
    """Return the id or name of a table in a list, if it can be shown."""
    if not isinstance(node, dict):
        return ""
    name = node.get("id", node.get("name"))
    return name if isinstance(name, str) and re.fullmatch(r"[\w-]{1,64}", name) else ""


def _lines(text: str) -> dict[Loc, int]:
    """Return the line of each table and key; keys inside multi-line values are not looked for."""
    lines: dict[Loc, int] = {}
    counts: dict[Loc, int] = {}
    table: Loc = ()
    quote = ""
    for number, line in enumerate(text.splitlines(), 1):
        if quote:
            quote = "" if line.count(quote) % 2 else quote
            continue
        if header := _HEADER.match(line):
            table = _enter(_parts(header[2]), counts, in_list=header[1] == "[[")
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault((*table, *_parts(key[1])), number)
        quote = next((q for q in ('"""', "'''") if line.count(q) % 2), "")
    return lines


def _enter(parts: tuple[str, ...], counts: dict[Loc, int], *, in_list: bool) -> Loc:
    """Return where a header leads, given how many tables each list has so far."""
    loc: Loc = ()
    for part in parts[:-1]:
        loc = (*loc, part)
        if loc in counts:
            loc = (*loc, counts[loc] - 1)
    loc = (*loc, parts[-1])
    if in_list:
        counts[loc] = counts.get(loc, 0) + 1
        loc = (*loc, counts[loc] - 1)
    return loc


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))
