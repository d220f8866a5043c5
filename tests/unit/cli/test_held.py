# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`varco registry held|approve|reject` against a daemon that answers as the real one does."""

import json

HELD = {
    "id": "h1", "by": "uid:0", "utc": "2026-09-20T10:00:00Z", "where": "r.toml", "state": "waits",
    "needed": 2, "approvals": [],
    "widenings": [{"act": "patto", "text_it": "targhe in più", "text_en": "plates too"}],
}  # fmt: skip
APPROVE, REJECT = "POST /control/held/h1/approve", "POST /control/held/h1/reject"
PERSON = ("--user", "dora", "--reason", "serve", "--stdin")


def test_held_changes_are_listed_with_what_they_open(varco, daemon):
    """Who asked, what gets wider, who has agreed of how many; in the reader's language."""
    agreed = HELD | {"id": "h2", "approvals": [{"by": "capo"}, {"by": "dora"}]}
    daemon.answer("GET /control/held", 200, {"held": [HELD, agreed]})
    done = varco("registry", "held", "--socket", daemon.path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "h1 [waits] 2026-09-20T10:00:00Z, chiesta da uid:0, r.toml",
        "  + targhe in più [patto]",
        "  approvazioni 0/2: –",
        "h2 [waits] 2026-09-20T10:00:00Z, chiesta da uid:0, r.toml",
        "  + targhe in più [patto]",
        "  approvazioni 2/2: capo, dora",
    ]
    done = varco("registry", "held", "--socket", daemon.path, LANG="en_IE.UTF-8")
    assert "asked by uid:0" in done.stdout
    assert "  + plates too [patto]\n  approvals 0/2: –\n" in done.stdout


def test_that_nothing_waits_is_said(varco, daemon):
    """An empty answer is no empty page."""
    daemon.answer("GET /control/held", 200, {"held": []})
    done = varco("registry", "held", "--socket", daemon.path)
    assert (done.returncode, done.stdout) == (0, "nessuna modifica in attesa\n")


def test_approving_and_rejecting_are_two_things(varco, daemon):
    """Each goes to its own place with person and reason, and tells how the change stands."""
    for action, asked, state in (("approve", APPROVE, "approved"), ("reject", REJECT, "rejected")):
        daemon.answer(asked, 200, HELD | {"state": state, "approvals": [{"by": "dora"}]})
        words = ("registry", action, "h1", "--socket", daemon.path)
        done = varco(*words, *PERSON, stdin="segreto\n")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"h1 [{state}] ")
        assert done.stdout.endswith("  approvazioni 1/2: dora\n")
    assert [asked for asked, _, _ in daemon.asked] == [APPROVE, REJECT]
    for _, _, body in daemon.asked:
        assert json.loads(body) == {"reason": "serve", "user": "dora", "password": "segreto"}


def test_a_change_that_has_grown_is_1_and_has_to_be_read_anew(varco, daemon):
    """A script must not take it for approved."""
    daemon.answer(APPROVE, 200, HELD | {"grown": True})
    words = ("registry", "approve", "h1", "--socket", daemon.path, *PERSON)
    done = varco(*words, stdin="segreto\n")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.endswith(
        "Sul registro attuale apre più di quanto approvato: va riletta e riapprovata.\n"
    )


def test_a_judgement_asks_for_the_code_where_one_is_due(varco, daemon):
    """As the second line; without it the refusal stands."""
    problem = {"code": "totp-needed", "title": "code"}
    daemon.answer(APPROVE, 401, problem, "application/problem+json")
    words = ("registry", "approve", "h1", "--socket", daemon.path, *PERSON)
    done = varco(*words, stdin="segreto\n123456\n")
    assert (done.returncode, done.stdout) == (1, "")
    assert [json.loads(body).get("totp") for _, _, body in daemon.asked] == [None, "123456"]
