# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.wire.digest."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.digest import (
    NONCE_LIFE_S,
    Authenticator,
    Credentials,
    Manners,
    Proved,
    Verifier,
    parse_challenges,
    parse_pairs,
)

MUFASA = Credentials("Mufasa", "Circle of Life")
NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
OPAQUE = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"


def rfc7616(algorithm):
    realm = 'Digest realm="http-auth@example.org", qop="auth, auth-int"'
    return f'{realm}, algorithm={algorithm}, nonce="{NONCE}", opaque="{OPAQUE}"'


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_the_rfc_are_met(algorithm, response):
    """RFC 7616 §3.9.1, both algorithms, to the digit."""
    authenticator = Authenticator(MUFASA, lambda: CNONCE)
    authenticator.challenged([rfc7616(algorithm)])
    pairs = parse_pairs(authenticator.authorization("GET", "/dir/index.html").partition(" ")[2])
    assert pairs["response"] == response
    assert (pairs["nc"], pairs["qop"], pairs["opaque"]) == ("00000001", "auth", OPAQUE)


def test_the_example_without_quality_of_protection_is_met():
    """RFC 2069's form, as GStreamer's server uses it: no qop, no cnonce, no algorithm."""
    authenticator = Authenticator(Credentials("admin", "s3cret"), lambda: "unused")
    challenge = 'Digest realm="GStreamer RTSP Server", nonce="7944c58b1ea522b8"'
    authenticator.challenged([challenge])
    value = authenticator.authorization("DESCRIBE", "rtsp://127.0.0.1:18554/h264")
    assert value == (
        'Digest username="admin", realm="GStreamer RTSP Server", nonce="7944c58b1ea522b8", '
        'uri="rtsp://127.0.0.1:18554/h264", response="9c549737a32c51d8874c1333697dbdcd"'
    )


def test_nothing_is_said_before_a_challenge():
    """Credentials leave only when asked for."""
    assert Authenticator(MUFASA, lambda: "").authorization("DESCRIBE", "rtsp://x/") is None


@pytest.mark.parametrize(
    ("headers", "algorithm"),
    [
        (['Basic realm="a"', rfc7616("MD5"), rfc7616("SHA-256")], "SHA-256"),
        ([rfc7616("SHA-256") + ", " + rfc7616("MD5")], "SHA-256"),
        (['Basic realm="a", ' + rfc7616("MD5")], "MD5"),
        ([rfc7616("SHA-512-256"), rfc7616("MD5-sess")], "MD5-sess"),
    ],
)
def test_the_strongest_known_digest_is_answered(headers, algorithm):
    """SHA-256 before MD5 before Basic, in one header or in several, unknown ones left out."""
    authenticator = Authenticator(MUFASA, lambda: CNONCE)
    assert authenticator.challenged(headers).algorithm == algorithm
    assert authenticator.authorization("GET", "/").startswith("Digest ")


@pytest.mark.parametrize("header", ['Basic realm="WallyWorld"', "basic"])
def test_basic_is_answered_only_when_there_is_nothing_else(header):
    """RFC 7617's own example, and a camera that forgets the realm."""
    authenticator = Authenticator(Credentials("Aladdin", "open sesame"), lambda: "")
    authenticator.challenged([header])
    assert authenticator.authorization("GET", "/") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="


@pytest.mark.parametrize(
    "headers", [[], ["Negotiate"], ['Digest realm="r", qop="auth"'], ["Digest"]]
)
def test_a_challenge_that_cannot_be_answered_is_none(headers):
    """No scheme, a foreign one, a digest without nonce."""
    authenticator = Authenticator(MUFASA, lambda: "")
    assert authenticator.challenged(headers) is None
    assert authenticator.authorization("GET", "/") is None


def test_a_next_nonce_replaces_the_nonce_and_counts_anew():
    """Authentication-Info: nextnonce (RFC 7616 §3.5)."""
    authenticator = Authenticator(MUFASA, lambda: CNONCE)
    authenticator.challenged([rfc7616("MD5")])
    authenticator.authorization("GET", "/")
    assert "nc=00000002" in authenticator.authorization("GET", "/")
    authenticator.informed('nextnonce="fresh", qop=auth')
    value = authenticator.authorization("GET", "/")
    assert 'nonce="fresh"' in value
    assert "nc=00000001" in value


def test_credentials_are_not_printed():
    """A repr in a log line or a traceback shows neither user nor password."""
    assert "Mufasa" not in repr(MUFASA)
    assert "Circle" not in repr(MUFASA)


NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=12)


