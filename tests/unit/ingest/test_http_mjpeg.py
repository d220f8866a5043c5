# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.ingest.http_mjpeg: real servers, real pictures, and hostile answers."""

import asyncio
import base64
import contextlib
import hashlib
import ssl
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.ingest.http_mjpeg import MjpegSession, size_px
from gateway.ingest.source import Sink, StreamSource, Trust
from gateway.ingest.stall import StallError
from gateway.model.errors import BusyError, CredentialError, PeerError, WireError
from gateway.model.media import Codec
from gateway.runtime.clock import SystemClock
from gateway.wire.digest import Proved, Verifier
from gateway.wire.sdp import UnusableStreamError
from tests.goldens import golden
from tests.ports import free_port

STREAM = golden("quirk-boundary-with-dashes.multipart").partition(b"\r\n\r\n")[2]
OK = b"HTTP/1.1 200 OK\r\nServer: Cam/1\r\nContent-Type: multipart/x-mixed-replace; boundary=--my"
OK += b"boundary\r\n\r\n"


class Pull:
    """A session with what it published; `end` is how it ended."""

    def __init__(self, url, **options):
        self.units, self.playing = [], 0
        usual = {"least_stall_s": 1.0, "connect_s": 2.0}
        sink = Sink(self.units.append, lambda _: None, self._played)
        source = StreamSource("gate", url, **{**usual, **options})
        self.session = MjpegSession(source, sink, clock=SystemClock())

    def _played(self):
        self.playing += 1

    async def end(self):
        async with asyncio.timeout(30):
            try:
                await self.session.run()
            except PeerError as error:
                return error
        raise AssertionError("a session that returns")


@contextlib.asynccontextmanager
async def web(answer, *, hold=False, tls=None):
    """A server that answers each request (its head) with bytes; `hold` keeps the line open."""
    writers = []

    async def serve_one(reader, writer):
        writers.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            request = await reader.readuntil(b"\r\n\r\n")
            writer.write(answer(request))
            await writer.drain()
            if hold:
                await reader.read()
        writer.close()

    server = await asyncio.start_server(serve_one, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await server.wait_closed()


def status(line, *headers):
    return b"HTTP/1.1 %s\r\n%sContent-Length: 0\r\n\r\n" % (
        line,
        b"".join(one + b"\r\n" for one in headers),
    )


async def test_pictures_come_whole_with_size_and_times():
    """Three pictures, each a key unit of its own, times rising; then the end is told."""
    async with web(lambda _: OK + STREAM) as port:
        pull = Pull(f"http://127.0.0.1:{port}/video?x=secret")
        error = await pull.end()
    assert str(error) == f"http://127.0.0.1:{port} ended the stream"
    assert pull.playing == 1
    assert [unit.is_key for unit in pull.units] == [True] * 3
    assert all(unit.codec is Codec.JPEG and len(unit.nals) == 1 for unit in pull.units)
    assert len({unit.pts_90k for unit in pull.units}) == 3
    found = pull.session.statistics()
    assert (found.codec, found.size_px, found.server) == (Codec.JPEG, (64, 48), "Cam/1")
    assert found.transport == "HTTP"


def challenge(scheme, verifier=None):
    """Answer with a challenge until the request proves itself."""

    def answer(request):
        head = request.decode()
        found = [one for one in head.split("\r\n") if one.startswith("Authorization: ")]
        value = found[0].removeprefix("Authorization: ") if found else ""
        uri = head.split(" ")[1]
        if scheme == "Basic":
            fine = value == "Basic " + base64.b64encode(b"admin:s3cret").decode()
            wanted = (b'WWW-Authenticate: Basic realm="cam"',)
        else:
            fine = bool(value) and verifier.verify(value, "GET", uri, 5.0) is Proved.YES
            wanted = tuple(b"WWW-Authenticate: " + v.encode() for v in verifier.challenges(5.0))
        return OK + STREAM if fine else status(b"401 Unauthorized", *wanted)

    return answer


@pytest.mark.parametrize("scheme", ["Basic", "Digest SHA-256"])
async def test_a_camera_that_asks_is_told_who_we_are(scheme):
    """Nothing is sent before it asked; the query is part of what is proved."""
    verifier = Verifier("cam", {"admin": "s3cret"}, bytes(16))
    async with web(challenge(scheme, verifier)) as port:
        url = f"http://127.0.0.1:{port}/video?channel=1"
        pull = Pull(url, user="admin", password="s3cret")
        await pull.end()
        assert len(pull.units) == 3
        assert pull.session.statistics().authentication == scheme
        error = await Pull(url, user="admin", password="wr0ng").end()
        assert isinstance(error, CredentialError)
        assert "wr0ng" not in str(error)
        assert isinstance(await Pull(url).end(), CredentialError)


@pytest.mark.parametrize(
    ("line", "kind", "words"),
    [
        (b"403 Forbidden", CredentialError, "may not see"),
        (b"404 Not Found", UnusableStreamError, "answers 404"),
        (b"503 Service Unavailable", BusyError, "answers 503"),
        (b"453 Not Enough Bandwidth", BusyError, "answers 453"),
        (b"500 Oops", PeerError, "answers 500 Oops"),
    ],
)
async def test_refusals_are_told_apart(line, kind, words):
    """Each means another wait and other words."""
    async with web(lambda _: status(line, b"Retry-After: 20")) as port:
        error = await Pull(f"http://127.0.0.1:{port}/").end()
    assert type(error) is kind
    assert words in str(error)
    if kind is BusyError:
        assert error.retry_after_s == 20


async def test_redirects_are_followed_on_the_same_host_only():
    """To another path yes, to another host no, unless it was allowed."""

    def answer(request):
        path = request.split(b" ")[1]
        away = {b"/a": b"/b", b"/evil": b"http://198.51.100.1/x", b"/loop": b"/loop"}.get(path)
        return status(b"302 Found", b"Location: " + away) if away else OK + STREAM

    async with web(answer) as port:
        pull = Pull(f"http://127.0.0.1:{port}/a")
        await pull.end()
        assert len(pull.units) == 3
        error = await Pull(f"http://127.0.0.1:{port}/evil").end()
        assert "redirects to http://198.51.100.1: not followed to another host" in str(error)
        assert "in a circle" in str(await Pull(f"http://127.0.0.1:{port}/loop").end())
        allowed = Pull(f"http://localhost:{port}/a", hosts=("127.0.0.1",))
        await allowed.end()
        assert len(allowed.units) == 3


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>", UnusableStreamError),
        (b"RTSP/1.0 200 OK\r\n\r\n", PeerError),
        (b"\x00" * 100 + b"\r\n\r\n", WireError),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 99_999 + b"\r\n\r\n", WireError),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", PeerError),
        (OK + b"--myboundary\r\nContent-Length: 99999999\r\n\r\n", WireError),
        (b"", PeerError),
    ],
)
async def test_what_is_no_stream_is_explained(answer, kind):
    """Any bytes end as an error of the camera's, in words without the path."""
    async with web(lambda _: answer) as port:
        error = await Pull(f"http://127.0.0.1:{port}/secret").end()
    assert isinstance(error, kind)
    assert str(error).startswith(f"http://127.0.0.1:{port}")
    assert "secret" not in str(error)


