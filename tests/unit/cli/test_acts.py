# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`varco acts` against a daemon that answers as the real one does."""

import json

import pytest

ACT = {
    "id": "patto", "number": "1/2026", "state": "prorogato", "last_day": "2027-02-01",
    "days_left": 30, "dpia_stale": "targhe",
    "extensions": [{"until": "2027-02-01", "by": "capo", "entered": "2026-12-28", "reason": "r"}],
}  # fmt: skip
ON = {"camera": "banco", "analytic": "intrusione", "recipient": "sala", "on": True, "act": "patto"}
OFF = ON | {"analytic": "live", "on": False, "act": "", "reason_it": "sospesa", "reason_en": "off"}
EXTEND = "POST /control/acts/patto%2F1/extensions"
WORDS = ("acts", "extend", "patto/1", "2027-02-01", "--user", "capo", "--reason", "firma")


@pytest.mark.parametrize(
    ("locale", "lines"),
    [
        (
            "it_IT.UTF-8",
            [
                "patto: 1/2026, prorogato, fino al 2027-02-01 (30 giorni)",
                "  prorogato al 2027-02-01 da capo il 2026-12-28: r",
                "  ! valutazione d'impatto da rifare: targhe",
                "✓ banco intrusione → sala [patto]",
                "✗ banco live → sala: sospesa",
            ],
        ),
        (
            "en_IE.UTF-8",
            [
                "patto: 1/2026, prorogato, until 2027-02-01 (30 days)",
                "  extended to 2027-02-01 by capo on 2026-12-28: r",
                "  ! assessment out of date: targhe",
                "✓ banco intrusione → sala [patto]",
                "✗ banco live → sala: off",
            ],
        ),
    ],
)
def test_acts_are_listed_with_what_they_switch_on_and_off(varco, daemon, locale, lines):
    """An act with its extensions and a stale assessment; each thing with its act or its reason."""
    daemon.answer("GET /control/acts", 200, {"acts": [ACT], "resolutions": [ON, OFF]})
    done = varco("acts", "list", "--socket", daemon.path, LANG=locale)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == lines


def test_an_extension_is_entered_in_a_persons_name(varco, daemon):
    """Who, why and the document go along; what was entered is told."""
    daemon.answer(EXTEND, 200, {"until": "2027-02-01", "by": "capo"})
    more = ("--document-sha256", "0f" * 32, "--socket", daemon.path, "--stdin")
    done = varco(*WORDS, *more, stdin="segreto\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "patto/1: prorogato al 2027-02-01, a nome di capo\n"
    ((_, _, body),) = daemon.asked
    assert json.loads(body) == {
        "until": "2027-02-01", "reason": "firma", "document_sha256": "0f" * 32,
        "user": "capo", "password": "segreto",
    }  # fmt: skip


def test_an_extension_that_is_refused_is_told_and_fails(varco, daemon):
    """Nothing on standard output says that it was entered."""
    problem = "application/problem+json"
    words = (*WORDS, "--socket", daemon.path, "--stdin")
    daemon.answer(EXTEND, 403, {"code": "role", "title": "may not"}, problem)
    done = varco(*words, stdin="segreto\n")
    assert (done.returncode, done.stdout) == (1, "")
    assert "403 may not" in done.stderr
    told = {"code": "x", "title": "x", "problems": ["request: act[patto].until: does not extend"]}
    daemon.answer(EXTEND, 422, told, problem)
    done = varco(*words, stdin="segreto\n")
    assert (done.returncode, done.stdout) == (78, "")
    assert "does not extend" in done.stderr
