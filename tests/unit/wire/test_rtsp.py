# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.wire.rtsp."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.model.errors import BusyError, CredentialError, PeerError, WireError
from gateway.model.registry import Transport
from gateway.wire import rtp, sdp
from gateway.wire.digest import Authenticator, Credentials, Verifier
from gateway.wire.h264 import H264Depacketizer
from gateway.wire.packetize import fragment
from gateway.wire.rtsp import (
    BUFFER_BYTES,
    MOST_HEAD_BYTES,
    MOST_PENDING,
    QUIRKS,
    Media,
    MovedError,
    Request,
    Response,
    RtspClient,
    RtspReceiver,
    RtspServer,
    RtspUrl,
    ServerState,
    Step,
    Terms,
    Wishes,
    parse_url,
    resolve,
)
from gateway.wire.sdp import MetadataTrack, UnusableStreamError
from tests.goldens import golden, pictures

URL = parse_url("rtsp://192.0.2.1/live?ch=1")
SETS = tuple(pictures("x264-320x180.h264")[0][:2])
H264 = sdp.describe(SETS, name="x", payload_type=96, control="trackID=1")
PASSWORD = "Tr0ub4dor"


def flat(events):
    """Return events with each frame on its own, so that cuts do not matter."""
    out = []
    for event in events:
        if isinstance(event, Media):
            out += [(channel, bytes(view)) for channel, view in event.frames]
        else:
            out.append(event)
    return out


@pytest.mark.parametrize("name", ["gstreamer-h264-digest", "gstreamer-slices-digest"])
@given(cuts=st.lists(st.integers(1, 4000), max_size=12))
@settings(max_examples=20)
def test_a_stream_means_the_same_however_it_is_cut(name, cuts):
    """Any segmentation of a real session gives the same messages and frames."""
    data = golden(f"{name}.rtsp")
    whole = flat(RtspReceiver().receive(data))
    assert len(whole) > 30
    receiver, pieces, at = RtspReceiver(), [], 0
    for cut in cuts:
        pieces += receiver.receive(data[at : at + cut])
        at += cut
    pieces += receiver.receive(data[at:])
    assert flat(pieces) == whole


def test_the_buffer_is_filled_in_place_without_growing():
    """Megabytes pass through the fixed buffer; every frame comes out once and unharmed."""
    stream = b"".join(
        b"$\0" + (1400).to_bytes(2, "big") + bytes([n % 251]) * 1400 for n in range(999)
    )
    receiver, seen, at = RtspReceiver(), 0, 0
    while at < len(stream):
        space = receiver.space()
        assert 32 << 10 <= len(space) <= BUFFER_BYTES
        count = min(len(space), 7001, len(stream) - at)
        space[:count] = stream[at : at + count]
        at += count
        for event in receiver.received(count):
            for channel, view in event.frames:
                assert (channel, view[0], view[-1], len(view)) == (0, seen % 251, seen % 251, 1400)
                seen += 1
    assert seen == 999


def test_the_largest_frame_and_the_largest_message_fit():
    """64 KiB of frame or body never wedge the buffer, wherever they begin in it."""
    receiver = RtspReceiver()
    head = f"RTSP/1.0 200 OK\r\nContent-Length: {sdp.MOST_BYTES}\r\nX: ".encode()
    message = head + b"y" * (MOST_HEAD_BYTES - len(head) - 4) + b"\r\n\r\n" + bytes(sdp.MOST_BYTES)
    frame = b"$\1\xff\xff" + bytes(65_535)
    events = flat(receiver.receive(b"$\0\0\1a" + message + frame + message + frame))
    assert [len(one.body) if isinstance(one, Response) else len(one[1]) for one in events] == [
        1,
        65_536,
        65_535,
        65_536,
        65_535,
    ]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "neither RTSP nor interleaved data: 'HTTP/1.1 400"),
        (b"\x16\x03\x01\x02\x00", "neither RTSP nor interleaved data: 16 03 01"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "neither RTSP"),
        (b"\xff" * 10, "neither RTSP"),
        (b"a" * 17_000, "start line longer"),
        (b"RTSP/1.0 200 OK\r\n" + b"A: b\r\n" * 65 + b"\r\n", "66 headers|65 headers"),
        (b"RTSP/1.0 200 OK\r\nA: " + b"b" * 17_000, "headers longer"),
        (b"RTSP/1.0 200 OK\r\nContent-Length: 70000\r\n\r\n", "body of 70000"),
        (b"RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n", "content length '-1'"),
    ],
)
def test_garbage_instead_of_rtsp_is_named(data, words):
    """Web servers, TLS, SSH, noise and bounds: each is told by what came."""
    with pytest.raises(WireError, match=words):
        RtspReceiver().receive(data)


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=30),
            st.sampled_from(
                [
                    b"RTSP/1.0 200 OK\r\n",
                    b"\r\n",
                    b"$\0\0\2",
                    b"OPTIONS * RTSP/1.0\r\n",
                    b"Content-Length: 3\r\n",
                ]
            ),
        ),
        max_size=12,
    )
)
def test_any_bytes_give_events_or_a_wire_error(pieces):
    """No input escapes the error tree."""
    receiver = RtspReceiver()
    try:
        for piece in pieces:
            receiver.receive(piece)
    except WireError:
        return