async def test_pictures_that_stop_are_a_stall():
    """The line stays open, nothing comes: noticed after the bound."""
    async with web(lambda _: OK + STREAM, hold=True) as port:
        pull = Pull(f"http://127.0.0.1:{port}/")
        error = await pull.end()
    assert isinstance(error, StallError)
    assert "no picture for 1 s" in str(error)
    assert len(pull.units) == 3


async def test_a_server_that_does_not_answer_is_given_up():
    """Neither before nor after the connection is there a wait without end."""
    async with web(lambda _: b"", hold=True) as port:
        error = await Pull(f"http://127.0.0.1:{port}/", connect_s=0.5).end()
        assert str(error).endswith("does not answer HTTP within 0.5 s")
    error = await Pull(f"http://127.0.0.1:{port}/").end()
    assert str(error) == f"http://127.0.0.1:{port} is unreachable: Connection refused"


async def test_cancelling_leaves_nothing_behind():
    """No task and no connection outlives the session."""
    async with web(lambda _: OK + STREAM, hold=True) as port:
        before = asyncio.all_tasks()
        pull = Pull(f"http://127.0.0.1:{port}/", least_stall_s=30.0)
        task = asyncio.create_task(pull.session.run())
        async with asyncio.timeout(30):
            while len(pull.units) < 3:
                await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0)
        assert {
            one for one in asyncio.all_tasks() - before if "serve_one" not in repr(one)
        } == set()


