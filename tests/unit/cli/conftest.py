# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
import os
import tempfile
from pathlib import Path

import pytest

from tests import varco_process
from tests.unit.cli.daemon import daemon_at

ROOT = Path(__file__).parents[3]


@pytest.fixture
def varco(tmp_path):
    """Run `varco …` as a user would, in an empty folder, in Italian."""

    def run(*words, stdin="", **environ):
        clean = {k: v for k, v in os.environ.items() if k not in ("LANG", "LC_ALL", "LC_MESSAGES")}
        whole = clean | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"} | environ
        return varco_process.run(*words, stdin=stdin, cwd=tmp_path, environ=whole)

    return run


@pytest.fixture
def daemon():
    """A control socket; its path must stay below 108 bytes, so it is not in tmp_path."""
    with tempfile.TemporaryDirectory() as folder, daemon_at(Path(folder) / "control.sock") as one:
        yield one
