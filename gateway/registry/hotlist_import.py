# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Lists of sought plates as offices deliver them: signed CSV or JSON -> Delivery (A-49).

The signature is Ed25519 over the very bytes of the file (RFC 8032), in a file of its own. Errors
name line and column and never what stands there: it may be a plate.
"""

import base64
import binascii
import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.model.errors import ConfigError, ConfigErrors, StateError, WireError
from gateway.model.plate import ListKind
from gateway.registry.hotlist_text import country_code, normal

FORMAT: Final = "varco-hotlist/1"
MOST_BYTES: Final = 8 << 20
"""100,000 entries are about 3 MiB as CSV and 6 MiB as JSON."""
MOST_ENTRIES: Final = 200_000
MOST_FAULTS: Final = 20
"""Told at once; a file in the wrong form has one in each line."""
MOST_DAYS: Final = 366
"""How far away an end may be: who seeks for longer delivers again."""
DAY_US: Final = 86_400_000_000
EARLY_US: Final = 3_600_000_000
"""How far a delivery's clock may be ahead of ours."""
_SIGNATURE_BYTES, _KEY_BYTES = 64, 32
_HEADER: Final = frozenset(
    {"format", "source", "kind", "mode", "sequence", "base", "issued", "expires", "act", "reason",
     "requester"}
)  # fmt: skip
_COLUMNS: Final = frozenset(
    {"plate", "country", "valid_from", "expires", "label", "reason", "change"}
)
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class ListSource:
    """Who may deliver lists, and which."""

    name: str
    key: bytes
    """Ed25519 public key, 32 bytes."""
    lists: frozenset[ListKind]


@dataclass(frozen=True, slots=True)
class DeliveredEntry:
    """One line of a delivery."""

    text: str = field(repr=False)
    country: str
    from_us: int
    until_us: int
    label: str
    reason: str
    """Empty: that of the delivery."""
    removed: bool = False
    """Of a change: it is not sought any more."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A list, or what changed in it, as an office signed it."""

    source: str
    kind: ListKind
    sequence: int
    base: int
    """Sequence to which the changes apply; 0: it is the whole list."""
    issued_us: int
    act: str
    reason: str
    requester: str
    entries: tuple[DeliveredEntry, ...] = field(repr=False)
    over: int = 0
    """Entries left out because their time is over already."""

    @property
    def is_whole(self) -> bool:
        """Return whether it replaces the list."""
        return self.base == 0


def parse_source(name: str, key: str, lists: Sequence[str], *, where: str) -> ListSource:
    """Return a registered source; ConfigError for a key that is none."""
    try:
        raw = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != _KEY_BYTES:
        place, advice = (
            f"plates.source[{name}].key",
            "write the Ed25519 public key, 32 bytes, base64",
        )
        raise ConfigError(where, place, "is no key", advice)
    return ListSource(name, raw, frozenset(ListKind(one) for one in lists))


def verify(document: bytes, signature: bytes, source: ListSource) -> None:
    """Check that a source signed these bytes; StateError `signature` if it did not."""
    raw = signature
    if len(raw) != _SIGNATURE_BYTES:
        try:
            raw = base64.b64decode(signature.strip(), validate=True)
        except (binascii.Error, ValueError):
            raw = b""
    if len(raw) != _SIGNATURE_BYTES:
        raise StateError("signature", "the signature is no Ed25519 signature (64 bytes, or base64)")
    try:
        Ed25519PublicKey.from_public_bytes(source.key).verify(raw, document)
    except (InvalidSignature, ValueError):
        raise StateError("signature", f"is not {source.name}'s over this file") from None


def read_delivery(
    document: bytes, signature: bytes, sources: Mapping[str, ListSource], now_us: int
) -> Delivery:
    """Return what a registered source delivered; nothing of it is believed before its signature.

    StateError: `too-large`, `source`, `signature`, `kind`. ConfigErrors: each fault with its line.
    """
    if len(document) > MOST_BYTES:
        raise StateError("too-large", f"{len(document)} bytes, at most {MOST_BYTES}")
    signer = next((one for one in sources.values() if _signed(document, signature, one)), None)
    if signer is None:
        if not sources:
            raise StateError("source", "no source of lists is registered")
        raise StateError("signature", "no registered source has signed this file")
    header, lines = _json(document) if document.lstrip()[:1] == b"{" else _csv(document)
    faults: list[ConfigError] = []
    head = _Head(header, signer, now_us, faults)
    entries = tuple(_entries(lines, head, faults))
    if faults:
        raise ConfigErrors(faults[:MOST_FAULTS])
    kept = tuple(one for one in entries if one.removed or one.until_us > now_us)
    if len({(one.country, one.text) for one in kept}) < len(kept):
        raise ConfigError("entries", "plate", "one of them stands twice", "deliver each once")
    return head.delivery(kept, len(entries) - len(kept))


