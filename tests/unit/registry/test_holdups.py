# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What a registry says of hold-up channels: its own shop, and recipients of its acts."""

from dataclasses import replace

import pytest

from gateway.model.errors import ConfigError, ConfigErrors
from gateway.registry.entities import decode, disagreements, encode, flatten
from gateway.registry.seed import parse_seed
from gateway.registry.seed_text import to_toml
from tests.unit.access.shop import HOLDUP, VERIFIED, shop

TABLE = """
[[holdup]]
id = "rapina"
name = "Antirapina"
site = "negozio"
cameras = ["banco"]
recipients = ["sala-pl"]
"""


def _faults(holdup):
    entities = flatten(shop(holdup))
    return [str(one) for one in disagreements(entities, lambda key: key[0])]


def test_a_good_channel_is_kept_as_it_is():
    """It agrees with its town, survives a row of the store and a seed."""
    assert _faults(VERIFIED) == []
    assert decode("holdup", encode(VERIFIED)) == VERIFIED
    again = parse_seed(to_toml(shop(VERIFIED)), "seed")
    assert again.entities["holdup", VERIFIED.id] == VERIFIED


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cameras": ("banco", "piazza")}, "camera piazza is not of site negozio"),
        ({"cameras": ("banco", "nessuna")}, "there is no camera nessuna"),
        ({"recipients": ("istituto",)}, "no act names istituto for camera banco"),
        ({"verify": "istituto"}, "no act names istituto for camera banco"),
        ({"contacts": ("altro",)}, "there is no trigger altro"),
        ({"site": "centro"}, "is at another site"),
    ],
)
def test_what_is_another_shops_or_no_acts_is_a_fault(changes, words):
    """The fault names the channel, the key and what is wrong."""
    faults = _faults(replace(HOLDUP, **changes))
    assert any(words in one and HOLDUP.id in one for one in faults)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('broker = "negozio"', "topic"),
        ('broker = "b"\ntopic = "a/#"', "wildcard"),
        ('verify = "sala-pl"', "one of recipients too"),
        ('contacts = ["a", "a"]', "twice"),
        ("verify_s = 0", "verify_s"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(line, words):
    """Before anything is applied."""
    with pytest.raises((ConfigError, ConfigErrors), match=words):
        parse_seed(TABLE + line + "\n", "seed")
