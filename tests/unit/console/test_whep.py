# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""WHEP as draft-03 asks, and refusals with their reasons."""

from dataclasses import replace

import pytest

from gateway.assembly.turn import IceServer
from gateway.console.problem import RefusedError
from gateway.model.access import Refusal, Verdict
from gateway.model.errors import LedgerError, PeerError
from tests.ui.town import PHARMACY, SQUARE

OFFER = (
    "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 H264/90000\r\n"
)
SDP = {"Content-Type": "application/sdp"}
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}
WHY = {"purpose": "servizio", "case": "OdS 1"}


async def watch(client, camera=SQUARE, why=WHY, body=OFFER, headers=SDP):
    """Post an offer."""
    return await client.post(f"/whep/{camera}", params=why, content=body, headers=headers)


async def test_an_offer_is_answered_with_a_resource(site, town):
    """201 with the answer, Location and ETag; the ledger holds the access before."""
    async with site.as_user("anna") as client:
        answer = await watch(client)
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/sdp"
    assert answer.headers["location"].startswith(f"/whep/{SQUARE}/")
    assert answer.headers["etag"] == '"e1"'
    assert answer.headers["accept-patch"] == "application/trickle-ice-sdpfrag"
    assert "link" not in answer.headers
    assert answer.text.startswith("v=0")
    entry = town.ledger.entries_now[-1].event
    assert (entry.event, entry.case_ref, entry.purpose_code) == ("live.open", "OdS 1", "servizio")


async def test_the_stream_is_the_main_one_unless_the_small_one_is_asked_for(site, town):
    """`?stream=sub` for walls; anything else is a mistake."""
    async with site.as_user("anna") as client:
        for asked, meant in (
            ({}, "auto"),
            ({"stream": "sub"}, "sub"),
            ({"stream": "main"}, "main"),
        ):
            answer = await watch(client, why={**WHY, **asked})
            assert answer.status_code == 201
            assert town.media.asked_for.value == meant
        assert (await watch(client, why={**WHY, "stream": "big"})).status_code in {400, 422}


async def test_anonymous_gets_401_and_no_entry(site, town):
    """Nobody is asked for a token first; nothing is decided about nobody."""
    async with site.anonymous() as client:
        answer = await watch(client)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert town.ledger.entries_now == []


@pytest.mark.parametrize("why", [{}, {"purpose": "curiosita", "case": "1"}])
async def test_missing_or_unknown_purpose_is_refused_and_written_down(site, town, why):
    """403 with the reason; the refusal itself is an entry."""
    async with site.as_user("anna") as client:
        answer = await watch(client, why=why)
    assert answer.status_code == 403
    assert answer.json()["code"] == "purpose-missing"
    assert town.ledger.entries_now[-1].event.result == "denied"
    assert town.media.running == {}


async def test_the_pharmacy_opens_only_with_its_alarm(site, town):
    """Event-gated disclosure: refused before, open during, refused after, each with a reason."""
    async with site.as_user("anna", **{"Accept-Language": "en"}) as client:
        before = await watch(client, PHARMACY)
        record = town.alarms.raise_one()
        why = {"purpose": "allarme", "case": record.alarm.id}
        during = await watch(client, PHARMACY, why)
        await client.post(f"/api/alarms/{record.alarm.id}/close", json={"verdict": "falso"})
        after = await watch(client, PHARMACY, why)
        session = await client.get(during.headers["location"])
    assert (before.status_code, before.json()["code"]) == (403, "only-on-alarm")
    assert before.json()["title"].startswith("Patto no. 12/2026 opens this camera only")
    assert during.status_code == 201
    assert (after.status_code, after.json()["code"]) == (403, "alarm-closed")
    assert session.json()["state"] == "ended"
    assert session.json()["reason"] == "alarm-closed"


async def test_unknown_camera_is_404(site):
    """A camera that does not exist is not found, in words."""
    async with site.as_user("anna") as client:
        answer = await watch(client, "nessuna")
    assert answer.status_code == 404
    assert answer.json()["code"] == "unknown-camera"


async def test_wrong_content_type_is_415(site, town):
    """Only application/sdp is taken, and Accept-Post says so."""
    async with site.as_user("anna") as client:
        answer = await watch(client, headers={"Content-Type": "application/json"})
    assert answer.status_code == 415
    assert answer.headers["accept-post"] == "application/sdp"
    assert town.ledger.entries_now == []


