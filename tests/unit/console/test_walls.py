# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Walls: no camera without a Grant of its own, no tile of somebody else's, one connection."""

import pytest

from gateway.assembly.renditions import TranscodesBusyError
from gateway.model.errors import BusyError, PeerError
from tests.ui.town import SQUARE

SDP = {"content-type": "application/sdp"}
OFFER = "v=0\r\n" + "".join(
    f"m=video 9 UDP/TLS/RTP/SAVPF 102\r\na=mid:{n}\r\na=rtpmap:102 H264/90000\r\n" for n in "012"
)
WHY = {"purpose": "servizio", "case": "OdS 1"}


async def opened(client):
    """Open a wall; return its path."""
    answer = await client.post("/walls", content=OFFER, headers=SDP)
    assert answer.status_code == 201, answer.text
    return answer.headers["location"]


async def put(client, wall, mid="0", camera=SQUARE, stream="auto", why=WHY):
    return await client.put(
        f"{wall}/tiles/{mid}", params=why, json={"camera": camera, "stream": stream}
    )


def said(town):
    return [one.event.event for one in town.ledger.entries_now]


async def test_a_wall_opens_no_picture_and_no_grant(site, town):
    """201 with answer, Location and ETag; the ledger knows of no look."""
    async with site.as_user("anna") as client:
        answer = await client.post("/walls", content=OFFER, headers=SDP)
        assert answer.status_code == 201
        assert answer.headers["etag"] == '"w1"'
        assert answer.headers["accept-patch"] == "application/trickle-ice-sdpfrag"
        seen = (await client.get(answer.headers["location"])).json()
    assert seen["state"] == "open"
    assert [(one["mid"], one["state"]) for one in seen["tiles"]] == [
        ("0", "dark"), ("1", "dark"), ("2", "dark"),
    ]  # fmt: skip
    assert "live.open" not in said(town)


async def test_each_tile_is_a_grant_and_an_entry(site, town):
    """PUT asks the gate with the reasons of a look; what is shown says so."""
    async with site.as_user("anna") as client:
        wall = await opened(client)
        answer = await put(client, wall, "1")
        assert answer.status_code == 200
        tile = answer.json()
        assert (tile["mid"], tile["camera"], tile["wish"], tile["state"]) == (
            "1", SQUARE, "auto", "live",
        )  # fmt: skip
        assert tile["expires"]
        assert tile["look"]
        entry = town.ledger.entries_now[-1].event
        assert (entry.event, entry.case_ref, entry.object_id) == ("live.open", "OdS 1", SQUARE)
        refused = await put(client, wall, "2", why={})
        assert refused.status_code == 403
        assert refused.json()["code"] == "purpose-missing"
        tiles = (await client.get(wall)).json()["tiles"]
    assert [one["state"] for one in tiles] == ["dark", "live", "dark"]


async def test_another_stream_of_the_same_camera_keeps_the_grant(site, town):
    """A switch is no look; other reasons, or another camera, are one."""
    async with site.as_user("anna") as client:
        wall = await opened(client)
        first = (await put(client, wall)).json()
        before = said(town).count("live.open")
        for why in (WHY, {}):
            second = (await put(client, wall, stream="main", why=why)).json()
            assert (second["look"], second["wish"]) == (first["look"], "main")
        assert said(town).count("live.open") == before
        other = (await put(client, wall, why={**WHY, "case": "OdS 2"})).json()
        assert other["look"] != first["look"]
        assert said(town).count("live.open") == before + 1


async def test_a_tile_that_is_cleared_or_replaced_leaves_the_others(site, town):
    """Its place tells why it went dark."""
    async with site.as_user("anna") as client:
        wall = await opened(client)
        await put(client, wall, "0")
        await put(client, wall, "1")
        assert (await client.delete(f"{wall}/tiles/0")).status_code == 200
        assert (await client.delete(f"{wall}/tiles/0")).status_code == 404
        tiles = (await client.get(wall)).json()["tiles"]
        assert [(one["state"], one["reason"]) for one in tiles] == [
            ("ended", "viewer-left"), ("live", ""), ("dark", ""),
        ]  # fmt: skip
        assert (await client.delete(wall)).status_code == 200
        gone = (await client.get(wall)).json()
    assert (gone["state"], gone["reason"], gone["tiles"]) == ("ended", "viewer-left", [])
    assert not town.media.running


