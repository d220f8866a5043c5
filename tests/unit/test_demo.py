# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
import argparse
import re
import socket
from dataclasses import replace
from types import MappingProxyType, SimpleNamespace

import pytest

from gateway import demo
from gateway.access.holdup import holdup_basis
from gateway.access.policy import acts_for
from gateway.assembly import neighbours
from gateway.assembly.exercise import Outcome
from gateway.assembly.plans import Surroundings, device_plan, plan
from gateway.assembly.trust_scenes import SHARING_IS_OFF
from gateway.config.load import load
from gateway.config.secrets import resolve_login
from gateway.model.errors import ConfigError
from gateway.model.media import StreamKind
from gateway.model.registry import Analytic, Disclosure, RecipientKind, empty_registry
from gateway.registry.seed import merge, read_seed
from gateway.relay.alarms.escalation import policy_for, stages
from gateway.room.institutes import bar_of
from gateway.simulator.button import Button
from gateway.simulator.town import FAST_LANES, RECORDED
from tests.fakes import FakeClock


async def cut():
    """Stand in for the scene of the pulled line."""
    return Outcome("staccata", "pulled")


def founded(folder):
    """A town on paper: no pictures, no sockets."""
    ports = demo.Ports(18443, 18189, 18190, 18883, 18554, 18080, 18555, 18445, 18543, 18545, 18999)
    passwords, clock = MappingProxyType({"operatore": "p" * 16}), FakeClock()
    town = demo.Town(
        folder,
        ports,
        passwords,
        ("camera-secret", "recorder-secret"),
        MappingProxyType({}),
        Button(clock),
        clock,
        SimpleNamespace(address="127.0.0.1"),
        (SimpleNamespace(address="127.0.0.1:1445"), SimpleNamespace(address="127.0.0.1:1545")),
        SimpleNamespace(cut=cut),
    )
    for name, password in zip(("cameras", "recorder"), town.device_passwords, strict=True):
        neighbours.write_anew(folder / f"{name}.secret", f"{demo.LOGIN}:{password}")
    (folder / "seed.toml").write_text(demo._seed(town))
    town.config.write_text(demo._configuration(town))
    return town


def merged(folder):
    """The registry of the written seed."""
    return merge(empty_registry(), read_seed(folder / "seed.toml"), remove=True)


def login(reference, whose):
    return resolve_login(reference, where=whose, key="credential")


def test_the_written_configuration_is_an_exercise_on_loopback(tmp_path):
    """Nothing of the exercise listens to the network, and everything is marked."""
    options = load(founded(tmp_path).config)
    assert options.box.exercise
    assert {
        options.console.host, options.media.host, options.brokers[0].host, options.room.host,
    } == {"127.0.0.1"}  # fmt: skip


def test_the_seed_has_no_hole_and_its_acts_are_in_force(tmp_path):
    """Every mark is filled in, every reference leads somewhere, today the acts hold."""
    town = founded(tmp_path)
    text = (tmp_path / "seed.toml").read_text()
    assert re.search(r"@[a-z-]+@", text) is None
    assert "-secret" not in text
    known = merged(tmp_path)
    basis = acts_for(known, "farmacia", Analytic.INTRUSION, town.clock.now())
    assert basis.recipients == ("centrale", "istituto", "sala-pl")
    assert basis.retention_before_s == 30


def test_institutes_get_text_only(tmp_path):
    """No scope of the seed shows an institute a picture."""
    founded(tmp_path)
    known = merged(tmp_path)
    institutes = {r.id for r in known.recipients.values() if r.kind is RecipientKind.INSTITUTE}
    scopes = [s for act in known.acts.values() for s in act.scopes if institutes & {*s.recipients}]
    assert {scope.disclosure for scope in scopes} == {Disclosure.TEXT_ONLY}


def test_the_pharmacy_hangs_off_its_recorder(tmp_path):
    """It is watched in the small rendition, within the session limit, by the device's credential.

    The button sets the hold-up off, nothing else; events come by subscription, not in the stream.
    """
    town = founded(tmp_path)
    known, now = merged(tmp_path), town.clock.now()
    made = plan(known.cameras[RECORDED], known, now, Surroundings(login))
    assert not made.problem
    assert made.watched is StreamKind.SUB
    assert (made.sub.user, made.sub.password) == (demo.LOGIN, "recorder-secret")
    assert made.sub.url == "rtsp://127.0.0.1:18555/canale1/secondario"
    assert made.limit.most == 4
    assert ([one.id for one in made.contacts], made.act) == (
        ["pulsante-farmacia"], "accordo-farmacia",
    )  # fmt: skip
    assert not made.triggers
    assert made.ring_s == 30.0
    assert not made.listens
    device = device_plan(known.devices["registratore-farmacia"], known, login)
    assert not device.problem
    assert device.target.url == "http://127.0.0.1:18080/onvif/device_service"
    assert device.device.events
    assert [one.id for one in device.cameras] == [RECORDED]


def test_each_exercise_begins_with_todays_town(tmp_path):
    """What acts and people did in the last one is over; its log is not."""
    state = tmp_path / "state"
    state.mkdir()
    for name in ("registry.db", "registry.db-wal", "ledger.db"):
        (state / name).write_text("old")
    demo._begin_anew(state)
    assert [one.name for one in state.iterdir()] == ["ledger.db"]


