# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Lists of plates over HTTP: who may do what, what the ledger keeps, and no plate but by `open`."""

from datetime import UTC, date, datetime, timedelta
from urllib.parse import quote

import pytest

from gateway.model.plate import PlateRead
from gateway.registry.hotlists import HotListSetup
from tests.ui.hotlist_town import hotlists_of
from tests.unit.registry.hotlist_parts import HEAD, as_csv, as_json, signed

PLATE = "FX417MZ"
UNTIL = (datetime.now(UTC) + timedelta(days=20)).isoformat()
LATE = (datetime.now(UTC) + timedelta(days=91)).isoformat()
WHY = {"purpose": "intervento", "case": "INT 12/2026", "reason": "ricerca di persona"}
ENTRY = WHY | {
    "plate": "fx 417 mz", "country": "it", "act": "ordinanza 7", "requester": "Comando",
    "until": UNTIL,
}  # fmt: skip
NOW = {
    "issued": (datetime.now(UTC) - timedelta(hours=1)).isoformat(),
    "expires": (datetime.now(UTC) + timedelta(days=30)).isoformat(),
}


@pytest.fixture
async def town(town, tmp_path):
    async with hotlists_of(town, tmp_path):
        yield town


def entries(town, *codes):
    told = [one.event for one in town.ledger.entries_now]
    return [one for one in told if not codes or one.event in codes]


def sought(town, plate=PLATE):
    read = PlateRead(plate, 0.99, (0.99,) * 7, country="IT", certain=True)
    return town.hotlists.lists.match(read, town.clock.now())


async def test_two_people_put_a_plate_on_the_local_list(site, town):
    """No answer but that of `open` has the plate, and each deed stands in the ledger."""
    async with site.as_user("anna") as anna, site.as_user("berta") as berta:
        made = await anna.post("/api/hotlists/entries", json=ENTRY)
        assert made.status_code == 201
        id_ = made.json()["id"]
        assert sought(town) is None
        (shown,) = (await anna.get("/api/hotlists")).json()["entries"]
        assert (shown["state"], shown["bar"], shown["added_by"]) == (
            "in-attesa", "same-person", "Anna Ricci",
        )  # fmt: skip
        own = await anna.post(f"/api/hotlists/entries/{id_}/approve", json=WHY)
        assert (own.status_code, own.json()["code"]) == (403, "hotlist-same-person")
        done = await berta.post(f"/api/hotlists/entries/{id_}/approve", json=WHY)
        assert (done.status_code, done.json()["approved_by"]) == (200, "Berta Fini")
        assert sought(town).entry == id_
        listed = await berta.get("/api/hotlists")
        opened = await berta.post(f"/api/hotlists/entries/{id_}/open", json=WHY)
        assert opened.json() == {"plate": PLATE, "country": "IT"}
    for answer in (made, own, done, listed):
        assert PLATE not in answer.text.upper().replace(" ", "")
    told = [(one.event, one.result, one.actor_id, one.object_id) for one in entries(town)]
    for wanted in (
        ("hotlist.add", "ok", "anna", id_),
        ("hotlist.approve", "error", "anna", id_),
        ("hotlist.approve", "ok", "berta", id_),
        ("lpr.query", "ok", "berta", id_),
    ):
        assert wanted in told
    (query,) = entries(town, "lpr.query")
    assert (query.purpose_code, query.case_ref, query.object_type) == (
        "intervento", "INT 12/2026", "hotlist",
    )  # fmt: skip
    assert query.legal_basis_id == "patto-2026"
    assert "417" not in "".join(map(repr, entries(town)))


@pytest.mark.parametrize(
    "user", ["marco", "dora", "aldo", "ivo", "sara", "ugo", "rete"]
)  # fmt: skip
async def test_nobody_else_touches_a_list(site, town, user):
    """Owner, DPO, auditor, institute, administrator, installer, machine: refused, written down."""
    async with site.as_user("anna") as anna:
        id_ = (await anna.post("/api/hotlists/entries", json=ENTRY)).json()["id"]
    async with site.as_user(user) as other:
        answers = [
            await other.get("/api/hotlists"),
            await other.post("/api/hotlists/entries", json=ENTRY),
            await other.post("/api/hotlists/lookup", json=WHY | {"plate": PLATE}),
            *[
                await other.post(f"/api/hotlists/entries/{id_}/{what}", json=body)
                for what, body in (
                    ("approve", WHY), ("open", WHY), ("reject", {"reason": "per prova"}),
                    ("remove", {"reason": "per prova"}),
                )
            ],
            await other.post(f"/api/hotlists/imports?signature=x&{words()}", content=b"{}"),
        ]  # fmt: skip
    assert [one.status_code for one in answers] == [403] * 8
    denied = entries(town, "hotlist.deny", "lpr.deny")
    assert [one.actor_id for one in denied] == [user] * 8
    assert len(await town.hotlists.local()) == 1


def words():
    return "&".join(f"{key}={quote(value)}" for key, value in WHY.items())


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"purpose": "titolare"}, 403), ({"purpose": "allarme"}, 403), ({"case": " "}, 403),
        ({"purpose": "curiosità"}, 422), ({"reason": "boh"}, 422), ({"until": ""}, 422),
        ({"until": LATE}, 422), ({"plate": "FX?17MZ"}, 422), ({"country": "I"}, 422),
        ({"act": " "}, 422), ({"requester": ""}, 422),
    ],
)  # fmt: skip
async def test_a_wish_without_purpose_case_reason_act_or_end_is_refused(site, town, change, status):
    """And the answer does not repeat the plate."""
    async with site.as_user("anna") as anna:
        answer = await anna.post("/api/hotlists/entries", json=ENTRY | change)
    assert answer.status_code == status
    assert "17" not in answer.text.replace(LATE, "")
    assert not await town.hotlists.local()


