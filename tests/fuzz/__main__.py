# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`python -m tests.fuzz`: coverage-guided fuzzing of every parser, in turn.

With `--seconds N` the seconds are shared among the targets; with `--runs N` each target eats so
many inputs, however long that takes. Exit status 1 and the offending input on a finding.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path


def fuzz_one(name: str, bound: str) -> None:
    """Run one harness in this process until libFuzzer's own `bound` ends it.

    Nothing of ours may be imported before: only what is imported here tells its coverage.
    """
    import atheris

    with atheris.instrument_imports(include=["gateway"]):
        from tests.fuzz.targets import TARGETS
    target = TARGETS[name]
    with tempfile.TemporaryDirectory(prefix="varco-fuzz-") as folder:
        for number, seed in enumerate(target.seeds):
            (Path(folder) / f"seed-{number}").write_bytes(seed)
        options = [bound, "-max_len=16384", "-rss_limit_mb=1024"]
        options += ["-timeout=5", "-verbosity=0", "-print_final_stats=1"]
        atheris.Setup([name, *options, folder], target.run)
        atheris.Fuzz()


def main() -> int:
    """Fuzz all targets, each in a process of its own."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for all targets together")
    parser.add_argument("--runs", type=int, help="inputs for each target, instead of seconds")
    parser.add_argument("--target", help="only this one, in this process")
    options = parser.parse_args()
    if options.target:
        seconds = f"-max_total_time={options.seconds}"
        fuzz_one(options.target, f"-runs={options.runs}" if options.runs else seconds)
        return 0
    from tests.fuzz.targets import TARGETS

    share = max(1, options.seconds // len(TARGETS))
    asked = ["--runs", str(options.runs)] if options.runs else ["--seconds", str(share)]
    return 1 if [name for name in TARGETS if not passes(name, asked)] else 0


def passes(name: str, asked: list[str]) -> bool:
    """Fuzz one target in a process of its own, and say what came of it."""
    command = [sys.executable, "-m", "tests.fuzz", "--target", name, *asked]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    units = re.search(r"number_of_executed_units:\s*(\d+)", done.stderr)
    inputs = f"{int(units[1]):>12,} inputs" if units else ""
    print(f"{name:18} {'ok' if done.returncode == 0 else 'FINDING':8} {inputs}", flush=True)
    if done.returncode:
        print(done.stdout[-3000:], done.stderr[-3000:])
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
