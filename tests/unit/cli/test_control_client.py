# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The client of the control socket, against real HTTP on a real AF_UNIX socket."""

import json

import pytest

from gateway.cli.control_client import open_control
from gateway.model.errors import ConfigErrors, PeerError
from tests.unit.cli.daemon import PROBLEM


@pytest.fixture
def control(daemon):
    with open_control(daemon.path) as opened:
        yield opened


APPLY = "POST /control/registry/apply?replace=false"
CHANGE = {"version": 3, "added": ["camera/a"], "changed": [], "removed": ["zone/b"]}


def test_a_seed_is_sent_with_its_type_and_the_change_comes_back(daemon, control):
    """TOML and GeoJSON are told apart by their first character."""
    daemon.answer(APPLY, 200, CHANGE)
    change = control.apply("# città\n", replace=False)
    assert (change.version, change.added, change.removed) == (3, ("camera/a",), ("zone/b",))
    control.apply(' {"type": "FeatureCollection"}', replace=False)
    assert daemon.asked == [
        (APPLY, "application/toml", "# città\n"),
        (APPLY, "application/geo+json", ' {"type": "FeatureCollection"}'),
    ]


def test_replace_is_asked_for_in_so_many_words(daemon, control):
    """Removal never happens by default."""
    daemon.answer("POST /control/registry/apply?replace=true", 200, CHANGE)
    assert control.apply("", replace=True).version == 3


@pytest.mark.parametrize(
    "body",
    [
        {"title": "No", "problems": ["seed:3: a.b: is bad (write c)", "seed:4: d: no"]},
        {"title": "No", "detail": "seed:3: a.b: is bad (write c)\nseed:4: d: no"},
    ],
)
def test_faults_of_a_seed_come_back_line_by_line(daemon, control, body):
    """Whether the daemon lists them or writes them under each other."""
    daemon.answer(APPLY, 422, body, PROBLEM)
    with pytest.raises(ConfigErrors) as caught:
        control.apply("", replace=False)
    assert str(caught.value) == "seed:3: a.b: is bad (write c)\nseed:4: d: no"


@pytest.mark.parametrize("status", [403, 404, 413, 500, 503])
def test_other_refusals_are_told_with_their_number(daemon, control, status):
    """The daemon's own words are shown, in one line."""
    body = {"title": "Solo l'amministratore", "status": status}
    daemon.answer(APPLY, status, body, PROBLEM)
    with pytest.raises(PeerError, match=rf"control\.sock: {status} Solo l'amministratore"):
        control.apply("", replace=False)


def test_a_refusal_that_is_no_problem_document_is_told_too(daemon, control):
    """A plain 404 has at least its reason phrase."""
    with pytest.raises(PeerError, match="404 Not Found"):
        control.reload()


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"version": "x"}'])
def test_an_answer_that_makes_no_sense_is_a_fault_of_the_peer(daemon, control, body):
    """Another version may listen there."""
    daemon.answer(APPLY, 200, body)
    with pytest.raises(PeerError, match="something else than a Varco of this version"):
        control.apply("", replace=False)


def test_a_daemon_that_is_away_is_told_with_what_to_do(tmp_path):
    """One line with the socket's path."""
    with (
        open_control(tmp_path / "nix.sock") as control,
        pytest.raises(PeerError, match=r"nix\.sock: .*systemctl status varco"),
    ):
        control.reload()


def test_a_password_travels_in_the_body_only(daemon, control):
    """Paths end up in logs."""
    asked = "POST /control/users/m-rossi/password"
    daemon.answer(asked, 204)
    control.set_password("m-rossi", "correct horse")
    ((path, kind, body),) = daemon.asked
    assert (path, kind, json.loads(body)) == (
        asked,
        "application/json",
        {"password": "correct horse"},
    )


def test_a_user_name_cannot_lead_to_another_path(daemon, control):
    """Slashes and dots stay part of the name."""
    with pytest.raises(PeerError, match="404"):
        control.set_password("../../reload?x", "p" * 12)
    assert daemon.asked[0][0] == "POST /control/users/..%2F..%2Freload%3Fx/password"


def test_exports_reloads_and_the_state_are_fetched(daemon, control):
    """Each has its path."""
    daemon.answer("GET /control/registry/export?format=csv", 200, "id\r\n", "text/csv")
    daemon.answer("POST /control/reload", 200, {"changed": ["log.level"]})
    daemon.answer("GET /control/status", 200, {"box": {"name": "Città"}})
    assert control.export("csv") == "id\r\n"
    assert control.reload().changed == ("log.level",)
    assert "Città" in control.status()