def _signed(document: bytes, signature: bytes, source: ListSource) -> bool:
    try:
        verify(document, signature, source)
    except StateError:
        return False
    return True


Line = tuple[str, Mapping[str, Any]]
"""Where it stands, and its cells."""


def _json(document: bytes) -> tuple[Mapping[str, Any], Iterator[Line]]:
    try:
        data = json.loads(document, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise ConfigError(place, "", "is no JSON", "deliver UTF-8 JSON") from None
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise ConfigError("document", "", "is no JSON", "deliver UTF-8 JSON") from None
    rows = data.pop("entries", None)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ConfigError("document", "entries", "is no list of objects")
    lines = ((f"entries[{at}]", row) for at, row in enumerate(rows, 1))
    return data, lines


def _no_number(_: str) -> float:
    raise ValueError


def _csv(document: bytes) -> tuple[Mapping[str, Any], Iterator[Line]]:
    """Read `# key: value` lines, one line of column names, and entries."""
    try:
        text = document.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = document[: error.start].count(b"\n") + 1
        raise ConfigError(f"line {line}", "", "is no UTF-8", "store it as UTF-8") from None
    header: dict[str, Any] = {}
    lines = text.splitlines()
    at = 0
    while at < len(lines) and lines[at].startswith("#"):
        key, _, value = lines[at][1:].partition(":")
        header[key.strip()] = value.strip()
        at += 1
    if at == len(lines):
        raise ConfigError(f"line {at + 1}", "", "the names of the columns are missing")
    delimiter = ";" if ";" in lines[at] else ","
    return header, _rows(lines[at:], at + 1, delimiter)


def _rows(lines: Sequence[str], first: int, delimiter: str) -> Iterator[Line]:
    reader = csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter, strict=True)
    try:
        names = [name.strip() for name in next(reader)]
        _known(f"line {first}", names)
        for row in reader:
            where = f"line {first + reader.line_num - 1}"
            if not row:
                continue
            if len(row) != len(names):
                problem = f"has {len(row)} columns, not {len(names)}"
                raise ConfigError(where, "", problem)
            yield where, dict(zip(names, row, strict=True))
    except csv.Error:
        raise ConfigError(f"line {first + reader.line_num - 1}", "", "is no CSV") from None


def _known(where: str, names: Sequence[str]) -> None:
    if len(set(names)) < len(names) or not {"plate"} <= set(names) <= _COLUMNS:
        wanted = ", ".join(sorted(_COLUMNS))
        raise ConfigError(where, "", "has other columns", f"plate, and any of {wanted}, each once")


class _Head:
    """What is said of the whole delivery, checked."""

    def __init__(
        self, header: Mapping[str, Any], signer: ListSource, now_us: int, faults: list[ConfigError]
    ) -> None:
        self._faults = faults
        self._header = header
        self.now_us = now_us
        for key in sorted(set(header) - _HEADER):
            self._fault(key[:40], "is unknown", "leave it out")
        if header.get("format") != FORMAT:
            self._fault("format", "is not known", f"write {FORMAT}")
        if header.get("source") != signer.name:
            raise StateError("source", f"the file does not say that it is {signer.name}'s")
        self.source = signer.name
        self.kind = self._kind(signer)
        self.is_whole = self._text("mode", "whole", required=False) == "whole"
        if self._text("mode", "whole", required=False) not in ("whole", "changes"):
            self._fault("mode", "is not known", "write whole or changes")
        self.sequence = self._number("sequence")
        self.base = 0 if self.is_whole else self._number("base")
        self.issued_us = self._instant("issued") or now_us
        if self.issued_us > now_us + EARLY_US:
            self._fault("issued", "lies in the future", "correct the clock of who delivers")
        self.until_us = self._instant("expires", required=False)
        self.act = self._text("act")
        self.reason = self._text("reason")
        self.requester = self._text("requester")

    def _fault(self, key: str, problem: str, advice: str = "") -> None:
        self._faults.append(ConfigError("header", key, problem, advice))

    def _kind(self, signer: ListSource) -> ListKind:
        try:
            kind = ListKind(self._header.get("kind"))
        except ValueError:
            kind = ListKind.LOCAL
        if kind is ListKind.LOCAL or kind not in signer.lists:
            allowed = ", ".join(sorted(one.value for one in signer.lists))
            raise StateError("kind", f"{signer.name} delivers {allowed}")
        return kind

    def _text(self, key: str, default: str = "", *, required: bool = True) -> str:
        value = self._header.get(key, default)
        if not isinstance(value, str) or len(value) > _LONGEST or (required and not value.strip()):
            self._fault(
                key, "is missing" if value == "" else f"is no text of 1 to {_LONGEST} signs"
            )
            return ""
        return value.strip()

    def _number(self, key: str) -> int:
        value = self._header.get(key)
        text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
        if not (text.isascii() and text.isdecimal() and 0 < int(text[:19]) < 1 << 62):
            self._fault(key, "is no whole number from 1")
            return 1
        return int(text)

    def _instant(self, key: str, *, required: bool = True) -> int:
        value = self._header.get(key, "")
        if value == "" and not required:
            return 0
        instant = _instant_us(value)
        if instant is None:
            self._fault(key, "is no instant", "write 2026-12-31T23:59:59Z")
        return instant or 0

    def delivery(self, entries: tuple[DeliveredEntry, ...], over: int) -> Delivery:
        """Return what was read."""
        return Delivery(
            self.source, self.kind, self.sequence, self.base, self.issued_us, self.act,
            self.reason, self.requester, entries, over,
        )  # fmt: skip


