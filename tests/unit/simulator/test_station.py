# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
import asyncio
import json

import pytest

from gateway.simulator.station import CentralStation
from gateway.wire.dc09 import Content, Token
from tests.dc09_parts import dialled
from tests.fakes import FakeClock

KEY = b"0123456789abcdef"


async def test_it_acknowledges_and_writes_down_what_its_key_opens(tmp_path):
    """Alarms with their blocks; a line that is only alive is acknowledged and nothing more."""
    told, clock, ready = tmp_path / "told.jsonl", FakeClock(), asyncio.Event()
    station, ports = CentralStation(KEY, told, clock), []

    def listening(port):
        ports.append(port)
        ready.set()

    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(station.serve("127.0.0.1", 0, listening))
        await ready.wait()
        now_us = clock.now().utc_us
        async with dialled(ports[0], key=KEY) as box:
            assert (await box.say(Token.NULL, 0, Content("", (), now_us))).token is Token.ACK
            said = Content("Nri1/RX000", (("I", "ESERCITAZIONE"),), now_us)
            reply = await box.say(Token.SIA, 7, said)
            assert (reply.token, reply.sequence, reply.encrypted) == (Token.ACK, 7, True)
        async with dialled(ports[0], key=b"another key here") as stranger:
            said = Content("Nri1/BA001", (), now_us)
            with pytest.raises(asyncio.IncompleteReadError):
                await stranger.say(Token.SIA, 8, said)
        serving.cancel()
    (line,) = told.read_text().splitlines()
    assert json.loads(line) == {"account": "1A2B", "data": "Nri1/RX000", "I": "ESERCITAZIONE"}
