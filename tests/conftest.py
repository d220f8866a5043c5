# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What all tests share: real parts are looked up here, and missing ones fail under CI."""

import contextlib
import functools
import os
import shutil
from pathlib import Path

import httpx._transports.default
import pytest
from hypothesis import HealthCheck, settings

from tests import turns

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


def pytest_configure(config):
    """Let the workers, if there are any, take turns."""
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        turns.share(config)


def pytest_collection_modifyitems(items):
    """Begin with the files that take longest, heavy and light ones side by side."""
    items[:] = turns.by_file(items, ROOT)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    """Let few tests with whole programs run at once; the wait is before any bound begins."""
    heavy = turns.is_heavy(item.path.relative_to(ROOT).as_posix())
    with turns.turn() if heavy else contextlib.nullcontext():
        return (yield)


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
