# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`varco accept`, as an installer types it."""

import json

import pytest

from gateway.ingest.acceptance import dump, judge, load, read_classes
from gateway.model.time import Moment
from tests.fakes import EPOCH_US
from tests.unit.cli.daemon import PROBLEM
from tests.unit.ingest.probes import GOOD, session
from tests.unit.ingest.test_acceptance import SUBJECT

ACCEPT = "POST /control/accept"


def sheet(result):
    return judge(result, SUBJECT, read_classes(), Moment(0.0, EPOCH_US))


def answer(made):
    result = {"sheet": json.loads(dump(made)), "page": "<html>è</html>"}
    return json.dumps({"progress": {"it": "a", "en": "b"}}) + "\n" + json.dumps({"result": result})


@pytest.fixture
def accept(varco, daemon):
    def run(*more, **environ):
        words = ("accept", "piazza-1", "--as", "bruno", "--stdin", "--socket", daemon.path)
        return varco(*words, *more, stdin="correct horse\n", **environ)

    return run


@pytest.mark.parametrize(
    ("result", "status", "verdict"),
    [
        (GOOD, 0, "CONFORME"),
        (session(lost_packets=1), 0, "CONFORME CON OSSERVAZIONI"),
        (session(tls=""), 1, "NON CONFORME"),
    ],
)
def test_the_verdict_is_printed_and_is_the_exit_status(accept, daemon, result, status, verdict):
    """Every row with its sign, measure, reason and requirement."""
    daemon.answer(ACCEPT, 200, answer(sheet(result)))
    done = accept()
    assert done.returncode == status, done.stderr
    assert done.stdout.splitlines()[-1] == verdict
    assert len(done.stdout.splitlines()) == 13
    assert "[B-41]" in done.stdout
    assert "PASSED" not in done.stdout


def test_the_files_are_written_for_their_owner_only(accept, daemon, tmp_path):
    """There is a picture in the page."""
    made = sheet(GOOD)
    daemon.answer(ACCEPT, 200, answer(made))
    assert accept("--json", "a.json", "--html", "a.html").returncode == 0
    assert load((tmp_path / "a.json").read_text()) == made
    assert (tmp_path / "a.html").read_text("utf-8") == "<html>è</html>"
    assert {(tmp_path / f"a.{x}").stat().st_mode & 0o777 for x in ("json", "html")} == {0o600}


def test_the_password_travels_in_the_body_only(accept, daemon):
    """With the reason for pictures in clear, and nothing on the screen."""
    daemon.answer(ACCEPT, 200, answer(sheet(GOOD)))
    done = accept("--clear-because", "VLAN", "--seconds", "5")
    ((_, _, body),) = daemon.asked
    assert json.loads(body) == {
        "camera": "piazza-1",
        "seconds": 5.0,
        "user": "bruno",
        "password": "correct horse",
        "clear_reason": "VLAN",
    }
    assert "horse" not in done.stdout + done.stderr


@pytest.mark.parametrize("status", [401, 403, 404, 503])
def test_without_a_sheet_the_status_is_2(accept, daemon, status):
    """Refused, unknown or not there: nothing was judged."""
    daemon.answer(ACCEPT, status, {"title": "no"}, PROBLEM)
    done = accept()
    assert (done.returncode, "no" in done.stderr) == (2, True)


def test_a_refusal_within_the_answer_is_told_in_the_terminals_language(accept, daemon):
    """The Grant ended meanwhile."""
    daemon.answer(ACCEPT, 200, json.dumps({"problem": {"it": "scaduto", "en": "ended"}}))
    assert "ended" in accept(LANG="en_GB.UTF-8").stderr


def test_an_installer_must_be_named(varco):
    """Somebody signs the sheet."""
    assert varco("accept", "piazza-1").returncode == 2


def test_a_file_that_cannot_be_written_is_one_line(accept, daemon):
    """No traceback."""
    daemon.answer(ACCEPT, 200, answer(sheet(GOOD)))
    done = accept("--html", "nowhere/a.html")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)


def test_the_code_of_a_second_device_is_asked_for(varco, daemon):
    """Only once the password is known to be right; a code that is wrong is not asked for again."""
    daemon.answer(ACCEPT, 401, {"code": "totp-needed", "title": "code"}, PROBLEM)
    words = ("accept", "piazza-1", "--as", "bruno", "--stdin", "--socket", daemon.path)
    assert varco(*words, stdin="correct horse\n123456\n").returncode == 2
    first, second = (json.loads(body) for _, _, body in daemon.asked)
    assert "totp" not in first
    assert second == first | {"totp": "123456"}
