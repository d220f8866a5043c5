# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What the benchmark of alarms measures with: each part in miniature, and what it would find."""

import argparse
import asyncio
import json
import random
import shutil
import sqlite3
from contextlib import closing

import pytest

from benchmarks import alarms
from benchmarks.lab import killing, killing_camera, outage, power_disk
from benchmarks.lab.figures import Plan, Report
from benchmarks.lab.killing import Site, Storm, lines_of
from benchmarks.lab.killing_pixels import EDGE, Seen, tally, visits_of
from benchmarks.lab.network import LabError
from benchmarks.lab.process import child
from gateway.runtime.clock import SystemClock


@pytest.fixture(autouse=True)
def _known_mosquitto(request):
    if request.node.get_closest_marker("peer"):
        request.getfixturevalue("program")("mosquitto")


@pytest.mark.peer
def test_a_storm_in_miniature_loses_nothing(tmp_path):
    """Each alarm that was promised is in the inbox, and its kills are told by victim."""
    storm = Storm(30, 2, 80.0, 0.1, seed=3, pause_s=(0.0, 0.1), down_s=(0.0,))
    out = killing.rage(Site(tmp_path / "storm"), storm)
    assert out.alarms >= 30
    assert sum(out.kills.values()) >= 2
    assert (out.lost, out.shown_twice) == (0, 0)


@pytest.mark.peer
def test_a_backlog_in_miniature_is_drained(tmp_path):
    """Raised while there is no broker, delivered when there is one."""
    out = outage.Outage()
    outage.drain(Site(tmp_path / "drain"), outage.Load(200, 0.0, 0.0, 0), out)
    assert (out.backlog, out.lost) == (200, 0)
    assert out.drain_s > 0
    assert out.drain_per_s is None or out.drain_per_s > 0


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Three processes, none of which runs."""
    monkeypatch.setattr(shutil, "which", lambda *_, **__: "/bin/true")
    with killing.trio(Site(tmp_path / "trio"), 0, 10) as three:
        yield three


def test_what_is_missing_is_found_from_outside(made):
    """Promised and not in the inbox; a line that was being written does not count."""
    (made.folder / "promised").write_text("a\nb\nc\nhal")
    assert made.missing() == {"a", "b", "c"}
    with closing(sqlite3.connect(made.folder / "inbox.db")) as db:
        db.execute("create table inbox(id, received_utc_us, raised_utc_us, copies)")
        db.execute("insert into inbox values('a', 5, 3, 0), ('c', 9, 4, 2)")
        db.commit()
    assert made.missing() == {"b"}
    assert made.inbox().copies == 2
    assert made.settle(0.0) == {"b"}


def test_an_end_nobody_asked_for_is_an_error(made):
    """A process that stopped by itself is no success of the killer's."""
    made._commands["room"] = ("/bin/true",)
    made.start("room")
    made._running["room"].wait(30)
    with pytest.raises(killing.BoxError, match="room ended by itself"):
        made.kill("room")


def test_a_line_turns_when_the_box_says_so(made):
    """The first turn of that kind after a moment."""
    (made.folder / "line").write_text("1.5 1\n4.0 0\n6.0 1\n9.0 0\n")
    assert made.line_turned(up=False, after_s=2.0) == 4.0
    assert made.line_turned(up=False, after_s=5.0) == 9.0
    assert made.line_turned(up=True, after_s=7.0) is None


def test_a_missing_broker_is_said(tmp_path, monkeypatch):
    """Not measured, with the reason."""
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(LabError, match="mosquitto is not installed"):
        killing.Trio(Site(tmp_path), 0, 1)


# ---- power


def test_power_cuts_lose_no_promise():
    """What the outbox promised is there after the power went, with its delivery."""
    cut = alarms.cut_power(4)
    assert cut.cuts == 4
    assert cut.alarms > 10
    assert (cut.lost, cut.broken) == (0, 0)


def test_a_disk_that_lies_is_found_out():
    """Were a sync not one, the same figures would tell."""
    cut = alarms.cut_power(2, "lies")
    assert cut.lost > 0


def test_what_was_not_synced_is_undone_in_sectors():
    """Only where it was written; a file that grew gives its new part up."""
    content = bytearray(b"n" * 2048)
    change = power_disk._Change(512, b"o" * 600, 1024, 1112)
    power_disk._undo(content, change, 1.0, random.Random(1))
    assert content == b"n" * 512 + b"o" * 600 + bytes(424) + b"n" * 512
    content = bytearray(b"n" * 512 * 40)
    power_disk._undo(
        content, power_disk._Change(0, b"o" * 512 * 40, 512 * 40, 512 * 40), 0.5, random.Random(1)
    )
    sectors = {bytes(content[at : at + 512]) for at in range(0, len(content), 512)}
    assert sectors == {b"n" * 512, b"o" * 512}


# ---- pixels


def test_visits_are_told_by_the_cameras():
    """A visit lasts, for the count, until the next one of its camera."""
    found = visits_of(["1 0 50 60", "0 1 300 310", "0 0 100 110"])
    assert [(one.camera, one.began_us, one.next_us) for one in found[:1]] == [
        (f"{EDGE}.c0", 100, 300)
    ]
    assert [one.next_us > 10**12 for one in found] == [False, True, True]


def alarm(camera, second, ended="", **answered):
    raised = f"2026-11-23T10:00:{second:02}+00:00"
    return {
        "camera": camera,
        "raised": raised,
        "ended": ended,
        "taken": "",
        "closed": "",
    } | answered


