# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The child that verifies the log: what it is asked, what it answers."""

import subprocess
import sys

import pytest

from gateway.audit.nightly import MOST_ANSWER_BYTES, answer_of, request_of
from gateway.model.errors import LedgerError
from tests.conftest import ROOT
from tests.unit.audit.logbook import PUBLIC, tamper, write


def child(path, public=PUBLIC, held=""):
    """Ask a real child; return its status and its output."""
    done = subprocess.run(
        [sys.executable, "-m", "gateway.audit.nightly"],
        input=request_of(path, public, held, (), b"").encode(),
        capture_output=True, cwd=ROOT, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


def test_intact_altered_and_cut(tmp_path):
    """Each is an answer: which entry, and against the checkpoint that was held."""
    path = tmp_path / "l.db"
    notes = write(path, [1, 4, 2])
    status, answer = child(path, held=notes[-1])
    found = answer_of(answer)
    assert (status, found.ok, found.size, found.first_bad, found.problems) == (0, True, 7, None, ())
    cut = "delete from {} where seq >= 5", "delete from checkpoint where size > 5"
    tamper(path, cut[0].format("entry"), cut[0].format("opened"), cut[1])
    assert answer_of(child(path)[1]).ok
    assert not answer_of(child(path, held=notes[-1])[1]).ok
    tamper(path, "update entry set header = x'00'")
    status, answer = child(path)
    found = answer_of(answer)
    assert (status, found.ok, found.first_bad) == (0, False, 0)
    assert 0 < len(found.problems) <= 10
    assert len(answer) < MOST_ANSWER_BYTES


def test_a_key_that_is_not_the_logs(tmp_path):
    """Nothing is covered by a signature then, and the answer says so."""
    write(tmp_path / "l.db", [1])
    status, answer = child(tmp_path / "l.db", public=bytes(32))
    found = answer_of(answer)
    assert (status, found.ok, found.first_bad, found.exposed) == (0, False, 0, 1)
    assert "not signed by this key" in found.problems[0]


def test_a_child_that_is_asked_nonsense():
    """It ends without an answer, and that is an error, not a verdict."""
    done = subprocess.run(
        [sys.executable, "-m", "gateway.audit.nightly"],
        input=b"{}", capture_output=True, cwd=ROOT, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    with pytest.raises(LedgerError):
        answer_of(done.stdout)


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"null", b"{}", b'{"ok": true}', b'{"problems": 3}', b"\xff"]
)
def test_what_is_no_answer(text):
    """Never taken as intact."""
    with pytest.raises(LedgerError, match="no answer"):
        answer_of(text)
