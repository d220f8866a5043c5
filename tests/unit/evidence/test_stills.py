# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Twin of gateway.evidence.stills."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.evidence.stills import Stills
from gateway.model.access import AccessRequest, Action, Actor, Grant, Purpose, Regime
from gateway.model.errors import InvariantError, StoreError
from gateway.model.registry import Role
from gateway.model.time import ClockQuality
from tests.fakes import FakeClock

ALARM = "01900000-0000-7000-8000-000000000001"
OTHER = "01900000-0000-7000-8000-000000000002"
JPEG = b"\xff\xd8picture\xff\xd9"


def grant(clock, *, case=ALARM, camera="cam-1", action=Action.SNAPSHOT):
    actor = Actor("a", "A", Role.PL_OPERATOR, "sala", "s", "password")
    request = AccessRequest(actor, action, camera, Purpose.ALARM, case)
    now = clock.now()
    return Grant("g", request, "act", Regime.GDPR, now, now.shifted(60), 1)


def fresh(stills, clock, alarm=ALARM):
    return stills.get(alarm, grant(clock, case=alarm))


def test_kept_still_opens_with_its_alarms_grant(tmp_path):
    """A still comes back byte by byte for its alarm's Grant, and is private on disk."""
    clock = FakeClock()
    stills = Stills(tmp_path / "stills", clock)
    stills.save(ALARM, JPEG)
    assert fresh(stills, clock) == JPEG
    (path,) = (tmp_path / "stills").iterdir()
    assert path.name == f"{ALARM}.jpg"
    assert path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "stills").stat().st_mode & 0o777 == 0o700
    assert fresh(stills, clock, OTHER) is None


def test_grant_that_does_not_fit_opens_nothing(tmp_path):
    """Another case, an expired Grant and one for the log open no picture."""
    clock = FakeClock()
    stills = Stills(tmp_path, clock)
    stills.save(ALARM, JPEG)
    assert stills.get(ALARM, grant(clock, case=OTHER)) is None
    assert stills.get(ALARM, grant(clock, action=Action.LOG_READ)) is None
    old = grant(clock)
    clock.advance(60)
    assert stills.get(ALARM, old) is None
    assert stills.get("../" + ALARM, grant(clock, case="../" + ALARM)) is None


def test_grant_for_the_alarms_camera_opens_it(tmp_path):
    """With another case the Grant's camera must be the alarm's."""
    clock = FakeClock()
    stills = Stills(tmp_path, clock, camera_of={ALARM: "cam-1"}.get)
    stills.save(ALARM, JPEG)
    stills.save(OTHER, JPEG)
    assert stills.get(ALARM, grant(clock, case="proc-7/2026")) == JPEG
    assert stills.get(ALARM, grant(clock, case="proc-7/2026", camera="cam-2")) is None
    assert stills.get(OTHER, grant(clock, case="proc-7/2026")) is None


def test_still_is_gone_after_its_day(tmp_path):
    """It opens until the last second, not after, and the sweep removes the file."""
    clock = FakeClock()
    stills = Stills(tmp_path, clock, keep_s=100)
    stills.save(ALARM, JPEG)
    clock.advance(99)
    assert stills.sweep() == 0
    assert fresh(stills, clock) == JPEG
    clock.advance(1)
    assert fresh(stills, clock) is None
    assert stills.sweep() == 1
    assert not list(tmp_path.iterdir())


def test_restart_forgets_no_limit(tmp_path):
    """What the last process kept is removed by the next one when its time has come."""
    clock = FakeClock()
    Stills(tmp_path, clock, keep_s=100).save(ALARM, JPEG)
    clock.advance(60)
    again = Stills(tmp_path, clock, keep_s=100)
    assert again.sweep() == 0
    assert fresh(again, clock) == JPEG
    clock.advance(40)
    assert again.sweep() == 1


@pytest.mark.parametrize("jump_s", [-(10**7), 10**7])
def test_clock_jump_changes_nothing_for_own_stills(tmp_path, jump_s):
    """A jump of UTC neither keeps longer nor removes sooner what this process wrote."""
    clock = FakeClock()
    stills = Stills(tmp_path, clock, keep_s=100)
    stills.save(ALARM, JPEG)
    clock.advance(50)
    clock.utc_us += jump_s * 1_000_000
    assert stills.sweep() == 0
    clock.advance(50)
    assert stills.sweep() == 1


def test_still_from_the_future_is_removed(tmp_path):
    """After a restart with a clock set back, a still of unknown age does not outlive its limit."""
    clock = FakeClock()
    Stills(tmp_path, clock, keep_s=100).save(ALARM, JPEG)
    clock.advance(50)
    clock.utc_us -= 10**7 * 1_000_000
    assert Stills(tmp_path, clock, keep_s=100).sweep() == 1


def test_unsynchronised_clock_after_a_restart(tmp_path):
    """A box that does not know the time yet keeps found stills, but never longer than the limit."""
    clock = FakeClock()
    Stills(tmp_path, clock, keep_s=100).save(ALARM, JPEG)
    clock.utc_us = 0
    clock.quality = ClockQuality.UNSYNCHRONISED
    again = Stills(tmp_path, clock, keep_s=100)
    assert again.sweep() == 0
    clock.advance(100)
    assert again.sweep() == 1


def test_interrupted_save_is_swept(tmp_path):
    """A half-written still of a dead process is removed and does not block the next one."""
    clock = FakeClock()
    stills = Stills(tmp_path, clock)
    part = tmp_path / f"{ALARM}.part"
    part.write_bytes(b"half")
    stills.save(ALARM, JPEG)
    assert fresh(stills, clock) == JPEG
    part.write_bytes(b"half")
    assert stills.sweep() == 1
    assert not part.exists()


def test_name_must_be_an_id(tmp_path):
    """An id with a path in it is our bug."""
    with pytest.raises(InvariantError):
        Stills(tmp_path, FakeClock()).save("../x", JPEG)


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of 256 KiB."""
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a tmpfs")
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"cannot mount a tmpfs: {mounted.stderr}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_full_disk_says_so(small_disk):
    """When the disk is full the still is not kept, nothing half-written stays, the rest opens."""
    clock = FakeClock()
    stills = Stills(small_disk, clock)
    stills.save(ALARM, JPEG)
    with pytest.raises(StoreError, match=r"still not kept \(No space left on device\)"):
        stills.save(OTHER, b"x" * 10**6)
    assert [path.name for path in small_disk.iterdir()] == [f"{ALARM}.jpg"]
    assert fresh(stills, clock) == JPEG


def test_unusable_directory_is_named(tmp_path):
    """A file where the directory should be is told with its path."""
    (tmp_path / "stills").write_text("")
    with pytest.raises(StoreError, match=str(Path(tmp_path) / "stills")):
        Stills(tmp_path / "stills", FakeClock())


def test_expired_grant_of_the_right_case(tmp_path):
    """The case alone is no key: the Grant must be alive at the instant of opening."""
    clock = FakeClock()
    stills = Stills(tmp_path, clock)
    stills.save(ALARM, JPEG)
    alive = grant(clock)
    assert stills.get(ALARM, alive) == JPEG
    assert stills.get(ALARM, replace(alive, expires=clock.now())) is None


def test_a_case_does_not_open_the_still_of_another_camera(tmp_path):
    """A Grant for one camera whose case names another camera's alarm opens nothing."""
    clock = FakeClock()
    stills = Stills(tmp_path, clock, camera_of={ALARM: "cam-1"}.get)
    stills.save(ALARM, JPEG)
    assert stills.get(ALARM, grant(clock, case=ALARM, camera="cam-2")) is None
