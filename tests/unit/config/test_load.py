# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The box's file: what is read, what is refused and with which words."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.config.load import changes, diff, load, parse
from gateway.config.options import Language, LogLevel
from gateway.model.access import Purpose
from gateway.model.errors import ConfigError, ConfigErrors

BOX = '[box]\nid = "nord"\nname = "Nord"\n'


def options(text="", path=Path("/etc/varco/gateway.toml")):
    return parse(BOX + text, path)


def faults(text):
    with pytest.raises(ConfigErrors) as caught:
        parse(text, Path("gateway.toml"))
    return [str(problem) for problem in caught.value.problems]


def test_two_lines_are_enough_and_the_defaults_protect():
    """A box with an id and a name listens on this machine only, keeps 24 h of stills, is real."""
    found = options()
    assert (found.box.id, found.box.name) == ("nord", "Nord")
    assert found.box.language is Language.ITALIAN
    assert not found.box.exercise
    assert found.box.control_socket == Path("/run/varco/control.sock")
    assert (found.console.host, found.console.port) == ("127.0.0.1", 8443)
    assert found.console.public_url == "http://127.0.0.1:8443"
    assert found.console.tls_certificate is None
    assert found.machines is None
    assert (found.media.host, found.media.port) == ("127.0.0.1", 8189)
    assert found.media.candidates == ("127.0.0.1",)
    assert found.brokers == ()
    assert found.registry.seed is None
    assert found.ledger.origin == "varco/nord"
    assert found.ledger.key == ""
    assert found.analytics.workers == os.cpu_count()
    assert (found.ring.most_seconds, found.ring.most_mib) == (10, 32)
    assert found.stills.keep_hours == 24
    assert found.log.level is LogLevel.INFO


