# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.assembly.stations: what the configuration says becomes a courier."""

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.assembly.stations import aes_key, makers_of, words
from gateway.config.load import parse
from gateway.model.errors import ConfigError
from gateway.relay.alarms.dc09 import Dc09Courier
from gateway.relay.alarms.webhook import HookCourier
from gateway.runtime.clock import SystemClock
from tests.unit.relay.alarms.test_dc09 import INSTITUTE

BOX = '[box]\nid = "varco-nord"\nname = "Nord"\n'
STATION = (
    '[[dc09]]\nname = "istituto"\nreceivers = ["192.0.2.40:9999", "[2001:db8::1]:7000"]\n'
    'account = "1a2b"\nkey = "file:{key}"\nformat = "ADM-CID"\n'
    '[[dc09.zone]]\nid = "retro"\nnumber = 7\n'
)
HOOK = '[[webhook]]\nname = "cad"\nurl = "https://cad.example/x"\nsecret = "file:{key}"\n'


def written(path, text):
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_each_table_makes_couriers_by_its_prefix(tmp_path):
    """A station with two receivers and its key, and a web address without an organisation."""
    key = written(tmp_path / "key", "A" * 16)
    options = parse(BOX + STATION.format(key=key) + HOOK.format(key=key), Path("/etc/gateway.toml"))
    makers = makers_of(options, "gateway.toml", SystemClock())
    assert set(makers) == {"dc09:istituto", "webhook:cad"}
    made = makers["dc09:istituto"](INSTITUTE, None)
    assert isinstance(made, Dc09Courier)
    station = made._station
    assert station.receivers == (("192.0.2.40", 9999), ("2001:db8::1", 7000))
    assert (station.sender.account, station.sender.key) == ("1A2B", b"A" * 16)
    assert dict(station.zones) == {"retro": 7}
    assert isinstance(makers["webhook:cad"](INSTITUTE, None), HookCourier)
    with pytest.raises(ConfigError, match="inbox"):
        makers["dc09:istituto"](replace(INSTITUTE, inbox=True), None)


def test_a_key_that_is_none_names_its_place(tmp_path):
    """File, key and advice; never the secret."""
    key = written(tmp_path / "key", "corta")
    with pytest.raises(ConfigError, match=r"dc09\[istituto\].key: is no AES key") as caught:
        aes_key(f"file:{key}", "gateway.toml", "dc09[istituto].key")
    assert "corta" not in str(caught.value)


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ('receivers = ["192.0.2.40:9999"]\n', "key: is missing"),
        ('receivers = ["127.0.0.1:9999"]\nsupervision_s = 5\n', "supervision_s: is too short"),
        ("receivers = []\n", "receivers"),
        ('receivers = ["127.0.0.1:9999"]\nline = "L0"\n', "line: is not a number"),
    ],
)
def test_a_station_that_cannot_be_is_refused(more, problem):
    """In clear over a network only on purpose; other faults name the key."""
    text = BOX + '[[dc09]]\nname = "x"\naccount = "1A2B"\n' + more
    with pytest.raises(ConfigError, match=problem):
        parse(text, Path("/etc/gateway.toml"))
    allowed = BOX + '[[dc09]]\nname = "x"\naccount = "1A2B"\nplain = true\n'
    assert parse(allowed + 'receivers = ["192.0.2.40:9999"]\n', Path("/etc/gateway.toml")).stations


def test_words_say_what_is_to_be_written():
    """For a recipient whose station is not in the file."""
    assert words("dc09:x") == "dc09 x"
    assert words("webhook:y") == "webhook y"
    assert words("prova") == words("line:z") == ""
