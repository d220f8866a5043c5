# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The runner that asks failed tests again."""

import os
import subprocess
import sys
from pathlib import Path

from tests import again

UNSTEADY = """
from pathlib import Path

def test_fails_{times}_times():
    seen = Path(__file__).with_suffix(".seen")
    count = len(seen.read_text()) if seen.exists() else 0
    seen.write_text("x" * (count + 1))
    assert count >= {times}
"""


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, again.__file__, "-q", *arguments]
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_what_failed_once_is_named_and_lets_the_run_pass(tmp_path):
    (tmp_path / "test_once.py").write_text(UNSTEADY.format(times=1))
    code, said = run(tmp_path)
    assert code == 0
    assert said.count("asked again") == again.TIMES
    named = said[said.index("UNSTEADY") :]
    assert "test_once.py::test_fails_1_times" in named


def test_what_fails_again_fails_the_run(tmp_path):
    (tmp_path / "test_more.py").write_text(UNSTEADY.format(times=2))
    code, said = run(tmp_path)
    assert code == 1
    assert "UNSTEADY" not in said


def test_many_failures_are_not_asked_again(tmp_path):
    for number in range(again.MOST + 1):
        (tmp_path / f"test_{number}.py").write_text(UNSTEADY.format(times=1))
    code, said = run(tmp_path)
    assert code == 1
    assert "asked again" not in said


def test_a_file_that_cannot_be_read_is_not_asked_again(tmp_path):
    (tmp_path / "test_torn.py").write_text("import nowhere_at_all")
    code, said = run(tmp_path)
    assert code != 0
    assert "asked again" not in said


def test_a_run_that_passes_is_left_alone(tmp_path):
    (tmp_path / "test_fine.py").write_text("def test_fine(): pass")
    code, said = run(tmp_path)
    assert code == 0
    assert "again" not in said