def test_a_full_file_is_taken_over_word_by_word():
    """Every table and key reaches its option."""
    found = options(
        'state_dir = "state"\nruntime_dir = "/tmp/run"\nlanguage = "en"\nexercise = true\n'
        '[console]\nhost = "0.0.0.0"\nport = 443\ntls_certificate = "tls.pem"\n'
        'tls_key = "credential:tls"\npublic_url = "https://varco.example/"\n'
        '[machines]\nhost = "192.0.2.1"\nport = 444\ntls_certificate = "/m.pem"\n'
        'tls_key = "m.key"\nclient_ca = "ca.pem"\n'
        '[media]\nhost = "0.0.0.0"\nport = 5000\ncandidates = ["192.0.2.1", "2001:db8::1"]\n'
        '[[broker]]\nname = "q"\nhost = "mqtt.example"\nuser = "u"\npassword = "env:P"\n'
        'standby = ["mqtt2.example:8884", "[2001:db8::1]:8883"]\n'
        '[broker.tls]\nca = "q.pem"\ncertificate = "c.pem"\nkey = "c.key"\n'
        '[[broker]]\nname = "here"\nhost = "localhost"\n'
        '[registry]\nseed = "seed.toml"\n'
        '[ledger]\norigin = "comune.example/nord"\nkey = "file:/k"\nspare = "/spare"\n'
        '[analytics]\nworkers = 3\ndetector = "n.pt"\ndetector_python = "/yolo/python"\n'
        "detector_least = 0.5\n[ring]\nmost_seconds = 30\nmost_mib = 64\n"
        '[stills]\nkeep_hours = 1\n[log]\nlevel = "debug"\n'
    )
    assert found.box.state_dir == Path("/etc/varco/state")
    assert found.box.control_socket == Path("/tmp/run/control.sock")
    assert (found.box.language, found.box.exercise) == (Language.ENGLISH, True)
    assert found.console.tls_certificate == Path("/etc/varco/tls.pem")
    assert found.console.tls_key == "credential:tls"
    assert found.console.public_url == "https://varco.example"
    assert found.machines.port == 444
    assert found.machines.tls_certificate == Path("/m.pem")
    assert found.machines.tls_key == "/etc/varco/m.key"
    assert found.machines.client_ca == Path("/etc/varco/ca.pem")
    assert found.media.candidates == ("192.0.2.1", "2001:db8::1")
    questura, here = found.brokers
    assert (questura.port, questura.user, questura.password) == (8883, "u", "env:P")
    assert questura.tls.ca == Path("/etc/varco/q.pem")
    assert questura.tls.certificate == Path("/etc/varco/c.pem")
    assert questura.tls.key == "/etc/varco/c.key"
    assert questura.standby == ("mqtt2.example:8884", "[2001:db8::1]:8883")
    assert (here.port, here.tls, here.standby) == (1883, None, ())
    assert found.registry.seed == Path("/etc/varco/seed.toml")
    assert found.ledger.origin == "comune.example/nord"
    assert (found.ledger.key, found.ledger.spare) == ("file:/k", Path("/spare"))
    assert found.analytics.workers == 3
    assert found.analytics.detector == Path("/etc/varco/n.pt")
    assert found.analytics.detector_python == Path("/yolo/python")
    assert found.analytics.detector_least == 0.5
    assert (found.ring.most_seconds, found.ring.most_mib) == (30, 64)
    assert found.stills.keep_hours == 1
    assert found.log.level is LogLevel.DEBUG


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "[console]\nprot = 80\n",
            "gateway.toml:5: console.prot: unknown key (did you mean port?)",
        ),
        (
            '[analytics]\ndetector = "n.pt"\n',
            "gateway.toml:4: analytics.detector_python: is missing: only ultralytics reads this "
            "net (write what make yolo built, or export the net to .onnx)",
        ),
        (
            '[analytics]\ndetector_python = "/yolo/python"\n',
            "gateway.toml:5: analytics.detector_python: has nothing to run "
            "(write detector, or remove it)",
        ),
        (
            "[consol]\nport = 80\n",
            "gateway.toml:4: consol: unknown key (did you mean console?)",
        ),
        (
            '[console]\nport = "80"\n',
            "gateway.toml:5: console.port: must be a valid integer (write a port, 1 to 65535)",
        ),
        (
            '[console]\nhost = "192.0.2.1"\n',
            "gateway.toml:5: console.host: is not on this machine and has no TLS "
            '(write tls_certificate and tls_key, or host = "127.0.0.1")',
        ),
        (
            '[console]\ntls_certificate = "a.pem"\n',
            "gateway.toml:4: console.tls_key: is missing (write both tls_certificate and tls_key)",
        ),
        (
            '[console]\ntls_key = "a.pem"\n',
            "gateway.toml:4: console.tls_certificate: is missing "
            "(write both tls_certificate and tls_key)",
        ),
        (
            '[console]\nhost = "::"\ntls_certificate = "a"\ntls_key = "b"\n',
            "gateway.toml:4: console.public_url: is missing "
            "(with a wildcard host write what browsers type)",
        ),
        (
            '[console]\ntls_key = "env:KEY"\ntls_certificate = "a"\n',
            "gateway.toml:5: console.tls_key: is not a key file (write a path or credential:NAME)",
        ),
        (
            '[console]\npublic_url = "https://a:secret@b.example"\n',
            "gateway.toml:5: console.public_url: contains credentials "
            "(write scheme, host and port only)",
        ),
        (
            '[console]\npublic_url = "http://b.example"\n',
            "gateway.toml:5: console.public_url: is not encrypted "
            "(write https, or http with a loopback address)",
        ),
        (
            '[console]\npublic_url = "https://b.example/x?y"\n',
            "gateway.toml:5: console.public_url: is not a public URL "
            '(write for example "https://varco.comune.example")',
        ),
        (
            '[machines]\ntls_certificate = "a"\ntls_key = "b"\n',
            "gateway.toml:4: machines.client_ca: is missing "
            "(write the file of the authority of client certificates)",
        ),
        (
            '[media]\nhost = "0.0.0.0"\n',
            "gateway.toml:4: media.candidates: is missing "
            '(write the addresses that browsers reach, ["192.0.2.10"])',
        ),
        (
            '[media]\ncandidates = ["varco.example"]\n',
            "gateway.toml:5: media.candidates[#1]: is not an address "
            '(write numbers, not a name, for example "192.0.2.10")',
        ),
        (
            '[media]\ncandidates = ["0.0.0.0"]\n',
            "gateway.toml:5: media.candidates[#1]: is no address that browsers can reach "
            "(write the address of one interface)",
        ),
        (
            '[[broker]]\nname = "q"\nhost = "mqtt.example"\n',
            "gateway.toml:4: broker[q].tls: is missing "
            "(write [broker.tls]: plaintext stays on this machine)",
        ),
        (
            '[[broker]]\nname = "q"\nhost = "::1"\nstandby = ["mqtt2.example:1883"]\n',
            "gateway.toml:7: broker[q].standby: goes to mqtt2.example:1883 without TLS "
            "(write [broker.tls]: plaintext stays on this machine)",
        ),
        (
            '[[broker]]\nname = "q"\nhost = "::1"\nstandby = ["::1"]\n',
            "gateway.toml:7: broker[q].standby[#1]: is not host:port "
            '(write for example "sala.example:8445" or "[2001:db8::1]:8445")',
        ),
        (
            '[[broker]]\nname = "q"\nhost = "::1"\npassword = "hunter2"\n',
            "gateway.toml:7: broker[q].password: is not a reference to a secret "
            "(write credential:NAME, env:NAME or file:/absolute/path)",
        ),
        (
            '[[broker]]\nname = "q"\nhost = "::1"\n[[broker]]\nname = "q"\nhost = "::1"\n',
            "gateway.toml:8: broker[q].name: is used twice (write another name)",
        ),
        (
            '[[broker]]\nname = "q"\nhost = "::1"\n[broker.tls]\ncertificate = "c"\n',
            "gateway.toml:7: broker[q].tls.key: is missing "
            "(write both certificate and key, or neither)",
        ),
        (
            "[ring]\nmost_seconds = 31\n",
            "gateway.toml:5: ring.most_seconds: must be less than or equal to 30 "
            "(write 0 to 30 seconds)",
        ),
        (
            "[stills]\nkeep_hours = 25\n",
            "gateway.toml:5: stills.keep_hours: must be less than or equal to 24 "
            "(write 1 to 24 hours)",
        ),
        (
            '[ledger]\norigin = "a b"\n',
            "gateway.toml:5: ledger.origin: is not a log's name "
            '(write for example "comune.example/varco-nord")',
        ),
        (
            '[log]\nlevel = "loud"\n',
            "gateway.toml:5: log.level: must be 'debug', 'info', 'warning' or 'error' "
            '(write "debug", "info", "warning" or "error")',
        ),
    ],
)
def test_each_fault_names_file_line_key_and_what_to_write(text, fault):
    """One wrong thing gives one line, and the line says how to put it right."""
    assert faults(BOX + text) == [fault]