@pytest.mark.parametrize("body", [b"", b"hello", b"\xff\xfe", b"v=0\r\nm=audio 9 x 0\r\n"])
async def test_nonsense_is_400_and_closes_the_grant(site, town, body):
    """An offer that is none ends the access at once."""
    async with site.as_user("anna") as client:
        answer = await watch(client, body=body)
    assert answer.status_code == 400
    assert answer.json()["code"] == "offer-malformed"
    assert [reason for _, reason, _ in town.gate.closed] == ["offer-malformed"]


async def test_an_unusable_offer_is_406_and_closes_the_grant(site, town):
    """An offer without a codec of ours cannot be answered."""
    async with site.as_user("anna") as client:
        answer = await watch(client, body=OFFER.replace("H264", "VP8"))
    assert answer.status_code == 406
    assert answer.json()["code"] == "offer-not-acceptable"
    assert [reason for _, reason, _ in town.gate.closed] == ["offer-not-acceptable"]


async def test_media_gone_is_503_and_closes_the_grant(site, town):
    """Without the media process the client may try again soon."""
    town.media.problem = PeerError("media process is gone")
    async with site.as_user("anna") as client:
        answer = await watch(client)
    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    assert "media process" not in answer.text
    assert [reason for _, reason, _ in town.gate.closed] == ["media-unavailable"]


async def test_a_ledger_that_cannot_be_written_shows_nothing(site, town):
    """Fail closed: no entry, no picture, and it says so."""

    async def fail(request):
        raise LedgerError("ledger.db: disk full")

    town.gate.open = fail
    async with site.as_user("anna") as client:
        answer = await watch(client)
    assert answer.status_code == 503
    assert answer.json()["code"] == "ledger-not-writable"
    assert town.media.running == {}


async def test_body_is_capped_at_64_kib(site, town):
    """A large body is refused before anything else looks at it, announced or not."""

    async def chunks():
        for _ in range(70):
            yield b"x" * 1024

    async with site.as_user("anna") as client:
        announced = await watch(client, body="x" * 70_000)
        streamed = await watch(client, body=chunks())
    assert announced.status_code == streamed.status_code == 413
    assert town.ledger.entries_now == []


async def test_trickle_needs_the_right_session_etag_and_type(site, town):
    """PATCH: 204, 412 for another ICE session, 415 for another type, 404 and 403 for others."""
    async with site.as_user("anna") as client, site.as_user("marco") as other:
        path = (await watch(client)).headers["location"]
        body = "a=ice-ufrag:player\r\na=candidate:1 1 UDP 1 192.0.2.9 9 typ host\r\n"

        async def patch(who, where=path, **headers):
            answer = await who.patch(where, content=body, headers={**FRAGMENT, **headers})
            return answer.status_code

        assert await patch(client) == 204
        assert await patch(client, **{"If-Match": '"e1"'}) == 204
        assert await patch(client, **{"If-Match": '"e0"'}) == 412
        assert await patch(client, **{"Content-Type": "text/plain"}) == 415
        assert await patch(client, f"/whep/{SQUARE}/none") == 404
        assert await patch(other) == 403
        for wrong in (b"", b"a=candidate:nonsense", b"\xff", b"x" * 20_000):
            answer = await client.patch(path, content=wrong, headers=FRAGMENT)
            assert (answer.status_code, answer.json()["code"]) == (400, "offer-malformed")


async def test_a_player_may_begin_another_ice_session(site):
    """PATCH with new credentials: 200 with ours and a new ETag; the old one is stale then."""
    body = "a=ice-ufrag:another\r\na=ice-pwd:of-22-characters-or-more\r\n"
    async with site.as_user("anna") as client, site.as_user("marco") as other:
        path = (await watch(client)).headers["location"]
        restart = {**FRAGMENT, "If-Match": "*"}
        assert (await other.patch(path, content=body, headers=restart)).status_code == 403
        answer = await client.patch(path, content=body, headers=restart)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/trickle-ice-sdpfrag"
        assert answer.headers["etag"] == '"e2"'
        assert answer.text.startswith("a=ice-ufrag:e2\r\na=ice-pwd:password-of-ours\r\n")
        for tag, status in (('"e1"', 412), ('"e2"', 204), ('"e0", W/"e2"', 204)):
            headers = {**FRAGMENT, "If-Match": tag}
            late = await client.patch(path, content="a=end-of-candidates\r\n", headers=headers)
            assert late.status_code == status


class Turn:
    """Gives numbered credentials."""

    def __init__(self):
        self.given = 0

    def issue(self):
        self.given += 1
        name = f"1790000000:{self.given}"
        urls = ("turn:192.0.2.20:3478?transport=udp", "turns:turn.example.it:5349?transport=tcp")
        return [IceServer(url, name, "c2VjcmV0+/=") for url in urls]


