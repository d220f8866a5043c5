# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.unit.cli.daemon import daemon_at

ROOT = Path(__file__).parents[3]


@pytest.fixture
def varco(tmp_path):
    """Run `python -m gateway …` as a user would, in an empty folder, in Italian."""

    def run(*words, stdin="", **environ):
        clean = {k: v for k, v in os.environ.items() if k not in ("LANG", "LC_ALL", "LC_MESSAGES")}
        return subprocess.run(
            [sys.executable, "-m", "gateway", *map(str, words)],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            cwd=tmp_path,
            env=clean | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"} | environ,
            check=False,
        )

    return run


@pytest.fixture
def daemon():
    """A control socket; its path must stay below 108 bytes, so it is not in tmp_path."""
    with tempfile.TemporaryDirectory() as folder, daemon_at(Path(folder) / "control.sock") as one:
        yield one
