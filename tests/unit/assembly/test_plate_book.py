# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
from dataclasses import replace

from gateway.assembly.plate_book import open_hit_book
from gateway.model.alarm import Box
from gateway.model.hit import Hit, HitState
from gateway.model.plate import ListKind, Passing

HIT = Hit(
    "h1", "piazza", "varco-nord", "1", Passing.OUT, "voce-1", ListKind.LOCAL, "IT", 0.75,
    False, 1_000, HitState.TO_VERIFY, "Special", False, "patto", 3, Box(0.1, 0.2, 0.3, 0.4),
)  # fmt: skip
FOREIGN = Hit(
    "h2", "edge-1.piazza", "edge-1.z", "", None, "", None, "", 0.9, True, 2_000, HitState.WAITING
)


async def test_a_hit_comes_back_as_it_was(tmp_path):
    """Every field survives the disk and a restart; the newest crossing comes first."""
    async with open_hit_book(tmp_path / "hits.db") as book:
        assert await book.put(HIT, b"sealed")
        assert not await book.put(HIT, b"other")  # the first counts
        assert await book.put(FOREIGN, b"far", told=True)
        assert [one.id for one in await book.untold()] == ["h1"]
    async with open_hit_book(tmp_path / "hits.db") as book:
        assert await book.all() == [FOREIGN, HIT]
        assert (await book.kept("h1")).secret == b"sealed"
        assert await book.last("varco-nord", "voce-1") == 1_000
        assert await book.last("varco-nord", "voce-2") == 0
        assert await book.get("h3") is await book.kept("h3") is None
    assert (tmp_path / "hits.db").stat().st_mode & 0o777 == 0o600


async def test_nothing_waits_for_anybody_before_it_may_be_told(tmp_path):
    """An address on a hit that is to be verified brings nothing until somebody confirms it."""
    async with open_hit_book(tmp_path / "hits.db") as book:
        await book.put(HIT, b"sealed")
        assert await book.address("h1", ["sala"]) == 1
        assert await book.address("h1", ["sala"]) == 0
        assert await book.waiting("sala") == []
        await book.told("h1")
        confirmed = await book.confirm("h1", "anna", 5_000)
        assert (confirmed.by, confirmed.decided_utc_us) == ("anna", 5_000)
        assert await book.confirm("h1", "bruno", 6_000) is None
        assert [one.id for one in await book.untold()] == ["h1"]
        (parcel,) = await book.waiting("sala")
        assert (parcel.hit, parcel.secret) == (confirmed, b"sealed")
        await book.refused("h1", "sala", "nobody listens")
        assert len(await book.waiting("sala")) == 1
        await book.sent("h1", "sala", 7_000)
        assert await book.waiting("sala") == []


async def test_a_certain_hit_that_is_confirmed_is_told_to_nobody_anew(tmp_path):
    """Its rooms have it."""
    async with open_hit_book(tmp_path / "hits.db") as book:
        await book.put(FOREIGN, b"far", told=True)
        await book.confirm("h2", "anna", 5_000)
        assert await book.untold() == []


async def test_what_is_dropped_leaves_no_byte_and_no_parcel(tmp_path):
    """Row, pictures and parcels go, from the file and from its log."""
    async with open_hit_book(tmp_path / "hits.db") as book:
        await book.put(replace(HIT, state=HitState.WAITING), b"sealed-text" * 20)
        await book.keep_pictures("h1", b"context" * 2_000, b"crop-picture" * 200)
        await book.address("h1", ["sala"])
        assert await book.drop("h1")
        assert not await book.drop("h1")
        await book.keep_pictures("h1", b"late" * 50, b"late" * 50)  # they came too late
        assert await book.address("h1", ["sala"]) == 0
        disk = b"".join(one.read_bytes() for one in tmp_path.iterdir())
        for trace in (b"sealed-text", b"contextcontext", b"crop-picture", b"latelate", b"sala"):
            assert trace not in disk
