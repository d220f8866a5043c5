# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.wire.trouble_words."""

import os
import re
from pathlib import Path

import pytest

import gateway
from gateway.wire.mqtt_reasons import REASONS, advised
from gateway.wire.trouble_words import _TABLE, italian, unplaced

ROOT = Path(gateway.__file__).parent
MAKERS = ("relay/alarms", "assembly", "runtime")
COMPOSED = {
    "no answer that holds": " that holds",
    "s ahead of ours": "ahead of",
    "s behind ours": "behind",
    "DUH: it does not take this event": "this event",
    "DUH: it does not take supervision": "DUH: it does not take ",
}
"""Of sentences made of several pieces, the piece."""
PLACE = "broker questura (mqtt.example:8883)"
SAID = {
    f"recipient a: {PLACE} gives no answer": f"destinatario a: {PLACE} non risponde",
    f"{PLACE}: the broker's certificate expired on 2026-11-01 10:00 UTC: its operator must renew it"
    " (certificate verify failed: certificate has expired)": f"{PLACE}: il certificato del broker"
    " è scaduto 2026-11-01 10:00 UTC: il gestore deve rinnovarlo (certificate has expired)",
    f"{PLACE} refuses our certificate /etc/a.pem: it expired; have a new one issued": f"{PLACE}"
    " rifiuta il nostro certificato /etc/a.pem: è scaduto; farne rilasciare uno nuovo",
    "its clock is 75 s behind ours: set one of the two": "il suo orologio è indietro di 75 s sul"
    " nostro: regolare uno dei due",
    "no answer that holds (it is in clear, though it was asked in cipher) within 15 s": "nessuna"
    " risposta valida entro 15 s (è in chiaro, benché richiesta cifrata)",
    "webhook centrale: status 503": "webhook centrale: risponde 503",
    "panel shop: silent": "centralina shop: muta",
    "hold-up shop: no act in force names a, b for all its cameras": "antirapina shop: nessun atto"
    " in vigore nomina a, b per tutte le sue telecamere",
    "something new": "something new",
    "": "",
}


@pytest.mark.parametrize("english", SAID)
def test_a_trouble_is_told_in_italian(english):
    """Names, figures and what nobody knows stay as they are."""
    assert italian(english) == SAID[english]


@pytest.mark.parametrize("code", sorted(code for code in REASONS if code >= 0x80))
def test_a_reason_code_within_a_trouble_is_italian_too(code):
    """Wherever a broker says it."""
    known = REASONS[code]
    told = italian(f"recipient a: {PLACE} refuses the connection: {advised(code)}")
    assert told.startswith(f"destinatario a: {PLACE} rifiuta il collegamento: 0x{code:02X} ")
    assert known.italian in told
    assert known.consiglio in told


def test_every_line_of_the_table_is_still_said_somewhere():
    """A sentence that changes where it is made would silently stay English."""
    files = [file for each in MAKERS for file in (ROOT / each).rglob("*.py")]
    source = re.sub(r'"\s*f?"', "", "\n".join(file.read_text() for file in files))
    source += "\n".join(os.strerror(code).lower() for code in range(1, 134))
    source += "temporary failure in name resolution name or service not known"
    for pattern, _ in _TABLE:
        plain = re.sub(r"\(\?=.*?\)|\(\?i\)|\\b", "", pattern).replace("\\", "")
        literal = max(re.split(r"[()\[\]?^$+*|]+|S\+", plain), key=len).strip(": ")
        assert COMPOSED.get(literal, literal) in source, pattern


def test_where_a_station_listens_is_not_told_to_readers_of_an_alarm():
    """Nor the address of a broker; what happened is."""
    assert unplaced("192.0.2.40:9999: no answer within 15 s") == "no answer within 15 s"
    assert unplaced("[2001:db8::1]:9999: closed by the station") == "closed by the station"
    assert unplaced(f"{PLACE} gives no answer") == "broker questura gives no answer"
    assert unplaced("0x87 not authorized") == "0x87 not authorized"
