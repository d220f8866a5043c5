# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""User and password of a camera at the command line."""

import io

import pytest

from gateway.cli import login
from gateway.cli.speech import say_italian
from gateway.model.errors import ConfigError


def test_a_reference_is_read(tmp_path):
    """The same form as in the registry."""
    (tmp_path / "c").write_text("admin:s3:cret\n")
    (tmp_path / "c").chmod(0o600)
    reference = f"file:{tmp_path / 'c'}"
    found = login.camera_login(reference, ask=False, say=say_italian, where="varco probe")
    assert found == ("admin", "s3:cret")


def test_a_password_instead_of_a_reference_is_refused_without_repeating_it():
    """It stands in the shell's history already; not on the screen as well."""
    with pytest.raises(ConfigError) as caught:
        login.camera_login("admin:s3cret", ask=False, say=say_italian, where="varco probe")
    assert "s3cret" not in str(caught.value)


def test_it_can_be_typed(monkeypatch):
    """The password without echo."""
    monkeypatch.setattr("sys.stdin", io.StringIO("admin\n"))
    monkeypatch.setattr("getpass.getpass", lambda _: "s3cret")
    found = login.camera_login(None, ask=True, say=say_italian, where="varco probe")
    assert found == ("admin", "s3cret")


def test_without_either_there_is_none():
    """Some cameras are open to everybody; the probe says so."""
    assert login.camera_login(None, ask=False, say=say_italian, where="x") == ("", "")