async def test_ice_servers_are_for_who_is_known(site):
    """The Link header comes at POST and at OPTIONS, each time anew, and to no stranger."""
    turn = Turn()
    site.app.state.services = replace(site.app.state.services, ice_servers=turn)
    async with site.as_user("anna") as client, site.anonymous() as stranger:
        asked = await client.options(f"/whep/{SQUARE}")
        answer = await watch(client)
        nothing = await stranger.options(f"/whep/{SQUARE}")
        refused = await watch(stranger)
        denied = await watch(client, why={})
    assert asked.headers["link"] == (
        '<turn:192.0.2.20:3478?transport=udp>; rel="ice-server"; username="1790000000:1"; '
        'credential="c2VjcmV0+/="; credential-type="password", '
        '<turns:turn.example.it:5349?transport=tcp>; rel="ice-server"; username="1790000000:1"; '
        'credential="c2VjcmV0+/="; credential-type="password"'
    )
    assert 'username="1790000000:2"' in answer.headers["link"]
    assert not any("link" in one.headers for one in (nothing, refused, denied))
    assert turn.given == 2


async def test_only_the_owner_ends_a_session(site, town):
    """DELETE by somebody else is 403 and changes nothing; by the owner 200, then gone."""
    async with site.as_user("anna") as client, site.as_user("marco") as other:
        path = (await watch(client)).headers["location"]
        assert (await other.delete(path)).status_code == 403
        assert (await other.get(path)).status_code == 403
        assert len(town.media.running) == 1
        assert (await client.get(path)).json()["state"] == "live"
        assert (await client.delete(path)).status_code == 200
        assert (await client.delete(path)).status_code == 404
        assert (await client.get(path)).json()["reason"] == "viewer-left"
        assert (await other.get(path)).status_code == 404


async def test_options_tells_what_is_taken(site):
    """OPTIONS works without identity and grants no origin by default."""
    async with site.anonymous() as client:
        answer = await client.options(f"/whep/{SQUARE}", headers={"Origin": "https://evil.example"})
    assert answer.status_code == 204
    assert answer.headers["accept-post"] == "application/sdp"
    assert "access-control-allow-origin" not in answer.headers


async def test_cors_is_for_listed_origins_with_a_bearer(site):
    """A configured origin passes preflight and may read Location; another one is refused."""
    preflight = {"Access-Control-Request-Method": "POST"}
    async with site.as_user("anna") as client:
        ok = await client.options(
            f"/whep/{SQUARE}", headers={"Origin": "https://ok.example", **preflight}
        )
        answer = await watch(client, headers={**SDP, "Origin": "https://ok.example"})
        evil = await watch(client, headers={**SDP, "Origin": "https://evil.example"})
    assert ok.headers["access-control-allow-origin"] == "https://ok.example"
    assert "PATCH" in ok.headers["access-control-allow-methods"]
    assert "access-control-allow-credentials" not in ok.headers
    assert answer.status_code == 201
    assert "Location" in answer.headers["access-control-expose-headers"]
    assert evil.status_code == 403
    assert "access-control-allow-origin" not in evil.headers


async def test_a_refusal_by_the_edge_is_told_and_closes_the_grant(site, town):
    """The edge where the camera is has its own gate; its reason stands in the problem."""
    words = "La sede «nord» non concede l'immagine: il titolare ha sospeso la condivisione."
    verdict = Verdict(False, Refusal.PAUSED, words, "The edge “nord” does not give the picture.")
    town.media.problem = RefusedError(verdict)
    async with site.as_user("anna") as client:
        answer = await watch(client)
    assert answer.status_code == 403
    assert (answer.json()["code"], answer.json()["title"]) == ("paused-by-owner", words)
    assert [reason for _, reason, _ in town.gate.closed] == ["paused-by-owner"]


async def test_a_line_that_is_down_is_a_reason_to_try_again(site, town):
    """503, with what is the matter."""
    town.media.problem = RefusedError(Verdict(False, Refusal.LINE, "La linea è interrotta.", "x"))
    async with site.as_user("anna") as client:
        answer = await watch(client)
    assert (answer.status_code, answer.json()["code"]) == (503, "line-down")


async def test_the_name_of_an_edges_camera_is_long(site):
    """Two ids and a full stop are taken; it is unknown here, not malformed."""
    async with site.as_user("anna") as client:
        answer = await watch(client, f"{'e' * 64}.{'c' * 64}")
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown-camera")
        assert (await watch(client, "c" * 130)).status_code == 422
