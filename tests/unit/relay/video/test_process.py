# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The gateway's side with a real media process, and with processes that misbehave."""

import asyncio
import os
import signal
import socket
import sys
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.model.errors import ConfigError, PeerError, WireError
from gateway.model.media import Codec
from gateway.relay.video import process
from gateway.relay.video.process import MediaOptions, OfferError, Source, open_media
from gateway.runtime.clock import SystemClock
from gateway.runtime.fanout import Fanout
from tests.fakes import unit
from tests.whep_parts import COMMAND, grant, until

OFFER = "\r\n".join(
    [
        "v=0",
        "o=- 1 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "m=video 9 UDP/TLS/RTP/SAVPF 102",
        "a=mid:0",
        "a=rtcp-mux",
        "a=ice-ufrag:abcd",
        "a=ice-pwd:0123456789012345678901",
        "a=fingerprint:sha-256 " + ":".join(["AB"] * 32),
        "a=rtpmap:102 H264/90000",
        "a=fmtp:102 packetization-mode=1;profile-level-id=42e01f",
        "",
    ]
)
MUTE = """
import json, os, socket, sys, time
link = socket.socket(fileno=int(sys.argv[sys.argv.index("--link-fd") + 1]))
body = b"\\x11" + json.dumps(["sha-256", "AB"]).encode()
link.sendall(len(body).to_bytes(4, "big") + body)
while link.recv(9999): pass
"""

EXPIRES = """
import json, os, socket, sys
link = socket.socket(fileno=int(sys.argv[sys.argv.index("--link-fd") + 1]))
def send(kind, value):
    body = bytes((kind,)) + json.dumps(value).encode()
    link.sendall(len(body).to_bytes(4, "big") + body)
send(17, ["sha-256", "AB"])
session = json.loads(link.recv(9999)[5:])["session"]
send(18, session)
while link.recv(9999): pass
send(21, {"look": 1, "reason": "lease-expired", "bytes": 9, "frames": 7})
send(19, {"session": session, "reason": "lease-expired"})
"""


def source(fanout=None, name="piazza", codec=Codec.H264):
    """A stream of the camera of `grant`."""
    return Source(name, codec, fanout or Fanout())


@asynccontextmanager
async def media_process(command=COMMAND):
    ends = []
    options = MediaOptions(("127.0.0.1", 0), ("127.0.0.1",), command)
    async with open_media(options, clock=SystemClock(), on_end=ends.append) as media:
        yield media, ends


SHARED = pytest.mark.asyncio(loop_scope="module")
"""For tests that leave the process as they found it."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running():
    """One media process for all of them; it is entered and left by one task."""
    ready, over = asyncio.get_running_loop().create_future(), asyncio.Event()

    async def run():
        async with media_process() as found:
            ready.set_result(found)
            await over.wait()

    with pytest.MonkeyPatch.context() as change:
        # its loop stands still while tests with a loop of their own run: nobody hears it meanwhile
        change.setattr(process, "SILENCE_S", 600.0)
        task = asyncio.create_task(run())
        await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
        yield ready.result()
        over.set()
        await task


@pytest_asyncio.fixture(loop_scope="module")
async def shared(running):
    """The process without a session, and the ends that are told from now on."""
    media, ends = running
    yield media, ends
    for one in (*media.walls(), *media.sessions()):
        media.close(one.session, "over")
    await until(lambda: not media.walls() and not media.sessions())
    ends.clear()


@SHARED
async def test_answer_names_port_and_session(shared):
    """The answer holds our candidate; session and ETag are fresh each time."""
    media, _ = shared
    first, second = [await media.open(grant(), OFFER, source()) for _ in range(2)]
    assert f"127.0.0.1 {media.port} typ host" in first.sdp
    assert first.session != second.session
    assert first.etag != second.etag
    assert first.etag[0] == first.etag[-1] == '"'
    assert {one.session for one in media.sessions()} == {first.session, second.session}


@SHARED
async def test_unusable_offer_opens_nothing(shared):
    """OfferError comes before anything happens."""
    media, ends = shared
    fanout = Fanout()
    with pytest.raises(OfferError, match="offered: VP8"):
        await media.open(grant(), OFFER.replace("H264", "VP8"), source(fanout))
    assert not fanout.wanted()
    assert ends == []


async def test_shutdown_reports_each_session_once():
    """Leaving ends what is open, with the grant that opened it."""
    async with media_process() as (media, ends):
        answers = [await media.open(grant(identifier=name), OFFER, source()) for name in ("a", "b")]
    assert {(one.session, one.grant.id, one.reason) for one in ends} == {
        (answers[0].session, "a", "shutdown"),
        (answers[1].session, "b", "shutdown"),
    }
    assert len(ends) == 2


async def test_end_on_its_way_keeps_its_reason_when_we_leave():
    """What the process ended by itself is told so, although we were leaving already."""
    async with media_process((sys.executable, "-c", EXPIRES)) as (media, ends):
        await media.open(grant(), OFFER, source())
    assert [(one.reason, one.frames) for one in ends] == [("lease-expired", 7)]


@SHARED
async def test_camera_is_read_only_while_watched(shared):
    """One reader joins with a camera's first session and leaves with its last."""
    media, ends = shared
    fanout = Fanout()
    first = await media.open(grant(), OFFER, source(fanout))
    second = await media.open(grant(), OFFER, source(fanout))
    await until(fanout.wanted)
    assert len(fanout._readers) == 1
    media.close(first.session, "left")
    await until(lambda: len(ends) == 1)
    assert fanout.wanted()
    media.close(second.session, "left")
    await until(lambda: not fanout.wanted())


