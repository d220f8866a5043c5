# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Fields of written texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway.runtime.fields import (
    CREDENTIALS_IN_URL,
    REFERENCE_FORM,
    Flag,
    Host,
    Line,
    Number,
    Port,
    Reference,
    Text,
    is_loopback,
)


class Form(Text):
    flag: Flag = True
    host: Host = "localhost"
    line: Line = ""
    number: Number = 0.0
    port: Port = 1
    reference: Reference = ""


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("flag", 1),
        ("flag", "true"),
        ("host", ""),
        ("host", "a b"),
        ("host", "rtsp://x"),
        ("line", "a\nb"),
        ("line", "a\x1b[31m"),
        ("number", "1"),
        ("number", float("nan")),
        ("number", float("inf")),
        ("number", True),
        ("port", 0),
        ("port", 65536),
        ("port", "80"),
        ("reference", "hunter2"),
        ("reference", "file:relative"),
        ("reference", "env:"),
        ("reference", "credential:../../etc/shadow"),
        ("reference", "credential:.."),
    ],
)
def test_values_of_the_wrong_form_are_refused(key, value):
    """Nothing is guessed: text is no number, 1 is no true, a password is no reference."""
    with pytest.raises(ValidationError):
        Form.model_validate({key: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("host", "::1"),
        ("host", "mqtt.example"),
        ("line", "Città di Massa – sala n. 1"),
        ("number", 3),
        ("port", 65535),
        ("reference", "credential:mqtt-questura"),
        ("reference", "env:VARCO_KEY"),
        ("reference", "file:/etc/varco/key"),
    ],
)
def test_values_of_the_right_form_are_kept(key, value):
    """What is well formed comes back as it was written."""
    assert getattr(Form.model_validate({key: value}), key) == value


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://admin:secret@192.0.2.1/1",
        "rtsp://admin@192.0.2.1/1",
        "rtsp://:@192.0.2.1/1",
        "rtsp://192.0.2.1/1?user=admin&password=secret",
        "rtsp://192.0.2.1/user=admin_password=secret_channel=1",
        "rtsp://192.0.2.1/1?PWD=x",
        "rtsp://192.0.2.1/1?auth=eHg=",
        "rtsp://192.0.2.1/1?usr=x",
    ],
)
def test_credentials_are_found_wherever_recorders_put_them(url):
    """User information, query and path are all looked at."""
    assert CREDENTIALS_IN_URL.search(url)


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://192.0.2.1:554/Streaming/Channels/101",
        "rtsp://192.0.2.1/cam/realmonitor?channel=1&subtype=0",
        "rtsp://[2001:db8::1]/a@b",
        "rtsp://192.0.2.1/1?superuser=1",
    ],
)
def test_ordinary_urls_hold_no_credentials(url):
    """An @ in a path and words that only resemble are no reason to refuse."""
    assert not CREDENTIALS_IN_URL.search(url)


@given(st.from_regex(r"[a-z0-9]{1,8}:[a-z0-9]{0,8}@", fullmatch=True))
def test_no_user_information_passes(userinfo):
    """Whatever the user and the password are, they are found."""
    assert CREDENTIALS_IN_URL.search(f"rtsp://{userinfo}192.0.2.1:554/x")


@given(st.text(max_size=30))
def test_a_reference_never_leads_out_of_the_credentials_directory(name):
    """No credential name holds a slash or begins with a dot."""
    if REFERENCE_FORM.fullmatch(f"credential:{name}"):
        assert "/" not in name
        assert not name.startswith(".")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1"])
def test_loopback_is_recognised(host):
    """Names and addresses of this machine."""
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "localhost.example", "varco"])
def test_everything_else_is_not_loopback(host):
    """A name that could be resolved elsewhere is not trusted to be this machine."""
    assert not is_loopback(host)