def test_headers_are_folded_and_repeated():
    """A folded line belongs to its header; repeated ones are all kept."""
    data = b"RTSP/1.0 401 No\xe9\r\nWWW-Authenticate: a\r\n  b\r\nwww-authenticate:c\r\nbad\r\n\r\n"
    (response,) = RtspReceiver().receive(b"\r\n\r\n" + data)
    assert response.all("www-authenticate") == ["a b", "c"]
    assert response.reason == "Noé"


FRAGMENTED = [
    (part, part is run[-1] and run is runs[-1])
    for nals in pictures("x264-320x180.h264")[:12]
    for runs in [fragment(nals, 100)]
    for run in runs
    for part in run
]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 400),
            st.sampled_from([1, 1, 1, 1, 1, 1, 0, 2, 60_000]),
            st.sampled_from([0, 0, 0, 0, 0, 3600]),
            st.sampled_from([96, 96, 96, 96, 224, 97]),
            st.sampled_from([0, 0, 0, 0, 0, 0, 1, 7]),
            st.sampled_from([0x80, 0x80, 0x80, 0x90, 0xA0]),
        ),
        max_size=60,
    ),
    st.integers(0, 900),
    st.lists(st.integers(1, 400), max_size=8),
)
@settings(max_examples=300)
def test_frames_taken_where_they_lie_mean_the_same_as_frames_cut_out(steps, run, cuts):
    """Pictures, losses and complaints are the same on both ways, however the stream is cut."""
    sequence = timestamp = 0
    stream = b""
    usual = [(at, 1, 0, 96, 0, 0x80) for at in range(min(run, len(FRAGMENTED)))]
    for at, gap, ticks, kind, channel, first in [*usual, *steps, *usual]:
        sequence, timestamp = sequence + gap & 0xFFFF, timestamp + ticks
        payload, is_last = FRAGMENTED[at % len(FRAGMENTED)]
        second = kind | 0x80 * is_last
        data = rtp.HEADER.pack(first, second, sequence, timestamp, 5) + payload
        timestamp += 3600 * is_last
        stream += b"$" + bytes((channel,)) + len(data).to_bytes(2, "big") + data
    plain, taking = H264Depacketizer(96), H264Depacketizer(96)
    expected, found, receiver, at = [], [], RtspReceiver(), 0
    for event in RtspReceiver().receive(stream):
        for channel, packet in event.frames:
            expected += plain.receive(packet) if channel == 0 else []
    receiver.taker, receiver.taken_channel = taking.receive_frames, 0
    for cut in (*cuts, len(stream)):
        receiver.receive(stream[at : at + cut])
        found += taking.finished()
        at += cut
    assert found == expected
    for name in ("lost_packets", "late_packets", "foreign_packets", "damaged_units", "problem"):
        assert getattr(taking, name) == getattr(plain, name)


def client(user="admin", url=URL, **wishes):
    credentials = Credentials(user, PASSWORD) if user else None
    return RtspClient(url, credentials, lambda: "c0ffee", Wishes(**wishes))


def parse_request(data):
    (request,) = RtspReceiver().receive(data)
    assert isinstance(request, Request)
    return request


def answer(request, *headers, status=200, body=b""):
    pairs = (("cseq", request.header("cseq")), *headers)
    return Response(status, "words", pairs, body)


def to_setup(one, *describe_headers, body=H264):
    """Lead a client up to its SETUP request."""
    options = parse_request(one.start())
    public = ("public", "OPTIONS, DESCRIBE, GET_PARAMETER")
    describe = parse_request(one.receive(answer(options, public)))
    assert (describe.method, describe.header("accept")) == ("DESCRIBE", "application/sdp")
    return parse_request(one.receive(answer(describe, *describe_headers, body=body)))


def to_playing(one, session="abc;timeout=30", transport="RTP/AVP/TCP;interleaved=4-5"):
    """Lead a client to where the stream plays; return its PLAY request."""
    setup = to_setup(one, ("content-base", "rtsp://192.0.2.1/live/"))
    headers = (("session", session), ("transport", transport))
    play = parse_request(one.receive(answer(setup, *headers)))
    assert one.receive(answer(play)) == b""
    assert one.step is Step.PLAYING
    return play


def test_the_dialogue_leads_to_playing():
    """OPTIONS, DESCRIBE, SETUP of the video track alone, PLAY of the whole; channels as agreed."""
    one = client()
    play = to_playing(one)
    assert (play.method, play.uri) == ("PLAY", "rtsp://192.0.2.1/live/")
    assert play.header("session") == "abc"
    assert (one.rtp_channel, one.rtcp_channel, one.session_s) == (4, 5, 30)
    assert one.track.parameter_sets == SETS
    assert parse_request(one.keep_alive()).method == "GET_PARAMETER"
    assert parse_request(one.tear_down()).header("session") == "abc"


