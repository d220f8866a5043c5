# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Our ONVIF client against a strict device, against hostile ones, and against library upgrades."""

import asyncio
import contextlib
import inspect
import logging
import ssl
import subprocess
import time
import tracemalloc
from dataclasses import replace

import pytest

from gateway.ingest import onvif, onvif_http
from gateway.ingest.onvif import Binding, Wsdls
from gateway.ingest.onvif_model import CameraMask, MaskKind, OnvifFaultError, TimeKind
from gateway.ingest.source import Trust
from gateway.model.errors import CredentialError, PeerError
from gateway.model.media import Codec
from gateway.model.registry import Transport
from gateway.simulator.onvif_device import Authentication, DeviceOptions
from gateway.simulator.onvif_events import EventService
from gateway.simulator.onvif_media import (
    MaskLimits,
    Media1Service,
    Media2Service,
    MediaOptions,
)
from tests.onvif_parts import (
    JPEG,
    PASSWORD,
    USER,
    OddDevice,
    answer,
    envelope,
    opened,
    services,
    strict_device,
)

MEDIA = onvif.MEDIA


@pytest.fixture(scope="module")
def wsdls():
    return Wsdls()


def options(**changes):
    return DeviceOptions(users={USER: PASSWORD}, **changes)


# --- what it does -----------------------------------------------------------------------------


@pytest.mark.parametrize("offset_s", [0, -7200, 86400 * 400])
@pytest.mark.parametrize("authentication", list(Authentication))
async def test_every_way_to_prove_oneself_works_at_every_clock(wsdls, authentication, offset_s):
    """A device is read with either authentication although its clock is hours or years off."""
    made = options(authentication=authentication, clock_offset_s=offset_s)
    async with strict_device(made) as (_, _, url), opened(url, wsdls=wsdls) as device:
        assert (await device.information()).model == "Strict"
        assert device.clock_offset_s == pytest.approx(offset_s, abs=0.7)
        assert device.has_media2
        assert not device.has_events
        assert device.notes == ()


async def test_profiles_tell_codec_size_and_gop(wsdls):
    """H.265 profiles come from Media2 with their encoder, their source and their metadata."""
    async with strict_device() as (_, _, url), opened(url, wsdls=wsdls) as device:
        main, sub = await device.profiles()
    assert (main.codec, main.size_px, main.fps, main.gop) == (Codec.H265, (1920, 1080), 25.0, 50)
    assert (main.source_token, main.source_name, main.has_metadata) == ("vs-1", "Ingresso", True)
    assert (sub.codec, sub.size_px, sub.bit_rate_kbps) == (Codec.H264, (640, 360), 3000)
    assert main.media2
    assert not sub.has_metadata


async def test_without_media2_the_old_media_service_is_used(wsdls):
    """A device without Media2 shows its H.264 profiles through Media1."""
    async with (
        strict_device(services=(Media1Service,)) as (_, _, url),
        opened(url, wsdls=wsdls) as device,
    ):
        (sub,) = await device.profiles()
        assert (sub.token, sub.codec, sub.gop, sub.media2) == ("sub", Codec.H264, 50, False)
        uri = await device.stream_uri("sub", transport=Transport.TCP)
        assert uri == "rtsp://127.0.0.1:8554/ch1/sub"
        assert (await device.set_gop(sub, 25)).gop == 25


@pytest.mark.parametrize("services", [(Media1Service,), (Media1Service, Media2Service)])
async def test_a_key_picture_can_be_asked_for(wsdls, services):
    """SetSynchronizationPoint reaches the profile that is meant, over either service."""
    async with (
        strict_device(services=services) as (_, media, url),
        opened(url, wsdls=wsdls) as device,
    ):
        await device.synchronise("sub")
        assert media.synchronised == ["sub"]
        with pytest.raises(PeerError):
            await device.synchronise("nobody")


async def test_a_device_without_getservices_is_asked_for_capabilities(wsdls):
    """Old devices list their services in GetCapabilities only."""
    made = options(has_get_services=False)
    async with (
        strict_device(made, services=(Media1Service,)) as (_, _, url),
        opened(url, wsdls=wsdls) as device,
    ):
        assert [one.token for one in await device.profiles()] == ["sub"]
        assert "GetServices" in device.notes[0]


