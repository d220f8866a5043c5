# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The words and icons of the pages."""

import json
import re

from gateway.console.app import STATIC
from gateway.console.visibility import AIMS, PURPOSES
from gateway.ingest.events import SubscriptionState
from gateway.model.access import Refusal
from gateway.model.alarm import AlarmState, AlarmVerdict, DeliveryState
from gateway.model.media import Codec, StreamState
from gateway.model.registry import AreaKind, DeviceKind, Role, SiteKind, SiteState

WORDS = {name: json.loads((STATIC / "i18n" / f"{name}.json").read_text()) for name in ("it", "en")}
SCRIPTS = "\n".join(file.read_text() for file in STATIC.rglob("*.js"))
FAMILIES = {
    "stream": StreamState,
    "area": AreaKind,
    "site": SiteKind,
    "site-state": SiteState,
    "alarm-state": AlarmState,
    "verdict": AlarmVerdict,
    "delivery": DeliveryState,
    "role": Role,
    "refusal": Refusal,
    "device-kind": DeviceKind,
    "subscription": SubscriptionState,
}


def test_both_languages_have_the_same_keys_and_fields():
    """Every sentence exists in Italian and English, with the same {fields}, none empty."""
    assert set(WORDS["it"]) == set(WORDS["en"])
    for key, italian in WORDS["it"].items():
        english = WORDS["en"][key]
        assert italian.strip()
        assert english.strip()
        assert set(re.findall(r"{\w+}", italian)) == set(re.findall(r"{\w+}", english)), key


def test_every_code_of_the_vocabulary_has_a_word():
    """States, roles, purposes and refusals never reach a person as codes."""
    for family, members in FAMILIES.items():
        for member in members:
            assert f"{family}.{member.value}" in WORDS["it"], f"{family}.{member.value}"
    for purpose in {*AIMS, *(one for row in PURPOSES.values() for one in row)}:
        assert f"purpose.{purpose.value}" in WORDS["it"]
        if purpose not in AIMS and purpose.value != "titolare":
            assert f"why.case.{purpose.value}" in WORDS["it"]
    assert all(f"severity.{level}" in WORDS["it"] for level in range(1, 6))
    assert all(f"codec.{codec.name}" in WORDS["it"] for codec in Codec)
    assert {f"near.{look}" for look in ("vede", "guarda-verso")} <= set(WORDS["it"])


def test_every_key_used_by_a_script_exists():
    """No script asks for a sentence that is not there."""
    used = set(re.findall(r"\bt\(\"([a-z.\-]+)\"", SCRIPTS))
    assert len(used) > 60
    assert used <= set(WORDS["it"])


def test_every_icon_used_is_drawn():
    """Each icon name in the scripts is a symbol of the sprite."""
    drawn = set(re.findall(r'<symbol id="(\w+)"', (STATIC / "icons.svg").read_text()))
    used = set(re.findall(r'\bicon\("(\w+)"', SCRIPTS))
    assert used
    assert used <= drawn
