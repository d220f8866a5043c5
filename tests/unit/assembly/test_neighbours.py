# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The exercise's other boxes on paper; `tests/e2e/test_demo` has them run."""

import asyncio
from types import SimpleNamespace

import httpx
import pytest

from gateway.assembly import neighbours
from gateway.assembly.neighbours import (
    AWAY,
    EDGE,
    Pharmacy,
    Plot,
    Room,
    open_street,
    questura_configuration,
)
from gateway.config.load import load
from gateway.model.errors import PeerError
from gateway.model.registry import Disclosure, empty_registry
from gateway.registry.seed import merge, parse_seed, read_seed
from gateway.simulator import nat
from tests.fakes import FakeClock

ROOMS = (
    Room("sala-pl", "http://127.0.0.1:1", "127.0.0.1:2", "a", "pw", ("sala-pl",)),
    Room("questura", "http://127.0.0.1:3", "127.0.0.1:4", "b", "pw", ("questura",)),
)


def pharmacy(folder, street=None):
    plot = Plot(folder, folder, folder / "camera.secret", ("2026-01-01", "2026-12-31"))
    return Pharmacy(plot, street, FakeClock())


async def test_the_pharmacy_is_an_exercise_that_dials_both_rooms(tmp_path):
    made = pharmacy(tmp_path)
    (tmp_path / "camera.secret").write_text("a:b")
    await made._furnish(ROOMS, (1001, 1002, 1003))
    options = load(made.config)
    assert options.box.exercise
    assert (options.box.id, options.room) == (EDGE, None)
    dialled = {one.name: (one.recipient, one.addresses) for one in options.uplinks}
    assert dialled == {
        "sala-pl": ("sala-pl", ("127.0.0.1:2",)),
        "questura": ("questura", ("127.0.0.1:4",)),
    }
    registry = merge(empty_registry(), read_seed(options.registry.seed), remove=True)
    assert {one.broker for one in registry.recipients.values()} == {
        "line:sala-pl", "line:questura",
    }  # fmt: skip
    (act,) = registry.acts.values()
    told = {scope.recipients: scope.disclosure for scope in act.scopes}
    assert told[("questura",)] is Disclosure.ON_ALARM
    assert registry.cameras["porto"].url == "rtsp://127.0.0.1:1003/porto"


def test_the_second_room_is_an_exercise_without_cameras(tmp_path):
    ports = SimpleNamespace(questura=1001, questura_lines=1002, questura_media=1003)
    path = tmp_path / "gateway.toml"
    path.write_text(questura_configuration(tmp_path, ports, "100.99.0.1"))
    options = load(path)
    assert options.box.exercise
    assert (options.room.host, options.room.port) == ("100.99.0.1", 1002)
    assert options.console.host == "127.0.0.1"


async def test_without_root_a_wire_stands_in_and_can_be_pulled(monkeypatch):
    monkeypatch.setattr(nat.os, "geteuid", lambda: 1000)
    heard = asyncio.Event()

    async def serve(_reader, writer):
        heard.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with open_street() as street, server:
        assert (street.is_real, street.address) == (False, "127.0.0.1")
        reach = await street.reach(server.sockets[0].getsockname()[1])
        host, _, port = reach.partition(":")
        await street.pull()
        _, held = await asyncio.open_connection(host, int(port))
        assert not heard.is_set()
        await street.plug()
        reader, writer = await asyncio.open_connection(host, int(port))
        assert await reader.read() == b""
        assert heard.is_set()
        for one in (held, writer):
            one.close()
            await one.wait_closed()


async def test_a_room_that_does_not_invite_is_named(monkeypatch):
    def refuse(request):
        return httpx.Response(403, request=request)

    real = httpx.AsyncClient
    monkeypatch.setattr(
        neighbours.httpx,
        "AsyncClient",
        lambda **more: real(transport=httpx.MockTransport(refuse), **more),
    )
    with pytest.raises(PeerError, match=r"127\.0\.0\.1:1: .*403"):
        await neighbours._invited(ROOMS[0])


async def test_nothing_is_cut_while_the_pharmacy_is_away(tmp_path):
    assert await pharmacy(tmp_path).cut() == AWAY


def test_the_questuras_seed_is_whole():
    from importlib.resources import files

    text = files("gateway.simulator").joinpath("questura.toml").read_text(encoding="utf-8")
    registry = merge(empty_registry(), parse_seed(text, "questura.toml"), remove=True)
    assert set(registry.users) == {"operatore-questura", "dirigente-questura"}
    assert not registry.cameras