async def test_without_an_act_in_force_nothing_is_added_opened_or_approved(town, tmp_path, site):
    """What is there can still be taken off."""
    async with site.as_user("anna") as anna:
        id_ = (await anna.post("/api/hotlists/entries", json=ENTRY)).json()["id"]
        act = town.registry.acts["patto-2026"]
        before = town.registry
        for ended in (
            {"valid_until": date(2026, 1, 2)}, {"dpia": "", "dpia_date": None},
            {"scopes": act.scopes[:-1]},
        ):  # fmt: skip
            changed = {f: getattr(act, f) for f in act.__dataclass_fields__} | ended
            town.registry = type(before)(
                **{f: getattr(before, f) for f in before.__dataclass_fields__}
                | {"acts": {act.id: type(act)(**changed)}}
            )
            for path, body in (
                ("entries", ENTRY), (f"entries/{id_}/open", WHY), (f"entries/{id_}/approve", WHY),
                ("lookup", WHY | {"plate": PLATE}),
            ):  # fmt: skip
                answer = await anna.post(f"/api/hotlists/{path}", json=body)
                assert answer.status_code == 403, path
                assert answer.json()["code"] in {"no-act", "act-expired", "no-dpia"}
            assert (await anna.get("/api/hotlists")).json()["may"] == []
        gone = await anna.post(f"/api/hotlists/entries/{id_}/reject", json={"reason": "scaduto"})
        assert gone.status_code == 200
    assert entries(town, "hotlist.reject")[0].object_id == id_


async def test_a_signed_list_comes_over_http_and_an_older_one_does_not(site, town):
    """Counts and the file's digest stand in the ledger; what was refused does, too."""
    new, signature = signed(as_csv(f"{PLATE};IT;;", sequence=7, **NOW))
    old, olds = signed(as_json("EE555PQ", sequence=6, **NOW))
    path = "/api/hotlists/imports"
    async with site.as_user("anna") as anna:

        async def deliver(document, sign):
            address = f"{path}?signature={quote(sign.decode())}&{words()}"
            return await anna.post(address, content=document)

        done = await deliver(new, signature)
        assert done.json() == {
            "source": "questura", "kind": "A1", "sequence": 7, "added": 1, "removed": 0, "over": 0,
        }  # fmt: skip
        answers = [await deliver(old, olds), await deliver(new + b" ", signature)]
        assert [(one.status_code, one.json()["code"]) for one in answers] == [
            (409, "hotlist-old"), (422, "hotlist-signature"),
        ]  # fmt: skip
        bad, sign = signed(as_csv("A?555PQ;IT;;", sequence=8, **NOW))
        answer = await deliver(bad, sign)
        assert (answer.status_code, "line 12: plate" in answer.json()["detail"]) == (422, True)
        assert "555" not in answer.text
        (listed,) = (await anna.get("/api/hotlists")).json()["lists"]
    assert (listed["entries"], listed["sequence"], listed["act"]) == (1, 7, HEAD["act"])
    assert sought(town).kind.value == "A1"
    (change,) = entries(town, "hotlist.change")
    assert (change.object_id, change.count, change.content_hash) == (
        "questura/A1", 1, listed["sha256"],
    )  # fmt: skip
    failed = [one.error for one in entries(town, "hotlist.import") if one.result == "error"]
    assert failed == ["old", "signature", "not-usable"]


async def test_a_plate_is_looked_up_without_a_trace_of_it(site, town):
    """Where it stands is told, never which entries there are else; the ledger knows who asked."""
    async with site.as_user("anna") as anna:
        id_ = (await anna.post("/api/hotlists/entries", json=ENTRY)).json()["id"]
        found = await anna.post(
            "/api/hotlists/lookup", json=WHY | {"plate": "FX-417-MZ", "country": "IT"}
        )
        none = await anna.post("/api/hotlists/lookup", json=WHY | {"plate": "FX418MZ"})
        wrong = await anna.post("/api/hotlists/lookup", json=WHY | {"plate": "?"})
    assert [one["id"] for one in found.json()] == [id_]
    assert none.json() == []
    assert wrong.status_code == 422
    assert len(entries(town, "lpr.query")) == 3


async def test_what_is_not_there_is_not_found(site, town):
    """Nothing is opened or written for it."""
    async with site.as_user("anna") as anna:
        for what, body in (("open", WHY), ("approve", WHY), ("remove", {"reason": "per prova"})):
            answer = await anna.post(f"/api/hotlists/entries/{'0' * 14}/{what}", json=body)
            assert answer.status_code == 404
    assert not entries(town, "lpr.query", "hotlist.approve", "hotlist.delete")


async def test_a_box_without_key_says_so(town, site, tmp_path):
    """The page tells it, and what needs the key answers 503."""
    (tmp_path / "other").mkdir()
    async with hotlists_of(town, tmp_path / "other", setup=HotListSetup(None)):
        site.app.state.services = town.services()
        async with site.as_user("anna") as anna:
            answer = await anna.post("/api/hotlists/entries", json=ENTRY)
    assert answer.status_code == 503
