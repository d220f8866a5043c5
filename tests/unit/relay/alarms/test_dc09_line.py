# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.relay.alarms.dc09_line: what an answer is, and what is none."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from gateway.model.errors import PeerError
from gateway.relay.alarms.dc09_line import Station, StationPace, connected, key_of, padding
from gateway.runtime.clock import SystemClock
from gateway.wire import dc09
from gateway.wire.dc09 import Content, Sender, Token
from tests.dc09_parts import KEY, PAD, ScriptedStation

PACE = StationPace(connect_s=20.0, answer_s=20.0)
HASTY = replace(PACE, answer_s=0.2)
SAID = Content("Nri1/BA001")


@asynccontextmanager
async def line(key=None, pace=PACE):
    clock = SystemClock()
    async with ScriptedStation(clock, key).open() as there:
        made = Station("x", (("127.0.0.1", there.port),), Sender("1A2B", key=key))
        async with connected(made, 0, clock, pace) as link, asyncio.TaskGroup() as tasks:
            task = tasks.create_task(link.listen())
            try:
                yield link, there
            finally:
                task.cancel()


def shifted(there, seconds):
    """A station whose clock is off, and which keeps to its window."""

    def answer(frame, content):
        now_us = there.clock.now().utc_us + round(seconds * 1e6)
        late_s = (now_us - content.utc_us) / 1e6
        token = Token.ACK if -20 <= late_s <= 40 else Token.NAK
        return dc09.answer(token, frame, now_us, key=there.key, padding=PAD)

    return answer


@pytest.mark.parametrize("key", [None, KEY], ids=["clear", "cipher"])
@pytest.mark.parametrize("seconds", [90, -90, 3000])
async def test_a_stations_clock_is_followed_and_said(key, seconds):
    """After a NAK the same message goes again by the station's time, and a warning stays."""
    async with line(key) as (link, there):
        there.answer = shifted(there, seconds)
        verdict = await link.exchange(Token.SIA, 5, SAID)
        assert verdict.taken
        assert [number for _, number, _ in there.frames] == [5, 5]
        way = "ahead of" if seconds > 0 else "behind"
        assert f"{way} ours" in link.warning
        assert (await link.exchange(Token.SIA, 6, SAID)).taken
        assert len(there.frames) == 3, "the shift is remembered"


async def test_a_clock_too_far_away_is_for_a_person():
    """A day off is followed by nobody: the words say what to do."""
    async with line() as (link, there):
        there.answer = shifted(there, 86_400)
        verdict = await link.exchange(Token.SIA, 5, SAID)
        assert (verdict.token, len(there.frames)) == (Token.NAK, 1)
        assert "set one of the two" in verdict.problem


def _reply(token, frame, *, sequence=None, account=None, key=None, utc_us=0):
    one = replace(
        frame, sequence=frame.sequence if sequence is None else sequence,
        account=frame.account if account is None else account, encrypted=key is not None,
    )  # fmt: skip
    return dc09.answer(token, one, utc_us, key=key, padding=PAD)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda f, now: _reply(Token.ACK, f), "in clear"),
        (lambda f, now: _reply(Token.ACK, f, key=b"B" * 16, utc_us=now), "that holds"),
        (lambda f, now: _reply(Token.ACK, f, key=KEY, utc_us=now - 3_600_000_000), "tells a time"),
        (lambda f, now: _reply(Token.ACK, f, key=KEY, utc_us=now, account="9999"), "another"),
        (lambda f, now: _reply(Token.ACK, f, key=KEY, utc_us=now, sequence=6), "no answer within"),
        (lambda f, now: b"\nhello\r", "missing"),
        (lambda f, now: b"", "no answer within"),
    ],
    ids=["clear", "key", "old", "account", "number", "noise", "silence"],
)
async def test_a_forged_answer_is_none(made, words):
    """In cipher nothing counts but the right key, a fresh time, the account and the number."""
    async with line(KEY, HASTY) as (link, there):
        there.answer = lambda frame, content: made(frame, there.clock.now().utc_us)
        with pytest.raises(PeerError, match=words):
            await link.exchange(Token.SIA, 5, SAID)


async def test_an_answer_to_an_earlier_message_is_passed_over():
    """A late one comes first, the right one after it."""
    async with line() as (link, there):
        there.answer = lambda frame, content: (
            _reply(Token.DUH, frame, sequence=4) + _reply(Token.ACK, frame)
        )
        assert (await link.exchange(Token.SIA, 5, SAID)).taken


async def test_a_nak_without_a_time_is_a_refusal():
    """It could not read the message; nothing is shifted."""
    async with line() as (link, there):
        there.answer = lambda frame, content: dc09._sealed('"NAK"0000L0R0A0[]')
        verdict = await link.exchange(Token.SIA, 5, SAID)
        assert (verdict.token, verdict.taken, link.warning) == (Token.NAK, False, "")


async def test_the_end_of_a_connection_is_told():
    """Between messages `check` says it, in one the exchange ends."""
    async with line() as (link, there):
        there.answer = lambda frame, content: None
        with pytest.raises(PeerError, match="closed by the station"):
            await link.exchange(Token.SIA, 5, SAID)
        with pytest.raises(PeerError, match="closed by the station"):
            link.check()


@pytest.mark.parametrize(
    ("text", "key"),
    [("A" * 16, b"A" * 16), ("A" * 24, b"A" * 24), ("0" * 32, b"0" * 32),
     ("hex:" + "0f" * 16, b"\x0f" * 16), ("hex:" + "0f" * 32, b"\x0f" * 32)],
)  # fmt: skip
def test_keys_are_characters_or_digits(text, key):
    """As central stations give them: 16, 24 or 32 characters; or hexadecimal, and then said so."""
    assert key_of(text) == key


@pytest.mark.parametrize("text", ["", "A" * 15, "hex:0f", "hex:" + "g" * 32, "è" * 16, "A" * 64])
def test_what_is_no_key_is_refused(text):
    """The message never repeats it."""
    with pytest.raises(ValueError, match="no AES key") as caught:
        key_of(text)
    assert not text or text not in str(caught.value)


def test_padding_is_never_the_same():
    """It is what stands in for the vector."""
    assert len({padding() for _ in range(50)}) == 50