@SHARED
async def test_camera_that_is_set_up_anew_is_followed(shared):
    """A new fan-out for the same camera replaces the old one for all its sessions."""
    media, _ = shared
    old, new = Fanout(), Fanout()
    await media.open(grant(), OFFER, source(old))
    await until(old.wanted)
    await media.open(grant(), OFFER, source(new))
    await until(lambda: new.wanted() and not old.wanted())


@SHARED
async def test_two_renditions_of_one_camera_are_fed_side_by_side(shared):
    """A wall's session keeps the small stream when another opens the main one."""
    media, _ = shared
    main, sub = Fanout(), Fanout()
    wall = await media.open(grant(), OFFER, source(sub, "piazza/sub"))
    await media.open(grant(), OFFER, source(main))
    await until(lambda: main.wanted() and sub.wanted())
    media.close(wall.session, "left")
    await until(lambda: not sub.wanted())
    assert main.wanted()


@SHARED
async def test_a_stream_whose_masks_changed_is_fed_anew(shared):
    """What waits for the link is not shown any more: a new reader begins with what is kept now."""
    media, _ = shared
    fanout = Fanout()
    await media.open(grant(), OFFER, source(fanout))
    await until(fanout.wanted)
    (before,) = fanout._readers
    media.cut("piazza")
    media.cut("unknown")
    await until(lambda: fanout._readers and before not in fanout._readers)


WALL = OFFER.partition("m=video")[0] + "a=group:BUNDLE 0 1 2\r\n"
WALL += "".join(
    f"m=video{OFFER.partition('m=video')[2]}".replace("mid:0", f"mid:{n}") for n in "012"
)


@SHARED
async def test_a_wall_shows_nothing_until_it_is_told(shared):
    """Its answer has a slot for each m-line, with numbers of their own; no camera is read."""
    media, ends = shared
    wall = await media.open_wall("u1", WALL)
    assert wall.mids == ("0", "1", "2")
    sources = [line for line in wall.sdp.splitlines() if line.startswith("a=ssrc:")]
    assert len({one.split()[0] for one in sources}) == 3
    assert media.sessions() == ()
    (known,) = media.walls()
    assert (known.session, known.owner, f'"{known.etag}"') == (wall.session, "u1", wall.etag)
    assert media.takes(wall.session, "1") == {Codec.H264}
    assert not media.takes(wall.session, "9")
    assert media.close(wall.session, "left")
    await until(lambda: not media.walls())
    assert ends == []


