# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What all tests share: real parts are looked up here, and missing ones fail under CI."""

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"


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
