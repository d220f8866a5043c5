# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Forms of single values."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from gateway.registry.values import BareHost, CameraUrl, DeviceUrl, Ground, Hosts, Pin, Topic


def read(kind, value):
    return TypeAdapter(kind).validate_python(value)


@pytest.mark.parametrize(
    ("kind", "value", "kept"),
    [
        (CameraUrl, "", ""),
        (CameraUrl, "rtsp://[2001:db8::1]:554/1", "rtsp://[2001:db8::1]:554/1"),
        (CameraUrl, "http://192.0.2.1/v.mjpg?c=1", "http://192.0.2.1/v.mjpg?c=1"),
        (CameraUrl, "file:///var/a.mp4", "file:///var/a.mp4"),
        (DeviceUrl, "https://nvr.example:8443/x", "https://nvr.example:8443/x"),
        (DeviceUrl, "", ""),
        (Pin, "", ""),
        (Pin, "0F:" * 31 + "0F", "0f" * 32),
        (BareHost, "Camera-1.Example", "camera-1.example"),
        (BareHost, "[2001:DB8:0::1]", "2001:db8::1"),
        (BareHost, "192.0.2.1", "192.0.2.1"),
        (Topic, "A", "A"),
        (Topic, "RuleEngine/{http://x.example/a}B/C-1.0", "RuleEngine/{http://x.example/a}B/C-1.0"),
    ],
)
def test_what_is_well_formed_is_kept_in_one_form(kind, value, kept):
    """Small letters, no colons, addresses in short form."""
    assert read(kind, value) == kept


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (CameraUrl, "rtsp://user:pw@192.0.2.1/"),
        (CameraUrl, "http://192.0.2.1/?pwd=x"),
        (CameraUrl, "rtsp://192.0.2.1:0/"),
        (CameraUrl, "rtsp://192.0.2.1/a b"),
        (CameraUrl, "rtsp://[192.0.2.1/"),
        (CameraUrl, "file:///"),
        (CameraUrl, "file:a.mp4"),
        (CameraUrl, "192.0.2.1"),
        (DeviceUrl, "file:///etc/passwd"),
        (DeviceUrl, "http:///onvif"),
        (DeviceUrl, "http://a@b/"),
        (Pin, "0f" * 31),
        (Pin, "zz" * 32),
        (BareHost, "a b"),
        (BareHost, "192.0.2.1:80"),
        (BareHost, "192.0.2.256"),
        (BareHost, "http://a"),
        (BareHost, "-a.example"),
        (BareHost, ""),
        (BareHost, "*"),
        (Hosts, ("a",) * 17),
        (Topic, "tns1:A/B"),
        (Topic, "A//B"),
        (Topic, "/A"),
        (Topic, "A/*"),
        (Topic, ""),
        (Ground, ((10.0, 44.0), (10.1, 44.0))),
    ],
)
def test_what_is_not_well_formed_is_refused(kind, value):
    """And no refusal repeats a secret."""
    with pytest.raises(ValidationError) as caught:
        read(kind, value)
    assert "pw@" not in caught.value.errors(include_input=False)[0]["msg"]


@given(st.sampled_from([CameraUrl, DeviceUrl, Pin, BareHost, Topic]), st.text(max_size=40))
def test_any_text_is_kept_or_refused(kind, text):
    """Nothing else escapes, and what is kept is kept again."""
    with contextlib.suppress(ValidationError):
        kept = read(kind, text)
        assert read(kind, kept) == kept
