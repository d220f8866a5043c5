# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The service unit, judged by systemd itself, offline, from a staged root."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "systemd/varco.service"
MOST_EXPOSURE = 2.0


@pytest.fixture
def stage(tmp_path):
    """A root that holds the unit and an executable where ExecStart points."""
    units = tmp_path / "etc/systemd/system"
    units.mkdir(parents=True)
    shutil.copy(UNIT, units)
    command = tmp_path / "opt/varco/bin/varco"
    command.parent.mkdir(parents=True)
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    for name in ("sysinit", "basic", "shutdown", "network-online", "time-sync", "multi-user"):
        (units / f"{name}.target").write_text("[Unit]\nDescription=staged\n")
    return tmp_path


def analyze(program, *arguments):
    return subprocess.run(
        [program("systemd-analyze"), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def verify(program, root):
    return analyze(
        program, f"--root={root}", "verify", "--recursive-errors=no", "--man=no", "varco.service"
    )


def test_the_unit_is_valid(program, stage):
    """systemd finds nothing to say about it."""
    result = verify(program, stage)
    assert result.returncode == 0, result.stderr
    assert "varco.service" not in result.stderr


def test_verification_would_see_a_typo(program, stage):
    """The check above can fail: a misspelt key is reported."""
    unit = stage / "etc/systemd/system/varco.service"
    unit.write_text(unit.read_text().replace("WatchdogSec=", "WatchdogSecs="))
    assert "WatchdogSecs" in verify(program, stage).stderr


def test_exposure_is_low(program, stage):
    """The offline score of systemd-analyze security is at most 2.0 of 10."""
    result = analyze(
        program, "security", "--offline=true", f"--root={stage}", "--no-pager", "varco.service"
    )
    score = re.search(r"exposure level for varco.service: ([\d.]+)", result.stdout)
    assert score, result.stdout[-500:] + result.stderr
    assert float(score[1]) <= MOST_EXPOSURE


def test_a_configuration_error_is_not_restarted_for_ever():
    """Exit status 78 waits for a person; everything else comes back by itself."""
    text = UNIT.read_text()
    assert "RestartPreventExitStatus=78" in text
    assert "Restart=always" in text
    assert "StartLimitIntervalSec=0" in text
