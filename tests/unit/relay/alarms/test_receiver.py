# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.relay.alarms.receiver: our own panels, pysiaalarm's cipher, and hostile ones."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import pytest
from pysiaalarm import SIAAccount, SIAEvent

from gateway.model.errors import StoreError
from gateway.model.panel import PanelEvent, Qualifier
from gateway.relay.alarms.receiver import Account, Receiver, ReceiverBounds, bare
from gateway.wire import dc09
from gateway.wire.dc09 import Content, Sender, Token
from tests.dc09_parts import KEY, PAD, dialled
from tests.fakes import EPOCH_US, FakeClock
from tests.unit.assembly.parts import ManualClock, until

CLEAR = Account("1A2B")
SECRET = Account("00BEEF", KEY, supervision_s=60.0)


class Book:
    """Keeps events; its disk can refuse."""

    def __init__(self):
        self.events = []
        self.refused = []
        self.full = False

    async def take(self, event):
        await asyncio.sleep(0)
        if self.full:
            raise StoreError("disk is full")
        self.events.append(event)

    def refuse(self, account, peer, problem):
        self.refused.append((account, problem))

    def codes(self):
        return [(one.code, one.qualifier) for one in self.events]


class Bench:
    def __init__(self, *accounts, clock=None, bounds=None):
        self.clock = clock or FakeClock()
        self.book = Book()
        self.known = {bare(one.account): one for one in accounts or (CLEAR, SECRET)}
        self.receiver = Receiver(
            lambda: self.known, self.book.take, self.book.refuse, clock=self.clock, bounds=bounds
        )

    def frame(self, account, token, sequence, data, *, at_us=None, key=None, extended=()):
        now_us = self.clock.now().utc_us if at_us is None else at_us
        content = Content(data, extended, now_us)
        sender = Sender(account, key=key)
        return dc09.message(token, sender, sequence, content, padding=PAD).strip()

    async def hear(self, account, token, sequence, data, **more):
        got = await self.receiver.answer(self.frame(account, token, sequence, data, **more), "p")
        return dc09.parse(got.strip()) if got is not None else None


async def test_an_ack_says_that_it_is_kept():
    """The event is there when the answer is; while the disk refuses there is none."""
    one = Bench()
    one.book.full = True
    assert await one.hear("1A2B", Token.SIA, 1, "Nri1/BA003") is None
    one.book.full = False
    answer = await one.hear("1A2B", Token.SIA, 1, "Nri1/BA003^Porta^")
    assert (answer.token, answer.sequence, answer.account) == (Token.ACK, 1, "1A2B")
    utc_us = EPOCH_US // 1_000_000 * 1_000_000
    assert one.book.events == [PanelEvent("1A2B", "BA", Qualifier.NEW, utc_us, "3", "Porta")]


@pytest.mark.parametrize(
    ("token", "data", "code", "qualifier"),
    [
        (Token.SIA, "Nri1/HA001", "HA", Qualifier.NEW),
        (Token.SIA, "Nri1/BR001", "BA", Qualifier.RESTORE),
        (Token.SIA, "Nri1/TR001", "TA", Qualifier.RESTORE),
        (Token.SIA, "NCL1", "OP", Qualifier.RESTORE),
        (Token.CID, "1120 01 001", "PA", Qualifier.NEW),
        (Token.CID, "1121 01 001", "HA", Qualifier.NEW),
        (Token.CID, "1122 01 001", "HA", Qualifier.NEW),
        (Token.CID, "3130 01 001", "BA", Qualifier.RESTORE),
        (Token.CID, "1137 01 001", "TA", Qualifier.NEW),
        (Token.CID, "6130 01 001", "BA", Qualifier.NEW),
    ],
)
async def test_codes_of_both_kinds_mean_the_same(token, data, code, qualifier):
    """Whatever it came as, the event is in SIA codes of its cause."""
    one = Bench()
    assert (await one.hear("1A2B", token, 1, data)).token is Token.ACK
    assert one.book.codes() == [(code, qualifier)]
    assert one.book.events[0].zone == "1"


@pytest.mark.parametrize(
    ("token", "data"),
    [(Token.SIA, "Nri1/QQ001"), (Token.SIA, "???"), (Token.CID, "1999 01 001"), (Token.CID, "x")],
)
async def test_what_nobody_knows_is_answered_with_duh(token, data):
    """And noted; nothing is made up."""
    one = Bench()
    assert (await one.hear("1A2B", token, 1, data)).token is Token.DUH
    assert one.book.events == []
    ((account, problem),) = one.book.refused
    assert account == "1A2B"
    assert problem.startswith("not understood")


