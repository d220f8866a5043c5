# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What a broker's reason codes mean, in two languages, and what we make of them (MQTT 5 §2.4).

A code answers a message (PUBACK, SUBACK) or ends a line (CONNACK, DISCONNECT), and one number may
mean more in one place than in the other: 0x87 on a publish refuses one message, on a connect all.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final


class Conduct(Enum):
    """What we do about it."""

    DONE = "done"
    UNHEARD = "unheard"
    """Accepted, but nobody is subscribed: for an alarm that is not delivery."""
    PASSING = "passing"
    """It goes away by itself: try again with a growing wait."""
    REFUSED = "refused"
    """This message goes only once a person changes something: show it, try it seldom."""
    STOP = "stop"
    """Nothing goes at this address until a person acts: take the next one, come back seldom."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason code."""

    code: int
    english: str
    """As the standard names it."""
    italian: str
    answer: Conduct | None
    """As PUBACK or SUBACK; None: not sent there."""
    line: Conduct | None
    """As CONNACK or DISCONNECT; None: not sent there."""
    advice: str = ""
    consiglio: str = ""


FAILURE: Final = 0x80
"""MQTT 5 §2.4: reason codes from here on are failures."""
TOO_LARGE: Final = 0x95

_DONE, _WAIT, _NO, _STOP = Conduct.DONE, Conduct.PASSING, Conduct.REFUSED, Conduct.STOP

_TABLE: Final = (
    Reason(0x00, "success", "riuscito", _DONE, _DONE),
    Reason(0x01, "granted QoS 1", "concesso QoS 1", _DONE, None),
    Reason(0x02, "granted QoS 2", "concesso QoS 2", _DONE, None),
    Reason(0x04, "disconnect with will message", "chiusura con ultimo messaggio", None, _DONE),
    Reason(
        0x10, "no matching subscribers", "nessuno in ascolto", Conduct.UNHEARD, None,
        "the recipient is not listening: ask them", "il destinatario non è in ascolto: avvisarlo",
    ),
    Reason(0x80, "unspecified error", "errore non specificato", _WAIT, _WAIT),
    Reason(0x81, "malformed packet", "pacchetto malformato", None, _WAIT),
    Reason(0x82, "protocol error", "errore di protocollo", None, _WAIT),
    Reason(
        0x83, "implementation specific error", "errore proprio del broker", _WAIT, _WAIT
    ),
    Reason(
        0x84, "unsupported protocol version", "versione del protocollo non accettata", None, _STOP,
        "the broker must speak MQTT 5", "il broker deve parlare MQTT 5",
    ),
    Reason(
        0x85, "client identifier not valid", "identificativo del client non valido", None, _STOP,
        "the broker must allow the id of this box", "il broker deve ammettere l'id di questo box",
    ),
    Reason(
        0x86, "bad user name or password", "nome o password errati", None, _STOP,
        "correct user and password of the broker in gateway.toml",
        "correggere user e password del broker in gateway.toml",
    ),
    Reason(
        0x87, "not authorized", "non autorizzato", _NO, _STOP,
        "the broker's administrator must grant the right",
        "l'amministratore del broker deve concedere il permesso",
    ),
    Reason(0x88, "server unavailable", "server non disponibile", None, _WAIT),
    Reason(0x89, "server busy", "server occupato", None, _WAIT),
    Reason(
        0x8A, "banned", "escluso", None, _STOP,
        "ask the broker's administrator why", "chiedere il motivo all'amministratore del broker",
    ),
    Reason(0x8B, "server shutting down", "server in arresto", None, _WAIT),
    Reason(
        0x8C, "bad authentication method", "metodo di autenticazione non accettato", None, _STOP,
        "the broker wants another way of signing in", "il broker vuole un altro modo di accesso",
    ),
    Reason(0x8D, "keep alive timeout", "tempo di presenza scaduto", None, _WAIT),
    Reason(
        0x8E, "session taken over", "sessione presa da un altro", None, _STOP,
        "another box signs in with the same id: give each its own",
        "un altro box entra con lo stesso id: ciascuno abbia il suo",
    ),
    Reason(0x8F, "topic filter invalid", "filtro di topic non valido", _NO, _WAIT),
    Reason(
        0x90, "topic name invalid", "nome di topic non valido", _NO, _WAIT,
        "change the recipient's topic_prefix", "cambiare il topic_prefix del destinatario",
    ),
    Reason(0x91, "packet identifier in use", "identificativo già in uso", _WAIT, None),
    Reason(0x92, "packet identifier not found", "identificativo sconosciuto", None, None),
    Reason(0x93, "receive maximum exceeded", "troppi messaggi in volo", None, _WAIT),
    Reason(0x94, "topic alias invalid", "alias di topic non valido", None, _WAIT),
    Reason(
        TOO_LARGE, "packet too large", "messaggio troppo grande", _NO, _WAIT,
        "the broker must allow larger packets (mosquitto: message_size_limit, max_packet_size)",
        "il broker deve ammettere pacchetti più grandi (mosquitto: message_size_limit,"
        " max_packet_size)",
    ),
    Reason(0x96, "message rate too high", "troppi messaggi al secondo", None, _WAIT),
    Reason(
        0x97, "quota exceeded", "quota esaurita", _WAIT, _WAIT,
        "the broker's queue is full: it is tried again",
        "la coda del broker è piena: si riprova",
    ),
    Reason(
        0x98, "administrative action", "chiuso dall'amministratore", None, _WAIT,
        "ask the broker's administrator why", "chiedere il motivo all'amministratore del broker",
    ),
    Reason(0x99, "payload format invalid", "formato del contenuto non valido", _NO, _WAIT),
    Reason(0x9A, "retain not supported", "retain non ammesso", None, _WAIT),
    Reason(
        0x9B, "QoS not supported", "QoS non ammesso", None, _STOP,
        "alarms need QoS 1: another broker", "gli allarmi vogliono QoS 1: un altro broker",
    ),
    Reason(
        0x9C, "use another server", "usare un altro server", None, _STOP,
        "write the address that its operator gives you", "scrivere l'indirizzo dato dal gestore",
    ),
    Reason(
        0x9D, "server moved", "server trasferito", None, _STOP,
        "write the address that its operator gives you", "scrivere l'indirizzo dato dal gestore",
    ),
    Reason(
        0x9E, "shared subscriptions not supported", "sottoscrizioni condivise non ammesse", _NO,
        _WAIT,
    ),
    Reason(0x9F, "connection rate exceeded", "troppe connessioni", None, _WAIT),
    Reason(0xA0, "maximum connect time", "durata massima raggiunta", None, _WAIT),
    Reason(
        0xA1, "subscription identifiers not supported", "identificativi di sottoscrizione non"
        " ammessi", _NO, _WAIT,
    ),
    Reason(
        0xA2, "wildcard subscriptions not supported", "sottoscrizioni con jolly non ammesse", _NO,
        _WAIT,
    ),
)  # fmt: skip