def test_a_camera_without_parameters_is_kept_alive_by_options():
    """GET_PARAMETER is only sent to cameras that announce it."""
    one = client()
    options = parse_request(one.start())
    one.receive(answer(options, ("public", "DESCRIBE, SETUP")))
    assert parse_request(one.keep_alive()).method == "OPTIONS"


def test_a_real_gstreamer_session_is_followed():
    """The golden session, digest included, ends in PLAYING with both channels."""
    one = client(url=parse_url("rtsp://127.0.0.1:18554/h264"))
    one.start()
    for event in RtspReceiver().receive(golden("gstreamer-h264-digest.rtsp")):
        if not isinstance(event, Media):
            one.receive(event)
    assert one.step is Step.PLAYING
    assert (one.track.payload_type, one.rtp_channel, one.rtcp_channel) == (96, 0, 1)
    assert one.session_s == 60


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("gstreamer-audio-describe", "SDP without video"),
        ("gstreamer-not-found", "answers 404 Not Found to DESCRIBE"),
    ],
)
def test_real_cameras_without_usable_video_are_refused_by_name(name, words):
    """Audio only, no such stream: each says which camera and why."""
    one = client(url=parse_url("rtsp://127.0.0.1:18554/x"))
    one.start()
    with pytest.raises(UnusableStreamError, match=f"rtsp://127.0.0.1:18554.*{words}"):
        for event in RtspReceiver().receive(golden(f"{name}.rtsp")):
            one.receive(event)


AUDIO_FIRST = (
    b"v=0\r\nm=audio 0 RTP/AVP 0\r\na=control:track=a\r\n"
    b"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:track=v\r\n"
)


def test_audio_is_never_set_up():
    """Of a camera with sound only the picture is asked for."""
    one = client()
    setup = to_setup(one, body=AUDIO_FIRST)
    assert setup.uri.endswith("/track=v")
    play = parse_request(one.receive(answer(setup, ("session", "s"))))
    assert play.method == "PLAY"


@pytest.mark.parametrize(
    ("headers", "control", "uri"),
    [
        ((), "t1", "rtsp://192.0.2.1/live?ch=1/t1"),
        ((("content-base", "rtsp://192.0.2.1/live/"),), "t1", "rtsp://192.0.2.1/live/t1"),
        ((("content-base", "rtsp://192.0.2.1/live"),), "t1", "rtsp://192.0.2.1/live/t1"),
        ((("content-location", "rtsp://10.0.0.9/l/"),), "t1", "rtsp://192.0.2.1/l/t1"),
        ((("content-base", "/other/"),), "t1", "rtsp://192.0.2.1/other/t1"),
        ((), "rtsp://192.0.2.1:554/abs/t1", "rtsp://192.0.2.1:554/abs/t1"),
        ((), "/abs", "rtsp://192.0.2.1/abs"),
        ((), "*", "rtsp://192.0.2.1/live?ch=1"),
    ],
)
def test_control_addresses_are_resolved_as_cameras_mean_them(headers, control, uri):
    """Base with and without slash, behind NAT, relative; control relative, absolute, star."""
    body = sdp.describe(SETS, name="x", payload_type=96, control=control)
    assert to_setup(client(), *headers, body=body).uri == uri


@pytest.mark.parametrize("control", ["a b", "a\tb", "é", "a\x00"])
def test_a_control_that_would_break_a_request_line_is_ignored(control):
    """Nothing of the camera's can add words to a request."""
    assert resolve("rtsp://h/p", control) == "rtsp://h/p"


def digest(nonce, extra=""):
    return ("www-authenticate", f'Digest realm="r", nonce="{nonce}"{extra}')


def test_credentials_are_sent_only_after_a_challenge_and_then_kept():
    """First without, then with; later requests carry the answer at once."""
    one = client()
    options = parse_request(one.start())
    assert not options.header("authorization")
    again = parse_request(one.receive(answer(options, digest("n1"), status=401)))
    assert 'nonce="n1"' in again.header("authorization")
    assert again.header("cseq") != options.header("cseq")
    describe = parse_request(one.receive(answer(again)))
    assert 'nonce="n1"' in describe.header("authorization")


def test_a_refused_answer_is_a_credential_error_without_the_secret():
    """The second 401 ends it: no lock-out by knocking on."""
    one = client()
    again = one.receive(answer(parse_request(one.start()), digest("n1"), status=401))
    with pytest.raises(CredentialError, match="refuses the user or the password") as caught:
        one.receive(answer(parse_request(again), digest("n2"), status=401))
    assert PASSWORD not in str(caught.value)
    assert "admin" not in str(caught.value)


def test_a_stale_nonce_is_renewed_but_not_for_ever():
    """stale=true asks for one more answer; a camera that always says so is refused."""
    one = client()
    first = one.receive(answer(parse_request(one.start()), digest("n1"), status=401))
    stale = digest("n2", ", stale=true")
    second = one.receive(answer(parse_request(first), stale, status=401))
    assert 'nonce="n2"' in parse_request(second).header("authorization")
    with pytest.raises(CredentialError):
        one.receive(answer(parse_request(second), stale, status=401))