@SHARED
async def test_tiles_come_and_go_by_themselves(shared):
    """Each tile is a look with its own Grant, reader and end; the others are not touched."""
    media, ends = shared
    wall = await media.open_wall("u1", WALL)
    fanouts = [Fanout() for _ in range(3)]
    names = [
        media.play(wall.session, mid, grant(f"c{mid}", identifier=mid), source(one, f"c{mid}"))
        for mid, one in zip(wall.mids, fanouts, strict=True)
    ]
    await until(lambda: all(one.wanted() for one in fanouts))
    assert [(one.session, one.wall, one.mid) for one in media.sessions()] == [
        (name, wall.session, mid) for name, mid in zip(names, wall.mids, strict=True)
    ]
    media.renew(lambda one: one.id != "1")
    await until(lambda: ends)
    assert [(one.session, one.grant.id, one.reason) for one in ends] == [
        (names[1], "1", "grant-not-valid")
    ]
    await until(lambda: not fanouts[1].wanted())
    assert media.close(names[0], "viewer-left")
    await until(lambda: len(ends) == 2)
    assert [one.session for one in media.sessions()] == [names[2]]
    assert fanouts[2].wanted()
    media.close(wall.session, "wall-left")
    await until(lambda: len(ends) == 3)
    assert ends[2].reason == "wall-left"


@SHARED
async def test_a_slot_that_shows_something_else_ends_the_look_before(shared):
    """Two Grants never share a slot: the first is closed with its reason, the second plays."""
    media, ends = shared
    wall, old, new = await media.open_wall("u1", WALL), Fanout(), Fanout()
    media.play(wall.session, "0", grant(identifier="a"), source(old, "a"))
    name = media.play(wall.session, "0", grant(identifier="b"), source(new, "b"))
    await until(lambda: ends)
    assert (ends[0].grant.id, ends[0].reason) == ("a", "replaced")
    assert [one.session for one in media.sessions()] == [name]
    await until(lambda: new.wanted() and not old.wanted())


@SHARED
async def test_what_a_peer_does_not_take_is_never_asked_for(shared):
    """A codec, a slot or a wall that is not there changes nothing."""
    media, ends = shared
    wall = await media.open_wall("u1", WALL)
    media.play(wall.session, "0", grant(), source())
    (before,) = media.sessions()
    with pytest.raises(WireError, match="H265"):
        media.play(wall.session, "0", grant(), source(codec=Codec.H265))
    with pytest.raises(WireError, match="H265"):
        media.switch(before.session, source(codec=Codec.H265))
    for session, mid in ((wall.session, "9"), ("nobody", "0")):
        with pytest.raises(PeerError, match="no such"):
            media.play(session, mid, grant(), source())
    assert [one.session for one in media.sessions()] == [before.session]
    with pytest.raises(OfferError, match="H265"):
        await media.open(grant(), OFFER, source(codec=Codec.H265))
    assert ends == []


@SHARED
async def test_a_switch_feeds_both_until_the_new_one_has_come(shared):
    """The Grant, the name and the counters go on; back and forth leaves one reader."""
    media, ends = shared
    main, sub, third = Fanout(), Fanout(), Fanout()
    await media.open(grant(), OFFER, source(main))
    name = media.sessions()[0].session
    await until(main.wanted)
    media.switch(name, source(sub, "piazza/sub"))
    await until(sub.wanted)
    assert main.wanted()
    media.switch(name, source(third, "piazza/h264"))
    await until(lambda: third.wanted() and not sub.wanted())
    media.switch(name, source(main))
    await until(lambda: not third.wanted())
    assert main.wanted()
    assert media.sessions()[0].source.name == "piazza"
    assert not media.switch("nobody", source(main))
    assert ends == []


@SHARED
async def test_looks_on_walls_are_bounded_like_sessions(shared, monkeypatch):
    """Tiles count; a tile in place of another one does not."""
    monkeypatch.setattr(process, "MOST_PER_PERSON", 2)
    media, _ = shared
    wall = await media.open_wall("u1", WALL)
    for mid in ("0", "1"):
        media.play(wall.session, mid, grant(), source())
    with pytest.raises(PeerError, match="2 sessions"):
        media.play(wall.session, "2", grant(), source())
    media.play(wall.session, "1", grant(), source())
    with pytest.raises(PeerError, match="2 sessions"):
        await media.open_wall("u1", WALL)


