# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What gateway and child say to each other about a live stream."""

import pytest

from gateway.codec.protocol import Kind
from gateway.codec.recode import Look, Recoded, RecodeRequest, recode
from gateway.model.errors import WireError
from gateway.model.media import Codec
from tests.footage import scene

HALF = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))


class Child:
    """Answers what it was given, and remembers the question."""

    def __init__(self, answer):
        self.answer = answer

    async def call(self, kind, payload, *, timeout_s):
        self.asked = kind, payload, timeout_s
        return self.answer


def test_a_request_comes_back_as_it_was():
    """Masks, mark, bounds and units survive the pipe."""
    units = scene(2, gop=2)
    sent = RecodeRequest(Look((HALF,), "SALA 1", 720), True, -5, 3, units)
    assert RecodeRequest.unpack(sent.pack()) == sent


def test_nothing_is_shown_of_none():
    """A request that would show each noughth picture shows all."""
    sent = RecodeRequest(Look(), False, 0, 0, [])
    assert RecodeRequest.unpack(sent.pack()).every == 1


async def test_the_answer_is_h264_or_refused():
    """Units come back with their times; a child that answers H.265, or no unit at all, is wrong."""
    units = scene(2, gop=2)
    child = Child(Recoded(units, 1).pack())
    answer = await recode(child, RecodeRequest(Look(), True, 0, 1, units))
    assert (list(answer.units), answer.errors) == (units, 1)
    assert child.asked[0] == Kind.RECODE
    for wrong in (Recoded(scene(1, gop=1, codec=Codec.H265), 0).pack(), b"\0\0"):
        with pytest.raises(WireError):
            await recode(Child(wrong), RecodeRequest(Look(), True, 0, 1, units))
