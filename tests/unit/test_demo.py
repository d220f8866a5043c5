# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
from types import MappingProxyType

from gateway import demo
from gateway.access.policy import acts_for
from gateway.config.load import load
from gateway.model.registry import Analytic, Disclosure, RecipientKind, empty_registry
from gateway.registry.seed import merge, read_seed
from tests.fakes import FakeClock


def founded(folder):
    """A town on paper: no pictures, no sockets."""
    ports = demo.Ports(18443, 18189, 18883, 18554)
    passwords = MappingProxyType({"operatore": "p" * 16})
    town = demo.Town(folder, ports, passwords, "camera-secret", MappingProxyType({}), FakeClock())
    (folder / "cameras.secret").touch()
    (folder / "seed.toml").write_text(demo._seed(town))
    town.config.write_text(demo._configuration(town))
    return town


def test_the_written_configuration_is_an_exercise_on_loopback(tmp_path):
    """Nothing of the exercise listens to the network, and everything is marked."""
    options = load(founded(tmp_path).config)
    assert options.box.exercise
    assert {options.console.host, options.media.host, options.brokers[0].host} == {"127.0.0.1"}


def test_the_seed_has_no_hole_and_its_acts_are_in_force(tmp_path):
    """Every mark is filled in, every reference leads somewhere, today the acts hold."""
    town = founded(tmp_path)
    text = (tmp_path / "seed.toml").read_text()
    assert "@rtsp@" not in text
    assert "camera-secret" not in text
    known = merge(empty_registry(), read_seed(tmp_path / "seed.toml"), remove=True)
    known = getattr(known, "registry", known)
    basis = acts_for(known, "farmacia", Analytic.INTRUSION, town.clock.now())
    assert basis.recipients == ("istituto", "sala-pl")
    assert basis.retention_before_s >= 10


def test_institutes_get_text_only(tmp_path):
    """No scope of the seed shows an institute a picture."""
    founded(tmp_path)
    known = merge(empty_registry(), read_seed(tmp_path / "seed.toml"), remove=True)
    institutes = {r.id for r in known.recipients.values() if r.kind is RecipientKind.INSTITUTE}
    scopes = [s for act in known.acts.values() for s in act.scopes if institutes & {*s.recipients}]
    assert {scope.disclosure for scope in scopes} == {Disclosure.TEXT_ONLY}