async def test_stream_uris_follow_transport_and_tls(wsdls):
    """RTSP and RTSPS are asked for as wanted, and RTSPS that is not offered is said so."""
    async with strict_device() as (_, _, url), opened(url, wsdls=wsdls) as device:
        await device.profiles()
        assert (
            await device.stream_uri("main", transport=Transport.UDP)
            == "rtsp://127.0.0.1:8554/ch1/main"
        )
        assert (
            await device.stream_uri("main", transport=Transport.TCP, tls=True)
            == "rtsps://127.0.0.1/ch1/main"
        )
        with pytest.raises(OnvifFaultError, match="NoProfile"):
            await device.stream_uri("nobody", transport=Transport.TCP)
    async with (
        strict_device(media=MediaOptions(554)) as (_, _, url),
        opened(url, wsdls=wsdls) as device,
    ):
        with pytest.raises(PeerError, match="RTSPS"):
            await device.stream_uri("main", transport=Transport.TCP, tls=True)


async def test_a_snapshot_is_a_jpeg(wsdls):
    """The still picture comes over the device's own digest authentication."""
    async with strict_device() as (_, _, url), opened(url, wsdls=wsdls) as device:
        assert await device.snapshot("main") == JPEG
        assert "/snapshot/main" in await device.snapshot_uri("main")


async def test_a_snapshot_that_is_no_jpeg_is_refused(wsdls):
    """A web page where a picture should be is not taken for one."""

    async def page(_token):
        return b"<html>"

    async with (
        strict_device(media=MediaOptions(554, snapshot=page)) as (_, _, url),
        opened(url, wsdls=wsdls) as device,
    ):
        with pytest.raises(PeerError, match="no JPEG"):
            await device.snapshot("main")


async def test_ntp_tells_source_and_offset(wsdls):
    """The clock's source, its servers and its distance from ours are told together."""
    made = options(clock_offset_s=-90, ntp_servers=("192.0.2.9", "ntp.example"), uses_ntp=False)
    async with strict_device(made) as (_, _, url), opened(url, wsdls=wsdls) as device:
        state = await device.ntp()
    assert state.servers == ("192.0.2.9", "ntp.example")
    assert state.kind is TimeKind.MANUAL
    assert state.utc_offset_s == pytest.approx(-90, abs=0.7)


async def test_the_gop_is_set_and_read_back(wsdls):
    """A shorter GOP reaches the device; one out of its range is refused with its own words."""
    async with strict_device() as (_, state, url), opened(url, wsdls=wsdls) as device:
        main, _ = await device.profiles()
        assert (await device.set_gop(main, 25)).gop == 25
        assert state.profiles["main"].gop == 25
        with pytest.raises(OnvifFaultError, match="ConfigModify"):
            await device.set_gop(main, 9999)


async def test_a_gop_that_is_not_kept_is_said_so(wsdls, monkeypatch):
    """A device that answers yes and changes nothing is found out by reading back."""
    async with strict_device() as (_, state, url), opened(url, wsdls=wsdls) as device:
        main, _ = await device.profiles()
        monkeypatch.setattr(state, "set_gop", lambda *_: None)
        with pytest.raises(PeerError, match="keeps a GOP of 50"):
            await device.set_gop(main, 25)


TRIANGLE = CameraMask("", ((0.1, 0.1), (0.4, 0.1), (0.1, 0.6)))
SQUARE = CameraMask("", ((0.5, 0.5), (0.9, 0.5), (0.9, 0.9), (0.5, 0.9)), kind=MaskKind.PIXELATED)


async def test_masks_are_set_and_read_back(wsdls):
    """Masks travel as polygons, y up at the device and y down with us, and replace each other."""
    async with strict_device() as (_, state, url), opened(url, wsdls=wsdls) as device:
        first, second = await device.put_masks("vsc-vs-1", [TRIANGLE, SQUARE])
        assert first.polygon[1] == pytest.approx((0.4, 0.1))
        assert state.masks[first.token].polygon[0] == pytest.approx((-0.8, 0.8))
        assert second.kind is MaskKind.PIXELATED
        (kept,) = await device.put_masks("vsc-vs-1", [SQUARE])
        assert kept.token == first.token
        assert await device.put_masks("vsc-vs-1", []) == ()
        assert state.masks == {}