def _entries(
    lines: Iterator[Line], head: _Head, faults: list[ConfigError]
) -> Iterator[DeliveredEntry]:
    """Yield the entries; what is wrong with one is noted, the first MOST_FAULTS of them."""
    for count, (where, cells) in enumerate(lines, 1):
        if count > MOST_ENTRIES:
            raise StateError("too-many", f"at most {MOST_ENTRIES} entries")
        if len(faults) >= MOST_FAULTS:
            return
        entry = _entry(where, cells, head, faults)
        if entry is not None:
            yield entry


def _entry(
    where: str, cells: Mapping[str, Any], head: _Head, faults: list[ConfigError]
) -> DeliveredEntry | None:
    before = len(faults)

    def fault(key: str, problem: str, advice: str = "") -> None:
        faults.append(ConfigError(where, key, problem, advice))

    if set(cells) - _COLUMNS:
        fault("", "has a key that is unknown", f"write {', '.join(sorted(_COLUMNS))}")
    if not all(isinstance(one, str) and len(one) <= _LONGEST for one in cells.values()):
        fault("", f"has a value that is no text of at most {_LONGEST} signs")
        return None
    text = country = ""
    try:
        text = normal(cells.get("plate", ""))
    except WireError as error:
        fault("plate", str(error))
    try:
        country = country_code(cells.get("country", ""))
    except WireError as error:
        fault("country", str(error))
    change = cells.get("change", "").strip() or "add"
    if change not in ("add", "remove") or (change == "remove" and head.is_whole):
        fault("change", "is not known", "write add, or in a delivery of changes remove")
    from_us, until_us = _term(cells, head, fault, removed=change == "remove")
    if len(faults) > before:
        return None
    label, reason = cells.get("label", "").strip(), cells.get("reason", "").strip()
    return DeliveredEntry(text, country, from_us, until_us, label, reason, change == "remove")


def _term(
    cells: Mapping[str, Any], head: _Head, fault: Callable[..., None], *, removed: bool
) -> tuple[int, int]:
    """Return from when until when an entry is sought, microseconds UTC."""
    since, until = cells.get("valid_from", "").strip(), cells.get("expires", "").strip()
    from_us = _instant_us(since) if since else head.issued_us
    until_us = _instant_us(until) if until else head.until_us
    if from_us is None:
        fault("valid_from", "is no instant", "write 2026-12-31T23:59:59Z")
    if removed:
        return from_us or 0, 0
    if until_us is None:
        fault("expires", "is no instant", "write 2026-12-31T23:59:59Z")
    elif not until_us:
        fault("expires", "is missing", "write it here or for the whole delivery")
    elif from_us is not None and until_us <= from_us:
        fault("expires", "is not after valid_from")
    elif until_us > head.now_us + MOST_DAYS * DAY_US:
        fault("expires", f"is more than {MOST_DAYS} days away", "deliver the list again by then")
    return from_us or 0, until_us or 0


def _instant_us(value: object) -> int | None:
    """Return microseconds UTC of RFC 3339 text with an offset; None: it is none."""
    if not isinstance(value, str):
        return None
    try:
        when = datetime.fromisoformat(value)
    except (ValueError, OverflowError):
        return None
    return round(when.timestamp() * 1_000_000) if when.tzinfo is not None else None
