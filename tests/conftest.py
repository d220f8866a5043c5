# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What all tests share: real parts are looked up here, and missing ones fail under CI."""

import functools
import os
import shutil
from pathlib import Path

import httpx._transports.default
import pytest
from hypothesis import HealthCheck, settings

# The gateway is started some hundred times: it is compiled once, whatever the machine prefers.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

ROOT = Path(__file__).parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"

# Stores sync each commit, which no test here can tell from a disk that does not: in memory it is
# free. What a power cut leaves is tested with a disk of its own (benchmarks/lab/power_disk.py).
MEMORY = Path("/dev/shm")
if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > 6 << 30:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))

# Each client would read all the world's certificates again (40 ms), also those that never use them.
httpx._transports.default.create_ssl_context = functools.cache(
    httpx._transports.default.create_ssl_context
)

# Fewer examples than usual, others each time; `make fuzz` asks the parsers for far more. No example
# is too slow on a machine that runs other things meanwhile.
settings.register_profile(
    "varco",
    max_examples=int(os.environ.get("VARCO_EXAMPLES", "50")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("varco")

LONGEST = (
    "tests/e2e/test_demo",
    "tests/peers/test_rooms_whole",
    "tests/e2e/test_recorder",
    "tests/ui/test_trust",
    "tests/ui/test_operator",
    "tests/ui/test_accessibility",
    "tests/ui/test_desk",
    "tests/e2e/test_bad_input",
    "tests/e2e/test_attacks",
    "tests/e2e/test_api_attack",
    "tests/ui/test_trust_whole",
    "tests/ui/test_devices",
    "tests/e2e/test_faults",
    "tests/e2e/test_tenants",
    "tests/e2e/test_hostile_cameras",
    "tests/e2e/test_sources",
    "tests/peers/test_bad_networks",
    "tests/e2e/test_acceptance",
    "tests/unit/analytics/test_watch",
    "tests/unit/relay/video/test_process",
    "tests/unit/ingest/test_camera",
    "tests/peers/test_whep_aiortc",
    "tests/ui/test_lines",
)
"""Files that take longest, in this order: begun first, so that no worker ends alone."""


def pytest_collection_modifyitems(items):
    """Begin with the files that take longest; the rest stays as it was found."""
    rank = {ROOT / f"{name}.py": at for at, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path, len(rank)))


def missing(what):
    """Fail where everything must be present, else skip and say what is missing."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"missing real part: {what}")
    pytest.skip(f"missing real part: {what}")


@pytest.fixture(scope="session")
def program():
    """Look up a third-party program by name."""

    def find(name):
        path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/bin")
        return path or missing(name)

    return find


@pytest.fixture(scope="session")
def footage():
    """Look up a file or folder of the shared test data."""

    def find(name):
        path = SHARED_DATA / name
        return path if path.exists() else missing(f"../shared/data/{name}")

    return find
