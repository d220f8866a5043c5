# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Entries as a table for data protection officers: CSV as Italian spreadsheets read it.

Text that a spreadsheet would run as a formula leaves with an apostrophe, as in the registry's.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from datetime import UTC

from gateway.audit import wording
from gateway.audit.entry import LedgerEntry
from gateway.model.audit import LedgerEvent
from gateway.model.registry import Registry
from gateway.wire.merkle import leaf_hash

BOM = "\ufeff"
"""Without it Excel takes UTF-8 for Windows-1252."""
HEADERS = (
    "Numero",
    "Data e ora (Roma)",
    "Data e ora (UTC)",
    "Evento",
    "Descrizione",
    "Operazione",
    "Regime",
    "Esito",
    "Motivo del diniego o della chiusura",
    "Persona",
    "Seconda persona",
    "Organizzazione",
    "Ruolo",
    "Autenticazione",
    "Indirizzo",
    "Postazione",
    "Titolare",
    "Tipo di oggetto",
    "Oggetto",
    "Nome dell'oggetto",
    "Zona",
    "Scopo",
    "Base giuridica",
    "Caso",
    "Motivo",
    "Destinatario",
    "Canale",
    "Durata (s)",
    "Byte",
    "Fotogrammi",
    "Quantità",
    "Segnalazioni",
    "Chiude la voce",
    "Versione delle regole",
    "Orologio",
    "Dati cancellati",
    "Impronta (SHA-256)",
)
_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def table(
    entries: Iterable[LedgerEntry], registry: Registry, *, bom: bool = True
) -> Iterator[bytes]:
    """Return the table, line by line."""
    yield (BOM if bom else "").encode() + _line(HEADERS)
    for entry in entries:
        yield _line([_safe(cell) for cell in _cells(entry, registry)])


def _safe(cell: object) -> str:
    text = "" if cell is None else str(cell)
    return f"'{text}" if not isinstance(cell, int) and _FORMULA.match(text) else text


def _line(cells: Iterable[str]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=";", lineterminator="\r\n").writerow(cells)
    return out.getvalue().encode("utf-8", "replace")


def _camera(event: LedgerEvent, registry: Registry) -> str:
    """Return the name of the camera an entry is about; empty if it is about none."""
    camera = event.object_id if event.object_type == "camera" else event.camera
    return wording.camera(registry, camera) if camera else ""


def _cells(entry: LedgerEntry, registry: Registry) -> list[object]:
    event, when = entry.event, wording.moment(entry.utc_us)
    return [
        entry.seq,
        when.strftime("%d/%m/%Y %H:%M:%S"),
        when.astimezone(UTC).isoformat(timespec="milliseconds"),
        event.event,
        wording.event_words(event.event),
        event.operation.value,
        event.regime.value,
        wording.RESULTS.get(event.result, event.result),
        wording.refusal(event.error),
        event.actor_id,
        event.delegated_by,
        wording.organisation(registry, event.org),
        wording.ROLES.get(event.role, event.role),
        event.auth_method,
        event.src_ip,
        event.workstation,
        wording.organisation(registry, event.controller),
        event.object_type,
        event.object_id,
        _camera(event, registry),
        event.zone,
        wording.PURPOSES.get(event.purpose_code, event.purpose_code),
        wording.act(registry, event.legal_basis_id),
        event.case_ref,
        event.reason_text,
        wording.organisation(registry, event.recipient_org) or event.recipient_id,
        event.channel,
        f"{event.duration_ms / 1000:.1f}".replace(".", ",") if event.duration_ms else "",
        event.bytes or "",
        event.frames or "",
        event.count or "",
        wording.flags(event.flags),
        event.closes if event.closes >= 0 else "",
        event.policy_version or "",
        entry.clock_sync,
        " ".join(entry.erased),
        leaf_hash(entry.header).hex(),
    ]
