# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Cameras that want to harm the box: each is refused and named, and the others never notice."""

import base64
import contextlib
import re
import socket
import threading
from pathlib import Path

import httpx
import pytest

from tests.e2e.conftest import LOGIN, seed
from tests.e2e.daemon import Daemon, free_port, promised, until
from tests.e2e.test_faults import HICCUP_S, Pulse
from tests.onvif_parts import DATE, answer, envelope, operation, services

pytestmark = pytest.mark.peer
MOST_GROWTH_MB = 64
OK = "RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\n"


def endless(head):
    """Return a script that answers with a head and then for ever with more of it."""

    def script(connection, asked, port):
        connection.sendall(head.format(cseq=cseq(asked)).encode())
        while True:
            connection.sendall(b"X-More: " + b"a" * 4000 + b"\r\n")

    return script


def saying(text):
    """Return a script that answers everything with the same text."""

    def script(connection, asked, port):
        connection.sendall(text.format(cseq=cseq(asked), port=port).encode("latin-1"))

    return script


def cseq(asked):
    found = re.search(rb"CSeq: (\d+)", asked)
    return int(found[1]) if found else 1


def dribble(connection, asked, port):
    """One octet at a time, never a whole answer."""
    for letter in OK.format(cseq=1) * 1000:
        connection.sendall(letter.encode())
        threading.Event().wait(0.05)


def torrent(connection, asked, port):
    """Interleaved frames for ever, of channels that nobody set up."""
    while True:
        connection.sendall(b"$\x07\xff\xff" + bytes(65_535))


MOVED = "RTSP/1.0 302 Moved\r\nCSeq: {cseq}\r\nLocation: rtsp://"
SCRIPTS = {
    "headers-without-end": (endless(OK), "headers longer than|64 headers|start line"),
    "circle": (saying(MOVED + "127.0.0.1:{port}/again\r\n\r\n"), "circle"),
    "to-the-cloud": (saying(MOVED + "169.254.169.254/latest\r\n\r\n"), "169.254.169.254"),
    "two-gigabytes": (saying(OK + "Content-Length: 2147483648\r\n\r\n"), "length|body"),
    "negative": (saying(OK + "Content-Length: -1\r\n\r\n"), "length"),
    "not-rtsp": (saying("HTTP/1.1 200 OK\r\n\r\n<html>"), "neither RTSP"),
    "dribble": (dribble, "does not answer|no answer"),
    "torrent": (torrent, "does not answer|no answer|before"),
}


@contextlib.contextmanager
def hostile(script, host="127.0.0.1"):
    """Serve one script to whoever connects; yields the port."""
    stop = threading.Event()
    with socket.create_server((host, 0)) as listening:
        listening.settimeout(0.2)
        port = listening.getsockname()[1]

        def attend(connection):
            with connection, contextlib.suppress(OSError):
                connection.settimeout(5)
                while not stop.is_set() and (asked := connection.recv(4096)):
                    script(connection, asked, port)

        def serve():
            while not stop.is_set():
                with contextlib.suppress(OSError):
                    connection, _ = listening.accept()
                    visits.append(threading.Thread(target=attend, args=(connection,)))
                    visits[-1].start()

        visits = []
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield port
        finally:
            stop.set()
            for one in (thread, *visits):
                one.join()


def rss_mb(pid):
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024


def test_hostile_cameras_are_refused_and_named_and_the_others_unharmed(camera, tmp_path):
    """Eight attacks at once: each camera says what is wrong, a neighbour never pauses."""
    good = free_port()
    camera(good)
    with contextlib.ExitStack() as stack:
        ports = {name: stack.enter_context(hostile(one)) for name, (one, _) in SCRIPTS.items()}
        urls = {"uno": f"rtsp://127.0.0.1:{good}/footage"}
        urls |= {name: f"rtsp://127.0.0.1:{port}/x" for name, port in ports.items()}
        with Daemon(tmp_path, seed(tmp_path, urls)) as box:
            box.with_passwords()
            client = box.client("operatore")
            until(lambda: box.cameras(client)["uno"]["state"] == "live", 20, "the good one")
            before_mb = rss_mb(box.process.pid)
            with Pulse(box, "uno") as pulse:
                for name, (_, words) in SCRIPTS.items():
                    until(
                        lambda n=name, w=words: re.search(w, box.cameras(client)[n]["problem"]),
                        30,
                        f"{name}: named ({box.cameras(client)[name]})",
                    )
                    assert box.cameras(client)[name]["state"] != "live"
            assert pulse.longest_s < promised(HICCUP_S)
            assert rss_mb(box.process.pid) - before_mb < MOST_GROWTH_MB
        assert "s3cret-camera" not in box.log.read_text()


# ONVIF -------------------------------------------------------------------------------------------

ELSEWHERE = "127.0.0.9"
"""Where the hostile devices live, so that 127.0.0.1 is somebody else's address."""
MEDIA2 = "http://www.onvif.org/ver20/media/wsdl"
LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lol">'
    + "".join(
        f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefghi", "bcdefghij", strict=True)
    )
    + "]><lolz>&j;</lolz>"
)
READER = '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><x>&f;</x>'
DEVICE = """
[[device]]
id = "{id}"
name = "Apparato {id}"
site = "piazza"
url = "http://{host}:{port}/onvif/device_service"
credential = "file:{secret}"
events = true
"""


