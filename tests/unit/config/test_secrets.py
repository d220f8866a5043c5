# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""References to secrets, with real files and modes."""

import os

import pytest

from gateway.config.secrets import locate, resolve, resolve_login
from gateway.model.errors import ConfigError

PLACE = {"where": "gateway.toml:9", "key": "ledger.key"}


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret"
    path.write_text("hunter2\n")
    path.chmod(0o600)
    return path


def refused(reference, **more):
    with pytest.raises(ConfigError) as caught:
        resolve(reference, **PLACE, **more)
    error = caught.value
    assert (error.where, error.key) == ("gateway.toml:9", "ledger.key")
    assert error.advice
    assert "hunter2" not in str(error)
    return str(error)


def test_a_file_gives_its_text_without_the_last_newline(secret):
    """What an editor adds at the end is not part of the password."""
    assert resolve(f"file:{secret}", **PLACE) == "hunter2"


def test_inner_newlines_belong_to_the_secret(secret):
    """A PEM key keeps its lines."""
    secret.write_text("a\nb\n")
    assert resolve(f"file:{secret}", **PLACE) == "a\nb"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620, 0o610])
def test_a_file_that_others_may_touch_is_refused(secret, mode):
    """The mode is told, and the command that puts it right."""
    secret.chmod(mode)
    text = refused(f"file:{secret}")
    assert f"others may read it (mode {mode:04o})" in text
    assert f"chmod 600 {secret}" in text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_somebody_else_is_refused(secret):
    """A file that another user owns may change under us."""
    os.chown(secret, 12345, -1)
    assert "belongs to somebody else" in refused(f"file:{secret}")


def test_the_mode_is_that_of_the_file_behind_a_link(secret, tmp_path):
    """A link does not hide an open file."""
    secret.chmod(0o644)
    link = tmp_path / "link"
    link.symlink_to(secret)
    assert "others may read it" in refused(f"file:{link}")


def test_absent_empty_binary_and_long_files_are_refused(secret, tmp_path):
    """Each fault has its own words."""
    assert "no such file" in refused(f"file:{tmp_path / 'absent'}")
    assert "is a directory" in refused(f"file:{tmp_path}")
    secret.write_bytes(b"\n")
    assert "is empty" in refused(f"file:{secret}")
    secret.write_bytes(b"\xff\xfe")
    assert "is not text" in refused(f"file:{secret}")
    secret.write_bytes(b"x" * 70_000)
    assert "too long" in refused(f"file:{secret}")


def test_a_device_or_a_pipe_is_no_secret(tmp_path):
    """Nothing is read from, or waited for at, what is not a plain file."""
    assert "is not a file" in refused("file:/dev/zero")
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert "is not a file" in refused(f"file:{tmp_path / 'pipe'}")


def test_an_environment_variable_gives_its_value():
    """The value is taken as it is."""
    assert resolve("env:KEY", **PLACE, environ={"KEY": "hunter2"}) == "hunter2"


def test_a_missing_or_empty_variable_is_named():
    """The variable's name is no secret."""
    assert "variable KEY is not set" in refused("env:KEY", environ={})
    assert "variable KEY is not set" in refused("env:KEY", environ={"KEY": ""})


def test_a_credential_is_read_from_the_directory_of_systemd(secret, tmp_path):
    """systemd guards its directory itself: ACLs make the mode look wide."""
    secret.chmod(0o440)
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert resolve("credential:secret", **PLACE, environ=environ) == "hunter2"


def test_a_credential_without_systemd_says_how_to_get_one():
    """Started by hand, the reference cannot work; the advice names the directive."""
    text = refused("credential:mqtt", environ={})
    assert "LoadCredential=mqtt" in text


def test_a_credential_that_was_not_loaded_is_named(tmp_path):
    """A typo in the unit is found by the file's name."""
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert "mqtt: no such file" in refused("credential:mqtt", environ=environ)


@pytest.mark.parametrize(
    "reference", ["hunter2", "file:hunter2", "http://hunter2", "credential:../hunter2", ""]
)
def test_what_is_no_reference_is_refused_and_not_shown(reference):
    """It may be the password itself."""
    assert "is not a reference" in refused(reference)


def test_a_login_is_user_and_password_with_colons_in_the_password():
    """Only the first colon separates."""
    environ = {"L": "admin:a:b"}
    assert resolve_login("env:L", **PLACE, environ=environ) == ("admin", "a:b")


@pytest.mark.parametrize("value", ["hunter2", ":hunter2"])
def test_a_secret_without_a_user_is_no_login(value):
    """The form is told, the secret is not."""
    with pytest.raises(ConfigError, match="store it as user:password") as caught:
        resolve_login("env:L", **PLACE, environ={"L": value})
    assert "hunter2" not in str(caught.value)


def test_a_tls_key_is_located_and_checked_like_a_secret(secret, tmp_path):
    """OpenSSL wants the path; the file must be there and ours alone."""
    assert locate(str(secret), **PLACE) == secret
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert locate("credential:secret", **PLACE, environ=environ) == secret
    secret.chmod(0o644)
    with pytest.raises(ConfigError, match="others may read it"):
        locate(str(secret), **PLACE)