def test_an_empty_file_says_what_a_box_needs():
    """Nothing at all is answered with an example."""
    assert faults("") == [
        'gateway.toml: box: is missing (write a table [box] with id = "varco-nord" and '
        'name = "Nord")'
    ]


def test_all_faults_of_a_file_are_listed_at_once():
    """Three mistakes in three tables are three lines, and the error's text has all of them."""
    with pytest.raises(ConfigErrors) as caught:
        parse('[box]\nid = "N"\nname = "x"\n[ring]\nx = 1\n[log]\nlevel = 3\n', Path("g.toml"))
    assert [problem.key for problem in caught.value.problems] == ["box.id", "ring.x", "log.level"]
    assert len(str(caught.value).splitlines()) == 3


def test_a_file_that_is_not_there_is_a_fault_of_configuration(tmp_path):
    """The path is named; the exit status will be 78."""
    with pytest.raises(ConfigError, match=r"gateway\.toml: no such file"):
        load(tmp_path / "gateway.toml")


def test_paths_are_relative_to_the_file(tmp_path):
    """Where the command was started makes no difference."""
    (tmp_path / "gateway.toml").write_text(BOX + '[registry]\nseed = "seed.toml"\n')
    assert load(tmp_path / "gateway.toml").registry.seed == tmp_path / "seed.toml"


def test_changes_name_every_key_and_brokers_by_name():
    """What differs between two files is told key by key, also for brokers that come and go."""
    before = options('[[broker]]\nname = "a"\nhost = "::1"\n')
    after = options(
        '[log]\nlevel = "debug"\n[[broker]]\nname = "a"\nhost = "::1"\nport = 9\n'
        '[[broker]]\nname = "b"\nhost = "::1"\n'
    )
    found = changes(before, after)
    assert {"log.level", "broker[a].port", "broker[b].host"} <= set(found)
    assert "broker[a].host" not in found
    assert changes(before, before) == ()


def test_a_table_that_appears_is_a_change_of_each_of_its_keys():
    """A second listener that was not there before needs a restart."""
    text = '[machines]\ntls_certificate = "a"\ntls_key = "b"\nclient_ca = "c"\n'
    assert "machines.client_ca" in diff(options(), options(text))
    assert "machines.client_ca" in diff(options(text), options())


def test_the_log_level_needs_no_restart():
    """What a running daemon takes over is not asked of the administrator."""
    before, after = options(), options('[log]\nlevel = "debug"\n[ring]\nmost_seconds = 5\n')
    assert changes(before, after) == ("log.level", "ring.most_seconds")
    assert diff(before, after) == ("ring.most_seconds",)