async def test_masks_that_are_not_kept_are_said_so(wsdls, monkeypatch):
    """A device that puts a mask elsewhere, or nowhere, is found out by reading back."""
    async with strict_device() as (_, state, url), opened(url, wsdls=wsdls) as device:
        keep = state.put_mask
        moved = ((-0.5, 0.5), (0.9, 0.5), (0.0, -0.9))
        for put in (lambda mask: keep(replace(mask, polygon=moved)), lambda _mask: "gone"):
            state.masks.clear()
            monkeypatch.setattr(state, "put_mask", put)
            with pytest.raises(PeerError, match="did not keep the masks"):
                await device.put_masks("vsc-vs-1", [TRIANGLE])


@pytest.mark.parametrize(
    ("limits", "masks", "words"),
    [
        (MaskLimits(most=1), [TRIANGLE, SQUARE], "at most 1"),
        (MaskLimits(points=3), [SQUARE], "at most 3"),
        (MaskLimits(rectangle_only=True), [TRIANGLE], "rectangles"),
        (MaskLimits(kinds=("Color",)), [SQUARE], "Pixelated is not on offer"),
    ],
)
async def test_masks_beyond_the_device_are_refused_in_words(wsdls, limits, masks, words):
    """What a device cannot show is refused before anything is changed."""
    media = MediaOptions(554, masks=limits)
    async with strict_device(media=media) as (_, state, url), opened(url, wsdls=wsdls) as device:
        with pytest.raises(PeerError, match=words):
            await device.put_masks("vsc-vs-1", masks)
        assert state.masks == {}


async def test_a_device_without_masks_says_so(wsdls):
    """The device's own fault comes through, with its name in front."""
    media = MediaOptions(554, masks=None)
    async with strict_device(media=media) as (_, _, url), opened(url, wsdls=wsdls) as device:
        with pytest.raises(OnvifFaultError, match=r"cam-1: GetMasks: .*ActionNotSupported"):
            await device.masks("vsc-vs-1")


async def test_at_most_two_calls_run_at_once(wsdls):
    """A storm of our own calls reaches the device two by two (pain 14)."""
    async with strict_device() as (simulated, _, url), opened(url, wsdls=wsdls) as device:
        simulated.most_concurrent = 0
        await asyncio.gather(*(device.information() for _ in range(12)))
        assert 1 <= simulated.most_concurrent <= onvif_http.MOST_CONCURRENT


# --- credentials ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Authentication.DIGEST, Authentication.USERNAME_TOKEN])
async def test_a_wrong_password_is_tried_once_and_never_shown(wsdls, kind):
    """Refused credentials end the talk: later calls fail at once, without asking again."""
    made = options(authentication=kind)
    async with (
        strict_device(made) as (simulated, _, url),
        opened(url, wsdls=wsdls, password="sbagliata-9") as device,
    ):
        tried = []
        answer_to = simulated._authenticate
        simulated._authenticate = lambda *parts: tried.append(1) or answer_to(*parts)
        with pytest.raises(CredentialError, match="refuses user and password") as told:
            await device.information()
        count = len(tried)
        with pytest.raises(CredentialError):
            await device.profiles()
        assert len(tried) == count <= 4
        assert "sbagliata-9" not in str(told.value) + repr(told.value) + repr(device)


async def test_a_wrong_password_is_proved_once_by_digest(wsdls):
    """A device that refused a digest is not shown the same password again by token: it counts."""
    challenge = 'WWW-Authenticate: Digest realm="cam", nonce="n", qop="auth"\r\n'
    odd = OddDevice({"*": answer(b"", 401, challenge)})
    async with odd.serve() as url:
        with pytest.raises(CredentialError, match="refuses user and password"):
            async with opened(url, wsdls=wsdls):
                pass
    proofs = [
        head
        for head, body in odd.requests
        if "authorization:" in head.lower() or b"PasswordDigest" in body
    ]
    assert len(proofs) == 1


