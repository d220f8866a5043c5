# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Gateways as their users start them, in namespaces: one TOML file, one seed, one command."""

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx

from benchmarks.lab.network import Place
from benchmarks.lab.process import cpu_ms, rss_mb
from gateway.access.identity import hash_password
from gateway.registry.seed import parse_seed
from gateway.registry.store import open_registry
from gateway.runtime.clock import SystemClock

PASSWORD = "una-parola-di-prova-12"
CONSOLE, MEDIA = 8443, 8189
"""The same in every namespace: each has a loopback of its own."""
START_S = 180.0
"""A bound alone: on a machine that does much else a start takes over a minute."""
STOP_S = 15.0
_ROOT = Path(__file__).parents[2]
T = TypeVar("T")


class BoxError(Exception):
    """A gateway did not start, or did not do what it should in time."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one box used, all its processes together."""

    cpu_ms: float
    rss_mb: float


class GatewayBox:
    """One gateway in one namespace; use as a context manager."""

    def __init__(self, place: Place, folder: Path, seed: str, config: str) -> None:
        """`config`: everything but the paths, the ports and the seed; its `[box]` comes first."""
        self.place = place
        self.folder = folder
        self.state = folder / "state"
        self.config = folder / "gateway.toml"
        self.log = folder / "gateway.log"
        self.seed = seed
        self._process: subprocess.Popen[bytes] | None = None
        self._tokens: dict[str, str] = {}
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "seed.toml").write_text(seed, encoding="utf-8")
        self.config.write_text(_completed(config, folder), encoding="utf-8")

    def found(self, *users: str) -> None:
        """Make the registry before the first start, with one password for these users."""
        self.state.mkdir(parents=True, exist_ok=True)
        self.state.chmod(0o700)
        asyncio.run(self._found(users))

    async def _found(self, users: Sequence[str]) -> None:
        hashed = hash_password(PASSWORD)
        async with open_registry(self.state / "registry.db", clock=SystemClock()) as store:
            await store.apply(parse_seed(self.seed, "seed.toml"), by="seed")
            for user in users:
                await store.set_password(user, hashed)

    def start(self, *, wait: bool = True) -> None:
        """Start; with `wait` return once it answers. BoxError with the end of its log if not."""
        self._tokens.clear()
        self._process = self.place.start(
            "-m", "gateway", "run", "--config", str(self.config), log=self.log
        )
        if wait:
            self.wait()

    def wait(self) -> None:
        """Return once it answers."""
        until(self.answers, START_S, f"{self.folder.name} answers")

    def answers(self) -> bool:
        """Return whether its console answers; BoxError if the process ended."""
        if self._process is None or self._process.poll() is not None:
            raise BoxError(f"{self.folder.name} ended: {self.tail()}")
        try:
            with self.client() as client:
                return client.get("/healthz", timeout=5.0).status_code in {200, 503}
        except httpx.HTTPError:
            return False

    def tail(self, size: int = 3000) -> str:
        """Return the end of its log."""
        return self.log.read_text(errors="replace")[-size:] if self.log.exists() else ""

    @property
    def pid(self) -> int:
        """Of the gateway process; BoxError if it was not started."""
        if self._process is None:
            raise BoxError(f"{self.folder.name} was not started")
        return self._process.pid

    def usage(self) -> Usage:
        """Return what the gateway and its children have used so far."""
        pids = [self.pid, *_children(self.pid)]
        found = [(cpu_ms(pid), rss_mb(pid)) for pid in pids if Path(f"/proc/{pid}").exists()]
        return Usage(sum(cpu for cpu, _ in found), sum(rss for _, rss in found))

    @contextmanager
    def client(self, user: str = "") -> Iterator[httpx.Client]:
        """Give an HTTP client, signed in if a user is named; the thread is in the namespace.

        Whoever signed in once stays so, until the box is started anew.
        """
        with (
            self.place.inside(),
            httpx.Client(base_url=f"http://127.0.0.1:{CONSOLE}", timeout=20.0) as client,
        ):
            if user:
                if user not in self._tokens:
                    self._tokens[user] = self._sign_in(user, client)
                client.headers["Authorization"] = f"Bearer {self._tokens[user]}"
            yield client

    def _sign_in(self, user: str, client: httpx.Client) -> str:
        """Return a token. BoxError with the refusal."""
        body = {"user": user, "password": PASSWORD, "bearer": True}
        reply = client.post("/api/session", json=body)
        if reply.status_code != httpx.codes.CREATED:
            raise BoxError(f"{user} cannot sign in: {reply.text[:300]}")
        token: str = reply.json()["token"]
        return token

    def varco(self, *words: str, text: str = "", ok: bool = True) -> str:
        """Run `varco words --config …` in its namespace; return what it prints."""
        command = [sys.executable, "-m", "gateway", *words, "--config", str(self.config)]
        with self.place.inside():
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=90, input=text,
                cwd=_ROOT, start_new_session=True,
            )  # fmt: skip
        if ok and done.returncode:
            raise BoxError(f"varco {' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout + ("" if ok else done.stderr)

    def stop(self) -> None:
        """Stop as the service manager does; killed if that takes too long."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Kill -9: the power button."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        """Return the box, not started."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.stop()


def _completed(config: str, folder: Path) -> str:
    """Return the configuration with paths, ports and the seed."""
    paths = f'state_dir = "{folder / "state"}"\nruntime_dir = "{folder / "run"}"\n'
    return f"""
[box]
{paths}{config}
[console]
port = {CONSOLE}
monitors = ["127.0.0.1"]
[media]
port = {MEDIA}
[registry]
seed = "seed.toml"
"""


def _children(pid: int) -> list[int]:
    """Return the processes below one, all the way down."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for word in path.read_text().split():
                found += [int(word), *_children(int(word))]
    return found


def until(look: Callable[[], T], bound_s: float, what: str, every_s: float = 0.05) -> T:
    """Look until there is something true, and return it; BoxError after the bound."""
    ends_s = time.monotonic() + bound_s
    while True:
        if found := look():
            return found
        if time.monotonic() > ends_s:
            raise BoxError(f"{what}: not within {bound_s:.0f} s")
        time.sleep(every_s)


def json_lines(path: Path) -> list[dict[str, Any]]:
    """Return the JSON lines of a file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