@given(NAMES.filter(bool), NAMES, st.integers(0, 2**31), st.booleans())
def test_client_and_server_agree(user, password, now_s, first_only):
    """The right password is proved with either algorithm, a wrong one or another request is not."""
    verifier = Verifier("Varco", {user: password}, b"x" * 16)
    challenges = verifier.challenges(now_s)
    authenticator = Authenticator(Credentials(user, password), lambda: "c" * 32)
    authenticator.challenged(challenges[:1] if first_only else challenges[1:])
    header = authenticator.authorization("PLAY", "rtsp://h/p")
    assert verifier.verify(header, "PLAY", "rtsp://h/p", now_s) is Proved.YES
    assert verifier.verify(header, "PAUSE", "rtsp://h/p", now_s) is Proved.NO
    assert verifier.verify(header, "PLAY", "rtsp://h/q", now_s) is Proved.NO
    other = Verifier("Varco", {user: password + "x"}, b"x" * 16)
    assert other.verify(header, "PLAY", "rtsp://h/p", now_s) is Proved.NO


def test_an_old_or_foreign_nonce_is_stale():
    """After its life, or after a restart with another secret, the client has to ask again."""
    verifier = Verifier("Varco", {"u": "p"}, b"x" * 16)
    authenticator = Authenticator(Credentials("u", "p"), lambda: "c")
    authenticator.challenged(verifier.challenges(100.0))
    header = authenticator.authorization("PLAY", "u:")
    assert verifier.verify(header, "PLAY", "u:", 100 + NONCE_LIFE_S) is Proved.YES
    assert verifier.verify(header, "PLAY", "u:", 101 + NONCE_LIFE_S) is Proved.STALE
    restarted = Verifier("Varco", {"u": "p"}, b"y" * 16)
    assert restarted.verify(header, "PLAY", "u:", 100.0) is Proved.STALE
    assert parse_challenges(verifier.challenges(1.0, stale=True))[0].stale


@given(st.text(max_size=80), st.booleans())
def test_any_header_proves_nothing_and_breaks_nothing(value, as_digest):
    """Whatever stands in the headers, neither side raises and nobody gets in."""
    text = f"Digest {value}" if as_digest else value
    parse_challenges([text])
    verifier = Verifier("Varco", {"u": "p"}, b"x" * 16)
    assert verifier.verify(text, "PLAY", "x", 0.0) is not Proved.YES


@pytest.mark.parametrize(
    "text", ["a" * 16_000, "-" * 16_000, 'a="\\' * 4000, "a=" * 8000, "a " * 8000]
)
def test_a_header_of_any_shape_is_read_in_no_time(text):
    """A camera that sends one long word as its challenge stops nobody else's pictures."""
    began_s = time.perf_counter()
    parse_challenges([f"Digest {text}"])
    assert time.perf_counter() - began_s < 0.5


def test_who_was_answered_by_digest_gets_no_password_later():
    """Somebody in between who asks for Basic in the middle of a dialogue learns nothing."""
    client = Authenticator(MUFASA, lambda: CNONCE)
    assert client.challenged(['Digest realm="a", nonce="b"']) is not None
    assert client.challenged(['Basic realm="a"']) is None
    assert client.authorization("OPTIONS", "rtsp://a") is None


def test_who_has_used_digest_gets_no_password_in_clear_from_a_later_client():
    """The memory outlives the client; over TLS Basic stays as good as it was."""
    manners = Manners()
    first = Authenticator(MUFASA, lambda: CNONCE, manners)
    assert first.challenged(['Digest realm="x", nonce="n"', 'Basic realm="x"']).is_digest
    later = Authenticator(MUFASA, lambda: CNONCE, manners)
    assert later.challenged(['Basic realm="x"']) is None
    assert later.is_downgrade
    assert later.authorization("GET", "/") is None
    assert later.challenged(["Negotiate"]) is None
    assert not later.is_downgrade
    sealed = Authenticator(MUFASA, lambda: CNONCE, manners, is_sealed=True)
    assert sealed.challenged(['Basic realm="x"']) is not None
    assert sealed.authorization("GET", "/").startswith("Basic ")
    assert Authenticator(MUFASA, lambda: CNONCE).challenged(['Basic realm="x"']) is not None


def test_a_challenge_cannot_put_a_line_end_into_an_answer():
    """Control characters of realm, nonce and opaque do not come back."""
    client = Authenticator(MUFASA, lambda: CNONCE)
    client.challenged(['Digest realm="a\nX: 1", nonce="b\rc", opaque="d\x00\n"'])
    assert client.authorization("GET", "/").isprintable()
    client.informed('nextnonce="e\nX: 2"')
    assert client.authorization("GET", "/").isprintable()