async def test_no_password_is_ever_sent_in_clear(wsdls):
    """A device that offers Basic, or faults, over clear HTTP sees digests only."""
    fault = (
        '<s:Fault xmlns:ter="http://www.onvif.org/ver10/error"><s:Code><s:Value>s:Sender</s:Value>'
        "<s:Subcode><s:Value>ter:NotAuthorized</s:Value></s:Subcode></s:Code><s:Reason><s:Text "
        'xml:lang="en">no</s:Text></s:Reason></s:Fault>'
    )
    basic = answer(b"", 401, 'WWW-Authenticate: Basic realm="cam"\r\n')
    for refusal in (basic, envelope(fault, 400)):
        odd = OddDevice({"GetServices": envelope(services()), "*": refusal})
        async with odd.serve() as url, opened(url, wsdls=wsdls) as device:
            with pytest.raises(CredentialError):
                await device.information()
        seen = b"".join(head.encode() + body for head, body in odd.requests)
        assert PASSWORD.encode() not in seen
        assert b"PasswordText" not in seen
        assert b"Basic " not in seen
        assert b"PasswordDigest" in seen


async def test_a_right_that_is_missing_is_not_a_wrong_password(wsdls):
    """When calls have worked, a refusal of one names the call and the others go on."""
    async with strict_device() as (simulated, _, url), opened(url, wsdls=wsdls) as device:
        await device.information()
        users = simulated._verifier
        simulated._verifier = type(users)("ONVIF", {USER: "another"}, b"x" * 32)
        with pytest.raises(CredentialError, match="may not call GetProfiles"):
            await device.profiles()
        simulated._verifier = users
        assert (await device.information()).model == "Strict"


async def test_a_clock_that_steps_while_open_is_noticed(wsdls):
    """After the device was set right by NTP, tokens are dated by its new clock."""
    made = options(authentication=Authentication.USERNAME_TOKEN, clock_offset_s=-5000)
    async with strict_device(made) as (simulated, _, url), opened(url, wsdls=wsdls) as device:
        await device.information()
        simulated.options = replace(simulated.options, clock_offset_s=0.0)
        assert (await device.information()).model == "Strict"
        assert device.clock_offset_s == pytest.approx(0, abs=0.7)


async def test_without_credentials_a_closed_device_says_what_it_wants(wsdls):
    """No user configured: the error says so instead of guessing."""
    async with strict_device(options(authentication=Authentication.DIGEST)) as (_, _, url):
        target = onvif.OnvifTarget("cam-1", url)
        async with onvif.open_device(target, clock=onvif_clock(), wsdls=wsdls) as device:
            with pytest.raises(CredentialError, match="none are configured"):
                await device.information()


def onvif_clock():
    from gateway.runtime.clock import SystemClock

    return SystemClock()


# --- TLS --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Make a self-signed certificate for 127.0.0.1; returns PEM with key, and its SHA-256."""
    folder = tmp_path_factory.mktemp("tls")
    pem = folder / "cam.pem"
    subprocess.run(
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=cam "
        f"-addext subjectAltName=IP:127.0.0.1 -keyout {pem} -out {pem}".split(),
        check=True,
        capture_output=True,
    )
    text = pem.read_text()
    der = ssl.PEM_cert_to_DER_cert(text[text.index("-----BEGIN CERT") :])
    import hashlib

    return pem, hashlib.sha256(der).hexdigest()


async def test_tls_is_verified_by_authority_or_by_pin(wsdls, certificate):
    """HTTPS works with the authority or the pin, and with neither nothing is sent."""
    pem, pin = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    async with strict_device(options(tls=context)) as (simulated, _, url):
        for trust in (Trust(ca_file=pem), Trust(sha256=pin)):
            async with opened(url, wsdls=wsdls, trust=trust) as device:
                assert (await device.information()).model == "Strict"
        simulated.calls.clear()
        for trust, words in (
            (Trust(), f"does not verify.*{pin}"),
            (Trust(sha256="ab" * 32), "another certificate than the pinned"),
        ):
            with pytest.raises(PeerError, match=words):
                async with opened(url, wsdls=wsdls, trust=trust):
                    pass
        assert simulated.calls == []


