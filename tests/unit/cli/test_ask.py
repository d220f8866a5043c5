# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Commands that ask the daemon, as a user types them."""

import json
from pathlib import Path

import pytest

from gateway.cli.ask import SOCKET, control_socket
from gateway.cli.parser import EXPORTS
from gateway.console.services import ExportFormat
from gateway.registry.control import FORMATS
from tests.unit.cli.daemon import PROBLEM
from tests.unit.registry.worlds import SEED

APPLY = "POST /control/registry/apply?replace=false"


def test_an_apply_prints_what_changed(varco, daemon, tmp_path):
    """One line for each entity, then the version."""
    (tmp_path / "seed.toml").write_text(SEED)
    change = {"version": 2, "added": ["camera/a"], "changed": ["act/b"], "removed": ["zone/c"]}
    daemon.answer(APPLY, 200, change)
    done = varco("registry", "apply", "seed.toml", "--socket", daemon.path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "+ camera/a\n~ act/b\n- zone/c\nregistro: versione 2\n"
    assert daemon.asked == [(APPLY, "application/toml", SEED)]


def test_an_apply_that_changes_nothing_says_so(varco, daemon, tmp_path):
    """Nobody has to guess whether it worked."""
    (tmp_path / "seed.toml").write_text(SEED)
    daemon.answer(APPLY, 200, {"version": 2})
    done = varco("registry", "apply", "seed.toml", "--socket", daemon.path)
    assert done.stdout == "nulla da cambiare: resta la versione 2\n"


def test_a_bad_seed_is_never_sent(varco, daemon, tmp_path):
    """Its faults are told with the file's name and lines; status 78."""
    (tmp_path / "seed.toml").write_text(SEED.replace("azimuth_deg", "azimut"))
    done = varco("registry", "apply", "seed.toml", "--socket", daemon.path)
    assert done.returncode == 78
    assert done.stderr == (
        "seed.toml:21: camera[banco].azimut: unknown key (did you mean azimuth_deg?)\n"
    )
    assert daemon.asked == []


def test_what_the_daemon_finds_wrong_is_told_line_by_line(varco, daemon, tmp_path):
    """References that only the daemon can follow; status 78 as well."""
    (tmp_path / "seed.toml").write_text(SEED)
    body = {"title": "No", "detail": "seed:1: a: no\nseed:2: b: no"}
    daemon.answer("POST /control/registry/apply?replace=true", 422, body, PROBLEM)
    done = varco("registry", "apply", "--replace", "seed.toml", "--socket", daemon.path)
    assert done.returncode == 78
    assert done.stderr == "seed:1: a: no\nseed:2: b: no\n"


def test_a_daemon_that_is_away_is_one_line_and_status_1(varco, tmp_path):
    """No traceback."""
    done = varco("reload", "--socket", tmp_path / "nix.sock")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "nix.sock" in done.stderr


def test_an_export_is_printed_as_it_came(varco, daemon):
    """Nothing is added to a file that goes through a pipe."""
    daemon.answer("GET /control/registry/export?format=toml", 200, SEED, "application/toml")
    done = varco("registry", "export", "--format", "toml", "--socket", daemon.path)
    assert (done.returncode, done.stdout) == (0, SEED)


def test_a_reload_prints_what_changed_or_that_nothing_did(varco, daemon):
    """In the language of the terminal."""
    daemon.answer("POST /control/reload", 200, {"changed": ["ring.most_seconds"]})
    assert varco("reload", "--socket", daemon.path).stdout == "ring.most_seconds\n"
    daemon.answer("POST /control/reload", 200, {"changed": []})
    assert varco("reload", "--socket", daemon.path).stdout == "nulla è cambiato\n"
    done = varco("reload", "--socket", daemon.path, LANG="en_GB.UTF-8")
    assert done.stdout == "nothing changed\n"


def test_the_state_is_printed(varco, daemon):
    """As JSON, for people and for scripts."""
    daemon.answer("GET /control/status", 200, {"healthy": True})
    assert json.loads(varco("status", "--socket", daemon.path).stdout) == {"healthy": True}


def test_a_password_can_come_from_a_pipe(varco, daemon):
    """It is sent without its newline and never printed."""
    asked = "POST /control/users/verdi/password"
    daemon.answer(asked, 204)
    words = ("user", "password", "verdi", "--stdin", "--socket", daemon.path)
    done = varco(*words, stdin="correct horse\n")
    assert done.returncode == 0, done.stderr
    assert daemon.asked[0][2] == '{"password":"correct horse"}'
    assert "horse" not in done.stdout + done.stderr


def test_a_short_password_is_refused_before_it_is_sent(varco, daemon):
    """Twelve characters at least."""
    words = ("user", "password", "verdi", "--stdin", "--socket", daemon.path)
    done = varco(*words, stdin="hunter2\n")
    assert done.returncode == 78
    assert "almeno 12 caratteri" in done.stderr
    assert "hunter2" not in done.stderr
    assert daemon.asked == []


def test_the_socket_is_that_of_the_configuration(varco, daemon, tmp_path):
    """With --config nobody has to know the path."""
    daemon.answer("POST /control/reload", 200, {"changed": []})
    text = f'[box]\nid = "a"\nname = "A"\nruntime_dir = "{daemon.path.parent}"\n'
    (tmp_path / "gateway.toml").write_text(text)
    assert varco("reload", "--config", "gateway.toml").returncode == 0


@pytest.mark.skipif(Path("/etc/varco/gateway.toml").exists(), reason="a Varco lives here")
def test_without_a_configuration_the_usual_socket_is_asked():
    """A plain installation needs no option."""
    assert control_socket(None, None) == SOCKET
    assert control_socket(Path("/x"), None) == Path("/x")


def test_a_table_is_sent_as_a_table(varco, daemon, tmp_path):
    """CSV is told by its header."""
    (tmp_path / "c.csv").write_text("id,name,site,url,area\na,A,s,rtsp://192.0.2.1/,pubblica\n")
    daemon.answer(APPLY, 200, {"version": 2})
    done = varco("registry", "apply", "c.csv", "--socket", daemon.path)
    assert done.returncode == 0, done.stderr
    assert daemon.asked[0][1] == "text/csv"


def test_every_form_of_export_can_be_asked_for():
    """The words of the command line and of the registry are the same."""
    assert set(EXPORTS) == set(FORMATS) == {form.value for form in ExportFormat}


def test_a_second_device_is_taken_away(varco, daemon):
    """Under the command's new name and its old one; the answer says what it means."""
    daemon.answer("POST /control/users/verdi/totp-reset", 204)
    for command in ("users", "user"):
        done = varco(command, "totp-reset", "verdi", "--socket", daemon.path)
        assert done.returncode == 0, done.stderr
        assert "verdi: secondo dispositivo tolto" in done.stdout
    assert len(daemon.asked) == 2
