# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The ledger on its way out of a box: what leaves verifies, and stands in the ledger."""

import hashlib
from dataclasses import replace

import pytest

from gateway.assembly.ledger import LedgerDesk, LedgerSurroundings
from gateway.audit import varco_verify as alone
from gateway.console.services import Box, ExportWish, LedgerPlace
from gateway.model.access import AccessRequest, Action, Actor, Grant, Purpose, Regime
from gateway.model.audit import ExportForm, LedgerQuery
from gateway.model.registry import Role
from tests.fakes import FakeClock
from tests.ui.town import registry
from tests.unit.audit.logbook import ORIGIN, PUBLIC, event, opened

ALL = LedgerQuery()


def desk_of(ledger, folder, clock, **more):
    around = LedgerSurroundings(registry, Box("Nord", "N"), clock, ORIGIN, **more)
    return LedgerDesk(ledger, folder / "l.db", PUBLIC, around)


def grant(clock):
    actor = Actor("dora", "Dora", Role.DPO, "comune", "s", "password")
    request = AccessRequest(actor, Action.LOG_EXPORT, "", Purpose.LEGALITY, "D 1")
    now = clock.now()
    return Grant("g", request, "", Regime.GDPR, now, now.shifted(60), 3)


@pytest.mark.parametrize("form", list(ExportForm))
async def test_what_leaves_is_written_with_its_hash(tmp_path, form):
    """In every form; the file has no name on disk."""
    clock = FakeClock()
    async with opened(tmp_path / "l.db", clock) as ledger:
        await ledger.append_many([event(n) for n in range(12)])
        desk = desk_of(ledger, tmp_path, clock)
        before = {one.name for one in tmp_path.iterdir()}
        made = await desk.export(ExportWish(LedgerQuery(person="anna"), form, 2026), grant(clock))
        assert {one.name for one in tmp_path.iterdir()} == before
        with made.file as file:
            data = file.read()
        (entry,) = await ledger.entries(11)
    assert hashlib.sha256(data).hexdigest() == made.sha256 == entry.event.content_hash
    assert (entry.event.event, entry.event.count, entry.event.bytes) == (
        "log.export", 12, len(data)
    )  # fmt: skip
    if form is ExportForm.PACKAGE:
        (tmp_path / "x.zip").write_bytes(data)
        export = alone.Export(alone.Zip(str(tmp_path / "x.zip")))
        report = alone.verify_export(export, alone.Trust(alone.Key(ORIGIN, PUBLIC)))
        assert (report.problems, report.entries, report.kind) == (0, 12, "extract")


async def test_pages_go_both_ways_and_end(tmp_path):
    """Newest first, then older ones, then nothing; and forward again."""
    clock = FakeClock()
    async with opened(tmp_path / "l.db", clock) as ledger:
        await ledger.append_many([event(n) for n in range(7)])
        desk = desk_of(ledger, tmp_path, clock)
        seen, before = [], None
        while True:
            page = await desk.search(ALL, LedgerPlace(3, None, before))
            seen = [one.seq for one in page.entries] + seen
            if page.older is None:
                break
            before = page.older
        assert seen == [*range(7)]
        page = await desk.search(ALL, LedgerPlace(3, 1))
        assert [one.seq for one in page.entries] == [2, 3, 4]
        assert (page.older, page.newer) == (2, 4)
        page = await desk.search(ALL, LedgerPlace(3, 4))
        assert ([one.seq for one in page.entries], page.newer) == ([5, 6], None)
        assert (await desk.vouched()).witnesses == ()


async def test_a_camera_finds_its_alarms_too(tmp_path):
    """Their object is the alarm; the camera stands beside it."""
    clock = FakeClock()
    async with opened(tmp_path / "l.db", clock) as ledger:
        look = replace(event(0), object_type="camera", object_id="piazza-1")
        alarm = replace(event(1), object_type="alarm", object_id="a-1", camera="piazza-1")
        other = replace(alarm, object_id="a-2", camera="piazza-2")
        await ledger.append_many([look, alarm, other])
        page = await desk_of(ledger, tmp_path, clock).search(
            LedgerQuery(camera="piazza-1"), LedgerPlace(9)
        )
        assert [one.event.object_id for one in page.entries] == ["piazza-1", "a-1"]


async def test_what_the_box_found_wrong_is_told_with_the_head(tmp_path):
    """Who reads the ledger sees it before asking for anything."""
    clock, found = FakeClock(), [""]
    async with opened(tmp_path / "l.db", clock) as ledger:
        desk = desk_of(ledger, tmp_path, clock, altered=lambda: found[0])
        assert (await desk.vouched()).altered == ""
        found[0] = "altered, first at entry 3: hash"
        assert (await desk.vouched()).altered == found[0]
