# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Codes of entries in Italian, and names from the registry, for people who read exports."""

from datetime import UTC, datetime, timedelta
from typing import Final

from gateway.audit.catalogue import CATALOGUE
from gateway.model.access import (
    ACT_ENDED,
    BREAK_GLASS,
    UNCONFIRMED,
    WATERMARK,
    Purpose,
    Refusal,
)
from gateway.model.registry import Registry, Role
from gateway.model.time import ROME

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

PURPOSES: Final = {
    Purpose.ALARM.value: "Allarme",
    Purpose.INCIDENT.value: "Intervento",
    Purpose.SERVICE.value: "Servizio ordinario",
    Purpose.JUDICIAL.value: "Delega dell'A.G.",
    Purpose.OWNER.value: "Proprie telecamere (titolare)",
    Purpose.INSTALLATION.value: "Installazione e manutenzione",
    Purpose.LEGALITY.value: "Verifica di liceità",
    Purpose.INTERNAL_CONTROL.value: "Controllo interno",
    Purpose.INTEGRITY.value: "Integrità e sicurezza",
    Purpose.PROCEEDINGS.value: "Procedimento penale",
}
ROLES: Final = {
    Role.PS_OPERATOR.value: "operatore, sala della Polizia di Stato",
    Role.PS_SUPERVISOR.value: "responsabile, sala della Polizia di Stato",
    Role.PL_OPERATOR.value: "operatore, Polizia Locale",
    Role.INSTITUTE_OPERATOR.value: "operatore, istituto di vigilanza",
    Role.OWNER.value: "titolare",
    Role.DPO.value: "DPO",
    Role.AUDITOR.value: "revisore",
    Role.SYSADMIN.value: "amministratore di sistema",
    Role.INSTALLER.value: "installatore",
    Role.MACHINE.value: "macchina",
}
REFUSALS: Final = {
    Refusal.UNKNOWN_CAMERA.value: "telecamera sconosciuta",
    Refusal.ROLE.value: "il ruolo non lo consente",
    Refusal.SITE_NOT_ACTIVE.value: "sito non attivo",
    Refusal.PURPOSE_MISSING.value: "scopo mancante",
    Refusal.PURPOSE_NOT_ALLOWED.value: "scopo non consentito",
    Refusal.CASE_MISSING.value: "caso mancante",
    Refusal.NO_ACT.value: "nessun atto lo prevede",
    Refusal.ACT_EXPIRED.value: "atto scaduto",
    Refusal.ACT_NOT_YET.value: "atto non ancora in vigore",
    Refusal.NO_DPIA.value: "valutazione d'impatto mancante",
    Refusal.ONLY_ON_ALARM.value: "solo durante un allarme",
    Refusal.ALARM_CLOSED.value: "allarme chiuso",
    Refusal.PAUSED.value: "sospesa dal titolare",
    Refusal.HOURS.value: "fuori orario",
    Refusal.FOUR_EYES.value: "manca la seconda persona",
    Refusal.REASON_MISSING.value: "manca il motivo",
    Refusal.NO_SHIFT.value: "nessun turno aperto",
    Refusal.SCHOOL_OPEN.value: "scuola aperta",
    Refusal.NOT_IN_INCIDENT.value: "non collegata all'intervento",
    Refusal.INCIDENT_CLOSED.value: "intervento chiuso",
    Refusal.ONLY_ON_INCIDENT.value: "solo durante un intervento",
    Refusal.WORN_OUT.value: "accesso in emergenza non possibile",
    Refusal.TEXT_ONLY.value: "solo allarmi in forma di testo",
    Refusal.EDGE.value: "negata dalla sede",
    Refusal.LINE.value: "linea con la sede interrotta",
    Refusal.MASK.value: "maschera non applicabile",
    Refusal.LEDGER.value: "registro non scrivibile",
    Refusal.GRANT_ENDED.value: "autorizzazione finita",
}
FLAGS: Final = {
    BREAK_GLASS: "emergenza",
    ACT_ENDED: "atto scaduto, intervento aperto",
    UNCONFIRMED: "non riconfermata",
    WATERMARK: "con filigrana",
}
RESULTS: Final = {"ok": "eseguito", "denied": "negato", "error": "errore"}


def event_words(code: str) -> str:
    """Return what an event is, in Italian; the code itself if nobody knows it."""
    known = CATALOGUE.get(code)
    return known.it if known else code


def moment(utc_us: int) -> datetime:
    """Return a time in Europe/Rome."""
    return (_EPOCH + timedelta(microseconds=utc_us)).astimezone(ROME)


def organisation(registry: Registry, known: str) -> str:
    """Return the name of a controller or recipient."""
    found = registry.controllers.get(known) or registry.recipients.get(known)
    return found.name if found else known


def camera(registry: Registry, known: str) -> str:
    """Return the name of a camera with that of its site."""
    found = registry.cameras.get(known)
    return f"{registry.sites[found.site].name} – {found.name}" if found else known


def act(registry: Registry, known: str) -> str:
    """Return an act as it is cited."""
    found = registry.acts.get(known)
    return f"{found.title} n. {found.number}" if found and found.number else known


def refusal(code: str) -> str:
    """Return why not, in Italian."""
    return REFUSALS.get(code, code)


def flags(text: str) -> str:
    """Return flags in Italian."""
    return ", ".join(FLAGS.get(one, one) for one in text.split(",") if one)


def duration(milliseconds: int) -> str:
    """Return how long something took: `1 h 02 min`, `3 min 05 s`, `12 s`."""
    seconds = round(milliseconds / 1000)
    if seconds >= 3600:  # noqa: PLR2004 - an hour
        return f"{seconds // 3600} h {seconds % 3600 // 60:02} min"
    return f"{seconds // 60} min {seconds % 60:02} s" if seconds >= 60 else f"{seconds} s"  # noqa: PLR2004 - a minute