async def test_what_is_known_does_not_wait_for_what_nobody_knows():
    """Three events in one message, one of them strange: two are told, and the third is noted."""
    one = Bench()
    answer = await one.hear("1A2B", Token.SIA, 1, "Nri1/BA001/JX002/TA003")
    assert answer.token is Token.ACK
    assert [(event.code, event.zone) for event in one.book.events] == [("BA", "1"), ("TA", "3")]
    assert ["JX" in problem for _, problem in one.book.refused] == [True]


@pytest.mark.parametrize(
    ("late_s", "token"), [(-21, Token.NAK), (-19, Token.ACK), (39, Token.ACK), (42, Token.NAK)]
)
@pytest.mark.parametrize("who", [CLEAR, SECRET], ids=["clear", "cipher"])
async def test_a_wrong_clock_gets_our_time(who, late_s, token):
    """From 40 s after to 20 s before; a NAK tells ours, and the event is not taken."""
    one = Bench()
    at_us = one.clock.now().utc_us - late_s * 1_000_000
    answer = await one.hear(who.account, Token.SIA, 1, "Nri1/BA001", at_us=at_us, key=who.key)
    assert answer.token is token
    raised = [event for event in one.book.events if event.code == "BA"]
    assert len(raised) == (token is Token.ACK)
    if token is Token.NAK:
        told_us = dc09.parse_content(answer.body, padded=False).utc_us
        assert told_us == one.clock.now().utc_us // 1_000_000 * 1_000_000
        assert any("clock" in status.problem for status in one.receiver.statuses())


async def test_what_is_sent_again_is_told_once():
    """Same number and content: acknowledged again. Another content, or much later: told."""
    one = Bench()
    for _ in range(7):
        assert (await one.hear("1A2B", Token.SIA, 7, "Nri1/BA001")).token is Token.ACK
        one.clock.advance(20)
    assert len(one.book.events) == 1
    await one.hear("1A2B", Token.SIA, 7, "Nri1/BA002")
    one.clock.advance(700)
    await one.hear("1A2B", Token.SIA, 7, "Nri1/BA001")
    assert len(one.book.events) == 3


async def test_a_panel_that_counts_anew_is_heard():
    """Burglary, its end, power off and on, burglary: the third has the first one's number."""
    one = Bench()
    for number, data in ((1, "Nri1/BA001"), (2, "Nri1/BR001"), (1, "Nri1/BA001")):
        assert (await one.hear("1A2B", Token.SIA, number, data)).token is Token.ACK
        one.clock.advance(60)
    assert one.book.codes() == [
        ("BA", Qualifier.NEW),
        ("BA", Qualifier.RESTORE),
        ("BA", Qualifier.NEW),
    ]


async def test_the_time_of_an_event_tells_it_from_another():
    """What has its time is the same message also after others; with another time it is not."""
    one = Bench()
    at_us = one.clock.now().utc_us
    for number, back_s in ((1, 9), (2, 8), (1, 9), (1, 7)):
        block = ("H", dc09.format_time(at_us - back_s * 1_000_000)[1:])
        await one.hear("1A2B", Token.SIA, number, "Nri1/BA001", extended=(block,))
    assert len(one.book.events) == 3


async def test_two_connections_at_once_tell_it_once():
    """The same message on two lines, while the disk works."""
    one = Bench()
    frame = one.frame("1A2B", Token.SIA, 7, "Nri1/BA001")
    async with asyncio.TaskGroup() as tasks:
        both = [tasks.create_task(one.receiver.answer(frame, "p")) for _ in range(2)]
    assert all(task.result() for task in both)
    assert len(one.book.events) == 1


@pytest.mark.parametrize(
    ("account", "key", "problem"),
    [
        ("9999", None, "unknown account"),
        ("BEEF", None, "in clear, and the account has a key"),
        ("BEEF", b"B" * 16, ""),
        ("1A2B", KEY, "encrypted, and there is no key"),
    ],
)
async def test_strangers_get_no_answer(account, key, problem):
    """Unknown, in clear where there is a key, or with a wrong one: silence, and a note."""
    one = Bench()
    assert await one.hear(account, Token.SIA, 1, "Nri1/BA001", key=key) is None
    assert one.book.events == []
    ((told, words),) = one.book.refused
    assert told == account
    assert problem in words


async def test_a_damaged_frame_gets_no_answer():
    """Its CRC is wrong; the panel will send it again."""
    one = Bench()
    frame = one.frame("1A2B", Token.SIA, 1, "Nri1/BA001").replace(b"BA", b"BB")
    assert await one.receiver.answer(frame, "p") is None
    assert one.book.refused[0][0] == ""


