# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""One entry: the canonical JSON header that is hashed, and the personal values kept beside it.

A personal value appears in the header as SHA-256(label, field, salt, value) only. Value and salt
stand in a side table; deleting them erases the value while the log still verifies.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from hashlib import sha256

from gateway.model.access import Regime
from gateway.model.audit import LedgerEvent, Operation
from gateway.model.errors import InvariantError, LedgerError
from gateway.model.identifiers import uuid7
from gateway.model.time import Moment

FORMAT = 1
"""Version of the header; an auditor's tool refuses one that it does not know."""
PERSONAL = (
    "actor_id",
    "src_ip",
    "client_cert_fp",
    "workstation",
    "delegated_by",
    "case_ref",
    "reason_text",
)
"""Fields marked personal in `gateway.model.audit`, in its order."""
SALT_BYTES = 16
"""128 bits: a name or a case number cannot be found by trying again."""
MOST_REASON_CHARS = 200
"""D.2: `reason_text` has at most 200 characters."""
MOST_FIELD_CHARS = 512
"""No field of D.2 is longer; what a stranger types must not fill the disk."""
_LABEL = b"varco-ledger-commitment-v1"
_PLAIN = tuple(
    f.name
    for f in fields(LedgerEvent)
    if f.name not in {*PERSONAL, "event", "operation", "regime", "result", "opens", "closes"}
)
_DEFAULTS = {f.name: f.default for f in fields(LedgerEvent)}
_TEXTS = tuple(f.name for f in fields(LedgerEvent) if f.type in (str, "str"))
_MOST_WHOLE = (1 << 53) - 1
"""What every reader of JSON takes exactly (RFC 8785 §3.2.2.3)."""

Randomness = Callable[[int], bytes]
"""Returns that many random bytes; `os.urandom` in service."""


@dataclass(frozen=True, slots=True)
class Opening:
    """The value behind one commitment."""

    field: str
    salt: bytes
    value: str

    def commitment(self) -> str:
        """Return what stands in the header, in hex."""
        return commitment(self.field.encode(), self.salt, self.value.encode())


def commitment(field: bytes, salt: bytes, value: bytes) -> str:
    """Return the commitment to a value in UTF-8: SHA-256 over four framed parts, in hex."""
    return sha256(
        (_FRAMED.get(field) or _framed_field(field))
        + len(salt).to_bytes(4, "big")
        + salt
        + len(value).to_bytes(4, "big")
        + value
    ).hexdigest()


def _framed_field(field: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in (_LABEL, field))


_FRAMED = {name.encode(): _framed_field(name.encode()) for name in PERSONAL}


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry that only lacks its place in the log."""

    event: LedgerEvent
    id: str
    at: Moment
    openings: tuple[Opening, ...]
    software: str
    offset_ms: int = 0
    """Our clock minus true time as far as that was known; 0: not known."""

    def header(self, seq: int, *, spilled: bool = False) -> bytes:
        """Return the canonical header for a place; InvariantError if a number is out of range.

        Fields at their default are left out. `spilled` marks what went to the spare first.
        """
        event = self.event
        record: dict[str, int | str | bool | dict[str, str]] = {
            "v": FORMAT,
            "seq": seq,
            "id": self.id,
            "ts_utc_us": self.at.utc_us,
            "ts_mono_us": round(self.at.monotonic_s * 1_000_000),
            "clock_sync": self.at.quality.value,
            "sw_version": self.software,
            "actor_type": event.actor_type,
            "event": event.event,
            "op": event.operation.value,
            "regime": event.regime.value,
            "result": event.result,
        }
        plain = ((name, getattr(event, name)) for name in _PLAIN)
        record |= {name: value for name, value in plain if value != _DEFAULTS[name]}
        if self.offset_ms:
            record["clock_offset_ms"] = self.offset_ms
        if event.opens:
            record["opens"] = True
        if event.closes >= 0:
            record["closes"] = event.closes
        if self.openings:
            record["commit"] = {one.field: one.commitment() for one in self.openings}
        if spilled:
            record["spilled"] = True
        try:
            return _canonical(record)
        except ValueError as error:
            raise InvariantError(f"entry {event.event} has no canonical form: {error}") from error


def draft(
    event: LedgerEvent, at: Moment, software: str, randomness: Randomness, offset_ms: int = 0
) -> Draft:
    """Return an event made ready: texts bounded and well formed, personal values committed to."""
    clean = _clean(event)
    openings = tuple(
        Opening(name, randomness(SALT_BYTES), value)
        for name in PERSONAL
        if (value := getattr(clean, name))
    )
    return Draft(clean, uuid7(at.utc_us, randomness(10)), at, openings, software, offset_ms)


def _canonical(record: Mapping[str, object]) -> bytes:
    """Return RFC 8785 of a record of ours; ValueError if it has none.

    Its keys are ASCII, its values texts, truth values and whole numbers: there the standard
    library writes the same bytes as the canonical form, ten times as fast (a test compares).
    """
    if any(type(one) is int and abs(one) > _MOST_WHOLE for one in record.values()):
        raise ValueError("a number beyond 2^53 - 1")
    return json.dumps(record, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def _clean(event: LedgerEvent) -> LedgerEvent:
    """Return the event with every text bounded and free of lone surrogates (RFC 8785 §3.2.2.2)."""
    changed: dict[str, str] = {}
    for name in _TEXTS:
        value: str = getattr(event, name)
        most = MOST_REASON_CHARS if name == "reason_text" else MOST_FIELD_CHARS
        if not value.isascii() or len(value) > most:
            changed[name] = value.encode("utf-8", "replace").decode()[:most]
    return replace(event, **changed) if changed else event  # type: ignore[arg-type] # texts only


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One entry as it stands in the log, with the personal values that are still kept."""

    seq: int
    id: str
    utc_us: int
    mono_us: int
    """Monotonic clock of the boot that wrote it; only differences within one boot mean anything."""
    clock_sync: str
    software: str
    event: LedgerEvent
    erased: tuple[str, ...]
    """Personal fields that are committed to, but whose values were deleted."""
    spilled: bool
    header: bytes
    """The exact bytes that are hashed."""
    clock_offset_ms: int = 0
    """Our clock minus true time as far as that was known; 0: not known."""


def read_entry(header: bytes, openings: dict[str, str]) -> LedgerEntry:
    """Return the entry of a stored header; LedgerError if it is not one of ours.

    `openings`: field and value of what the side table still holds; not checked here.
    """
    try:
        record = json.loads(header)
        committed = record.get("commit", {})
        event = _event(record, {k: v for k, v in openings.items() if k in committed})
        return LedgerEntry(
            record["seq"],
            record["id"],
            record["ts_utc_us"],
            record["ts_mono_us"],
            record["clock_sync"],
            record["sw_version"],
            event,
            tuple(sorted(committed.keys() - openings.keys())),
            record.get("spilled", False),
            header,
            record.get("clock_offset_ms", 0),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LedgerError(f"ledger: a header that is not ours: {error!r}") from error


def _event(record: dict[str, object], personal: dict[str, str]) -> LedgerEvent:
    plain: dict[str, object] = {
        name: record[name] for name in (*_PLAIN, "opens", "closes") if name in record
    }
    known = plain | personal
    return LedgerEvent(
        event=str(record["event"]),
        operation=Operation(record["op"]),
        regime=Regime(record["regime"]),
        result=str(record["result"]),
        **known,  # type: ignore[arg-type] # written by `header` from the same fields
    )
