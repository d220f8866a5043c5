# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
import asyncio
import socket
import time
from types import SimpleNamespace

import httpx
import pytest

from gateway import app
from gateway.assembly.journal import Journal
from gateway.config.load import load
from gateway.model.errors import ConfigError, StoreError
from gateway.runtime.clock import SystemClock
from tests.ports import free_port
from tests.unit.assembly.parts import town, until
from tests.virtual_camera import USERS, virtual_camera


class Site:
    """A configuration on disk."""

    def __init__(self, folder, seed=None):
        self.folder = folder
        self.port, self.media = free_port(), free_port()
        (folder / "seed.toml").write_text(seed or town(folder))
        self.path = folder / "gateway.toml"
        self.path.write_text(f"""
[box]
id = "prova"
name = "Box di prova"
state_dir = "state"
runtime_dir = "run"
[console]
port = {self.port}
monitors = ["127.0.0.1"]
[media]
port = {self.media}
[registry]
seed = "seed.toml"
[analytics]
workers = 1
""")

    async def run(self, stop=None, **more):
        await app.run(load(self.path), self.path, stop or asyncio.Event(), **more)


def only(group, kind):
    """Return the one error in (groups in) a group."""
    while isinstance(group, BaseExceptionGroup):
        (group,) = group.exceptions
    assert isinstance(group, kind), group
    return group


async def test_a_box_opens_serves_and_closes_and_can_be_opened_again(tmp_path):
    """Everything real: a camera live, health well, down in five seconds, twice over."""
    async with virtual_camera(credentials=USERS) as camera:
        site = Site(tmp_path, town(tmp_path, {"uno": f"rtsp://127.0.0.1:{camera}/live"}))
        for _ in range(2):
            stop, ready = asyncio.Event(), asyncio.Event()
            async with asyncio.TaskGroup() as tasks:
                box = tasks.create_task(site.run(stop, on_ready=lambda _, r=ready: r.set()))
                await ready.wait()
                async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{site.port}") as client:

                    async def live(client=client):
                        text = (await client.get("/metrics")).text
                        return 'varco_camera_live{camera="uno"} 1.0' in text

                    await until(live, what="live")
                    told = (await client.get("/healthz")).json()
                    # the machine of a test may have no time service, and then it says so
                    told["problems"] = [x for x in told["problems"] if not x.startswith("clock: ")]
                    assert told == {"ok": True, "problems": []}
                began_s = time.monotonic()
                stop.set()
                await box
                assert time.monotonic() - began_s < 5.0
            assert not (tmp_path / "state" / "registry.db-wal").exists()


async def test_a_bug_ends_the_box_and_leaves_nothing_open(tmp_path):
    """It propagates; lock and port are free for the next start."""
    site = Site(tmp_path)

    def broken(_):
        raise ZeroDivisionError

    with pytest.raises(BaseExceptionGroup) as caught:
        await site.run(on_ready=broken)
    only(caught.value, ZeroDivisionError)
    with socket.create_server(("127.0.0.1", site.port)):
        pass
    with app.sole_use(load(site.path)):
        pass


async def test_what_is_taken_is_told_before_anything_is_opened(tmp_path):
    """A port of the console, with file and key; the stores were not touched."""
    site = Site(tmp_path)
    with socket.create_server(("127.0.0.1", site.port)), pytest.raises(ConfigError) as caught:
        await site.run()
    assert str(caught.value).startswith(f"{site.path}: console.port: ")
    assert not (tmp_path / "state" / "ledger.db").exists()


async def test_a_media_port_in_use_names_its_key(tmp_path):
    """UDP as well."""
    site = Site(tmp_path)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", site.media))
        with pytest.raises(BaseExceptionGroup) as caught:
            await site.run()
    error = only(caught.value, ConfigError)
    assert error.key == "media.port"
    assert str(site.media) in str(error)


async def test_a_damaged_store_stops_the_start_and_is_named(tmp_path):
    """Rather no box than one whose ledger cannot be believed."""
    site = Site(tmp_path)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "ledger.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreError, match=r"ledger\.db"):
        await site.run()


@pytest.mark.parametrize("places", [0, 2])
def test_where_nothing_may_be_coded_anew_masked_cameras_are_not_shown(tmp_path, places):
    """`transcodes_most = 0` is told to the gate; so is a ledger that takes nothing."""
    site = Site(tmp_path)
    text = site.path.read_text().replace("[media]\n", f"[media]\ntranscodes_most = {places}\n")
    site.path.write_text(text)
    accounts, clock = SimpleNamespace(is_signed_in=lambda _: True), SystemClock()
    journal = Journal(None, clock)
    around = app._around(load(site.path), accounts, journal, clock)
    assert around.live_masked is (places > 0)
    assert around.is_dark == journal.is_dark
