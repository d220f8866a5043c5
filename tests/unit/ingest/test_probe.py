# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Probing: sessions one after the other, never more than needed."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from gateway.ingest import tls
from gateway.ingest.camera import open_session
from gateway.ingest.onvif_model import (
    DeviceInformation,
    MediaProfile,
    NtpState,
    OnvifTarget,
    Service,
    TimeKind,
)
from gateway.ingest.probe import Order, Prober, _variants
from gateway.ingest.probed import Certificate, Outcome, Way
from gateway.ingest.source import SessionStatistics, StreamSource, Trust
from gateway.ingest.stall import StallError
from gateway.model.errors import BusyError, CredentialError, PeerError, WireError
from gateway.model.media import Codec
from gateway.model.registry import Transport
from gateway.runtime.clock import SystemClock
from tests.fakes import FakeClock, unit
from tests.virtual_camera import USERS, virtual_camera

SOURCE = StreamSource("c", "rtsp://127.0.0.1:1/live", user="admin", password="s3cret")
TARGET = OnvifTarget("c", "http://127.0.0.1:1/onvif/device_service")


class FakeSession:
    """Publishes what it was given, then raises or waits for ever."""

    def __init__(self, source, sink, units=(), error=None):
        self.source, self._sink, self._units, self._error = source, sink, units, error
        self.open = False

    async def run(self):
        self.open = True
        try:
            for one in self._units:
                self._sink.on_unit(one)
                await asyncio.sleep(0)
            if self._error is not None:
                raise self._error
            await asyncio.Event().wait()
        finally:
            self.open = False

    def statistics(self):
        return SessionStatistics(size_px=(320, 180), transport=self.source.transport.value)


class Camera:
    """What each attempt meets, by transport or scheme."""

    def __init__(self, **answers):
        self.answers = answers
        self.sessions = []

    def __call__(self, source, sink):
        assert not any(one.open for one in self.sessions), "two sessions at once"
        key = "tls" if source.scheme == "rtsps" else source.transport.value
        units, error = self.answers.get(key, ((), PeerError("nobody there")))
        self.sessions.append(FakeSession(source, sink, units, error))
        return self.sessions[-1]


PLAYS = (tuple(unit(n, key=n % 10 == 0) for n in range(30)), PeerError("over"))


async def probe(camera, order=None, **more):
    told = []
    prober = Prober(camera, FakeClock(), lambda it, en: told.append((it, en)))
    for name, value in more.items():
        setattr(prober, name, value)
    result = await prober.probe(order or Order(SOURCE))
    assert all(it and en for it, en in told)
    return result


@pytest.mark.parametrize(
    ("answer", "outcome", "attempts"),
    [
        (PLAYS, Outcome.MEASURED, 2),
        (((), CredentialError("401")), Outcome.REFUSED, 1),
        (((), BusyError("453")), Outcome.BUSY, 1),
        (((), PeerError("gone")), Outcome.UNREACHABLE, 1),
        (((), WireError("garbage")), Outcome.UNUSABLE, 1),
        (((), StallError("silence")), Outcome.NO_PICTURE, 2),
        (((unit(1),), StallError("no key")), Outcome.NO_PICTURE, 2),
    ],
)
async def test_how_an_attempt_ends_decides_whether_another_follows(answer, outcome, attempts):
    """A camera that refused, is full or away is not asked again."""
    camera = Camera(tcp=answer, udp=PLAYS)
    result = await probe(camera)
    assert result.outcome is outcome
    assert len(camera.sessions) == attempts
    assert not any(one.open for one in camera.sessions)


async def test_the_first_refusal_ends_everything():
    """UDP is refused: ONVIF is not asked with the same password."""
    asked = []

    @asynccontextmanager
    async def device(target):
        asked.append(target)
        yield None

    camera = Camera(tcp=PLAYS, udp=((), CredentialError("401")))
    result = await probe(camera, Order(SOURCE, device=TARGET), open_device=device)
    assert [(one.way, one.works, one.refused) for one in result.trials[-1:]] == [
        (Way.UDP, False, True)
    ]
    assert asked == []


@pytest.mark.parametrize(
    ("udp", "ways"),
    [
        (PLAYS, [Way.TCP, Way.UDP, Way.TLS]),
        (((), CredentialError("401")), [Way.TCP, Way.UDP]),
    ],
)
async def test_tls_is_tried_last_and_pinned_to_what_was_seen(monkeypatch, udp, ways):
    """Only while nobody has refused us; held to the certificate that is shown to the person."""

    async def seen(host, port):
        return "ab" * 32

    monkeypatch.setattr(tls, "seen", seen)
    camera = Camera(tcp=PLAYS, udp=udp, tls=PLAYS)
    result = await probe(camera)
    assert [one.way for one in result.trials] == ways
    assert result.certificate.sha256 == "ab" * 32
    if Way.TLS in ways:
        last = camera.sessions[-1].source
        assert (last.url, last.trust.sha256) == ("rtsps://127.0.0.1:322/live", "ab" * 32)


