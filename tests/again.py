# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Run pytest; ask a few failed tests again, each alone, and say which were unsteady (ADR 34).

A test that fails again fails the run. More than a few failures are never asked again, and neither
is a file that cannot be collected.
"""

import json
import subprocess
import sys
from pathlib import Path

MOST = 4
"""Failures that may be asked again; more are a broken program, not an unsteady test."""
TIMES = 2
"""How often in a row each of them must pass then, with nothing else running."""
_FAILED = 1
"""pytest's exit code for tests that failed; every other one is final."""


def _pytest(arguments):
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], check=False).returncode


def _failed():
    """Return the ids of what failed, as pytest wrote them down."""
    path = Path(".pytest_cache", "v", "cache", "lastfailed")
    try:
        return sorted(json.loads(path.read_text()))
    except FileNotFoundError:
        return []


def main(arguments):
    """Return the exit code of the run."""
    code = _pytest(["--cache-clear", *arguments])
    failed = _failed() if code == _FAILED else []
    if not failed or len(failed) > MOST or not all("::" in one for one in failed):
        return code
    for turn in range(TIMES):
        print(f"\nasked again, {turn + 1} of {TIMES}: {len(failed)} tests", flush=True)
        if _pytest(["-p", "no:cacheprovider", *failed]):
            return code
    print(f"\nUNSTEADY: failed once in the whole run, passed {TIMES} times alone:")
    print("\n".join(f"  {one}" for one in failed), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
