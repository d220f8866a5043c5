# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Attacks on a box as its user starts it: nobody sees a picture without a Grant that holds."""

import asyncio
import os
import socket
import subprocess
from contextlib import contextmanager

import httpx
import pytest

from gateway.model.errors import PeerError
from gateway.simulator.whep_viewer import WhepViewer
from tests.conftest import missing
from tests.e2e.conftest import CAMERA, cameras, seed
from tests.e2e.daemon import PASSWORDS, Daemon, free_port, promised, until

pytestmark = pytest.mark.peer
DARK_S = 2.0
"""From the moment at which a right has ended to the last picture (ADR 5)."""
WHY = "purpose=servizio&case=OS-1"
NOBODY = 65534
SYSTEM_PYTHON = "/usr/bin/python3"
"""Ours may lie where only root can read."""


MORE = """
[[site]]
id = "giardino"
name = "Giardino"
controller = "comune"
kind = "piazza"
state = "attivo"
[[act]]
id = "accordo"
title = "Accordo"
number = "8/2026"
parties = ["Prefettura", "Comune"]
valid_from = 2026-01-01
valid_until = 2099-12-30
dpia = "DPIA 3/2025"
dpia_sha256 = "807cf9abed59de643bf0e442095dd6fe723f186226debf5fd2ce30d3f640fe39"
dpia_date = 2026-01-01
[[act.scope]]
cameras = ["tre"]
recipients = ["sala-pl"]
analytics = []
[[user]]
id = "titolare"
name = "Operatrice"
role = "pl.operator"
organisation = "sala-pl"
[[user]]
id = "installatore"
name = "Operatore di turno"
role = "pl.operator"
organisation = "sala-pl"
"""
"""A site, an act and two people that one end each takes away."""


@contextmanager
def live_box(long_footage, folder):
    """Start a box with three cameras that are live: `due` has a site, `tre` an act of its own."""
    port = free_port()
    url = f"rtsp://127.0.0.1:{port}/footage"
    document = seed(folder, {"uno": url, "due": url})
    head, _, tail = document.partition('id = "due"')
    secret = folder / "camera.secret"
    document = head + 'id = "due"' + tail.replace('"piazza"', '"giardino"', 1)
    document += CAMERA.format(id="tre", url=url, secret=secret) + MORE
    with cameras(long_footage) as camera, Daemon(folder, document) as one:
        camera(port)
        one.with_passwords("operatore", "dpo", "titolare", "installatore")
        client = one.client("operatore")
        until(lambda: {x["state"] for x in one.cameras(client).values()} == {"live"}, 40, "live")
        yield one


@pytest.fixture(scope="module")
def calm(long_footage, tmp_path_factory):
    """One box for all: what a test takes away, no other needs."""
    with live_box(long_footage, tmp_path_factory.mktemp("calm")) as one:
        yield one


def bearer(box, user="operatore"):
    return {"Authorization": box.client(user).headers["Authorization"]}


async def goes_dark(box, identity, camera, end):
    """Watch, call `end`, and assert that no picture comes later than DARK_S after it."""
    async with httpx.AsyncClient(base_url=box.url, headers=identity, timeout=20) as client:
        viewer = WhepViewer(client, f"/whep/{camera}?{WHY}")
        await viewer.__aenter__()
        try:
            await viewer.picture(40)
            await asyncio.to_thread(end)
            ended_s = asyncio.get_running_loop().time()
            with pytest.raises(PeerError):
                while True:
                    await viewer.picture(2)
                    late_s = asyncio.get_running_loop().time() - ended_s
                    assert late_s < promised(DARK_S), "pictures after the right has ended"
        finally:
            await viewer._peer.close()


def apply(box, old, new):
    """Change the registry's document and import it."""
    document = box.folder / "seed.toml"
    text = document.read_text()
    assert old in text
    document.write_text(text.replace(old, new))
    box.varco("registry", "apply", str(document), "--config", str(box.config))


def sign_out(box, identity):
    assert httpx.delete(f"{box.url}/api/session", headers=identity).status_code == 204


def new_password(box, _):
    words = ("user", "password", "operatore", "--stdin", "--config", str(box.config))
    box.varco(*words, stdin="un-altra-parola-1\n")


def suspend(box, _):
    giardino = 'name = "Giardino"\ncontroller = "comune"\nkind = "piazza"\nstate = "{}"'
    apply(box, giardino.format("attivo"), giardino.format("sospeso"))


def disable(box, _):
    apply(box, 'name = "Operatrice"', 'name = "Operatrice"\nenabled = false')


def move(box, _):
    apply(
        box,
        'name = "Operatore di turno"\nrole = "pl.operator"\norganisation = "sala-pl"',
        'name = "Operatore di turno"\nrole = "pl.operator"\norganisation = "comune"',
    )