async def test_a_pin_of_the_registry_is_not_replaced_by_what_was_seen():
    """Whoever answers on the TLS port gets no password unless it shows the pinned certificate."""
    pinned = StreamSource("uno", "rtsp://127.0.0.1/live", trust=Trust(sha256="cd" * 32))
    _, (way, source) = _variants(pinned, Certificate("ab" * 32, 322))
    assert (way, source.trust.sha256) == (Way.TLS, "cd" * 32)


async def test_an_attempt_over_udp_tries_tcp_too():
    """Whichever the registry names, the other is told as well."""
    camera = Camera(tcp=PLAYS, udp=((), StallError("no packets")))
    result = await probe(camera, Order(replace(SOURCE, transport=Transport.UDP)))
    assert [(one.way, one.works) for one in result.trials] == [
        (Way.UDP, False), (Way.TLS, False), (Way.TCP, True),
    ]  # fmt: skip


async def test_what_is_encrypted_is_never_asked_in_clear():
    """A session by TLS has no other way."""
    camera = Camera(tls=PLAYS)
    result = await probe(camera, Order(replace(SOURCE, url="rtsps://127.0.0.1:1/live")))
    assert [one.way for one in result.trials] == [Way.TLS]
    assert len(camera.sessions) == 1


async def test_one_way_is_enough_where_the_order_says_so():
    """Recorders with few sessions are spared."""
    camera = Camera(tcp=PLAYS, udp=PLAYS)
    await probe(camera, Order(SOURCE, other_ways=False))
    assert len(camera.sessions) == 1


async def test_only_key_pictures_are_handed_out():
    """Whoever needs a picture takes the newest; a plain probe keeps none."""
    taken = []
    await probe(Camera(tcp=PLAYS), on_key=taken.append)
    assert [one.pts_90k for one in taken] == [0, 30_000, 60_000]


class Device:
    """An ONVIF device that answers."""

    clock_offset_s, has_events, has_media2, notes = 1.5, True, True, ("odd",)

    def __init__(self, problem=None):
        self.problem = problem

    async def information(self):
        if self.problem:
            raise self.problem
        return DeviceInformation("ACME", "C1", "1.0")

    async def services(self):
        return (Service("http://www.onvif.org/ver20/media/wsdl", "http://x/"),)

    async def profiles(self):
        return (
            MediaProfile(
                "p0", "main", "v0", "cam", "e0", Codec.H264, (1920, 1080), 25, 50, 0, True
            ),
        )

    async def ntp(self):
        return NtpState(False, ("192.0.2.1",), 0.0, TimeKind.NTP)


@pytest.mark.parametrize("problem", [None, PeerError("no SOAP")])
async def test_the_device_is_asked_last(problem):
    """What it says is told; that it says nothing is a remark, not a failure of the probe."""

    @asynccontextmanager
    async def device(target):
        yield Device(problem)

    result = await probe(Camera(tcp=PLAYS), Order(SOURCE, device=TARGET), open_device=device)
    assert result.outcome is Outcome.MEASURED
    if problem:
        assert result.device.problem == "no SOAP"
        assert "onvif-fails" in [one.code for one in result.findings]
    else:
        assert (result.device.manufacturer, result.device.time_from) == ("ACME", "NTP")
        assert result.device.profiles[0].size_px == (1920, 1080)


async def test_cancelling_closes_the_session():
    """Whoever presses Ctrl-C leaves no session at the camera."""
    camera = Camera(tcp=(PLAYS[0], None))
    task = asyncio.ensure_future(probe(camera))
    while not camera.sessions or not camera.sessions[0].open:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not camera.sessions[0].open


@pytest.fixture
def real():
    clock = SystemClock()
    return Prober(
        lambda source, sink: open_session(source, sink, clock=clock), clock, lambda *_: None
    )


async def test_our_own_camera_is_measured(real):
    """Real sessions over sockets: codec, size, rate and sign-in."""
    async with virtual_camera(credentials=USERS) as port:
        source = replace(SOURCE, url=f"rtsp://127.0.0.1:{port}/live")
        result = await real.probe(Order(source, seconds=2.0))
    assert result.outcome is Outcome.MEASURED, result.problem
    assert result.stream.codec is Codec.H264
    assert result.session.size_px == (320, 180)
    assert result.stream.fps == pytest.approx(25, abs=1.5)
    assert result.stream.fps_arrival == pytest.approx(25, abs=1.5)
    assert result.session.authentication.startswith("Digest")
    assert result.trials[0].works
    assert "in-clear" in [one.code for one in result.findings]


async def test_a_wrong_password_is_offered_once(real):
    """The account is not locked by us."""
    async with virtual_camera(credentials=USERS) as port:
        url = f"rtsp://127.0.0.1:{port}/live"
        result = await real.probe(Order(replace(SOURCE, url=url, password="wrong")))
    assert result.outcome is Outcome.REFUSED
    assert len(result.trials) == 1
    assert "wrong" not in repr(result)
