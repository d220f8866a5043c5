# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The scene of the gate with a real painter, broker and search; only the gate counts by itself."""

import asyncio
from contextlib import asynccontextmanager

import aiomqtt

from gateway.assembly.plate_scenes import PlateSceneParts, PlateScenes
from gateway.model.errors import PeerError
from gateway.relay.alarms.mqtt import BrokerOptions
from gateway.runtime.clock import SystemClock
from gateway.simulator import traffic
from gateway.simulator.broker import serve_broker
from tests.e2e.daemon import free_port

CARS = 7


class Lanes:
    """A camera that shows nothing, and a gate that counts whatever it is given."""

    waiting, held = 0, False

    def __init__(self, *, counts=True):
        self.rows, self.woken, self.counts = [], 0, counts

    def show(self, row):
        assert self.held
        self.rows.append(row)

    def wake(self):
        self.woken += 1

    def passages(self):
        return 40 + min(CARS, 3 * len(self.rows)) * self.counts


class Scene:
    """The scene, with what was asked of its town."""

    def __init__(self, folder, port, tasks, lanes):
        self.lanes, self.sought, self.answers, self.port = lanes, 0, {"/metrics": "none"}, port
        self.folder = folder

        async def seek():
            self.sought += 1

        async def answers():
            return self.answers

        self.scenes = PlateScenes(
            PlateSceneParts(
                CARS, lanes, lanes.passages, lanes.wake, seek, answers,
                BrokerOptions(name="prova", host="127.0.0.1", port=port), folder, SystemClock(),
                tasks.create_task,
            )
        )  # fmt: skip

    async def over(self):
        """Wait until the cars have passed."""
        async with asyncio.timeout(240):
            while self.scenes.driving().running:
                await asyncio.sleep(0.05)


@asynccontextmanager
async def scene(folder, lanes=None, *, broker=True):
    port = free_port()
    async with asyncio.TaskGroup() as tasks:
        running = []
        if broker:
            listening = asyncio.Event()
            running.append(tasks.create_task(serve_broker("127.0.0.1", port, listening.set)))
            await listening.wait()
        yield Scene(folder, port, tasks, lanes or Lanes())
        for one in running:
            one.cancel()


async def test_before_the_cars_there_is_nothing_to_look_for(tmp_path):
    """The second button does nothing yet, and says why."""
    async with scene(tmp_path, broker=False) as made:
        assert (made.scenes.driving().enabled, made.scenes.searching().enabled) == (True, False)
        told = await made.scenes.search()
    assert told.finds == -1
    assert "Prima" in told.text_it


async def test_all_cars_pass_once_and_the_search_has_its_figures(tmp_path):
    """A second press meanwhile begins nothing; the words have the figures in both languages."""
    async with scene(tmp_path) as made:
        await made.scenes.drive()
        await made.scenes.drive()
        state = made.scenes.driving()
        assert (state.running, state.whole) == (True, CARS)
        assert not made.scenes.searching().enabled
        await made.over()
        state = made.scenes.driving()
        assert (state.done, state.whole, made.sought) == (CARS, CARS, 1)
        assert "7 passate" in state.text_it
        assert len(made.lanes.rows) == made.lanes.woken == 3
        assert not made.lanes.held
        told = await made.scenes.search()
    assert told.finds == 0
    assert "Delle 6 che nessuno cerca: 0 trovate" in told.text_it
    assert "controllo, messa apposta in un file, è stata trovata" in told.text_it
    assert "Of the 6 that nobody seeks: 0 found" in told.text_en
    assert "processi, 5 s dopo" in told.text_it or "processi, 6 s dopo" in told.text_it


async def test_what_a_file_the_broker_or_an_answer_keeps_is_found(tmp_path):
    """One plate in a file, one retained by the broker, one in an answer: three finds, by place."""
    async with scene(tmp_path) as made:
        await made.scenes.drive()
        await made.over()
        plates = traffic.others(made.scenes._seed, CARS)
        (tmp_path / "hits.db").write_text(plates[0])
        made.answers["/api/alarms"] = plates[1]
        five = aiomqtt.ProtocolVersion.V5
        async with aiomqtt.Client("127.0.0.1", made.port, protocol=five) as sender:
            await sender.publish("prova/a", plates[2].encode(), qos=1, retain=True)
        told = await made.scenes.search()
    assert told.finds == 3
    rows = [line.split(maxsplit=1) for line in told.details.splitlines()]
    assert {name for count, name in rows[:3]} == {"hits.db", "broker.txt", "/api/alarms"}
    assert "3 trovate" in told.text_it


async def test_a_gate_that_counts_nobody_ends_the_scene(tmp_path, monkeypatch):
    """The state says so; the first button works again."""
    monkeypatch.setattr("gateway.assembly.plate_scenes.STALL_S", 0.2)
    async with scene(tmp_path, Lanes(counts=False)) as made:
        await made.scenes.drive()
        await made.over()
        state = made.scenes.driving()
        assert (state.done, state.enabled) == (0, True)
        assert not made.scenes.searching().enabled


async def test_nobody_to_make_the_list_is_told_and_no_car_drives(tmp_path):
    """The state has the problem."""
    async with scene(tmp_path, broker=False) as made:

        async def nobody():
            raise PeerError("nobody signs in")

        object.__setattr__(made.scenes._p, "seek", nobody)
        await made.scenes.drive()
        await made.over()
        assert "nobody signs in" in made.scenes.driving().text_it
        assert made.lanes.rows == []


async def test_a_broker_that_is_away_is_no_silent_broker(tmp_path):
    """What could not be listened to is not told to be clean."""
    async with scene(tmp_path, broker=False) as made:
        await made.scenes.drive()
        await made.over()
        told = await made.scenes.search()
    assert told.finds == -1
    assert "non si lascia ascoltare" in told.text_it