OIDC = '[[oidc]]\nname = "c"\nissuer = "https://id.example/r"\nclient_id = "varco"\n'


def test_identity_providers():
    """Each with its defaults; secrets stay references; changes are told by name."""
    (one,) = options(OIDC + 'acr = ["L2", "L3"]\nca = "id.pem"\n').oidc
    assert (one.name, one.title, one.issuer) == ("c", "c", "https://id.example/r")
    assert (one.acr, one.keep_hours, one.client_secret) == (("L2", "L3"), 24, "")
    assert one.ca.name == "id.pem"
    found = changes(options(OIDC), options(OIDC + "keep_hours = 1\n"))
    assert found == ("oidc[c].keep_hours",)


@pytest.mark.parametrize(
    "text",
    [
        OIDC + OIDC,
        OIDC.replace("https", "http"),
        OIDC.replace("id.example", "u:p@id.example"),
        OIDC.replace("/r", "/r?x=1"),
        OIDC.replace("https://id.example/r", "id.example"),
        OIDC + 'client_secret = "hunter2"\n',
        OIDC + 'client_secret = "env:A"\nprivate_key = "env:B"\n',
        OIDC + "keep_hours = 169\n",
        '[console]\norigins = ["https://a.example/"]\n',
        '[console]\norigins = ["*"]\n',
    ],
)
def test_providers_and_origins_that_are_none(text):
    """Twice the same, in clear, with secrets in them, for too long."""
    with pytest.raises(ConfigErrors):
        options(text)


def test_who_vouches_for_the_log(tmp_path):
    """Witnesses and an authority are read; one half of an authority, or no key, is a fault."""
    path = tmp_path / "gateway.toml"
    base = '[box]\nid = "nord"\nname = "Nord"\n[ledger]\n'
    key = "sala.example/t+0fb6d0f1+" + "A" * 44
    stamp = 'timestamp_url = "http://tsa.example/tsr"\n'
    found = parse(
        f'{base}{stamp}timestamp_ca = "ca.pem"\n[[ledger.witness]]\nkey = "{key}"\n', path
    ).ledger
    assert (found.timestamp_url, found.timestamp_ca) == (
        "http://tsa.example/tsr",
        tmp_path / "ca.pem",
    )
    assert [(one.key, one.url) for one in found.witnesses] == [(key, "")]
    for wrong in (
        stamp,
        'timestamp_ca = "ca.pem"\n',
        'timestamp_url = "ftp://x"\ntimestamp_ca = "ca.pem"\n',
        'timestamp_url = "http://a:b@x/"\ntimestamp_ca = "ca.pem"\n',
        '[[ledger.witness]]\nkey = "abc"\n',
        f'[[ledger.witness]]\nkey = "{key}"\nurl = "x"\n',
    ):
        with pytest.raises(ConfigError):
            parse(base + wrong, path)


LINES = """[room]
name = "Sala"
host = "0.0.0.0"
port = 9000
addresses = ["sala.example:9000", "[2001:db8::1]:9000"]
heartbeat_s = 20
store = "credential:room-store"
[[uplink]]
name = "questura"
recipient = "sala-ps"
[[uplink]]
name = "comune"
recipient = "sala-pl"
addresses = ["192.0.2.1:9000@192.0.2.9"]
organisations = ["carabinieri"]
emergency = true
most_kbps = 4000
pairs = false
heartbeat_s = 180
certificate = "c.pem"
key = "credential:line"
ca = "ca.pem"
[vms]
host = "192.0.2.1"
tls_certificate = "tls.pem"
tls_key = "tls.key"
[[vms.account]]
user = "vms"
password = "credential:vms"
case = "OdS 1"
"""


def test_lines_of_a_box_are_taken_over():
    """A room, two uplinks (one as its enrolment leaves it), a recording program."""
    found = options('state_dir = "state"\n' + LINES)
    room = found.room
    assert (room.name, room.host, room.port, room.heartbeat_s) == ("Sala", "0.0.0.0", 9000, 20)
    assert room.addresses == ("sala.example:9000", "[2001:db8::1]:9000")
    assert room.store == "credential:room-store"
    one, two = found.uplinks
    folder = Path("/etc/varco/state/lines/questura")
    assert (one.certificate, one.ca) == (folder / "line.pem", folder / "room-ca.pem")
    assert one.key == str(folder / "line.pem")
    assert (one.addresses, one.most_kbps, one.heartbeat_s) == ((), 0, 90)
    assert two.addresses == ("192.0.2.1:9000@192.0.2.9",)
    assert (one.pairs, two.pairs) == (True, False)
    assert (one.organisations, one.emergency) == ((), False)
    assert (two.organisations, two.emergency) == (("carabinieri",), True)
    assert (two.certificate, two.key) == (Path("/etc/varco/c.pem"), "credential:line")
    assert (found.vms.port, found.vms.accounts[0].case) == (8322, "OdS 1")
    assert found.vms.accounts[0].purpose is Purpose.SERVICE
    assert changes(options(), found)[0] == "box.state_dir"
    assert "uplink[comune].most_kbps" in changes(options(), found)
    bare = replace(found, vms=replace(found.vms, accounts=()))
    assert diff(found, bare) == ("vms.accounts",), "an account that is removed: with a restart"