def test_a_next_nonce_is_used_for_the_next_request():
    """Authentication-Info changes the nonce without a 401."""
    one = client()
    first = one.receive(answer(parse_request(one.start()), digest("n1"), status=401))
    information = ("authentication-info", 'nextnonce="n9"')
    describe = one.receive(answer(parse_request(first), information))
    assert 'nonce="n9"' in parse_request(describe).header("authorization")


def test_missing_and_unknown_credentials_are_told_apart():
    """No user configured; a scheme that nobody speaks."""
    one = client(user="")
    with pytest.raises(CredentialError, match="none is configured"):
        one.receive(answer(parse_request(one.start()), digest("n"), status=401))
    one = client()
    with pytest.raises(CredentialError, match="not supported"):
        one.receive(
            answer(parse_request(one.start()), ("www-authenticate", "Negotiate"), status=401)
        )


def test_redirects_stay_on_the_host():
    """Another path is followed, another host is named and refused, circles end."""
    one = client()
    moved = ("location", "rtsp://192.0.2.1/other")
    data = one.receive(answer(parse_request(one.start()), moved, status=302))
    assert parse_request(data).uri == "rtsp://192.0.2.1/other"
    for _ in range(2):
        data = one.receive(answer(parse_request(data), moved, status=301))
    with pytest.raises(PeerError, match="circle"):
        one.receive(answer(parse_request(data), moved, status=302))
    for target, words in (
        ("rtsp://198.51.100.7:8554/x?token=secret", "redirects to rtsp://198.51.100.7:8554: not"),
        ("rtsp://127.0.0.1/x", "not followed to another host"),
        ("rtsp://[::1]/x", "not followed to another host"),
        ("http://192.0.2.1/", "cannot be used"),
        ("rtsp://u:p@192.0.2.1/", "cannot be used"),
    ):
        one = client()
        with pytest.raises(PeerError, match=words) as caught:
            one.receive(answer(parse_request(one.start()), ("location", target), status=302))
        assert "secret" not in str(caught.value)


def test_a_camera_without_tcp_is_unusable():
    """461, and a camera that answers with UDP all the same."""
    one = client()
    setup = to_setup(one)
    with pytest.raises(UnusableStreamError, match="461 words to SETUP"):
        one.receive(answer(setup, status=461))
    one = client()
    transport = ("transport", "RTP/AVP;unicast;client_port=5000-5001")
    with pytest.raises(UnusableStreamError, match="RTP over TCP"):
        one.receive(answer(to_setup(one), transport))


def test_a_broken_description_names_the_camera():
    """What is no SDP at all is a wire error with the address."""
    one = client()
    with pytest.raises(WireError, match=r"rtsp://192.0.2.1:554: not an SDP"):
        to_setup(one, body=b"<html>")


def test_other_failures_are_plain_peer_errors():
    """A busy camera is retried; OPTIONS may fail without harm."""
    one = client()
    describe = one.receive(answer(parse_request(one.start()), status=551))
    with pytest.raises(PeerError, match="453 words to DESCRIBE") as caught:
        one.receive(answer(parse_request(describe), status=453))
    assert not isinstance(caught.value, UnusableStreamError | WireError)


def test_an_answer_without_sequence_number_belongs_to_the_only_request():
    """A forgetful camera is understood; answers to nothing are counted."""
    one = client()
    one.start()
    assert parse_request(one.receive(Response(200, "OK"))).method == "DESCRIBE"
    assert one.receive(Response(200, "OK", (("cseq", "1"),))) == b""
    assert one.stray_messages == 1


@pytest.mark.parametrize("number", ["0", "99", "-1", "x", "4294967296"])
def test_a_sequence_number_that_was_never_sent_means_the_only_request(number):
    """With two requests open it could be either's answer: nothing is taken for anything."""
    one = client()
    one.start()
    odd = Response(200, "OK", (("cseq", number),))
    assert parse_request(one.receive(odd)).method == "DESCRIBE"
    one.keep_alive()
    assert one.receive(odd) == b""
    assert (one.stray_messages, len(one._pending)) == (1, 2)


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("Reach max client limit", BusyError),
        ("Over session threshold", BusyError),
        ("Online users exceeded", BusyError),
        ("MAXIMUM connections", BusyError),
        ("Forbidden", CredentialError),
        ("", CredentialError),
    ],
)
def test_a_camera_that_forbids_is_full_or_refuses_us(reason, kind):
    """403 has two meanings: only the words tell whether to wait or to change the user."""
    one = client()
    describe = parse_request(one.receive(answer(parse_request(one.start()))))
    pairs = (("cseq", describe.header("cseq")), ("retry-after", "7"))
    with pytest.raises(PeerError, match=f"answers 403 {reason} to DESCRIBE") as caught:
        one.receive(Response(403, reason, pairs))
    assert type(caught.value) is kind


def test_unanswered_keep_alives_do_not_pile_up():
    """Only the last few are remembered; a late refusal of one does no harm."""
    one = client()
    to_playing(one)
    requests = [parse_request(one.keep_alive()) for _ in range(50)]
    assert len(one._pending) == MOST_PENDING
    assert one.receive(answer(requests[-1], status=501)) == b""
    assert one.step is Step.PLAYING


