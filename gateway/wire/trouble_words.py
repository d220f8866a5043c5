# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What couriers, brokers and stations say when something is wrong, in Italian (B-45, B-46).

Errors are made in English, where they happen, and go into logs as they are; a page turns them into
the reader's language here. What no line knows stays as it is: better English than nothing.
"""

import re
from typing import Final

from gateway.wire import mqtt_reasons

_ADDRESS: Final = re.compile(r"(?<!\()(?:\[[0-9a-fA-F:.]+\]|[\w.-]+):\d{1,5}: ")
"""Where a station listens: its operator's business, not that of everybody who reads an alarm."""

_TABLE: Final = (
    # recipients and channels, as the state of the box begins its lines
    (r"^recipient ([^:]+):", r"destinatario \1:"),
    (r"^hold-up ([^:]+):", r"antirapina \1:"),
    (r"^panel ([^:]+): silent$", r"centralina \1: muta"),
    (r"^panel ([^:]+):", r"centralina \1:"),
    (r"there is no (.+?) in gateway\.toml", r"manca \1 in gateway.toml"),
    (
        r"no act in force lets it call a room",
        "nessun atto in vigore gli consente di chiamare una sala",
    ),
    (
        r"no act in force names (.+?) for all its cameras",
        r"nessun atto in vigore nomina \1 per tutte le sue telecamere",
    ),
    (
        r"^(\d+) undelivered alarms of low severity gave way to others",
        r"\1 allarmi di bassa gravità, non consegnati, hanno ceduto il posto ad altri",
    ),
    (
        r"^(\d+) alarms gave way to newer ones while the disk refused",
        r"\1 allarmi hanno ceduto il posto ad altri più recenti mentre il disco rifiutava",
    ),
    # brokers
    (r"(broker \S+ \(\S+\)) gives no answer", r"\1 non risponde"),
    (r"\brefuses (?=our credentials:|the connection:)", "rifiuta "),
    (r"\bended (?=the connection:)", "ha chiuso "),
    (r"our credentials", "le nostre credenziali"),
    (r"the connection: ", "il collegamento: "),
    (r"takes no QoS 1, which alarms need", "non accetta QoS 1, che serve agli allarmi"),
    (r"(broker \S+ \(\S+\)) stands in:", r"\1 supplisce:"),
    (r"asked us to wait", "ha chiesto di attendere"),
    (r"\backnowledgements:", "conferme:"),
    (r"\bhealth:", "stato del box:"),
    (r"cannot be written:", "non si può scrivere:"),
    (r"not noted:", "non annotato:"),
    # certificates
    (
        r"the broker's certificate expired(?: on ([\d-]+ [\d:]+ UTC))?: its operator must renew it",
        r"il certificato del broker è scaduto \1: il gestore deve rinnovarlo",
    ),
    (
        r"the broker's certificate is valid only (?:from ([\d-]+ [\d:]+ UTC)|later):"
        r" is this machine's clock right\?",
        r"il certificato del broker non vale ancora \1: l'orologio di questa macchina è giusto?",
    ),
    (
        r"the broker's certificate was issued by (.+?), whom (.+?) does not vouch for:"
        r" correct tls\.ca",
        r"il certificato del broker è rilasciato da \1, per cui \2 non garantisce:"
        r" correggere tls.ca",
    ),
    (
        r"the broker's certificate(?: is for (.+?) and)? does not stand for this host:"
        r" correct host",
        r"il certificato del broker non vale per questo host \1: correggere host",
    ),
    (r"\(certificate verify failed: ([^)]*)\)", r"(\1)"),
    (
        r"wants a client certificate: write certificate and key in \[broker\.tls\]",
        "vuole un certificato client: scrivere certificate e key in [broker.tls]",
    ),
    (r"refuses our certificate ([^:]+):", r"rifiuta il nostro certificato \1:"),
    (
        r"it expired(?: on ([\d-]+ [\d:]+ UTC))?; have a new one issued",
        r"è scaduto \1; farne rilasciare uno nuovo",
    ),
    (r"the broker does not trust its issuer", "il broker non si fida di chi lo ha rilasciato:"),
    (r"the broker does not accept its kind", "il broker non ne accetta il tipo"),
    (r"the broker does not accept it", "il broker non lo accetta"),
    (r"the broker cannot read it", "il broker non riesce a leggerlo"),
    (r"the broker does not let it in", "il broker non lo lascia entrare"),
    (r"it was revoked", "è stato revocato"),
    (
        r"no TLS on this port: correct port, or the broker's listener",
        "niente TLS su questa porta: correggere port, o il listener del broker",
    ),
    (r"the broker offers no TLS 1\.2 or newer", "il broker non offre TLS 1.2 o successivo"),
    (r"TLS failed:", "TLS non riuscito:"),
    # stations and panels
    (r"no connection within (\S+) s", r"nessun collegamento entro \1 s"),
    (r"no answer within (\S+) s", r"nessuna risposta entro \1 s"),
    (r"no answer that holds \((.+)\) within (\S+) s", r"nessuna risposta valida entro \2 s (\1)"),
    (r"it is in clear, though it was asked in cipher", "è in chiaro, benché richiesta cifrata"),
    (r"it is for another account", "è per un altro codice cliente"),
    (r"it tells a time (\S+) s off", r"la sua ora è sbagliata di \1 s"),
    (r"its clock is (\S+) s ahead of ours", r"il suo orologio è avanti di \1 s sul nostro"),
    (r"its clock is (\S+) s behind ours", r"il suo orologio è indietro di \1 s sul nostro"),
    (r": set one of the two", ": regolare uno dei due"),
    (r"NAK: it could not read the message", "NAK: non ha potuto leggere il messaggio"),
    (r"DUH: it does not take this event", "DUH: non accetta questo evento"),
    (r"DUH: it does not take supervision", "DUH: non accetta la supervisione"),
    (r"\bsupervision:", "supervisione:"),
    (r"closed by the station", "chiuso dalla centrale"),
    (r"not understood:", "non compreso:"),
    # web addresses and the network
    (r"(webhook \S+): status (\d+)", r"\1: risponde \2"),
    (r"no public address", "nessun indirizzo pubblico"),
    (r"(?i)connection refused", "connessione rifiutata"),
    (r"(?i)connection reset by peer", "connessione interrotta dall'altra parte"),
    (r"(?i)no route to host", "nessuna strada verso l'host"),
    (r"(?i)network is unreachable", "rete non raggiungibile"),
    (r"(?i)name or service not known", "nome non trovato"),
    (r"(?i)temporary failure in name resolution", "il DNS non risponde"),
    (r"(?i)broken pipe", "connessione interrotta"),
)  # fmt: skip

_LINES: Final = tuple((re.compile(pattern), said) for pattern, said in _TABLE)


def italian(problem: str) -> str:
    """Return what went wrong in Italian, as far as it is one of ours."""
    text = mqtt_reasons.italian(problem)
    for pattern, said in _LINES:
        text = pattern.sub(said, text)
    return text.replace("  ", " ").replace(" :", ":").replace(" ;", ";")


def unplaced(problem: str) -> str:
    """Return a problem without the address at which a station or a broker listens."""
    return re.sub(r"(broker [^\s(]+) \([^)\s]*\)", r"\1", _ADDRESS.sub("", problem))