REASONS: Final = {one.code: one for one in _TABLE}
"""Every code that a broker may send us, by number."""

_SAID = re.compile(r"0x([0-9A-F]{2}) ([^;]*)")


def on_message(code: int) -> Conduct:
    """Return what an answer to a publish or a subscription makes of it.

    A failure that the standard does not send here waits for a person; any other code is success.
    """
    known = REASONS.get(code)
    if known is not None and known.answer is not None:
        return known.answer
    return Conduct.REFUSED if code >= FAILURE else Conduct.DONE


def on_line(code: int) -> Conduct:
    """Return what a refused connection, or the end of one, makes of the address."""
    known = REASONS.get(code)
    if known is not None and known.line is not None:
        return known.line
    return Conduct.PASSING if code >= FAILURE else Conduct.DONE


def words(code: int) -> str:
    """Return a code with its meaning, for example `0x87 not authorized`."""
    known = REASONS.get(code)
    return f"0x{code:02X} {known.english if known else 'refused by the broker'}"


def advised(code: int) -> str:
    """Return `words` and, where a person can do something, what."""
    known = REASONS.get(code)
    return words(code) + (f"; {known.advice}" if known and known.advice else "")


def italian(problem: str) -> str:
    """Return a text that holds `words` or `advised` with these parts in Italian."""

    def said(match: re.Match[str]) -> str:
        known = REASONS.get(int(match[1], 16))
        if known is None or match[2] != known.english:
            return match[0].replace("refused by the broker", "rifiutato dal broker")
        return f"0x{match[1]} {known.italian}"

    text = _SAID.sub(said, problem)
    for reason in _TABLE:
        if reason.advice:
            text = text.replace(f"; {reason.advice}", f"; {reason.consiglio}")
    return text