def test_requests_of_the_camera_are_answered():
    """OPTIONS gets 200, RECORD 501, and TEARDOWN or REDIRECT end the session."""
    one = client()
    reply = one.receive(Request("OPTIONS", "*", (("cseq", "7"),)))
    assert reply == b"RTSP/1.0 200 OK\r\nCSeq: 7\r\n\r\n"
    assert b"501" in one.receive(Request("RECORD", "*"))
    for method in ("TEARDOWN", "REDIRECT"):
        with pytest.raises(PeerError, match=f"ended the session .{method}."):
            one.receive(Request(method, "*"))


def test_a_short_session_time_is_bounded():
    """A camera that asks for a keep-alive each moment gets one in two seconds."""
    one = client()
    to_playing(one, session="s ; timeout=0", transport="")
    assert one.session_s == 4
    assert (one.rtp_channel, one.rtcp_channel) == (0, 1)


def test_a_redirect_to_an_allowed_host_or_another_port_is_a_new_connection():
    """The caller is told where; from TLS nothing leads into the clear."""
    for location in ("rtsp://10.0.0.9/x", "rtsp://192.0.2.1:8554/x", "rtsps://192.0.2.1/x"):
        one = client(hosts=("10.0.0.9",))
        with pytest.raises(MovedError) as caught:
            one.receive(answer(parse_request(one.start()), ("location", location), status=301))
        assert caught.value.target.text == location
    one = client(url=parse_url("rtsps://192.0.2.1/x"))
    with pytest.raises(PeerError, match="not followed out of TLS"):
        moved = ("location", "rtsp://192.0.2.1/x")
        one.receive(answer(parse_request(one.start()), moved, status=301))


def test_a_redirect_request_is_followed_like_an_answer():
    """REDIRECT with an allowed Location moves the session."""
    one = client(hosts=("10.0.0.9",))
    with pytest.raises(MovedError):
        one.receive(Request("REDIRECT", "*", (("location", "rtsp://10.0.0.9/x"),)))
    with pytest.raises(PeerError, match="another host"):
        one.receive(Request("REDIRECT", "*", (("location", "rtsp://10.0.0.8/x"),)))


def test_a_track_on_another_host_is_refused_unless_it_is_allowed():
    """An absolute control leads nowhere that nobody configured."""
    body = sdp.describe(SETS, name="x", payload_type=96, control="rtsp://10.0.0.9/abs/t1")
    with pytest.raises(PeerError, match=r"has its track on 10\.0\.0\.9: refused"):
        to_setup(client(), body=body)
    assert to_setup(client(hosts=("10.0.0.9",)), body=body).uri == "rtsp://10.0.0.9/abs/t1"


METADATA = sdp.describe(
    SETS,
    name="x",
    payload_type=96,
    control="v",
    metadata=MetadataTrack(107, "m"),
)
UDP = {"transport": Transport.UDP, "open_ports": lambda: 5000, "peer_address": "192.0.2.1"}


def test_metadata_is_set_up_only_if_it_is_wanted():
    """Video first, then the document track on the next channels, in the same session."""
    one = client(wants_metadata=True)
    setup = to_setup(one, body=METADATA)
    second = parse_request(one.receive(answer(setup, ("session", "s"))))
    assert second.header("transport").endswith("interleaved=2-3")
    assert second.header("session") == "s"
    assert second.uri.endswith("/m")
    play = parse_request(one.receive(answer(second, ("session", "s"))))
    assert play.method == "PLAY"
    assert [lane.rtp for lane in one.lanes] == [0, 2]
    without = client()
    setup = to_setup(without, body=METADATA)
    assert parse_request(without.receive(answer(setup, ("session", "s")))).method == "PLAY"


def test_udp_is_asked_for_with_our_ports_and_taken_with_theirs():
    """The camera's report port is kept; its source must be the camera itself."""
    one = client(**UDP)
    setup = to_setup(one)
    assert setup.header("transport") == "RTP/AVP;unicast;client_port=5000-5001"
    agreed = "RTP/AVP;unicast;client_port=5000-5001;source=192.0.2.1;server_port=6000-6001"
    assert one.receive(answer(setup, ("transport", agreed)))
    assert (one.lanes[0].transport, one.lanes[0].server_rtcp) == (Transport.UDP, 6001)


@pytest.mark.parametrize("source", ["198.51.100.7", "::1", "elsewhere.example", "192.0.2.10"])
def test_pictures_from_elsewhere_are_refused(source):
    """A camera cannot make us listen to a third party."""
    one = client(**UDP)
    agreed = ("transport", f"RTP/AVP;unicast;client_port=5000-5001;source={source}")
    with pytest.raises(PeerError, match="source of its pictures: refused"):
        one.receive(answer(to_setup(one), agreed))