# --- addresses --------------------------------------------------------------------------------


async def test_behind_nat_the_configured_host_is_used(wsdls):
    """Inner addresses that a device hands out are rewritten to the one configured, and said so."""
    made = options(advertised="192.168.77.7:8080")
    async with strict_device(made) as (_, _, url), opened(url, wsdls=wsdls) as device:
        assert await device.snapshot("main") == JPEG
        uri = await device.stream_uri("main", transport=Transport.TCP)
        assert uri == "rtsp://127.0.0.1:8554/ch1/main"
        assert any("192.168.77.7" in note for note in device.notes)


@pytest.mark.parametrize("host", ["127.0.0.2", "169.254.169.254", "localhost", "[::1]", "0.0.0.0"])
async def test_addresses_of_our_own_machine_are_never_followed(wsdls, host):
    """A device cannot point us at loopback, link-local or the cloud's metadata address."""
    listed = services((onvif.DEVICE, "http://127.0.0.1/x"), (MEDIA, f"http://{host}/latest"))
    odd = OddDevice({"GetServices": envelope(listed)})
    async with odd.serve() as url, opened(url, wsdls=wsdls) as device:
        assert [one.namespace for one in await device.services()] == [onvif.DEVICE]
        assert "never followed" in device.notes[-1]
        with pytest.raises(PeerError, match="which is never followed"):
            await device.profiles()


# --- hostile answers --------------------------------------------------------------------------

BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">'
    b'<!ENTITY c "&b;&b;&b;&b;&b;&b;">]><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope">'
    b"<s:Body>&c;</s:Body></s:Envelope>"
)