def test_cameras_without_a_recorder_are_watched_as_they_are(tmp_path):
    """They have one rendition and the cameras' credential."""
    town = founded(tmp_path)
    known = merged(tmp_path)
    made = plan(known.cameras["piazza"], known, town.clock.now(), Surroundings(login))
    assert (made.sub, made.watched, made.limit) == (None, StreamKind.MAIN, None)
    assert made.main.password == "camera-secret"


class Notes:
    """A ledger that remembers."""

    def __init__(self, notes):
        self.account = self.take
        self.notes = notes

    async def take(self, event):
        self.notes.append(event)


async def test_every_scene_has_a_card_and_a_button(tmp_path, monkeypatch):
    """Cards come in both languages, each starts its scene, and another name starts none."""
    town = founded(tmp_path)
    played = []

    class Stores:
        """Takes what the exercise writes at the beginning."""

        async def apply(self, *_, **__):
            return None

        async def set_password(self, *_):
            return None

    class Camera:
        waiting = 0

        def trigger(self, clip):
            played.append(clip)

    class Pressed:
        def press(self):
            played.append("press")

    async def patrol(url, user, password):
        played.append((url, user, password))
        return "IN-2026-000001"

    monkeypatch.setattr(demo.patrol, "report", patrol)
    town = replace(
        town,
        cameras={RECORDED: Camera(), FAST_LANES: Camera()},
        button=Pressed(),
        passwords={"istituto": "parola"},
    )
    known, notes = merged(tmp_path), []
    stores = Stores()
    stores.current = lambda: known
    opened = SimpleNamespace(registry=stores, accounts=None, journal=Notes(notes))
    gates = SimpleNamespace(statistics=lambda: (), wake=lambda _: None)
    running = SimpleNamespace(gates=gates)
    exercise = await demo._player(town)(opened, running, SimpleNamespace(create_task=None))
    texts = [
        text for card in exercise.scenes
        for text in (card.title_it, card.title_en, card.text_it, card.text_en)
    ]  # fmt: skip
    assert "Pulsante antirapina in farmacia" in texts
    assert all(texts)
    assert len(set(texts)) == len(texts)
    for card in exercise.scenes[:5]:
        assert await exercise.run(card.id) is not None
    stores.current = lambda: replace(known, acts={})
    assert await exercise.run("corsie") == SHARING_IS_OFF
    assert not exercise.state("cerca").enabled
    assert exercise.state("intrusione").enabled
    assert played == ["intrusion", "press", ("http://127.0.0.1:18443", "istituto", "parola")]
    assert sorted(note.object_id for note in notes) == ["accordo-farmacia", "patto"]
    assert await exercise.run("fuoco") is None


def test_a_port_in_use_is_named_before_anything_is_painted(tmp_path, monkeypatch):
    """A second exercise on the same port ends at once and touches nothing of the first."""
    monkeypatch.chdir(tmp_path)
    with socket.socket() as taken:
        taken.bind((demo.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"--port.*{port}"):
            demo.main(argparse.Namespace(once=False, port=port))
    assert list(tmp_path.iterdir()) == []


def test_exercises_on_different_ports_share_no_folder(tmp_path, monkeypatch):
    """Each port has a state of its own; the usual one keeps its place."""
    monkeypatch.chdir(tmp_path)
    usual, other, third = (demo._state_folder(port) for port in (demo.PORT, 9443, 9444))
    assert usual == tmp_path / "demo-state"
    assert len({usual, other, third}) == 3
    assert all(folder.is_dir() for folder in (usual, other, third))


def test_free_ports_are_different():
    """As many as asked for, none twice."""
    ports = neighbours.free_ports(*[socket.SOCK_STREAM] * 50)
    assert len(set(ports)) == 50


def test_plates_are_read_in_the_fast_lanes_alone(tmp_path):
    """Three gates under an act, of a camera that nobody drives by on his own; with a key."""
    town = founded(tmp_path)
    known, now = merged(tmp_path), town.clock.now()
    read = {
        camera: [zone.id for zone in plan(one, known, now, Surroundings(login)).gates]
        for camera, one in known.cameras.items()
    }
    lanes = [f"{FAST_LANES}-{number}" for number in (1, 2, 3)]
    assert {camera: gates for camera, gates in read.items() if gates} == {FAST_LANES: lanes}
    assert acts_for(known, FAST_LANES, Analytic.PLATES, now).recipients == ("sala-pl",)
    assert load(town.config).plates.key == f"file:{town.plates_key}"


def test_the_police_room_alone_is_called_by_the_hold_up(tmp_path):
    """Its channel is good from the first minute: the room for each camera, the 30 s before."""
    town = founded(tmp_path)
    known, now = merged(tmp_path), town.clock.now()
    basis = holdup_basis(known.holdups["antirapina-farmacia"], known, now)
    assert (basis.rooms, basis.centre, basis.withheld) == (("sala-pl",), "", ())
    assert basis.before_s == {RECORDED: 30.0}
    assert load(town.config).ring.most_seconds == 30


def test_an_intrusion_goes_on_to_the_institute_and_its_reports_are_taken(tmp_path):
    """Room and central station at once, the institute after five seconds; it is on the list."""
    town = founded(tmp_path)
    known = merged(tmp_path)
    policy = policy_for(RECORDED, 4, tuple(known.escalations.values()))
    now, later = stages(("centrale", "istituto", "sala-pl"), policy)
    assert (set(now), later[0]) == ({"centrale", "sala-pl"}, (5.0, ("istituto",)))
    today = town.clock.now().utc().date()
    assert bar_of(known, "istituto", today) is None
    assert load(town.config).stations[0].receivers == ("127.0.0.1:18999",)