@pytest.fixture
def sealed(tmp_path):
    """A server's TLS context with a certificate of its own, and the certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "camera")])
    now = datetime(2026, 11, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "camera.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context, hashlib.sha256(made.public_bytes(serialization.Encoding.DER)).hexdigest()


async def test_https_is_verified_and_nothing_is_sent_to_a_stranger(sealed):
    """Pinned: pictures. Wrong pin or no pin: refused before the request, with the fingerprint."""
    context, fingerprint = sealed
    asked = []

    def answer(request):
        asked.append(request)
        return OK + STREAM

    async with web(answer, tls=context) as port:
        url = f"https://127.0.0.1:{port}/"
        pull = Pull(url, trust=Trust(sha256=fingerprint))
        await pull.end()
        assert len(pull.units) == 3
        assert pull.session.statistics().tls.startswith("TLSv1.3 ")
        asked.clear()
        wrong = await Pull(url, trust=Trust(sha256="0" * 64)).end()
        assert f"another certificate than the pinned one, SHA-256 {fingerprint}" in str(wrong)
        unknown = await Pull(url).end()
        assert fingerprint in str(unknown)
    assert asked == []


@pytest.mark.peer
@pytest.mark.timeout(60)
async def test_pictures_of_ffmpeg_are_what_it_painted(program):
    """A third party's server: half red, half blue, as decoded from what we published."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(program("ffmpeg"), "-loglevel", "error", "-re", "-f", "lavfi", "-i"),
        "color=red:s=160x120:r=10,drawbox=x=80:w=80:h=120:color=blue:t=fill",
        *("-c:v", "mjpeg", "-q:v", "3", "-f", "mpjpeg", "-listen", "1"),
        f"http://127.0.0.1:{port}/cam",
        stdin=asyncio.subprocess.DEVNULL,
    )
    try:
        pull = Pull(f"http://127.0.0.1:{port}/cam")
        await _pull_some(pull, 12)
    finally:
        process.kill()
        await process.wait()
        process._transport.close()
    assert size_px(pull.units[0].nals[0]) == (160, 120)
    for unit in pull.units[:12]:
        _check_halves(unit)
    times_s = [unit.received.monotonic_s for unit in pull.units]
    assert 0.5 < times_s[11] - times_s[1] < 3


@pytest.mark.peer
@pytest.mark.timeout(60)
async def test_pictures_of_gstreamer_are_what_it_painted(program):
    """Another third party: multipartmux behind a plain HTTP head."""
    command = (
        f"{program('gst-launch-1.0')} -q videotestsrc pattern=solid-color foreground-color="
        "0xffff0000 num-buffers=20 ! video/x-raw,width=160,height=120,framerate=20/1 ! jpegenc ! "
        "multipartmux boundary=spionisto ! fdsink fd=1"
    )
    process = await asyncio.create_subprocess_shell(command, stdout=-1)
    body = await process.stdout.read()
    assert await process.wait() == 0
    process._transport.close()
    head = b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=spionisto\r\n\r\n"
    async with web(lambda _: head + body + b"--spionisto\r\n") as port:
        pull = Pull(f"http://127.0.0.1:{port}/")
        await pull.end()
    assert len(pull.units) == 20
    pixels = cv2.imdecode(np.frombuffer(pull.units[7].nals[0], np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(pixels.reshape(-1, 3).mean(0) - (0, 0, 255)).max() < 24


async def _pull_some(pull, count):
    """Try until the server listens, then until so many pictures came."""
    task = asyncio.create_task(_insist(pull))
    try:
        async with asyncio.timeout(30):
            while len(pull.units) < count:
                await asyncio.sleep(0.02)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _insist(pull):
    while True:
        await pull.end()
        await asyncio.sleep(0.1)


def _check_halves(unit):
    pixels = cv2.imdecode(np.frombuffer(unit.nals[0], np.uint8), cv2.IMREAD_COLOR)
    left, right = pixels[:, :72].reshape(-1, 3).mean(0), pixels[:, 88:].reshape(-1, 3).mean(0)
    assert np.abs(left - (0, 0, 255)).max() < 12
    assert np.abs(right - (255, 0, 0)).max() < 12


async def test_a_camera_that_has_used_digest_never_gets_the_password_in_clear():
    """A later session of the same source is asked for Basic: words, and no password."""
    verifier = Verifier("cam", {"admin": "s3cret"}, bytes(16))
    asks, heard = [challenge("Digest", verifier)], []

    def answer(request):
        heard.append(request)
        return asks[0](request)

    async with web(answer) as port:
        pull = Pull(f"http://127.0.0.1:{port}/v", user="admin", password="s3cret")
        await pull.end()
        assert len(pull.units) == 3
        asks[0] = challenge("Basic")
        again = MjpegSession(pull.session._source, pull.session._sink, clock=SystemClock())
        with pytest.raises(CredentialError, match="although it has used Digest before"):
            await again.run()
    assert len(heard) == 3
    assert not any(b"Basic " in one for one in heard)
