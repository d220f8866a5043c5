# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Refusals in words."""

import inspect

from gateway.access import sentences
from gateway.access.sentences import Reason
from gateway.model.access import Purpose, Refusal
from tests.unit.access.town import SQUARE_ACT, registry

TOWN = registry()
ARGUMENTS = {
    "camera": TOWN.cameras["piazza"],
    "act": SQUARE_ACT,
    "site": TOWN.sites["centro"],
    "purpose": Purpose.SERVICE,
    "role_name": "dpo",
    "organisation": "sala-cc",
    "case": "x" * 500,
    "analytic": "targhe",
    "last_day": SQUARE_ACT.valid_until,
    "what": "piazza",
    "edge": "varco-nord",
    "words": "Il titolare ha sospeso la condivisione.",
}


def reasons():
    """Every reason that the module can give."""
    for name, function in inspect.getmembers(sentences, inspect.isfunction):
        if function.__annotations__.get("return") is Reason:
            names = inspect.signature(function).parameters
            values = ARGUMENTS | ({"camera": "piazza"} if name == "unknown_camera" else {})
            yield function(*(values[one] for one in names))


def test_every_refusal_has_words():
    """There is one Italian and one English sentence for each way to say no."""
    assert {reason.refusal for reason in reasons()} == set(Refusal)


def test_sentences_are_sentences():
    """Each is short, ends with a full stop, and the two languages differ."""
    for reason in reasons():
        for text in (reason.text_it, reason.text_en):
            assert text[0].isupper()
            assert text.endswith(".")
            assert len(text) < 300
        assert reason.text_it != reason.text_en
