# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A real PostgreSQL of our own: a cluster in a temporary folder, on an AF_UNIX socket alone."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from gateway.room.postgres import PostgresOptions
from tests.conftest import missing

OWNER = "postgres"
DAEMON = "varco_daemon"


def _programs():
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if shutil.which("initdb"):
        return Path(shutil.which("initdb")).parent
    return found[-1] if found else missing("PostgreSQL (Debian package postgresql)")


def _command(*words):
    """Return a command as somebody who is not root: PostgreSQL insists."""
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *words] * (
        os.getuid() == 0
    ) or list(words)


class Cluster:
    """A running server."""

    def __init__(self, folder, programs):
        self.folder = folder
        self._programs = programs

    def run(self, name, *words):
        """Run one of its programs."""
        command = _command(str(self._programs / name), *map(str, words))
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"

    def start(self):
        options = f"-k {self.folder} -c listen_addresses= -c fsync=off -c max_connections=40"
        self.run("pg_ctl", "-D", self.folder / "data", "-w", "-t", "60", "-l", self.folder / "log",
                 "-o", options, "start")  # fmt: skip

    def stop(self, mode="fast"):
        self.run("pg_ctl", "-D", self.folder / "data", "-w", "-m", mode, "stop")

    def options(self, user, database="postgres"):
        """Return how to sign in."""
        return PostgresOptions(f"host={self.folder} user={user} dbname={database}")


@contextlib.contextmanager
def cluster():
    """Start a server; yields Cluster."""
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="varco-pg-"))
    made = Cluster(folder, programs)
    try:
        if os.getuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        made.run("initdb", "-D", folder / "data", "-U", OWNER, "-A", "trust", "-N", "-E", "UTF8",
                 "--locale=C.UTF-8")  # fmt: skip
        made.start()
        try:
            yield made
        finally:
            made.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