def test_a_box_without_tables_has_no_lines_and_short_ones_have_defaults():
    """Nobody dials it, it dials nobody; a room of two lines is reached where it listens."""
    assert (options().room, options().uplinks, options().vms) == (None, (), None)
    room = options('[room]\nhost = "::1"\n').room
    assert (room.name, room.addresses, room.heartbeat_s) == ("Nord", ("[::1]:8445",), 90)
    assert options("[vms]\n").vms.port == 8554


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('[room]\nhost = "0.0.0.0"\n', "room.addresses: is missing (with a wildcard host write"),
        ('[room]\naddresses = ["sala"]\n', "room.addresses.#1: is not host:port"),
        ("[room]\nheartbeat_s = 10\n", "room.heartbeat_s: must be greater than or equal to 20"),
        (
            '[[uplink]]\nname = "a"\nrecipient = "s"\naddresses = ["s:1@x"]\n',
            "uplink[a].addresses.#1: has no address of this machine after the @",
        ),
        (
            '[[uplink]]\nname = "a"\nrecipient = "s"\n[[uplink]]\nname = "a"\nrecipient = "t"\n',
            "uplink[a].name: is used twice",
        ),
        (
            '[[uplink]]\nname = "a"\nrecipient = "s"\nkey = "k.pem"\n',
            "uplink[a].certificate: is missing (write both certificate and key, or neither)",
        ),
        (
            '[[uplink]]\nname = "a"\nrecipient = "s"\nemergency = "no"\n',
            "uplink[a].emergency: must be a valid boolean (write true or false)",
        ),
        ('[vms]\nhost = "192.0.2.1"\n', "vms.host: is not on this machine and has no TLS"),
        ('[[vms.account]]\nuser = "v"\n', "case: is missing"),
    ],
)
def test_faults_of_lines_name_their_table(text, fault):
    """File, line, table and what to write instead."""
    (problem,) = faults(BOX + text)
    assert fault in problem.replace("[#1]", ".#1")


def test_how_long_incidents_stay_has_a_ceiling():
    """A year without a reason; five with one."""
    assert options().incidents.keep_days == 365
    found = options('[incidents]\nkeep_days = 1827\nkeep_reason = "Patto, art. 9"\n').incidents
    assert (found.organisation, found.keep_days) == ("", 1827)
    for text, said in (
        ("keep_days = 366", "incidents.keep_reason: is missing"),
        ('keep_days = 1828\nkeep_reason = "x"', "incidents.keep_days"),
        ("keep_days = 0", "incidents.keep_days"),
    ):
        with pytest.raises(ConfigErrors, match=said):
            options(f"[incidents]\n{text}\n")


def test_turn_servers_and_their_secret_stand_by_reference():
    """A table [turn] is taken as it stands; the secret is a reference, never a value."""
    table = '\n[turn]\nurls = ["turn:192.0.2.20:3478?transport=udp", "turns:[2001:db8::9]:5349"]\n'
    assert options().turn is None
    assert options().media.tcp
    found = options(table + 'secret = "credential:turn"\n')
    assert found.turn.secret == "credential:turn"
    assert (found.turn.urls[1], found.turn.ttl_s) == ("turns:[2001:db8::9]:5349", 3600)
    assert not options("\n[media]\ntcp = false\n").media.tcp
    for wrong, what in (
        (table, "turn.secret"),
        (table + 'secret = "hunter2-in-clear"\n', "turn.secret"),
        (table.replace("turn:1", "http:1") + 'secret = "env:T"\n', "turn.urls"),
        (table + 'secret = "env:T"\nttl_s = 5\n', "turn.ttl_s"),
    ):
        (problem,) = faults(BOX + wrong)
        assert what in problem
        assert "hunter2" not in problem