def test_incidents_are_counted_against_what_walked():
    """One seen, one lost, one in an alarm that was open still, one alarm that nothing caused."""
    began = 1795428000  # 2026-11-23T10:00:00Z
    lines = [f"0 {k} {(began + 10 * k) * 1_000_000} {(began + 10 * k + 5) * 1_000_000}"
             for k in range(3)]  # fmt: skip
    first = alarm(f"{EDGE}.c0", 1, ended="2026-11-23T10:00:12+00:00")
    found = tally(visits_of(lines), [(first, began + 2.5), (alarm("uno.c9", 1), 0.0)])
    assert (found.incidents, found.lost, found.in_open_alarm) == (3, 1, 1)
    assert (found.untrue, found.twice) == (1, 0)
    assert found.screen_s == [pytest.approx(2.5)]
    again = tally(visits_of(lines), [(first, 0.0), (alarm(f"{EDGE}.c0", 3), 0.0)])
    assert again.twice == 1


@pytest.mark.parametrize("answer", ["taken", "closed"])
def test_an_open_alarm_that_was_answered_tells_of_nobody_new(answer):
    """Who had answered it was called no more: the next incident counts as lost."""
    began = 1795428000  # 2026-11-23T10:00:00Z
    lines = [f"0 {k} {(began + 10 * k) * 1_000_000} {(began + 10 * k + 5) * 1_000_000}"
             for k in range(2)]  # fmt: skip
    for second, counted in ((9, (1, 0)), (11, (0, 1))):
        at = f"2026-11-23T10:00:{second:02}+00:00"
        found = tally(visits_of(lines), [(alarm(f"{EDGE}.c0", 1, **{answer: at}), 0.0)])
        assert (found.lost, found.in_open_alarm) == counted


def test_being_told_by_an_open_alarm_is_no_habit():
    """One in twenty may be; what is beyond it fails the run."""
    found = alarms.Found(pixels=Seen(incidents=200, in_open_alarm=10))
    assert alarms.lost(found) == 0
    found.pixels.in_open_alarm = 12
    assert alarms.lost(found) == 2
    assert alarms.lost(alarms.Found(pixels=Seen(incidents=5, in_open_alarm=1))) == 0


def test_the_full_run_shows_enough_incidents():
    """As many as the issue asks for, in the full run and in the long one."""
    for load in (alarms.FULL, alarms.LONG):
        assert load.pixels.cameras * load.pixels.visits >= 200
    assert (killing_camera.spread_s(1), killing_camera.spread_s(2)) == (8, 14)


def test_somebody_walks_and_then_nobody_does():
    """The loop of a camera: visits begin with its first picture, and are as many as asked."""
    camera = killing_camera.Camera(1, 7, [()] * killing_camera.PERIOD_S * killing_camera.FPS)
    index, seen, visit = killing_camera.EMPTY, [], -1
    for step in range(1000):
        index = camera._next(index + 1, visit, 2, begun=step > 100)
        if index == 0:
            visit += 1
            seen.append(step)
    assert len(seen) == 2
    assert seen[0] > 100 + 2 * killing_camera.FPS
    assert seen[1] - seen[0] == killing_camera.PERIOD_S * killing_camera.FPS


class Hurry(SystemClock):
    """Time goes by as soon as somebody waits for it, until `left` waits are over."""

    def __init__(self, left):
        super().__init__()
        self.at_s, self.left = 0.0, left

    def now(self):
        return super().now().shifted(self.at_s)

    def monotonic_s(self):
        return self.at_s

    async def sleep(self, seconds):
        self.left -= 1
        if not self.left:
            raise TimeoutError
        self.at_s += seconds


async def test_cameras_write_down_who_walked(tmp_path):
    """As many visits as asked, each as long as it was."""
    source = [(b"\x65",)] * (killing_camera.PERIOD_S * killing_camera.FPS)
    camera, begin = killing_camera.Camera(0, 1, source), asyncio.Event()
    begin.set()
    with pytest.raises(TimeoutError):
        await camera.play(2, begin, tmp_path / "visits", Hurry(4 * len(source)))
    rows = [list(map(int, line.split())) for line in lines_of(tmp_path / "visits")]
    assert [row[:2] for row in rows] == [[0, 0], [0, 1]]
    assert all(4_800_000 < row[3] - row[2] < 6_000_000 for row in rows)


def test_cameras_serve_and_wait_for_a_word(tmp_path):
    """In a process of their own."""
    with child("benchmarks.lab.killing_camera", "1", "1", str(tmp_path)) as cameras:
        assert cameras.read()["port"] > 0
        assert cameras.ask("walk") == {}


# ---- the report

KEYS = (
    "alarms kills lost_after_commit incidents lost_pixel_to_screen shown_twice duplicates_wire"
    " drain_per_s power_cuts power_cut_lost"
)


def test_the_report_has_every_key_also_when_nothing_was_measured(tmp_path, capsys):
    """`null`, never invented; what is missing is said."""
    path = tmp_path / "alarms.json"
    made = Report("alarms", Plan(True, path, argparse.Namespace()), 1)
    alarms.report(made, alarms.QUICK, alarms.Found(skipped=["everything: no root"]))
    told = json.loads(path.read_text())
    assert set(KEYS.split()) <= told.keys()
    assert told["lte"]["p99_s"] is None
    assert told["lost_after_commit"] is None
    assert told["skipped"] == ["everything: no root"]
    assert "not measured" in capsys.readouterr().out


def test_whatever_is_lost_anywhere_counts():
    """The exit status tells of it."""
    found = alarms.Found()
    assert alarms.lost(found) == 0
    found.storm, found.pixels = killing.Outcome(lost=1), Seen(lost=2)
    found.outage.lost, found.power = 4, alarms.Power(1, 1, 8, 0)
    assert alarms.lost(found) == 15
