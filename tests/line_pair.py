# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Two ends of a line in memory: every question and answer goes through its real frames."""

import asyncio

from gateway.model.errors import PeerError, RefusedError, WireError
from gateway.model.room import LinePeer, Reply
from gateway.wire.uplink import Frame, FrameDecoder, encode


def through(frame):
    """Return a frame as the other end reads it, fed in two pieces."""
    data, decoder = encode(frame), FrameDecoder()
    found = [*decoder.receive(data[:5]), *decoder.receive(data[5:])]
    assert len(found) == 1
    return found[0]


class End:
    """A Caller; `peer` is who the other end takes us for."""

    def __init__(self, peer):
        self.peer = peer
        self.other = None
        self.handlers = {}
        self.up = True
        self.said = []
        self.lose_answers = 0
        """So many answers are lost on the way back, the work having been done."""
        self.running = set()
        self.cut = asyncio.Event()

    def is_up(self, _edge=""):
        return self.up

    async def call(self, kind, body, blob=b"", *, within_s=10.0):
        del within_s
        self._insist_up()
        frame = through(Frame(kind, body, blob, number=1))
        self.said.append(frame)
        answer = asyncio.ensure_future(self._asked(frame))
        fell = self.cut
        fallen = asyncio.ensure_future(fell.wait())
        await asyncio.wait((answer, fallen), return_when=asyncio.FIRST_COMPLETED)
        fallen.cancel()
        if fell.is_set():
            self.running.add(answer)
            answer.add_done_callback(self.running.discard)
            raise PeerError("the line fell")
        reply = answer.result()
        if self.lose_answers:
            self.lose_answers -= 1
            raise PeerError("no answer in time")
        if reply.error is not None:
            raise RefusedError(*reply.error)
        return Reply(reply.body, reply.blob)

    async def _asked(self, frame):
        handler = self.other.handlers.get(frame.kind)
        if handler is None:
            return Frame(frame.kind, answers=1, error=("unknown-kind", ""))
        try:
            reply = await handler(self.peer, frame.body, frame.blob)
        except RefusedError as error:
            return through(Frame(frame.kind, answers=1, error=(error.code, error.text)))
        except WireError as error:
            return through(Frame(frame.kind, answers=1, error=("wire", str(error))))
        return through(Frame(frame.kind, reply.body, reply.blob, answers=1))

    def tell(self, kind, body):
        if not self.up or self.cut.is_set():
            return False
        frame = through(Frame(kind, body))
        self.said.append(frame)
        task = asyncio.ensure_future(self._asked(frame))
        self.running.add(task)
        task.add_done_callback(self.running.discard)
        return True

    def _insist_up(self):
        if not self.up or self.cut.is_set():
            raise PeerError("the line is down")


class Pair:
    """A line that can be cut; `edge` and `room` are the Callers of the two ends."""

    def __init__(self, edge="varco-nord", room="sala"):
        self.edge = End(LinePeer(edge, edge.title(), "a" * 64))
        self.room = End(LinePeer(room, room.title(), "b" * 64))
        self.edge.other, self.room.other = self.room, self.edge

    @property
    def up(self):
        return self.edge.up

    def cut(self):
        for end in (self.edge, self.room):
            end.up = False
            end.cut.set()

    def mend(self):
        for end in (self.edge, self.room):
            end.cut = asyncio.Event()
            end.up = True