async def test_leading_zeros_of_an_account_do_not_matter():
    """`BEEF` and `00BEEF` are one account, and the answer repeats what the panel wrote."""
    one = Bench()
    answer = await one.hear("BEEF", Token.NULL, 0, "", key=KEY)
    assert (answer.token, answer.account, answer.encrypted) == (Token.ACK, "BEEF", True)


async def test_silence_is_an_event_and_its_end_another():
    """Once when the bound has passed, and once when the panel is heard again."""
    one = Bench()
    await one.hear("BEEF", Token.NULL, 0, "", key=KEY)
    one.book.events.clear()
    for _ in range(5):
        one.clock.advance(30)
        await one.receiver.look()
    assert one.book.codes() == [("YC", Qualifier.NEW)]
    assert [s.online for s in one.receiver.statuses()] == [False, False]
    await one.hear("BEEF", Token.NULL, 0, "", key=KEY)
    assert one.book.codes()[1:] == [("YC", Qualifier.RESTORE)]
    await one.hear("BEEF", Token.NULL, 0, "", key=KEY)
    assert len(one.book.events) == 2


async def test_a_disk_that_refuses_loses_no_silence():
    """It is tried again, also that the line is there again."""
    one = Bench(SECRET)
    one.book.full = True
    await one.receiver.look()
    one.clock.advance(61)
    await one.receiver.look()
    one.book.full = False
    await one.receiver.look()
    assert one.book.codes() == [("YC", Qualifier.NEW)]
    one.book.full = True
    assert await one.hear("BEEF", Token.NULL, 0, "", key=KEY) is None
    one.book.full = False
    assert (await one.hear("BEEF", Token.NULL, 0, "", key=KEY)).token is Token.ACK
    assert one.book.codes()[-1] == ("YC", Qualifier.RESTORE)


async def test_a_forged_sign_of_life_is_none():
    """An old recording with a stale time does not hide that a panel is gone."""
    one = Bench(SECRET)
    old = one.frame("BEEF", Token.NULL, 0, "", key=KEY)
    await one.receiver.look()
    one.clock.advance(70)
    assert dc09.parse((await one.receiver.answer(old, "p")).strip()).token is Token.NAK
    await one.receiver.look()
    assert one.book.codes() == [("YC", Qualifier.NEW)]


async def test_when_it_happened_is_the_panels_word_but_not_the_future():
    """`H` of a message that waited; a time to come is not believed."""
    one = Bench()
    past_us = EPOCH_US // 1_000_000 * 1_000_000 - 3_600_000_000
    for number, at_us in enumerate((past_us, past_us + 10_000_000_000)):
        block = ("H", dc09.format_time(at_us)[1:])
        await one.hear("1A2B", Token.SIA, number + 1, "Nri1/BA001", extended=(block,))
    assert [event.utc_us for event in one.book.events] == [past_us, EPOCH_US]


async def test_a_clock_that_was_never_set_dates_nothing():
    """`H` of the year 2000: the time of sending counts, or the desk shows an age of years."""
    one = Bench()
    block = ("H", "00:00:01,01-01-2000")
    await one.hear("1A2B", Token.SIA, 1, "Nri1/BA001", extended=(block,))
    assert one.book.events[0].utc_us == EPOCH_US // 1_000_000 * 1_000_000


@asynccontextmanager
async def serving(*accounts, bounds=None, clock=None):
    one = Bench(*accounts, clock=clock or ManualClock(), bounds=bounds)
    ports = []
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(one.receiver.serve("127.0.0.1", 0, ports.append))
        await until(lambda: ports, what="listening")
        try:
            yield one, ports[0]
        finally:
            task.cancel()


@pytest.mark.parametrize("who", [CLEAR, SECRET], ids=["clear", "cipher"])
async def test_a_panel_is_heard_over_tcp(who):
    """Two messages on one connection, cut where it hurts, and their answers."""
    async with serving() as (one, port), dialled(port, who.account, who.key) as panel:
        first = await panel.say(Token.NULL, 0, Content("", (), one.clock.now().utc_us))
        assert (first.token, first.encrypted) == (Token.ACK, who.key is not None)
        whole = b"\n" + one.frame(who.account, Token.SIA, 2, "Nri1/HA001", key=who.key) + b"\r"
        panel.writer.write(whole[:20])
        await panel.writer.drain()
        assert (await panel.raw(whole[20:])).token is Token.ACK
        assert one.book.codes()[-1] == ("HA", Qualifier.NEW)


