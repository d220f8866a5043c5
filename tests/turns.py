# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Whole programs and small parts side by side: in which order files run, and what may run at once.

Whoever starts browsers and daemons on every core at the same time measures the machine and not the
gateway: bounds made for a busy machine are missed. So files are handed out such that heavy and
light ones end together, and of the heavy ones two tests run at the same time, whatever the number
of workers.
"""

import contextlib
import fcntl
import os
import tempfile
import time
from pathlib import Path

AT_ONCE = 2
"""Tests with browsers or daemons that run at the same time."""
HEAVY = ("tests/ui/", "tests/e2e/", "tests/peers/")
SECONDS = {
    "tests/peers/test_rooms_whole": 100,
    "tests/e2e/test_recorder": 94,
    "tests/e2e/test_bad_input": 85,
    "tests/e2e/test_demo": 84,
    "tests/e2e/test_attacks": 73,
    "tests/ui/test_trust": 70,
    "tests/ui/test_trust_whole": 70,
    "tests/e2e/test_api_attack": 65,
    "tests/peers/test_bad_networks": 61,
    "tests/e2e/test_hostile_cameras": 54,
    "tests/ui/test_desk": 55,
    "tests/ui/test_devices": 50,
    "tests/ui/test_operator": 50,
    "tests/unit/ingest/test_camera": 50,
    "tests/unit/analytics/test_watch": 48,
    "tests/peers/test_whep_aiortc": 44,
    "tests/e2e/test_acceptance": 41,
    "tests/e2e/test_tenants": 35,
    "tests/e2e/test_faults": 34,
    "tests/ui/test_incidents": 33,
    "tests/ui/test_accessibility": 30,
    "tests/unit/assembly/test_room_alarms": 30,
    "tests/ui/test_renditions": 28,
    "tests/architecture/test_no_biometrics": 26,
    "tests/ui/test_lines": 25,
}
"""What files took that take long, on two cores."""
_OTHERS = {True: 15, False: 2.5}
"""What a file takes that is not named above, heavy or light."""
_SHARED = "VARCO_TEST_TURNS"
_LOOK_EVERY_S = 0.1


def is_heavy(name):
    """Return whether the tests of a file, a path from the root, run whole programs."""
    return name.startswith(HEAVY)


def ordered(names):
    """Return files such that, begun in this order, heavy and light ones end together.

    Of each kind those that take longest come first, so that no worker ends alone.
    """
    kinds = {True: [], False: []}
    for name in names:
        heavy = is_heavy(name)
        seconds = SECONDS.get(name.removesuffix(".py"), _OTHERS[heavy])
        kinds[heavy].append((seconds, name))
    total = {kind: sum(seconds for seconds, _ in files) for kind, files in kinds.items()}
    begun, found = dict.fromkeys(kinds, 0.0), []
    for files in kinds.values():
        files.sort(key=lambda one: one[0])
    while left := [kind for kind in kinds if kinds[kind]]:
        kind = min(left, key=lambda one: begun[one] / total[one])
        seconds, name = kinds[kind].pop()
        begun[kind] += seconds
        found.append(name)
    return found


def share(config):
    """Let the workers of this run, which are started after this, take turns."""
    handle, path = tempfile.mkstemp(prefix="varco-turns-")
    os.close(handle)
    os.environ[_SHARED] = path

    def end():
        del os.environ[_SHARED]
        Path(path).unlink()

    config.add_cleanup(end)


@contextlib.contextmanager
def turn():
    """Wait until fewer than AT_ONCE others hold a turn; whoever dies holds none.

    Without other workers there is nothing to wait for.
    """
    path = os.environ.get(_SHARED)
    if path is None:
        yield
        return
    # a lock of the process: the children that it forks do not hold it
    with Path(path).open("r+b") as file:
        while not any(_took(file, number) for number in range(AT_ONCE)):
            time.sleep(_LOOK_EVERY_S)
        yield


def _took(file, number):
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
    except BlockingIOError:
        return False
    return True


def by_file(items, root):
    """Return tests in the order of their files; within a file as they were found."""
    paths = {item.path: item.path.relative_to(root).as_posix() for item in items}
    place = {name: at for at, name in enumerate(ordered(list(paths.values())))}
    return sorted(items, key=lambda item: place[paths[item.path]])
