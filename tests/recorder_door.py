# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The door for recording programs on a real port, before a box of real parts."""

import asyncio
import contextlib
from dataclasses import replace

from gateway.access.gate import Gate, Surroundings
from gateway.access.identity import hash_password
from gateway.assembly.recorders import RecorderDesk, RecorderParts, bind_recorders
from gateway.assembly.viewing import Accountant
from gateway.model.media import StreamKind, StreamState, StreamStatus
from gateway.runtime.clock import SystemClock
from gateway.runtime.fanout import Fanout
from tests.certificates import Certificate
from tests.footage import scene
from tests.rtsp_line import Encoder
from tests.unit.assembly.exits import exits_of
from tests.unit.assembly.parts import CONFIG, entries, opened_box, secret_file, town

SECRET = "segreto-del-vms-1234"
MACHINE = """
[[user]]
id = "vms"
name = "Registratore della sala"
role = "machine"
organisation = "sala-pl"
[[permit]]
id = "vms"
role = "machine"
actions = ["live"]
purposes = ["servizio"]
"""
SCENE = scene(25, gop=5, visits=range(25), size=(320, 240))


class Post:
    """What is asked of a camera here."""

    def __init__(self):
        self.fan = Fanout()

    def fanout(self, _kind):
        return self.fan

    def rendition(self, _kind):
        return StreamKind.MAIN

    def status(self, _kind=None):
        return StreamStatus(StreamState.LIVE)


class Door:
    """The door, what is behind it, and the ledger."""

    def __init__(self, opened, desk, port, certificate):
        self.opened, self.desk, self.port, self.certificate = opened, desk, port, certificate

    def url(self, camera="uno", login=f"vms:{SECRET}"):
        """Return where a program reads, its login in the address as programs write it."""
        scheme = "rtsps" if self.certificate else "rtsp"
        return f"{scheme}://{login}@127.0.0.1:{self.port}/{camera}"

    async def entries(self, event=None):
        return await entries(self.opened.ledger, event)


@contextlib.asynccontextmanager
async def recorder_door(folder, *, tls=False, more="", mask="", units=SCENE):
    """Open a door; a camera plays behind it in real time."""
    certificate = Certificate(folder, "127.0.0.1") if tls else None
    files = ""
    if certificate:
        certificate.key_file.chmod(0o600)
        files = (
            f'tls_certificate = "{certificate.certificate_file}"\n'
            f'tls_key = "{certificate.key_file}"\n'
        )
    else:
        secret = secret_file(folder, "vms.secret", SECRET)
        more = f'password = "file:{secret}"\n{more}'
    config = f"""{CONFIG}
[vms]
host = "127.0.0.1"
port = 1
{files}
[[vms.account]]
user = "vms"
purpose = "servizio"
case = "OdS 12/2026"
{more}
"""
    seed = town(folder, more=MACHINE + mask)
    async with opened_box(folder, seed, config=config) as opened, asyncio.TaskGroup() as tasks:
        await opened.registry.set_password("vms", await asyncio.to_thread(hash_password, SECRET))
        around = Surroundings(signed_in=opened.accounts.is_signed_in)
        clock = SystemClock()
        gate = Gate(opened.journal, opened.masks.current, opened.outbox.get, clock, around)
        accountant = Accountant(gate, opened.endings, tasks)
        posts = {"uno": Post()}
        parts = RecorderParts(
            opened.accounts, gate, opened.registry.current, posts.get,
            accountant.session_ended, tasks.create_task, clock,
            exits_of(posts.get, opened.masks.current, clock),
        )  # fmt: skip
        desk = RecorderDesk(opened.options.vms, "gateway.toml", parts)
        sock, context = bind_recorders(replace(opened.options.vms, port=0), "gateway.toml")
        port = sock.getsockname()[1]
        running = [
            tasks.create_task(desk.run(sock, context)),
            tasks.create_task(Encoder(units, posts["uno"].fan).run()),
        ]
        try:
            yield Door(opened, desk, port, certificate)
        finally:
            for task in running:
                task.cancel()
            sock.close()
