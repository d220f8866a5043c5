# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
import asyncio
from contextlib import asynccontextmanager

import pytest

from gateway.model.errors import ConfigError, InvariantError, PeerError, StoreError
from gateway.model.registry import Recipient, RecipientKind
from gateway.relay.alarms.plate_courier import PlateCourier, PlatePace
from gateway.runtime.clock import SystemClock
from gateway.runtime.supervise import Policy
from gateway.wire.onvif_mqtt import PlateHit, PlateLabel, parse_plate
from tests.unit.assembly.parts import until

ROOM = Recipient("sala", "Sala", RecipientKind.ROOM, broker="b", topic_prefix="p/sala")
FAST = PlatePace(first_s=0.01, most_s=0.02, redial=Policy(first_s=0.01, most_s=0.01))


def hit(number=1):
    return PlateHit(
        f"019b0000-0000-7000-8000-{number:012x}", "box-1", "cam", "targa-cercata", 1_000_000,
        0.9, "ZQ417XV", "IT", PlateLabel.WANTED,
    )  # fmt: skip


class Parcels:
    """What waits, in memory."""

    def __init__(self, *hits):
        self.left = list(hits)
        self.problems = []
        self.broken = False

    async def waiting(self, recipient):
        if self.broken:
            raise StoreError("disk gone")
        return list(self.left)

    async def sent(self, name, recipient):
        self.left = [one for one in self.left if one.hit != name]

    async def refused(self, name, recipient, problem):
        self.problems.append(problem)


class Broker:
    """Answers with these codes, then with the last one; an exception breaks the line."""

    def __init__(self, *codes):
        self.codes = list(codes)
        self.dials = 0
        self.open = 0
        self.messages = []

    @asynccontextmanager
    async def connect(self, client, *, will):
        assert (client, will) == ("sala-targhe", None)
        self.dials += 1
        self.open += 1
        try:
            yield self
        finally:
            self.open -= 1

    async def publish(self, message):
        code = self.codes.pop(0) if len(self.codes) > 1 else self.codes[0]
        if isinstance(code, Exception):
            raise code
        self.messages.append(message)
        return code


@asynccontextmanager
async def courier(broker, parcels, recipient=ROOM):
    made = PlateCourier(recipient, broker, parcels, box="box-1", clock=SystemClock(), pace=FAST)
    task = asyncio.create_task(made.run())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_no_line_stands_while_there_is_nothing_to_bring():
    """It dials when it is rung for, brings all, and hangs up."""
    broker, parcels = Broker(0x00), Parcels()
    async with courier(broker, parcels) as made:
        await asyncio.sleep(0)
        assert broker.dials == 0
        parcels.left = [hit(1), hit(2)]
        made.ring()
        await until(lambda: not parcels.left and not broker.open, what="brought")
    assert broker.dials == 1
    assert [parse_plate(one.topic, one.payload)[1] for one in broker.messages] == [hit(1), hit(2)]
    assert {(one.retain, one.expiry_s) for one in broker.messages} == {(False, 300)}


@pytest.mark.parametrize("code", [0x10, 0x83, 0x87])
async def test_what_nobody_took_is_tried_again_and_said(code):
    """Nobody subscribed, a broker in trouble, an ACL: it waits here, and is brought at last."""
    broker, parcels = Broker(code, code, code, 0x00), Parcels(hit())
    async with courier(broker, parcels) as made:
        await until(lambda: made.problem, what="said")
        await until(lambda: not parcels.left, what="brought")
        await until(lambda: made.problem == "", what="all is well")
    assert len(parcels.problems) == 3
    assert "ZQ417XV" not in "".join(parcels.problems)


async def test_a_line_that_breaks_is_dialled_again():
    """The message whose answer was lost comes again under the same id."""
    broker, parcels = Broker(PeerError("gone"), 0x00), Parcels(hit())
    async with courier(broker, parcels):
        await until(lambda: not parcels.left, what="brought")
    assert broker.dials == 2


async def test_a_disk_that_cannot_be_read_ends_nothing(caplog):
    """It is said, and looked at again at the next ring."""
    broker, parcels = Broker(0x00), Parcels(hit())
    parcels.broken = True
    async with courier(broker, parcels) as made:
        await until(lambda: "plates-not-read" in caplog.text, what="said")
        parcels.broken = False
        made.ring()
        await until(lambda: not parcels.left, what="brought")


async def test_an_institute_gets_no_plate_whoever_asks():
    """The one way to make the message refuses: nothing was published."""
    institute = Recipient("sala", "Istituto", RecipientKind.INSTITUTE, broker="b")
    broker = Broker(0x00)
    made = PlateCourier(institute, broker, Parcels(hit()), box="b", clock=SystemClock(), pace=FAST)
    with pytest.raises(InvariantError):
        await made._round()
    assert broker.messages == []


def test_a_prefix_that_cannot_be_used_is_said():
    """As for its alarms."""
    wrong = Recipient("sala", "Sala", RecipientKind.ROOM, broker="b", topic_prefix="a/#")
    with pytest.raises(ConfigError):
        PlateCourier(wrong, Broker(0), Parcels(), box="b", clock=SystemClock())
