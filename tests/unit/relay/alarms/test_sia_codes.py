# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.relay.alarms.sia_codes: the table agrees with itself and with another one."""

import pytest
from pysiaalarm.data.adm_mapping import ADM_MAPPING
from pysiaalarm.data.sia_codes import SIA_CODES

from gateway.model.panel import Qualifier
from gateway.relay.alarms.sia_codes import codes, parse

OURS = {
    "123": "we count an audible panic as panic",
    "145": "tamper of a module",
    "305": "we read it as power up",
    "341": "tamper of a module",
    "351": "phone line", "352": "phone line",
    "380": "a sensor's trouble", "381": "a sensor's trouble", "382": "a sensor's trouble",
    "407": "opening by remote", "409": "opening by key",
    "406": "cancelled", "441": "perimeter armed", "456": "area", "300": "service",
}  # fmt: skip
"""Where DC-05 leaves the code open and we differ on purpose."""


@pytest.mark.parametrize(
    ("rule", "severity", "sia", "cid", "restore"),
    [
        ("rapina", 5, "HA", "122", "HH"),
        ("panico", 5, "PA", "120", "PH"),
        ("intrusione", 3, "BA", "130", "BH"),
        ("manomissione", 4, "TA", "137", "TR"),
        ("linea-interrotta", 3, "YC", "354", "YK"),
        ("video-assente", 3, "UT", "380", "UJ"),
        ("targa-cercata", 4, "UA", "150", "UH"),
        ("evento", 5, "HA", "122", "HH"),
        ("evento", 3, "UA", "150", "UH"),
        ("whatever", 1, "UA", "150", "UH"),
    ],
)
def test_alarms_are_told_by_the_codes_of_the_requirement(rule, severity, sia, cid, restore):
    """Hold-up, panic, burglary, tamper, line and video; each has an end (B-46)."""
    code = codes().telling(rule, severity)
    assert (code.sia, code.events[0], code.restores[0]) == (sia, cid, restore)


def test_what_we_tell_is_what_we_would_hear():
    """Our own receiver reads our own words, in both kinds."""
    table = codes()
    for told in table.told:
        code = told.code
        assert table.meaning(code.sia) == (code, Qualifier.NEW)
        assert table.meaning(code.restores[0]) == (code, Qualifier.RESTORE)
        for qualifier, meant in ((1, Qualifier.NEW), (3, Qualifier.RESTORE)):
            assert table.meaning_cid(code.events[0], qualifier) == (code, meant)


def test_unknown_codes_are_unknown():
    """Nothing is guessed."""
    assert codes().meaning("QQ") is None
    assert codes().meaning_cid("999", 1) is None


def test_another_project_knows_the_same_codes():
    """Of pysiaalarm: every SIA code, and every Contact ID event that DC-05 does not leave open."""
    table = codes()
    for code in table.by_sia.values():
        assert code.sia in SIA_CODES
    for event, code in table.by_event.items():
        if event in ADM_MAPPING and event not in OURS:
            assert ADM_MAPPING[event]["1"] == code.sia, event


@pytest.mark.parametrize(
    "twice",
    [
        '[[code]]\nsia="BA"\ncid=["1"]\nit=""\nen=""\n' * 2,
        '[[code]]\nsia="BA"\ncid=["1"]\nit=""\nen=""\n[[code]]\nsia="TA"\ncid=["1"]\nit=""\nen=""\n',
        '[[code]]\nsia="BA"\nrestore=["BA"]\ncid=[]\nit=""\nen=""\n',
    ],
)
def test_a_table_that_contradicts_itself_is_refused(twice):
    """One code, one meaning."""
    with pytest.raises(ValueError, match=r"twice|begins and ends"):
        parse(twice + "told = []\n" if "told" in twice else "told = []\n" + twice)
