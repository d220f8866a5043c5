# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Reading the ledger over HTTP."""

import pytest

AIM = {"aim": "verifica-liceita"}


@pytest.mark.parametrize("user", ["dora", "aldo"])
async def test_reading_is_itself_an_entry(site, town, user):
    """A reading with a lawful aim shows the entries, its own included."""
    async with site.as_user(user) as client:
        page = (await client.get("/api/ledger", params=AIM)).json()
    assert [one["event"] for one in page["entries"]] == ["log.read.open"]
    assert page["entries"][0]["purpose"] == "verifica-liceita"
    assert page["aim"] == "verifica-liceita"
    assert page["head"]["size"] == 1
    assert len(town.gate.closed) == 1


async def test_without_an_aim_nothing_is_read(site, town):
    """No aim: 403 with the reason, written down."""
    async with site.as_user("dora") as client:
        answer = await client.get("/api/ledger")
    assert answer.status_code == 403
    assert answer.json()["code"] == "purpose-missing"
    assert town.ledger.entries_now[-1].event.result == "denied"


async def test_an_operators_purpose_is_no_aim(site):
    """Only the four aims of the law are accepted."""
    async with site.as_user("dora") as client:
        assert (await client.get("/api/ledger", params={"aim": "servizio"})).status_code == 422


@pytest.mark.parametrize("user", ["anna", "sara", "ivo"])
async def test_others_are_refused(site, user):
    """Operators and system administrators do not read the ledger."""
    async with site.as_user(user) as client:
        assert (await client.get("/api/ledger", params=AIM)).status_code == 403
        assert (await client.post("/api/ledger/verify")).status_code == 403
        assert (await client.get("/api/ledger/checkpoint")).status_code == 403


async def test_pages_go_forward_from_a_sequence(site, town):
    """`after` and `limit` select; without `after` the newest come."""
    async with site.as_user("dora") as client:
        for _ in range(3):
            await client.get("/api/ledger", params=AIM)
        middle = (await client.get("/api/ledger", params={**AIM, "after": 1, "limit": 2})).json()
        newest = (await client.get("/api/ledger", params={**AIM, "limit": 2})).json()
    assert [one["seq"] for one in middle["entries"]] == [2, 3]
    assert [one["seq"] for one in newest["entries"]] == [7, 8]


async def test_verification_names_the_entry(site, town):
    """An intact ledger verifies; a changed entry is named by its number."""
    async with site.as_user("aldo") as client:
        await client.get("/api/ledger", params=AIM)
        good = (await client.post("/api/ledger/verify")).json()
        town.ledger.tamper(1)
        bad = (await client.post("/api/ledger/verify")).json()
    assert good["ok"] is True
    assert good["size"] == 3
    assert bad["ok"] is False
    assert [one["seq"] for one in bad["findings"]] == [1]


async def test_checkpoint_is_given_to_auditors(site, town):
    """The checkpoint comes as text and as hexadecimal root."""
    async with site.as_user("aldo") as client:
        point = (await client.get("/api/ledger/checkpoint")).json()
    assert point["note"].startswith("varco.example/demo\n")
    assert bytes.fromhex(point["root"]) == town.ledger.head().root
