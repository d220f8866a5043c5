# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`python -m tests.fuzz --seconds N`: coverage-guided fuzzing of every parser, in turn.

The seconds are shared among the targets. Exit status 1 and the offending input on a finding.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path


def fuzz_one(name: str, seconds: int) -> None:
    """Run one harness in this process; libFuzzer ends it."""
    import atheris

    with atheris.instrument_imports(include=["gateway"]):
        from tests.fuzz.targets import TARGETS
    target = TARGETS[name]
    with tempfile.TemporaryDirectory(prefix="varco-fuzz-") as folder:
        for number, seed in enumerate(target.seeds):
            (Path(folder) / f"seed-{number}").write_bytes(seed)
        options = [f"-max_total_time={seconds}", "-max_len=16384", "-rss_limit_mb=1024"]
        options += ["-timeout=5", "-verbosity=0", "-print_final_stats=1"]
        atheris.Setup([name, *options, folder], target.run)
        atheris.Fuzz()


def main() -> int:
    """Fuzz all targets, each in a process of its own."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--target", help="only this one, in this process")
    options = parser.parse_args()
    if options.target:
        fuzz_one(options.target, options.seconds)
        return 0
    from tests.fuzz.targets import TARGETS

    share = max(1, options.seconds // len(TARGETS))
    failed = []
    for name in TARGETS:
        command = [sys.executable, "-m", "tests.fuzz", "--target", name, "--seconds", str(share)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        runs = [one for one in done.stderr.splitlines() if "number_of_executed_units" in one]
        print(f"{name:10} {'ok' if done.returncode == 0 else 'FINDING'} {' '.join(runs)}")
        if done.returncode:
            failed.append(name)
            print(done.stdout[-3000:], done.stderr[-3000:])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