@pytest.mark.peer
async def test_what_pysiaalarm_encrypts_is_understood_and_it_reads_our_answer():
    """Its own padding and cipher on the way in; its parser takes our frames on the way out."""
    one = Bench(Account("1111", KEY))
    account = SIAAccount("1111", KEY.decode())
    crypt = SIAEvent(message_type="SIA-DCS", encrypted=False, account="1111", sia_account=account)
    stamp = dc09.format_time(one.clock.now().utc_us)
    sealed = crypt.encrypt_content(f"|#1111|Nri1/BA012]{stamp}")
    body = f'"*SIA-DCS"0042R0L0#1111[{sealed}'
    line = f"{SIAEvent._crc_calc(body)}{len(body):04X}{body}"
    answer = await one.receiver.answer(line.encode(), "p")
    assert one.book.codes() == [("BA", Qualifier.NEW)]
    assert one.book.events[0].zone == "12"
    got = dc09.parse(answer.strip())
    assert (got.token, got.sequence, got.encrypted) == (Token.ACK, 42, True)
    probe = SIAEvent(
        message_type="SIA-DCS", encrypted=True, account="1111", sia_account=account,
        encrypted_content=None,
    )  # fmt: skip
    probe.encrypted_content = got.body
    probe.decrypt_content()
    assert probe.content.endswith(f"]{stamp}")
    assert SIAEvent._crc_calc(answer.decode().strip()[8:]) == answer.decode().strip()[:4]


async def test_a_connection_that_proves_nothing_is_bounded():
    """Noise without end, five refusals, or too many strangers: closed; the ledger hears of it."""
    bounds = replace(ReceiverBounds(), strangers=2, connections=3)
    async with serving(bounds=bounds) as (one, port):
        async with dialled(port) as noisy:
            noisy.writer.write(b"x" * 5000)
            async with asyncio.timeout(20):
                assert await noisy.reader.read() == b""
        async with dialled(port) as liar:
            liar.writer.write(b"\nhello\r" * 5)
            async with asyncio.timeout(20):
                assert await liar.reader.read() == b""
        assert len(one.book.refused) == 6
        async with dialled(port) as first, dialled(port), dialled(port):
            async with asyncio.timeout(20):
                assert await first.reader.read() == b""
        async with dialled(port) as panel:
            assert (await panel.say(Token.NULL, 0, Content(""))).token is Token.ACK


async def test_accounts_that_leave_the_list_are_forgotten():
    """Their state goes, and nobody hears them any more."""
    one = Bench()
    await one.hear("1A2B", Token.NULL, 0, "")
    one.known = {}
    await one.receiver.look()
    assert one.receiver._states == {}
    assert await one.hear("1A2B", Token.NULL, 0, "") is None


async def test_an_old_recording_proves_nobody():
    """It gets our time, as a panel with a wrong clock does, and its connection stays a stranger."""
    bounds = replace(ReceiverBounds(), strangers=2, connections=3)
    async with serving(SECRET, bounds=bounds) as (one, port):
        old = one.frame("BEEF", Token.NULL, 0, "", key=KEY, at_us=EPOCH_US - 3_600_000_000)
        replay = b"\n" + old + b"\r"
        async with dialled(port) as first, dialled(port) as second:
            for each in (first, second):
                assert (await each.raw(replay)).token is Token.NAK
            async with dialled(port) as third:
                async with asyncio.timeout(20):
                    assert await first.reader.read() == b""
                for _ in range(bounds.strikes):
                    assert (await third.raw(replay)).token is Token.NAK
                async with asyncio.timeout(20):
                    assert await third.reader.read() == b""


async def test_an_account_has_few_connections():
    """What is overheard and sent again at once takes nobody else's place."""
    bounds = replace(ReceiverBounds(), connections=4, each=2)
    async with serving(bounds=bounds) as (one, port), AsyncExitStack() as stack:
        fresh = b"\n" + one.frame("BEEF", Token.NULL, 0, "", key=KEY) + b"\r"
        thief = []
        for _ in range(6):
            thief.append(await stack.enter_async_context(dialled(port)))
            assert (await thief[-1].raw(fresh)).token is Token.ACK
            if len(thief) > bounds.each:
                async with asyncio.timeout(20):
                    assert await thief[-3].reader.read() == b""
        panel = await stack.enter_async_context(dialled(port))
        assert (await panel.say(Token.NULL, 0, Content(""))).token is Token.ACK
        assert (await thief[-1].raw(fresh)).token is Token.ACK