async def test_nobody_touches_another_ones_wall(site, town):
    """403 for somebody else, 404 for a guess, 401 for nobody; the gate is not even asked."""
    async with site.as_user("anna") as client:
        wall = await opened(client)
        await put(client, wall)
        before = said(town)
        assert (await put(client, wall, "9")).status_code == 404
        assert (await put(client, "/walls/guess")).status_code == 404
        assert said(town) == before
    async with site.as_user("marco") as other:
        assert (await put(other, wall)).status_code == 403
        for method in ("get", "delete"):
            assert (await getattr(other, method)(wall)).status_code == 403
        assert (await other.delete(f"{wall}/tiles/0")).status_code == 403
    assert town.media.running
    async with site.anonymous() as nobody:
        assert (await nobody.post("/walls", content=OFFER, headers=SDP)).status_code == 401
        assert (await put(nobody, wall)).status_code == 401


FRAGMENT = {"content-type": "application/trickle-ice-sdpfrag"}
NEW_ICE = "a=ice-ufrag:new1\r\na=ice-pwd:0123456789abcdef012345\r\n"


async def test_a_wall_takes_fragments_and_begins_a_new_ice_session(site, town):
    """As a session of /whep: 204, 200 with ours, 412 for one that is over; its tiles go on."""
    async with site.as_user("anna") as client:
        wall = await opened(client)
        await put(client, wall)
        answer = await client.patch(wall, content="a=ice-ufrag:player\r\n", headers=FRAGMENT)
        assert answer.status_code == 204
        tag = {"if-match": '"w1"'}
        answer = await client.patch(wall, content=NEW_ICE, headers=FRAGMENT | tag)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(FRAGMENT["content-type"])
        assert answer.headers["etag"] not in ("", '"w1"')
        stale = await client.patch(wall, content=NEW_ICE, headers=FRAGMENT | tag)
        assert stale.status_code == 412
        assert (await client.patch(wall, content=NEW_ICE, headers=SDP)).status_code == 415
        tiles = (await client.get(wall)).json()["tiles"]
        assert [one["state"] for one in tiles] == ["live", "dark", "dark"]
        gone = await client.patch("/walls/guess", content=NEW_ICE, headers=FRAGMENT)
        assert gone.status_code == 404
    async with site.as_user("marco") as other:
        assert (await other.patch(wall, content=NEW_ICE, headers=FRAGMENT)).status_code == 403


@pytest.mark.parametrize(
    ("problem", "status", "code", "reason"),
    [
        (BusyError("Sala: 2 pictures"), 429, "view-limit", "limit-reached"),
        (TranscodesBusyError("2 live streams"), 503, "view-limit", "limit-reached"),
        (PeerError("camera: not running"), 503, "service-unavailable", "media-unavailable"),
    ],
    ids=["limit", "busy", "gone"],
)
async def test_what_cannot_be_shown_closes_its_grant(site, town, problem, status, code, reason):
    """The ledger says that nothing was seen, and why."""
    async with site.as_user("anna") as client:
        wall = await opened(client)
        town.media.problem = problem
        answer = await put(client, wall)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    if isinstance(problem, TranscodesBusyError):  # a place may be free soon
        assert answer.headers["retry-after"] == "10"
    assert said(town)[-1] == "live.close"
    assert town.gate.closed[-1][1:] == (reason, 0)


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        ("v=0\r\n", SDP, 400),
        (OFFER, {"content-type": "text/plain"}, 415),
        (OFFER.replace("H264", "VP8"), SDP, 406),
        (OFFER + "a=x:" + "y" * 200_000, SDP, 413),
    ],
    ids=["no-video", "type", "codec", "large"],
)
async def test_an_offer_that_is_none(site, content, kind, status):
    """Each has its own status, as at /whep."""
    async with site.as_user("anna") as client:
        assert (await client.post("/walls", content=content, headers=kind)).status_code == status


async def test_a_large_wall_is_taken_but_only_there(site):
    """Sixteen m-lines of a browser are more than any other body may be."""
    large = OFFER + "a=x:" + "y" * 100_000
    async with site.as_user("anna") as client:
        assert (await client.post("/walls", content=large, headers=SDP)).status_code == 201
        answer = await client.post(f"/whep/{SQUARE}", params=WHY, content=large, headers=SDP)
        assert answer.status_code == 413