@pytest.mark.parametrize("source", ["192.0.2.1", "0.0.0.0", "::"])
def test_a_source_that_is_the_camera_or_nothing_is_taken(source):
    """Its own address, or none that means anything."""
    one = client(**UDP)
    agreed = ("transport", f"RTP/AVP;unicast;client_port=5000-5001;source={source}")
    assert one.receive(answer(to_setup(one), agreed))


@pytest.mark.parametrize("first", [Transport.TCP, Transport.UDP])
def test_the_other_transport_is_tried_once(first):
    """461 in either direction falls back and says so; a second 461 ends it."""
    one = client(**{**UDP, "transport": first})
    again = parse_request(one.receive(answer(to_setup(one), status=461)))
    assert ("TCP" in again.header("transport")) is (first is Transport.UDP)
    assert f"{first.value.upper()} refused (461)" in one.remark
    with pytest.raises(UnusableStreamError, match="461"):
        one.receive(answer(again, status=461))


def test_a_camera_names_itself_and_how_it_wants_proof():
    """Server header and scheme are told to whoever asks."""
    one = client()
    refused = (digest("n1", ", algorithm=SHA-256"), ("server", "Acme\x07 9"))
    one.receive(answer(parse_request(one.start()), *refused, status=401))
    assert (one.server, one.authentication) == ("Acme? 9", "Digest SHA-256")


QUIRK_WISHES = {
    "tcp-although-udp": UDP,
    "transport-refused": UDP,
    "metadata-refused": {"wants_metadata": True},
}
QUIRK_RESULTS = {
    "channels-of-its-own": lambda one: (one.rtp_channel, one.rtcp_channel) == (8, 9),
    "tcp-although-udp": lambda one: one.lanes[0].transport is Transport.TCP,
    "transport-refused": lambda one: one.lanes[0].transport is Transport.TCP,
    "metadata-refused": lambda one: len(one.lanes) == 1 and "metadata" in one.remark,
    "keep-alive-refused": lambda one: b"OPTIONS" in one.keep_alive(),
    "session-with-spaces": lambda one: b"Session: a b\r\n" in one.tear_down(),
    "base-behind-nat": lambda one: (
        b"PLAY" not in one.tear_down() and b"10.0" not in one.tear_down()
    ),
}


@pytest.mark.parametrize("name", sorted(QUIRKS))
def test_every_quirk_has_an_exchange_that_leads_to_playing(name):
    """The camera's half of a dialogue, played against the client as it is in service."""
    one = client(user="", url=parse_url("rtsp://192.0.2.1/live?ch=1"), **QUIRK_WISHES.get(name, {}))
    one.start()
    for event in RtspReceiver().receive(golden(f"quirk-{name}.rtsp")):
        data = one.receive(event)
        if one.step is Step.PLAYING and name == "keep-alive-refused" and not data:
            one.keep_alive()
    assert one.step is Step.PLAYING
    assert QUIRK_RESULTS.get(name, lambda _: True)(one)


MESSAGES = st.builds(
    Response,
    st.sampled_from([200, 200, 200, 302, 401, 404, 500]),
    st.just(""),
    st.lists(
        st.tuples(
            st.sampled_from(
                [
                    "cseq",
                    "session",
                    "transport",
                    "public",
                    "www-authenticate",
                    "location",
                    "content-base",
                    "authentication-info",
                ]
            ),
            st.one_of(
                st.sampled_from(["1", "2", "3", "4", 'Digest nonce="x"', "rtsp://192.0.2.1/y"]),
                st.text(max_size=20),
            ),
        ),
        max_size=5,
    ).map(tuple),
    st.sampled_from([b"", H264, b"v=0"]),
)


@given(st.lists(MESSAGES, max_size=12))
@example([Response(200, ""), Response(200, "", (), H264), Response(200, ""), Response(200, "")])
def test_any_answers_keep_the_client_within_the_error_tree(messages):
    """Whatever a camera answers in whatever state, there is a request, nothing, or a PeerError."""
    one = client()
    one.start()
    problem = ""
    try:
        for message in messages:
            data = one.receive(message)
            assert data == b"" or data.endswith(b"\r\n\r\n")
    except PeerError as error:
        problem = str(error)
    assert PASSWORD not in problem
    assert "\n" not in problem


@pytest.mark.parametrize(
    "text",
    [
        "http://h/",
        "rtsp:///x",
        "rtsp://h:99999/",
        "rtsp://u:secret@h/",
        "rtsp://h/a b",
        "rtsp://h/\n",
        "rtsp://[::1/",
        "",
        "rtsps://",
    ],
)
def test_unusable_addresses_are_refused_without_repeating_them(text):
    """Scheme, host, port, credentials and odd characters."""
    with pytest.raises(WireError, match="RTSP URL") as caught:
        parse_url(text)
    assert "secret" not in str(caught.value)


def test_addresses_are_shown_without_path_and_query():
    """Cameras hide passwords in the query."""
    assert parse_url("rtsp://h/x?password=y").peer == "rtsp://h:554"
    assert parse_url("rtsp://[2001:db8::1]:8554/").peer == "rtsp://[2001:db8::1]:8554"


def server(verifier=None):
    return RtspServer({"gate": H264}.get, verifier, "5e55")


