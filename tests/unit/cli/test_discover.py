# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`varco discover`: what an installer sees of a network that he does not know."""

import json
from contextlib import asynccontextmanager

import pytest

from gateway.cli import discover, main
from gateway.ingest.discovery import Found
from gateway.ingest.onvif_model import MediaProfile
from gateway.model.errors import CredentialError
from gateway.model.media import Codec
from gateway.registry.seed import parse_seed
from tests.unit.registry.worlds import SEED

NVR = Found(
    "192.0.2.20",
    "urn:uuid:1",
    ("http://10.0.0.1/onvif/device_service", "http://192.0.2.20/onvif/device_service"),
    "Registratore",
    "NVR 8",
    "scale",
)
CAMERA = Found("192.0.2.7", "urn:uuid:2", ("http://192.0.2.7/onvif/device_service",), "C\x1b[2J")


class Network:
    """What answers a discovery, and who was offered a password."""

    def __init__(self):
        self.found = (NVR, CAMERA)
        self.asked = []
        self.refuse = False

    async def discover(self, seconds, interfaces=None):
        return self.found

    @asynccontextmanager
    async def open_device(self, target, *, clock):
        self.asked.append((target.url, target.user))
        if self.refuse:
            raise CredentialError("192.0.2.20 refuses")
        yield self

    async def profiles(self):
        return tuple(
            MediaProfile(
                f"p{n}", f"P{n}", f"v{n}", f"Canale {n}", "e", Codec.H264, (1920, 1080), 25, 50, 0,
                True,
            )
            for n in (1, 2)
        )  # fmt: skip

    async def stream_uri(self, token, *, transport, tls=False):
        return f"rtsp://192.0.2.20:554/{token}"


@pytest.fixture
def network(monkeypatch):
    made = Network()
    monkeypatch.setattr(discover, "discover_devices", made.discover)
    monkeypatch.setattr(discover, "open_device", made.open_device)
    monkeypatch.setenv("LANG", "it_IT.UTF-8")
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    return made


@pytest.fixture
def secret(tmp_path):
    (tmp_path / "nvr").write_text("admin:s3cret")
    (tmp_path / "nvr").chmod(0o600)
    return f"file:{tmp_path / 'nvr'}"


@pytest.fixture
def run(network, tmp_path, capsys):
    def call(*words, socket=None):
        status = main.main(["discover", *words, "--socket", str(socket or tmp_path / "nix.sock")])
        return status, *capsys.readouterr()

    return call


def test_people_see_a_table(run):
    """Every device on one line; without the daemon nobody claims to know the registry."""
    status, out, _ = run()
    lines = out.splitlines()
    assert status == 0
    assert lines[0].split() == ["INDIRIZZO", "NOME", "HARDWARE", "LUOGO", "REGISTRO", "ONVIF"]
    assert lines[1].split()[:2] == ["192.0.2.20", "Registratore"]
    assert "http://192.0.2.20/onvif/device_service" in lines[1]
    assert "Il servizio non risponde" in out
    assert "\x1b" not in out


def test_what_is_in_the_registry_already_is_told(run, daemon):
    """By its address: the camera is known, the recorder is new."""
    seed = SEED.replace("rtsp://192.0.2.1", "rtsp://192.0.2.7")
    hosts = {one.split("/")[2].split(":")[0] for one in seed.split('"') if one.startswith("rtsp:")}
    daemon.answer("GET /control/registry/export?format=toml", 200, seed)
    status, out, _ = run("--json", socket=daemon.path)
    known = {one["address"]: one["registry"] for one in json.loads(out)}
    assert status == 0
    assert known["192.0.2.20"] == ""
    assert bool(known["192.0.2.7"]) is ("192.0.2.7" in hosts)


def test_a_silent_network_is_told_with_what_to_check(run, network):
    """Multicast, VLAN and firewall; status 1."""
    network.found = ()
    status, out, err = run()
    assert (status, out) == (1, "")
    for word in ("multicast", "VLAN", "firewall", "3702"):
        assert word in err


def test_a_password_is_offered_to_a_named_device_only(run, network, secret):
    """Never to whatever answers a multicast."""
    status, _, err = run("--credential", secret)
    assert (status, network.asked) == (78, [])
    assert "indirizzo" in err
    status, out, _ = run("192.0.2.20", "--credential", secret)
    assert (status, network.asked) == (0, [(NVR.xaddrs[1], "admin")])
    assert "Canale 2" in out
    assert "s3cret" not in out


def test_a_recorder_becomes_text_for_the_registry(run, secret):
    """Device and channels, with the reference and without the password."""
    status, out, _ = run("192.0.2.20", "--snippet", "--site", "centro", "--credential", secret)
    assert status == 0
    kinds = [kind for kind, _ in parse_seed(out, "snippet").entities]
    assert kinds == ["device", "camera", "camera"]
    assert secret in out
    assert "s3cret" not in out


def test_a_device_that_discovery_does_not_find_can_be_named(run, network, secret):
    """Across routers, or with discovery off."""
    network.found = ()
    status, out, _ = run("192.0.2.99", "--json", "--credential", secret)
    assert status == 0
    assert json.loads(out)[0]["onvif"] == "http://192.0.2.99/onvif/device_service"
    assert len(json.loads(out)[0]["channels"]) == 2


def test_a_refusal_is_told_and_not_repeated(run, network, secret):
    """The device is shown all the same; status 1."""
    network.refuse = True
    status, out, err = run("192.0.2.20", "--credential", secret)
    assert (status, len(network.asked)) == (1, 1)
    assert "192.0.2.20 refuses" in err
    assert "Registratore" in out


def test_an_unknown_make_names_those_that_are_known(run):
    """A list to choose from."""
    status, _, err = run("192.0.2.20", "--make", "nix")
    assert status == 78
    assert "hikvision" in err.lower()