async def test_a_dead_process_ends_walls_and_their_tiles():
    """Each tile is told once; the wall is gone, its viewer asks for another one."""
    async with media_process() as (media, ends):
        wall = await media.open_wall("u1", WALL)
        media.play(wall.session, "0", grant(identifier="a"), source())
        media.play(wall.session, "1", grant(identifier="b"), source())
        os.kill(media.pid, signal.SIGKILL)
        await until(lambda: len(ends) == 2)
        assert {(one.grant.id, one.reason) for one in ends} == {
            ("a", "media-process-ended"),
            ("b", "media-process-ended"),
        }
        assert media.walls() == ()


async def test_renewal_closes_invalid_and_expired_grants():
    """A renewal keeps what is valid, closes what is not, and never outlives a grant's time."""
    async with media_process() as (media, ends):
        grants = [
            grant(identifier="good"),
            grant(identifier="bad"),
            grant(identifier="late", expires_s=-0.001),
        ]
        for one in grants:
            await media.open(one, OFFER, source())
        media.renew(lambda one: one.id != "bad")
        await until(lambda: len(ends) == 2)
        assert {(one.grant.id, one.reason) for one in ends} == {
            ("bad", "grant-not-valid"),
            ("late", "grant-expired"),
        }
        assert [one.grant.id for one in media.sessions()] == ["good"]


@SHARED
async def test_a_look_goes_on_under_its_next_grant(shared):
    """The session, its reader and its lease are untouched; only the Grant's end has moved."""
    media, ends = shared
    fanout = Fanout()
    old = grant(identifier="look")
    answer = await media.open(old, OFFER, source(fanout))
    await until(fanout.wanted)
    before = media.sessions()[0]
    assert media.regrant(replace(old, expires=old.issued))  # over, and no round has seen it yet
    later = replace(old, expires=old.expires.shifted(600), flags=("unconfirmed",))
    assert media.regrant(later)
    assert not media.regrant(replace(later, id="another"))
    media.renew(lambda one: one == later)
    (now,) = media.sessions()
    assert now == replace(before, grant=later, state=now.state)
    assert now.session == answer.session
    assert fanout.wanted()
    assert ends == []


async def test_closing_reason_survives_a_crash():
    """If the process dies before it confirms a close, the reason is still ours, told once."""
    async with media_process() as (media, ends):
        answer = await media.open(grant(), OFFER, source())
        os.kill(media.pid, signal.SIGSTOP)
        media.close(answer.session, "revoked")
        assert ends == []
        os.kill(media.pid, signal.SIGKILL)
        await until(lambda: ends)
    assert [one.reason for one in ends] == ["revoked"]


async def test_process_that_does_not_answer(monkeypatch):
    """A media process that confirms nothing is a PeerError, and leaves no session behind."""
    monkeypatch.setattr(process, "ANSWER_S", 0.1)
    async with media_process((sys.executable, "-c", MUTE)) as (media, ends):
        fanout = Fanout()
        with pytest.raises(PeerError, match="does not answer"):
            await media.open(grant(), OFFER, source(fanout))
        assert not fanout.wanted()
        assert media.sessions() == ()
    assert ends == []


async def test_cancelled_open_leaves_nothing():
    """A browser that hangs up while its offer is answered opened no session."""
    async with media_process((sys.executable, "-c", MUTE)) as (media, ends):
        fanout = Fanout()
        task = asyncio.create_task(media.open(grant(), OFFER, source(fanout)))
        await until(lambda: media._life.waiting)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not fanout.wanted()
        assert media.sessions() == ()
    assert ends == []


async def test_silent_process_is_replaced(monkeypatch):
    """A process without heartbeat is killed and another started."""
    monkeypatch.setattr(process, "SILENCE_S", 0.3)
    async with media_process((sys.executable, "-c", MUTE)) as (media, _):
        first = media.pid
        await until(lambda: media.pid != first)