async def endless(writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\n\r\n")
    while True:
        writer.write(b"<a>" * 20000)
        await writer.drain()


async def drip(writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b"<")
        await writer.drain()
        await asyncio.sleep(0.05)


async def silence(writer):
    await asyncio.sleep(60)


HUGE = b"HTTP/1.1 200 OK\r\nContent-Length: 2147483648\r\n\r\n<a/>"
HEADERS = b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * (1 << 20) + b"\r\n\r\n"
GZIP = answer(b"\x1f\x8b" + b"0" * 100, headers="Content-Encoding: gzip\r\n")
REDIRECT = answer(b"", 302, "Location: http://169.254.169.254/latest/meta-data\r\n")
HTML = answer(b"<!DOCTYPE html><html><body>Login</body></html>", content_type="text/html")
SOAP11 = answer(b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"/>')
DEEP = answer(b"<a>" * 5000 + b"</a>" * 5000)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (answer(BOMB), "DOCTYPE|not well-formed"),
        (HUGE, "announces 2147483648 bytes"),
        (endless, "more than|no answer within"),
        (REDIRECT, "redirects to http://169.254.169.254"),
        (HTML, "web page"),
        (SOAP11, "SOAP 1.1"),
        (DEEP, "nested|not well-formed|element a"),
        (GZIP, "compresses"),
        (HEADERS, "HTTP|broken|cannot"),
        (answer(b""), "not well-formed"),
        (answer(b"\xff\xfe\x00garbage"), "not well-formed"),
        (b"\x16\x03\x01\x02\x00\x01\x00", "HTTP"),
        (b"", "closed the connection"),
        (drip, "no answer within"),
        (silence, "no answer within"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_hostile_answers_are_refused_in_time_and_named(wsdls, monkeypatch, reply, words):
    """Whatever comes instead of SOAP is a PeerError with the device's name, soon and small."""
    monkeypatch.setattr(onvif, "CALL_S", 0.5)
    await wsdls.spoken(Binding.DEVICE)
    odd = OddDevice({"GetSystemDateAndTime": reply})
    tracemalloc.start()
    began = time.monotonic()
    try:
        async with odd.serve() as url:
            with pytest.raises(PeerError, match=rf"cam-1.*({words})"):
                async with opened(url, wsdls=wsdls):
                    pass
        took_s = time.monotonic() - began
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert took_s < 4
    assert peak < 32 << 20


@pytest.mark.parametrize(
    "body",
    [
        "<tds:GetDeviceInformationResponse/>",
        "<tds:SomethingElse/>",
        "",
        "<tds:GetDeviceInformationResponse><tds:Model>" + "M" * 5000 + "\x07</tds:Model>"
        "</tds:GetDeviceInformationResponse>",
    ],
)
async def test_replies_that_do_not_fit_are_bounded_values_or_errors(wsdls, body):
    """A wrong reply is a value with printable, short texts, or a PeerError; nothing else."""
    body = body.replace("\x07", "&#9;")
    odd = OddDevice({"GetServices": envelope(services()), "*": envelope(body)})
    async with odd.serve() as url, opened(url, wsdls=wsdls) as device:
        with contextlib.suppress(PeerError):
            told = await device.information()
            assert len(told.model) <= 128
            assert told.model.isprintable()


async def test_a_storm_of_faults_stays_an_error_each(wsdls):
    """A device that faults on everything costs one request a call."""
    fault = "<s:Fault><s:Code><s:Value>s:Receiver</s:Value></s:Code><s:Reason><s:Text>" + "x" * 9000
    fault += "</s:Text></s:Reason></s:Fault>"
    odd = OddDevice({"GetServices": envelope(services()), "*": envelope(fault, 500)})
    async with odd.serve() as url, opened(url, wsdls=wsdls) as device:
        before = len(odd.asked)
        for _ in range(20):
            with pytest.raises(OnvifFaultError) as told:
                await device.information()
            assert len(str(told.value)) < 400
        assert len(odd.asked) - before == 20


# --- events -----------------------------------------------------------------------------------


def subscription(address, extra="", ends="12:01:00"):
    return envelope(
        f'<tev:CreatePullPointSubscriptionResponse xmlns:tev="{onvif.EVENTS}" '
        'xmlns:wsa="http://www.w3.org/2005/08/addressing" '
        'xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2">'
        f"<tev:SubscriptionReference><wsa:Address>{address}</wsa:Address>{extra}"
        "</tev:SubscriptionReference><wsnt:CurrentTime>2026-09-21T12:00:00Z</wsnt:CurrentTime>"
        f"<wsnt:TerminationTime>2026-09-21T{ends}Z</wsnt:TerminationTime>"
        "</tev:CreatePullPointSubscriptionResponse>"
    )


PULLED = envelope(
    '<tev:PullMessagesResponse xmlns:tev="http://www.onvif.org/ver10/events/wsdl" '
    'xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2">'
    "<tev:CurrentTime>2026-09-21T12:00:01Z</tev:CurrentTime>"
    "<tev:TerminationTime>2026-09-21T12:01:01Z</tev:TerminationTime>"
    "<wsnt:NotificationMessage><wsnt:Topic>tns1:VideoSource/MotionAlarm</wsnt:Topic>"
    '<wsnt:Message><tt:Message UtcTime="2026-09-21T12:00:00Z"/></wsnt:Message>'
    "</wsnt:NotificationMessage></tev:PullMessagesResponse>"
)
ASKED = services(
    (onvif.DEVICE, "http://127.0.0.1/x"), (onvif.EVENTS, "http://10.9.8.7:81/event_service")
)


async def test_a_pull_point_echoes_its_reference_and_keeps_its_address(wsdls):
    """Reference parameters come back as headers and wsa:To names what the device calls itself."""
    extra = '<wsa:ReferenceParameters><v:Id xmlns:v="urn:v">7</v:Id></wsa:ReferenceParameters>'
    odd = OddDevice(
        {
            "GetServices": envelope(ASKED),
            "CreatePullPointSubscription": subscription("http://10.9.8.7:81/sub?x=1", extra),
            "PullMessages": PULLED,
        }
    )
    async with odd.serve() as url, opened(url, wsdls=wsdls) as device:
        async with device.pull_point(filter_topic="tns1:VideoSource//.") as point:
            pulled = await point.pull(1.0, 10)
        assert pulled.termination_utc_us - pulled.current_utc_us == 60_000_000
        assert b"MotionAlarm" in pulled.messages[0]
    assert odd.asked[-3:] == ["CreatePullPointSubscription", "PullMessages", "Unsubscribe"]
    (created, _), (_, pull) = odd.requests[-3], odd.requests[-2]
    assert created.startswith("POST /event_service")
    assert odd.requests[-2][0].startswith("POST /sub?x=1 ")
    assert b">http://10.9.8.7:81/sub?x=1</" in pull
    assert b'IsReferenceParameter="true">7</' in pull
    assert b"tns1:VideoSource//." in odd.requests[-3][1]


async def test_a_device_that_cuts_subscriptions_short_gets_absolute_times(wsdls):
    """Where PT60S is read as no time at all, renewals name the moment by the device's clock."""
    odd = OddDevice(
        {
            "GetServices": envelope(ASKED),
            "CreatePullPointSubscription": subscription("http://10.9.8.7/sub", ends="12:00:01"),
        }
    )
    async with odd.serve() as url, opened(url, wsdls=wsdls) as device:
        async with device.pull_point() as point:
            with pytest.raises(PeerError):
                await point.renew(60)
        renewal = next(body for _, body in odd.requests if b"Renew" in body)
        assert b"2026-09-21T12:0" in renewal


async def test_a_subscription_that_points_elsewhere_is_refused(wsdls):
    """The address of a subscription obeys the same rules as every other."""
    odd = OddDevice(
        {
            "GetServices": envelope(ASKED),
            "CreatePullPointSubscription": subscription("http://169.254.169.254/sub"),
        }
    )
    async with odd.serve() as url, opened(url, wsdls=wsdls) as device:
        with pytest.raises(PeerError, match="never followed"):
            async with device.pull_point():
                pass


async def test_the_strict_event_service_is_understood(wsdls):
    """Subscribe, pull, renew, synchronise and unsubscribe against the strict service."""
    service = EventService(onvif_clock())
    async with (
        strict_device(more=[service]) as (simulated, _, url),
        opened(url, wsdls=wsdls) as device,
    ):
        assert device.has_events
        async with device.pull_point() as point:
            pulled = await point.pull(0.2, 10)
            assert pulled.messages == ()
            await point.renew(60)
            await point.synchronise()
        assert {"Renew", "SetSynchronizationPoint", "Unsubscribe"} <= set(simulated.calls)


# --- the library ------------------------------------------------------------------------------


async def test_the_library_still_has_what_is_touched_of_its_inside():
    """Fails on an upgrade that moves a private name which the adapter uses (pinned: 4.3.0)."""
    from importlib.metadata import version

    import onvif as library
    from onvif import client, transport, types, wsa
    from zeep import Settings
    from zeep.wsdl.bindings.soap import Soap12Binding, SoapBinding

    assert version("onvif-zeep-async") == "4.3.0"
    assert library.ONVIFCamera
    assert (client.Path(client._WSDL_PATH) / "devicemgmt.wsdl").is_file()
    assert callable(client.DocumentWithDeferredLoad.original_load)
    assert types.FastDateTime._default_qname.localname == "dateTime"
    assert types.ForgivingTime._default_qname.localname == "time"
    assert isinstance(transport.ASYNC_TRANSPORT, transport.AsyncSafeTransport)
    assert wsa.WsAddressingIfMissingPlugin
    names = list(inspect.signature(SoapBinding._create).parameters)
    assert names == ["self", "operation", "args", "kwargs", "client", "options"]
    assert Soap12Binding.get
    token = client.UsernameDigestTokenDtDiff("u", "p", None, use_digest=True)
    assert token.created is None
    assert Settings(forbid_dtd=True, forbid_external=True, forbid_entities=True)


async def test_loading_wsdls_leaves_the_log_alone_and_needs_no_network(monkeypatch):
    """The library's logging set-up is undone and every schema comes from files."""
    handlers = logging.getLogger().handlers[:]
    monkeypatch.setattr("socket.socket.connect", None)
    for binding in Binding:
        assert (await Wsdls().spoken(binding)).binding.get
    assert logging.getLogger().handlers == handlers


async def test_wsdls_are_parsed_once(wsdls):
    """Two devices share one parsed WSDL."""
    first = await wsdls.spoken(Binding.MEDIA2)
    second = await wsdls.spoken(Binding.MEDIA2)
    assert first.binding is second.binding
