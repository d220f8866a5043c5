# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Every code that may stand in the log (D.3), in words, and what cannot happen yet.

The log refuses a code that is not here: whoever reads it in five years must find what it means.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from gateway.model.access import Regime
from gateway.model.audit import Operation

_RAC, _MOD, _CON = Operation.COLLECTION, Operation.MODIFICATION, Operation.CONSULTATION
_COM, _TRA, _INT = Operation.COMMUNICATION, Operation.TRANSFER, Operation.INTERCONNECTION
_CAN, _NO = Operation.DELETION, Operation.NONE

RECORDED: Final = "recording and evidence"
PLATES: Final = "plates"
PTZ: Final = "moving cameras"
ROOMS: Final = "rooms and reports to other bodies"
REQUESTS: Final = "requests of data subjects"
BACKUPS: Final = "backup and restore"

DAY_US: Final = 86_400_000_000
TERM_US: Final[Mapping[Regime, int]] = MappingProxyType(
    {Regime.LED: 1_827 * DAY_US, Regime.GDPR: 731 * DAY_US}
)
"""How long an entry is kept (D.4): five years and 24 months, in days of the longest such span."""
TECHNICAL_US: Final = 30 * DAY_US
"""Entries of machines about themselves, without personal data."""


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of entry."""

    code: str
    operations: tuple[Operation, ...]
    """What it is in the words of D.Lgs 51/2018 art. 21; the first is the usual one."""
    it: str
    en: str
    later: str = ""
    """What must be built before it can happen; empty if it happens already."""
    technical: bool = False
    """Kept 30 days only: no person stands behind it and none is in it."""


def _deny(family: str, it: str, en: str) -> Code:
    return Code(f"{family}.deny", (_NO,), f"{it}: negato", f"{en}: denied")


_CODES: Final = (
    # who comes in
    Code("auth.login", (_NO,), "accesso riuscito", "signed in"),
    Code("auth.logout", (_NO,), "uscita", "signed out"),
    Code("auth.fail", (_NO,), "accesso fallito", "sign-in failed"),
    Code("auth.lock", (_NO,), "utenza bloccata", "account locked"),
    Code("mfa.enrol", (_NO,), "secondo fattore registrato", "second factor enrolled"),
    Code("mfa.fail", (_NO,), "secondo fattore errato", "second factor failed"),
    Code("user.create", (_NO,), "utenza creata", "user created"),
    Code("user.change", (_NO,), "utenza cambiata", "user changed"),
    Code("user.role", (_NO,), "ruolo cambiato", "role changed"),
    Code("user.disable", (_NO,), "utenza disattivata", "user disabled"),
    Code("token.issue", (_NO,), "permesso breve rilasciato", "short token issued"),
    Code("shift.open", (_NO,), "turno aperto con ordine di servizio", "shift opened on an order"),
    Code("shift.close", (_NO,), "turno chiuso", "shift closed"),
    # who looks
    Code("live.open", (_CON,), "visione dal vivo aperta", "live view opened"),
    Code("live.close", (_CON,), "visione dal vivo chiusa", "live view closed"),
    _deny("live", "visione dal vivo", "live view"),
    Code("live.confirm", (_CON,), "visione riconfermata", "live view reconfirmed"),
    Code(
        "live.prolong", (_CON,), "visione proseguita, nessuno interpellato", "live view prolonged"
    ),
    Code("live.unconfirmed", (_CON,), "visione non riconfermata", "live view not reconfirmed"),
    Code("live.mark", (_CON,), "visione con filigrana da qui in poi", "live view marked from here"),
    Code("live.recode", (_NO,), "immagini dal vivo ricodificate", "live pictures coded anew"),
    Code("live.snapshot", (_CON,), "fotogramma mostrato", "still shown"),
    Code("breakglass.use", (_CON,), "accesso in emergenza", "break-glass used"),
    Code("breakglass.ack", (_NO,), "emergenza letta dal titolare", "owner has read of break-glass"),
    Code("playback.open", (_CON,), "secondi prima dell'allarme aperti", "before-alarm opened"),
    Code("playback.close", (_CON,), "secondi prima dell'allarme chiusi", "before-alarm closed"),
    _deny("playback", "secondi prima dell'allarme", "before-alarm"),
    Code("recorded.open", (_CON,), "registrazione aperta", "recording opened", RECORDED),
    Code("recorded.close", (_CON,), "registrazione chiusa", "recording closed", RECORDED),
    _deny("recorded", "registrazione", "recording"),
    Code("ptz.take", (_NO,), "brandeggio preso", "control of a moving camera taken", PTZ),
    Code("ptz.move", (_RAC,), "brandeggio", "camera moved", PTZ),
    Code("ptz.release", (_NO,), "brandeggio lasciato", "control of a camera released", PTZ),
    _deny("ptz", "brandeggio", "moving a camera"),
    # what is kept and taken out
    Code("mask.create", (_MOD,), "maschera creata", "mask created"),
    Code("mask.change", (_MOD,), "maschera cambiata", "mask changed"),
    Code("mask.remove", (_MOD,), "maschera tolta", "mask removed"),
    Code("clip.create", (_RAC,), "filmato creato", "clip created", RECORDED),
    Code("clip.export", (_COM,), "filmato esportato", "clip exported", RECORDED),
    Code("clip.download", (_COM,), "filmato scaricato", "clip downloaded", RECORDED),
    Code("clip.delete", (_CAN,), "filmato cancellato", "clip deleted", RECORDED),
    _deny("clip", "filmato", "clip"),
    Code("evidence.seal", (_RAC,), "reperto sigillato", "evidence sealed", RECORDED),
    Code("evidence.verify", (_CON,), "reperto verificato", "evidence verified", RECORDED),
    Code("evidence.transfer", (_TRA,), "reperto trasferito", "evidence transferred", RECORDED),
    Code("hold.set", (_NO, _MOD), "conservazione disposta", "hold set"),
    Code("hold.release", (_NO, _MOD), "conservazione revocata", "hold released"),
    Code("retention.delete", (_CAN,), "cancellati alla scadenza", "deleted when their time ended"),
    # plates
    Code("lpr.query", (_CON,), "targa cercata", "plate looked up"),
    Code("lpr.hit", (_RAC,), "targa riscontrata", "plate hit", PLATES),
    Code("lpr.ack", (_CON,), "riscontro confermato", "hit confirmed", PLATES),
    Code("lpr.discard", (_CAN,), "riscontro scartato", "hit discarded", PLATES),
    _deny("lpr", "targhe", "plates"),
    Code("hotlist.import", (_RAC,), "lista importata", "hot list imported"),
    Code("hotlist.add", (_RAC,), "voce di lista aggiunta", "hot list entry added"),
    Code("hotlist.approve", (_MOD,), "voce di lista approvata", "hot list entry approved"),
    Code("hotlist.reject", (_CAN,), "voce di lista respinta", "hot list entry rejected"),
    Code("hotlist.change", (_MOD,), "voce di lista cambiata", "hot list entry changed"),
    Code("hotlist.delete", (_CAN,), "voce di lista cancellata", "hot list entry deleted"),
    Code("hotlist.expire", (_CAN,), "voce di lista scaduta", "hot list entry expired"),
    _deny("hotlist", "lista di targhe", "hot list"),
    # alarms
    Code("alarm.raise", (_COM, _RAC), "allarme", "alarm raised"),
    Code("alarm.forward", (_COM,), "allarme inoltrato", "alarm forwarded", ROOMS),
    Code("alarm.ack", (_CON,), "allarme preso in carico", "alarm acknowledged", ROOMS),
    Code("alarm.escalate", (_COM,), "allarme passato ad altri", "alarm escalated", ROOMS),
    Code("alarm.unanswered", (_COM,), "allarme senza risposta", "alarm unanswered", ROOMS),
    Code("alarm.close", (_COM, _NO), "allarme chiuso", "alarm closed"),
    Code("alarm.drop", (_COM,), "allarme non recapitato tolto", "undelivered alarm dropped", ROOMS),
    Code("line.up", (_NO,), "collegamento attivo", "line up", technical=True),
    Code("line.down", (_NO,), "collegamento interrotto", "line down", technical=True),
    Code("edge.invite", (_NO,), "sede invitata", "edge invited"),
    Code("edge.enrol", (_NO,), "sede associata", "edge enrolled"),
    Code("edge.revoke", (_NO,), "sede revocata", "edge revoked"),
    Code("line.refuse", (_NO,), "collegamento o messaggio rifiutato", "line or message refused"),
    Code("incident.open", (_RAC,), "intervento aperto", "incident opened"),
    Code("incident.change", (_MOD, _NO), "intervento cambiato", "incident changed"),
    Code("incident.share", (_COM,), "intervento condiviso", "incident shared"),
    Code("incident.close", (_NO,), "intervento chiuso", "incident closed"),
    Code("message.out", (_COM,), "messaggio inviato", "message sent"),
    Code("message.in", (_RAC,), "messaggio ricevuto", "message received"),
    Code("report.in", (_RAC,), "segnalazione ricevuta", "report received"),
    Code("report.route", (_COM,), "segnalazione instradata", "report routed"),
    Code("report.ack", (_CON,), "segnalazione presa in carico", "report acknowledged"),
    Code("report.out", (_COM,), "segnalazione inviata", "report sent"),
    Code("report.close", (_NO,), "segnalazione chiusa", "report closed"),
    Code("report.refuse", (_NO,), "segnalazione rifiutata", "report refused"),
    Code("report.export", (_CON,), "registro segnalazioni esportato", "reports exported"),
    Code("holdup.trigger", (_COM,), "pulsante antirapina", "hold-up button"),
    Code("holdup.verify", (_CON,), "antirapina verificata", "hold-up verified"),
    Code("holdup.forward", (_COM,), "antirapina inoltrata", "hold-up forwarded"),
    Code("holdup.refuse", (_NO,), "antirapina rifiutata", "hold-up refused"),
    Code("panel.refuse", (_NO,), "centralina rifiutata", "panel refused"),
    Code("stream.publish", (_INT,), "flusso pubblicato", "stream published", ROOMS),
    Code("stream.subscribe", (_INT,), "flusso richiesto", "stream subscribed", ROOMS),
    Code("export.stats", (_COM,), "statistiche esportate", "statistics exported", ROOMS),
    Code("dsar.open", (_RAC,), "richiesta dell'interessato", "data subject's request", REQUESTS),
    Code("dsar.answer", (_COM,), "risposta all'interessato", "data subject answered", REQUESTS),
    # what the box is told to be
    Code("config.change", (_NO, _MOD), "configurazione cambiata", "configuration changed"),
    _deny("config", "configurazione", "configuration"),
    Code("policy.change", (_NO, _MOD), "atti o regole cambiati", "acts or rules changed"),
    Code("policy.held", (_NO,), "modifica in attesa di due approvazioni", "change held for two"),
    Code("policy.approve", (_NO,), "modifica approvata", "held change approved"),
    Code("policy.reject", (_NO,), "modifica respinta", "held change rejected"),
    _deny("policy", "atti e regole", "acts and rules"),
    Code("legalbasis.add", (_NO, _MOD), "atto inserito", "act entered"),
    Code("legalbasis.extend", (_NO, _MOD), "atto prorogato", "act extended"),
    Code("legalbasis.expire", (_NO,), "atto scaduto", "act expired"),
    Code("legalbasis.warn", (_NO,), "atto in scadenza", "act about to expire"),
    Code("dpia.stale", (_NO,), "valutazione d'impatto da rifare", "assessment out of date"),
    Code("site.state", (_NO, _MOD), "stato del sito cambiato", "site's state changed"),
    Code("sharing.pause", (_NO, _MOD), "condivisione sospesa dal titolare", "owner paused sharing"),
    Code("sharing.resume", (_NO, _MOD), "condivisione ripresa", "owner resumed sharing"),
    Code("camera.add", (_NO, _MOD), "telecamera aggiunta", "camera added"),
    Code("camera.change", (_NO, _MOD), "telecamera cambiata", "camera changed"),
    Code("camera.remove", (_NO, _MOD), "telecamera tolta", "camera removed"),
    Code("camera.state", (_NO,), "stato della telecamera", "camera's state", technical=True),
    Code("camera.inspect", (_NO,), "flusso misurato", "stream measured"),
    _deny("camera", "misura del flusso", "measuring a stream"),
    # the log about itself
    Code("log.read", (_CON,), "registro letto", "log read"),
    Code("log.export", (_COM, _CON), "registro esportato", "log exported"),
    _deny("log", "registro", "log"),
    Code("log.verify", (_NO,), "registro verificato", "log verified", technical=True),
    Code("log.anchor", (_NO,), "marca temporale ottenuta", "timestamp obtained", technical=True),
    Code("log.cosign", (_NO,), "testimone", "witness", technical=True),
    Code("log.fork", (_NO,), "registro di una sede incoerente", "log of an edge forked"),
    Code("log.rotate", (_CAN,), "voci scadute eliminate", "expired entries dropped"),
    Code("log.erase", (_CAN,), "valori personali cancellati", "personal values erased"),
    Code("log.outage", (_NO,), "registro non scrivibile", "log could not be written"),
    Code("clock.unsync", (_NO,), "orologio non sincronizzato", "clock lost", technical=True),
    Code("clock.sync", (_NO,), "orologio di nuovo sincronizzato", "clock found", technical=True),
    Code("backup.make", (_NO,), "copia di sicurezza", "backup made", BACKUPS),
    Code("backup.restore", (_NO, _MOD), "ripristino", "restored", BACKUPS),
)

CATALOGUE: Final[Mapping[str, Code]] = MappingProxyType({one.code: one for one in _CODES})
"""By code."""


def term_us(event: str, regime: Regime) -> int:
    """Return how long an entry is kept, in microseconds; an unknown code as its regime says."""
    known = CATALOGUE.get(event)
    return TECHNICAL_US if known is not None and known.technical else TERM_US[regime]