async def test_process_that_cannot_start(monkeypatch):
    """A command that ends at once is a PeerError after the time allowed, not a hang."""
    monkeypatch.setattr(process, "START_S", 0.5)
    with pytest.RaisesGroup(pytest.RaisesExc(PeerError, match="not ready")):
        async with media_process(("/bin/false",)):
            pytest.fail("it cannot be ready")


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"candidates": ("room.example",)}, "candidates"),
        ({"bind": ("no-address", 0)}, "bind"),
        ({"candidates": ()}, "candidates"),
    ],
)
async def test_bad_options(change, key):
    """Options that cannot work name their key."""
    options = replace(MediaOptions(("127.0.0.1", 0), ("127.0.0.1",), COMMAND), **change)
    with pytest.raises(ConfigError, match=key):
        async with open_media(options, clock=SystemClock(), on_end=print):
            pytest.fail("unreachable")


async def test_port_in_use():
    """A port that somebody holds is a ConfigError that names it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        options = MediaOptions(("127.0.0.1", port), ("127.0.0.1",), COMMAND)
        with pytest.raises(ConfigError, match=f"port {port}"):
            async with open_media(options, clock=SystemClock(), on_end=print):
                pytest.fail("unreachable")


async def test_slow_link_skips_to_a_key_unit(monkeypatch):
    """While the process reads nothing, publishing never waits and what waits stays bounded."""
    monkeypatch.setattr(process, "_MOST_UNITS", 50)
    async with media_process() as (media, _):
        fanout = Fanout()
        await media.open(grant(), OFFER, source(fanout))
        await until(fanout.wanted)
        (reader,) = fanout._readers
        os.kill(media.pid, signal.SIGSTOP)
        for index in range(500):
            fanout.publish(unit(index, index % 25 == 0, b"\x65" + bytes(20_000)))
            await asyncio.sleep(0)
        counted = reader.statistics()
        assert counted.depth <= 50
        assert counted.dropped > 100
        os.kill(media.pid, signal.SIGCONT)
        await until(lambda: reader.statistics().depth == 0)


ALONE = """
import asyncio, sys
from gateway.relay.video.process import MediaOptions, open_media
from gateway.runtime.clock import SystemClock
async def main():
    options = MediaOptions(("127.0.0.1", 0), ("127.0.0.1",), tuple(sys.argv[1:]))
    async with open_media(options, clock=SystemClock(), on_end=print) as media:
        print(media.pid, flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


def runs(pid):
    """Return whether a process is there and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_killed_gateway_leaves_no_media_process():
    """If the gateway is killed outright, the media process sees the end of the link and ends."""
    gateway = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", ALONE, *COMMAND), stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(30):
        pid = int(await gateway.stdout.readline())
    assert runs(pid)
    gateway.kill()
    await gateway.wait()
    await until(lambda: not runs(pid), timeout_s=5)


async def test_sessions_of_one_viewer_are_bounded(monkeypatch):
    """Offers without an end, also side by side, take places from nobody else."""
    monkeypatch.setattr(process, "MOST_PER_PERSON", 2)
    async with media_process() as (media, _):
        answers = await asyncio.gather(
            *(media.open(grant(), OFFER, source()) for _ in range(5)), return_exceptions=True
        )
        assert sum(isinstance(one, PeerError) for one in answers) == 3
        other = grant()
        other = replace(
            other, request=replace(other.request, actor=replace(other.request.actor, id="u2"))
        )
        await media.open(other, OFFER, source())
        media.close(media.sessions()[0].session, "viewer-left")
        await until(lambda: len(media.sessions()) == 2)
        await media.open(grant(), OFFER, source())


async def test_the_process_knows_no_secret_and_its_log_level(monkeypatch):
    """The environment of the gateway stays with the gateway; the level is passed on."""
    monkeypatch.setenv("VARCO_TEST_SECRET", "s3cret")
    options = MediaOptions(("127.0.0.1", 0), ("127.0.0.1",), COMMAND, log_level="warning")
    async with open_media(options, clock=SystemClock(), on_end=lambda _: None) as media:
        about = Path(f"/proc/{media.pid}")
        assert b"s3cret" not in (about / "environ").read_bytes()
        words = (about / "cmdline").read_bytes().split(b"\0")
        assert words[words.index(b"--log-level") + 1] == b"warning"