def ask(one, method, uri="rtsp://h/gate", now_s=0.0, **headers):
    pairs = tuple((name, value) for name, value in headers.items())
    (response,) = RtspReceiver().receive(one.receive(Request(method, uri, pairs), now_s))
    return response


TCP = "RTP/AVP/TCP;unicast;interleaved=2-3"


def test_both_halves_understand_each_other():
    """Our client plays from our server with digest, and ends it."""
    one, other = (
        client(url=parse_url("rtsp://h/gate")),
        RtspServer(
            {"gate": sdp.describe(SETS, name="g", payload_type=96, control="track0")}.get,
            Verifier("Varco", {"admin": PASSWORD}, b"s" * 16),
            "5e55",
        ),
    )
    up, down = RtspReceiver(), RtspReceiver()
    data = one.start()
    while data:
        (request,) = up.receive(data)
        (response,) = down.receive(other.receive(request, 1.0))
        data = one.receive(response)
    assert one.step is Step.PLAYING
    assert (other.state, other.path) == (ServerState.PLAYING, "gate")
    for data in (one.keep_alive(), one.tear_down()):
        (request,) = up.receive(data)
        assert other.receive(request, 2.0).startswith(b"RTSP/1.0 200 OK")
    assert other.state is ServerState.ENDED


def test_the_server_refuses_what_does_not_fit():
    """Unknown path, UDP, wrong order, wrong session, unknown method: each its own status."""
    one = server()
    assert ask(one, "DESCRIBE", "rtsp://h/nope").status == 404
    assert ask(one, "SETUP", "rtsp://h/nope/track0", transport=TCP).status == 404
    assert ask(one, "SETUP", transport="RTP/AVP;unicast;client_port=1-2").status == 461
    assert ask(one, "SETUP", transport="RTP/AVP/TCP;interleaved=255-256").status == 461
    assert ask(one, "PLAY").status == 455
    assert ask(one, "RECORD").status == 501
    assert one.state is ServerState.INIT
    assert ask(one, "SETUP", "rtsp://h/gate/track0", transport=TCP).header("session")
    assert ask(one, "PLAY", session="other").status == 454
    assert ask(one, "PLAY").status == 454
    assert ask(one, "PLAY", session="5e55").status == 200
    assert (one.state, one.rtp_channel) == (ServerState.PLAYING, 2)
    assert ask(one, "SETUP", transport=TCP, session="5e55").status == 455


def test_the_server_grants_udp_metadata_and_refuses_one_too_many():
    """Ports as asked for, a second track in the session, 453 and 404 where due."""
    full = []
    terms = Terms(open_ports=lambda control: 7000, refuses=lambda: 453 if full else 0)
    one = RtspServer({"gate": METADATA.replace(b":m\r", b":track1\r")}.get, None, "5e55", terms)
    full.append(1)
    udp = "RTP/AVP;unicast;client_port=5000-5001"
    assert ask(one, "SETUP", "rtsp://h/gate/track0", transport=udp).status == 453
    full.clear()
    first = ask(one, "SETUP", "rtsp://h/gate/track0", transport=udp)
    assert first.header("transport").endswith("client_port=5000-5001;server_port=7000-7001")
    full.append(1)
    again = ask(one, "SETUP", "rtsp://h/gate/track1", transport=TCP, session="5e55")
    assert again.status == 200
    assert (one.lanes["track0"].rtp, one.lanes["track1"].rtp) == (5000, 2)
    other = RtspServer({"gate": H264}.get, None, "5e55")
    assert ask(other, "SETUP", "rtsp://h/gate/track1", transport=TCP).status == 404


def test_each_path_can_have_its_own_users():
    """Who may see one mount proves nothing for another."""
    verifiers = {"gate": Verifier("Varco", {"u": "p"}, b"s" * 16)}
    one = RtspServer({"gate": H264, "open": H264}.get, None, "5e55", Terms(verifiers.get))
    assert ask(one, "DESCRIBE", "rtsp://h/gate").status == 401
    assert ask(one, "SETUP", "rtsp://h/gate/track0", transport=TCP).status == 401
    assert ask(one, "DESCRIBE", "rtsp://h/open").status == 200


def test_the_server_lets_nobody_in_without_proof():
    """Everything but OPTIONS is challenged; a proof for another method does not count."""
    verifier = Verifier("Varco", {"u": "p"}, b"s" * 16)
    one = server(verifier)
    assert ask(one, "OPTIONS").status == 200
    refused = ask(one, "DESCRIBE")
    assert refused.status == 401
    assert len(refused.all("www-authenticate")) == 2
    authenticator = Authenticator(Credentials("u", "p"), lambda: "c")
    authenticator.challenged(refused.all("www-authenticate"))
    proof = authenticator.authorization("DESCRIBE", "rtsp://h/gate")
    assert ask(one, "DESCRIBE", authorization=proof).status == 200
    assert ask(one, "SETUP", authorization=proof, transport=TCP).status == 401
    stale = ask(one, "DESCRIBE", now_s=1e4, authorization=proof)
    assert "stale" in stale.header("www-authenticate")


