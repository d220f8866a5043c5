# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.wire.mqtt_reasons; paho's table of the standard is the oracle."""

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from gateway.wire.mqtt_reasons import (
    REASONS,
    Conduct,
    advised,
    italian,
    on_line,
    on_message,
    words,
)

STANDARD = [
    (code, packet)
    for code, names in ReasonCode.names.items()
    for packets in names.values()
    for packet in packets
]
ANSWERS = {PacketTypes.PUBACK, PacketTypes.SUBACK}
ENDS = {PacketTypes.CONNACK, PacketTypes.DISCONNECT}


@pytest.mark.parametrize("code", sorted({code for code, packet in STANDARD}))
def test_every_code_of_the_standard_has_a_conduct_where_it_may_come(code):
    """For an answer and for the end of a line, as the standard sends it; none is missing."""
    packets = {packet for other, packet in STANDARD if other == code}
    if not packets & (ANSWERS | ENDS):
        return
    reason = REASONS[code]
    assert (reason.answer is not None) == bool(packets & ANSWERS) or code == 0x95
    assert (reason.line is not None) == bool(packets & ENDS)
    assert reason.italian
    assert reason.english != reason.italian
    assert bool(reason.advice) == bool(reason.consiglio)


def test_a_message_that_is_refused_needs_a_person_and_one_that_passes_does_not():
    """The codes of a PUBACK, one by one."""
    found = {code: on_message(code) for code in (0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x97, 0x99)}
    assert found == {
        0x00: Conduct.DONE,
        0x10: Conduct.UNHEARD,
        0x80: Conduct.PASSING,
        0x83: Conduct.PASSING,
        0x87: Conduct.REFUSED,
        0x90: Conduct.REFUSED,
        0x97: Conduct.PASSING,
        0x99: Conduct.REFUSED,
    }


def test_unknown_codes_are_never_taken_for_success():
    """A failure from a later standard is refused, or passes with its line."""
    assert on_message(0xFE) is Conduct.REFUSED
    assert on_line(0xFE) is Conduct.PASSING
    assert on_message(0x05) is Conduct.DONE
    assert words(0xFE) == "0xFE refused by the broker"


@pytest.mark.parametrize("code", [0x84, 0x86, 0x87, 0x8A, 0x8E, 0x9C, 0x9D])
def test_what_only_a_person_can_mend_stops_the_line(code):
    """And says what to do, in both languages."""
    assert on_line(code) is Conduct.STOP
    assert "; " in advised(code)
    assert italian(advised(code)) == f"0x{code:02X} {REASONS[code].italian}; " + (
        REASONS[code].consiglio
    )


@pytest.mark.parametrize("code", [0x88, 0x89, 0x8B, 0x8D, 0x93, 0x96, 0x97, 0x98, 0x9F])
def test_what_goes_away_is_dialled_again(code):
    """A broker that restarts, is full, or cuts us to apply new rights."""
    assert on_line(code) is Conduct.PASSING


@pytest.mark.parametrize("code", sorted(REASONS))
def test_italian_keeps_number_and_place(code):
    """Only the words change, wherever they stand in a line for people."""
    text = f"acknowledgements: {words(code)}"
    assert italian(text) == f"acknowledgements: 0x{code:02X} {REASONS[code].italian}"
