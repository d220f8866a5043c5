# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Behaviour of gateway.simulator.wanted, before a real console with real lists."""

from datetime import UTC, datetime

import pytest

from gateway.console.app import build_app
from gateway.console.listener import bind_tcp
from gateway.model.errors import PeerError
from gateway.model.plate import PlateRead
from gateway.simulator import wanted
from gateway.simulator.traffic import SOUGHT
from tests.ui.hotlist_town import hotlists_of
from tests.ui.town import PASSWORD, Town
from tests.unit.console.conftest import serving

TODAY = datetime.now(UTC).date()


@pytest.fixture
async def room(tmp_path, monkeypatch):
    """Return a town with lists, its address, and whose passwords are known."""
    monkeypatch.setattr(wanted, "ASKS", "anna")
    monkeypatch.setattr(wanted, "APPROVES", "berta")
    town, bound = Town(), bind_tcp("127.0.0.1", 0)
    async with hotlists_of(town, tmp_path), serving(build_app(town.services()), [bound]):
        passwords = {"anna": PASSWORD, "berta": PASSWORD}
        yield town, f"http://127.0.0.1:{bound.getsockname()[1]}", passwords


async def test_two_people_have_a_plate_sought_once(room):
    """One asks, another one approves; a second time finds it on the list and adds nothing."""
    town, url, passwords = room
    entry = await wanted.seek(url, passwords, SOUGHT, TODAY)
    assert await wanted.seek(url, passwords, SOUGHT, TODAY) == entry
    read = PlateRead(SOUGHT, 0.99, (0.99,) * 7, country="IT", certain=True)
    assert town.hotlists.lists.match(read, town.clock.now()).entry == entry
    (kept,) = await town.hotlists.local()
    assert (kept.added_by, kept.approved_by) == ("anna", "berta")


async def test_what_one_asked_for_and_nobody_approved_is_approved(room):
    """The exercise was broken off between the two."""
    town, url, passwords = room
    with pytest.raises(PeerError, match=url):
        await wanted.seek(url, passwords | {"berta": "another"}, SOUGHT, TODAY)
    (waiting,) = await town.hotlists.local()
    assert await wanted.seek(url, passwords, SOUGHT, TODAY) == waiting.id
    (kept,) = await town.hotlists.local()
    assert kept.approved_by == "berta"