class Odd:
    """A device that answers every request with one text; keeps what it was sent."""

    heard = b""

    def __init__(self, reply):
        """`reply` makes the bytes of an answer from the operation and the port of the trap."""
        self._reply = reply
        self.trap = 0

    def __call__(self, connection, asked, port):
        while b"\r\n\r\n" not in asked:
            asked += connection.recv(4096)
        head, _, body = asked.partition(b"\r\n\r\n")
        size = int(re.search(rb"content-length: (\d+)", head, re.IGNORECASE)[1])
        while len(body) < size:
            body += connection.recv(4096)
        self.heard += head + body
        for part in self._reply(operation(body), self.trap):
            connection.sendall(part)
        raise ConnectionAbortedError  # one exchange for each connection


def always(data):
    return Odd(lambda _name, _trap: [data])


def pointing(where):
    """A device whose other services are said to be elsewhere."""

    def reply(name, trap):
        if name == "GetSystemDateAndTime":
            return [envelope(DATE)]
        return [envelope(services((MEDIA2, where.format(trap=trap))))]

    return Odd(reply)


def moved(where):
    return Odd(lambda _name, trap: [answer(b"", 302, f"Location: {where.format(trap=trap)}\r\n")])


def growing(_name, _trap):
    """The head of an answer and then a body without end."""
    yield b"HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\n\r\n<x>"
    while True:
        yield b"a" * 65_536


def trickling(_name, _trap):
    """One octet now and then."""
    for letter in b"HTTP/1.1 200 OK\r\nX: " + b"a" * 1000:
        yield bytes((letter,))
        threading.Event().wait(0.05)


HUGE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\nContent-Length: 2147483648\r\n\r\n"
)
CLEAR = answer(b"", 401, 'WWW-Authenticate: Basic realm="x"\r\n')
ODD = {
    "laughs": (lambda: always(answer(LAUGHS.encode())), "document type|entity"),
    "doctype": (lambda: always(answer(READER.encode())), "document type"),
    "deep": (lambda: always(answer(b"<a>" * 50_000)), "XML"),
    "huge": (lambda: always(HUGE), "announces 2147483648 bytes"),
    "endless": (lambda: Odd(growing), "sends more than"),
    "moved-to-cloud": (lambda: moved("http://169.254.169.254/latest"), "redirects to"),
    "moved-to-trap": (lambda: moved("http://127.0.0.1:{trap}/x"), "redirects to"),
    "points-at-trap": (lambda: pointing("http://127.0.0.1:{trap}/x"), "never followed"),
    "points-at-shell": (lambda: pointing("http://127.0.0.1:22/x"), "never followed"),
    "points-at-cloud": (lambda: pointing("http://169.254.169.254/latest"), "never followed"),
    "html": (lambda: always(answer(b"<html>hello", 200, "", "text/html")), "web page"),
    "clear-password": (lambda: always(CLEAR), "401|refuse|password"),
    "slow": (lambda: Odd(trickling), "no answer within"),
}


@contextlib.contextmanager
def trap():
    """Listen where nobody may ever come; yields the port and who came."""
    came = []
    with hostile(lambda _connection, asked, _port: came.append(asked)) as port:
        yield port, came


def device_problems(box):
    """What /healthz tells of each device."""
    told = httpx.get(f"{box.url}/healthz", timeout=40).json()["problems"]
    lines = [re.fullmatch(r"device (\S+): (.*)", line, re.DOTALL) for line in told]
    return {line[1]: line[2] for line in lines if line}


def unnamed(box):
    """The devices of which the right thing is not told yet, with what is told."""
    told = device_problems(box)
    return {n: told.get(n) for n, (_, w) in ODD.items() if not re.search(w, told.get(n, ""))}


def test_hostile_onvif_devices_are_refused_and_named_and_lead_nowhere(camera, tmp_path):
    """Thirteen attacks at once: each device says what is wrong, nobody is sent elsewhere."""
    good = free_port()
    camera(good)
    odd = {name: make() for name, (make, _) in ODD.items()}
    with contextlib.ExitStack() as stack:
        trap_port, came = stack.enter_context(trap())
        made = seed(tmp_path, {"uno": f"rtsp://127.0.0.1:{good}/footage"})
        for name, device in odd.items():
            device.trap = trap_port
            port = stack.enter_context(hostile(device, ELSEWHERE))
            secret = tmp_path / "camera.secret"
            made += DEVICE.format(id=name, host=ELSEWHERE, port=port, secret=secret)
        with Daemon(tmp_path, made) as box:
            box.with_passwords("operatore")
            client = box.client("operatore")
            until(lambda: box.cameras(client)["uno"]["state"] == "live", 20, "the good one")
            before_mb = rss_mb(box.process.pid)
            with Pulse(box, "uno") as pulse:
                until(lambda: not unnamed(box), 40, "every device is named")
            assert pulse.longest_s < promised(HICCUP_S)
            assert rss_mb(box.process.pid) - before_mb < MOST_GROWTH_MB
        assert not came
        log = box.log.read_text()
    secrets = (LOGIN.partition(":")[2], base64.b64encode(LOGIN.encode()).decode())
    for secret in secrets:
        assert secret not in log
        assert not any(secret.encode() in device.heard for device in odd.values())
