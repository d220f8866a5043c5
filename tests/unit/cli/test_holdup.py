# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`varco holdup` against a daemon that answers as the real one does."""

import json

import pytest

CASE = {
    "alarm": "al-1", "holdup": "rapina", "raised": "2026-06-15T10:00:00Z", "exercise": True,
    "sources": ["prova"], "verification": "nessuna", "verification_s": 0.0, "rooms_s": 0.31,
    "verdict": "esercitazione",
}  # fmt: skip
FIGURES = {
    "id": "rapina", "name": "Farmacia", "triggers": 0, "presses": 0, "tests": 1, "undelivered": 0,
}  # fmt: skip
REPORT = {
    "channels": [FIGURES], "cases": [CASE], "count": 1, "p50_s": 0.31, "p95_s": 0.31,
    "in_time": True,
}  # fmt: skip


def test_a_token_is_shown_once_and_can_be_taken_back(varco, daemon):
    """What the button has to send, whole; a revoked one says so."""
    daemon.answer("POST /control/holdup/rapina/token", 200, {"token": "s3gr3to"})
    done = varco("holdup", "token", "rapina", "--device", "banco", "--socket", daemon.path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Authorization: Bearer s3gr3to" in done.stdout
    ((_, _, body),) = daemon.asked
    assert json.loads(body) == {"device": "banco", "revoke": False}
    daemon.answer("POST /control/holdup/rapina/token", 200, {"token": ""})
    done = varco("holdup", "token", "rapina", "--revoke", "--socket", daemon.path)
    assert done.stdout == "rapina: pulsante ritirato\n"


@pytest.mark.parametrize(
    ("locale", "last"),
    [
        ("it_IT.UTF-8", "✓ dal comando alla sala: mediana 0.31 s, 95° percentile 0.31 s su 1"),
        ("en_IE.UTF-8", "✓ press to room: median 0.31 s, 95th percentile 0.31 s of 1"),
    ],
)
def test_the_report_says_tests_times_and_results(varco, daemon, locale, last):
    """Channel by channel, alarm by alarm, and the bound of two seconds."""
    daemon.answer("GET /control/holdup/report?from=2026-01-01&to=2026-06-30", 200, REPORT)
    period = ("--from", "2026-01-01", "--to", "2026-06-30")
    done = varco("holdup", "report", *period, "--socket", daemon.path, LANG=locale)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].startswith(last)
    assert "al-1" not in done.stdout
    done = varco("holdup", "report", *period, "--json", "--socket", daemon.path)
    assert json.loads(done.stdout)["p95_s"] == REPORT["p95_s"]


def test_channels_are_listed_and_tried(varco, daemon):
    """A channel with its buttons; a test names its alarm."""
    told = [{"id": "rapina", "name": "Farmacia", "site": "negozio", "devices": ["banco"]}]
    daemon.answer("GET /control/holdup", 200, told)
    done = varco("holdup", "list", "--socket", daemon.path)
    assert done.stdout == "rapina (Farmacia, negozio): banco\n"
    made = {"alarm": "al-1", "raised": "2026-06-15T10:00:00Z"}
    daemon.answer("POST /control/holdup/rapina/test", 200, made)
    done = varco("holdup", "test", "rapina", "--socket", daemon.path)
    assert "al-1" in done.stdout