def test_the_server_ignores_answers():
    """A response to nothing is no request."""
    assert server().receive(Response(200, "OK"), 0.0) == b""


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["OPTIONS", "DESCRIBE", "SETUP", "PLAY", "TEARDOWN", "X"]),
            st.one_of(st.sampled_from(["rtsp://h/gate", "*", "rtsp://[/"]), st.text(max_size=10)),
            st.sampled_from(["", "5e55", "other"]),
            st.sampled_from(["", TCP]),
        ),
        max_size=10,
    )
)
def test_any_requests_get_exactly_one_answer(requests):
    """In every state every request is answered, and nothing plays without SETUP and PLAY."""
    one = server()
    answered = []
    for method, uri, session, transport in requests:
        response = ask(one, method, uri, session=session, transport=transport)
        answered.append((method, response.status))
    if one.state is ServerState.PLAYING:
        assert ("SETUP", 200) in answered
        assert ("PLAY", 200) in answered


@pytest.mark.parametrize("session", ["a\nX-Evil: 1", "a\rb", "a\x00", "a\tb", "caf\xe9", "x" * 300])
def test_a_session_that_would_break_a_header_is_refused(session):
    """A line end inside the identifier would be a header of its own in each later request."""
    one = client()
    with pytest.raises(WireError, match="cannot be a session's identifier"):
        one.receive(answer(to_setup(one), ("session", session)))
    assert one.tear_down() == b""


def test_a_redirect_to_the_same_address_is_a_new_connection_once_a_stream_is_described():
    """Answer or request: nothing of what was agreed on is taken along."""
    here = ("location", "rtsp://192.0.2.1/other")
    one = client()
    to_playing(one)
    with pytest.raises(MovedError) as caught:
        one.receive(Request("REDIRECT", "*", (here,)))
    assert caught.value.target.text == "rtsp://192.0.2.1/other"
    assert parse_request(one.tear_down()).header("session") == "abc"
    two = client()
    with pytest.raises(MovedError):
        two.receive(answer(to_setup(two), here, status=302))


def test_a_redirect_before_anything_is_described_forgets_what_waits():
    """The answer to a request of before is nobody's."""
    one = client()
    options = parse_request(one.start())
    moved = Request("REDIRECT", "*", (("location", "rtsp://192.0.2.1/other"),))
    again = parse_request(one.receive(moved))
    assert (again.method, again.uri) == ("OPTIONS", "rtsp://192.0.2.1/other")
    assert one.receive(answer(options)) == b""
    assert one.stray_messages == 1
    assert parse_request(one.receive(answer(again))).method == "DESCRIBE"


@pytest.mark.parametrize(
    ("stated", "ports"),
    [
        ("6000-6001", (6000, 6001)),
        ("6000", (6000, 6001)),
        ("0-0", (0, 0)),
        ("0", (0, 0)),
        ("70000-70001", (0, 0)),
        ("65535", (65535, 0)),
    ],
)
def test_where_the_camera_sends_from_is_kept(stated, ports):
    """As far as these are ports; nothing stated is nothing to hold it to."""
    one = client(**UDP)
    agreed = f"RTP/AVP;unicast;client_port=5000-5001;server_port={stated}"
    one.receive(answer(to_setup(one), ("transport", agreed)))
    assert (one.lanes[0].server_rtp, one.lanes[0].server_rtcp) == ports


def pipelined():
    """A client that asks for all at once, and what it sent."""
    url = RtspUrl("piazza.line.invalid", 0, "rtsp://piazza.line.invalid/gate/main", name="line x")
    client = RtspClient(url, None, lambda: "", Wishes(pipelined=True))
    return client, RtspReceiver().receive(client.start())


def told(sequence, *headers, status=200, reason="OK", body=b""):
    return Response(status, reason, (("cseq", str(sequence)), *headers), body)


def test_a_box_of_ours_is_asked_for_everything_at_once():
    """Three requests in one go; their answers lead to PLAYING without another word."""
    client, requests = pipelined()
    assert [one.method for one in requests] == ["DESCRIBE", "SETUP", "PLAY"]
    assert requests[1].uri == "rtsp://piazza.line.invalid/gate/main/track0"
    assert client.receive(told(1, body=H264)) == b""
    transport = ("transport", "RTP/AVP/TCP;unicast;interleaved=0-1")
    assert client.receive(told(2, transport, ("session", "5e55;timeout=60"))) == b""
    assert client.receive(told(3)) == b""
    assert client.step is Step.PLAYING
    assert (client.rtp_channel, client.rtcp_channel) == (0, 1)
    assert b"Session: 5e55" in client.tear_down()


@pytest.mark.parametrize("status", [403, 404, 503])
def test_a_box_of_ours_says_no_in_words_of_its_own(status):
    """It is no camera that refuses a password, and is asked again soon."""
    client, _ = pipelined()
    with pytest.raises(PeerError, match=r"^line x: not-released: no$") as caught:
        client.receive(told(1, status=status, reason="not-released: no"))
    assert type(caught.value) is PeerError