def expire(box, _):
    apply(box, "valid_until = 2099-12-30", "valid_until = 2026-01-02")


@pytest.mark.parametrize(
    ("end", "user", "camera"),
    [
        (sign_out, "operatore", "uno"),
        (suspend, "operatore", "due"),
        (expire, "operatore", "tre"),
        (move, "installatore", "uno"),
        (disable, "titolare", "uno"),
        (new_password, "operatore", "uno"),
    ],
)
def test_a_look_does_not_outlive_its_right(calm, end, user, camera):
    """Signed out, site suspended, act over, account elsewhere or off, new password: dark in 2 s."""
    identity = bearer(calm, user)
    asyncio.run(goes_dark(calm, identity, camera, lambda: end(calm, identity)))
    if end is new_password:
        calm.with_passwords(user)


def test_a_session_is_its_viewers_alone(calm):
    """A stranger and another user can neither learn of a session nor end it; nor look at all."""
    identity = bearer(calm)

    async def attack():
        async with httpx.AsyncClient(base_url=calm.url, timeout=20) as client:
            client.headers.update(identity)
            viewer = WhepViewer(client, f"/whep/uno?{WHY}")
            await viewer.__aenter__()
            try:
                await viewer.picture(15)
                sdp = viewer._peer.localDescription.sdp
                resource, endpoint = calm.url + viewer.resource, f"{calm.url}/whep/uno?{WHY}"
                for other, wanted in ((bearer(calm, "dpo"), 403), ({}, 401)):
                    async with httpx.AsyncClient(headers=other) as stranger:
                        offered = {"Content-Type": "application/sdp"}
                        replies = (
                            await stranger.get(resource),
                            await stranger.delete(resource),
                            await stranger.post(endpoint, content=sdp, headers=offered),
                        )
                    assert {one.status_code for one in replies} == {wanted}
                await viewer.picture(3)
            finally:
                await viewer._peer.close()

    asyncio.run(attack())


def test_the_media_port_tells_a_stranger_nothing(calm):
    """Checks without the password, DTLS and RTCP out of the blue: not one byte comes back."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.settimeout(0.5)
        for datagram in (
            b"\0\1\0\0\x21\x12\xa4\x42" + bytes(12),
            b"\x16\xfe\xff" + bytes(100),
            b"\x81\xcd\0\3" + bytes(12),
            b"\x80\x60" + bytes(100),
        ):
            stranger.sendto(datagram, ("127.0.0.1", calm.media_port))
        with pytest.raises(TimeoutError):
            stranger.recv(2000)


ASK = """
import socket, sys
with socket.socket(socket.AF_UNIX) as control:
    control.connect(sys.argv[1])
    control.sendall(b"GET /control/status HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
    print(control.recv(100))
"""


def as_nobody(path):
    """Ask the control socket as a user without rights; return what it says."""
    done = subprocess.run(
        [SYSTEM_PYTHON, "-c", ASK, str(path)],
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        cwd="/",
        env={"PATH": "/usr/bin"},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    return done.stdout + done.stderr


def test_another_local_user_commands_nothing(calm):
    """File modes keep others off the control socket; opened up, the socket's peer still counts."""
    if os.geteuid() != 0:
        missing("root, to become another user")
    path = calm.folder / "run" / "control.sock"
    assert "PermissionError" in as_nobody(path)
    path.chmod(0o666)
    for place in path.parents:
        if not place.stat().st_mode & 0o001:
            place.chmod(place.stat().st_mode | 0o001)
    assert "403" in as_nobody(path)
    assert httpx.get(f"{calm.url}/control/status").status_code == 404


def test_no_secret_is_told(calm):
    """Neither log nor metrics nor answers hold a password, a token or a camera's login."""
    identity = bearer(calm)
    token = identity["Authorization"].split()[1]
    told = calm.log.read_text()
    for path in ("/metrics", "/healthz", "/openapi.json", "/api/cameras", "/api/session"):
        told += httpx.get(calm.url + path, headers=identity).text
    for secret in (token, "s3cret-camera", *PASSWORDS.values()):
        assert secret not in told
    for path in ("/api/exercise", "/api/exercise/sessions/operatore"):
        assert httpx.post(calm.url + path).status_code == 404


def test_guessing_is_slow_and_tells_nothing(calm):
    """Known and unknown names get the same answer; guessing ends in a lock, so this comes last."""
    answers = set()
    for user in ("operatore", "nessuno"):
        for number in range(6):
            body = {"user": user, "password": f"tentativo-{number}"}
            reply = httpx.post(f"{calm.url}/api/session", json=body)
            answers.add((reply.status_code, reply.text))
    assert len(answers) == 1
    right = {"user": "operatore", "password": PASSWORDS["operatore"]}
    assert httpx.post(f"{calm.url}/api/session", json=right).status_code == 401
