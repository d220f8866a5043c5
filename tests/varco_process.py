# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`varco …` as a process of its own, without two seconds of imports each time.

One process imports the gateway once and then forks for each command: what runs has its own
memory, working directory, environment, signals and exit status, and real pipes, as if it had been
started by `python -m gateway`. That start itself is proven where it is the point: `test_main`,
`test_demo`, `test_bad_input`, `test_systemd`.
"""

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
_MOST_BYTES = 1 << 19


class Started:
    """A running command; the part of `subprocess.Popen` that tests use."""

    def __init__(self, words, cwd, environ, files, *, new_session=False):
        self.args = ["varco", *map(str, words)]
        self.returncode = None
        self._end, theirs = socket.socketpair()
        wish = {"words": self.args[1:], "cwd": str(cwd), "environ": dict(environ),
                "new_session": new_session}  # fmt: skip
        with theirs:
            fds = [theirs.fileno(), *(file.fileno() for file in files)]
            socket.send_fds(_mother(), [json.dumps(wish).encode()], fds)
        pid = self._line()
        if not pid:
            self._end.close()
            raise RuntimeError("the gateway cannot be imported: its traceback is on stderr")
        self.pid = int(pid)
        atexit.register(self._reap)

    def _line(self):
        """Return the first line, and leave in the socket what came with it: the exit status."""
        line = b""
        while (sign := self._end.recv(1)) not in (b"", b"\n"):
            line += sign
        return line

    def poll(self):
        """Return the exit status, or None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout=None):
        """Return the exit status; subprocess.TimeoutExpired after the bound."""
        if self.returncode is None:
            self._end.settimeout(None if timeout is None else max(timeout, 0.001))
            try:
                line = self._end.recv(16)
            except TimeoutError:
                raise subprocess.TimeoutExpired(self.args, timeout) from None
            self.returncode = int(line or -signal.SIGKILL)
            self._end.close()
            atexit.unregister(self._reap)
        return self.returncode

    def send_signal(self, number):
        """Send a signal if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self):
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self):
        """End it."""
        self.send_signal(signal.SIGKILL)

    def _reap(self):
        self.kill()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.wait()


def start(*words, stdout, stderr, cwd=ROOT, environ=None):
    """Start a command; `stdout` and `stderr` are open files."""
    with Path(os.devnull).open("rb") as nothing:
        files = (nothing, stdout, stderr)
        return Started(words, cwd, os.environ if environ is None else environ, files)


def run(*words, stdin="", cwd=ROOT, environ=None, timeout=120, new_session=False):
    """Run a command to its end; returns subprocess.CompletedProcess with texts."""
    chosen = os.environ if environ is None else environ
    with (
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
        _input(stdin or "") as given,
    ):
        made = Started(words, cwd, chosen, (given, out, err), new_session=new_session)
        try:
            status = made.wait(timeout)
        except BaseException:
            made.kill()
            raise
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode().replace("\r\n", "\n"))
    return subprocess.CompletedProcess(made.args, status, *texts)


@contextlib.contextmanager
def _input(text):
    """Yield a readable file of a text: a pipe, as from a shell, unless a pipe cannot hold it."""
    data = text.encode()
    if len(data) > 1 << 15:
        with tempfile.TemporaryFile() as file:
            file.write(data)
            file.seek(0)
            yield file
        return
    ours, theirs = os.pipe()
    with os.fdopen(theirs, "wb") as writer:
        writer.write(data)
    with os.fdopen(ours, "rb") as reader:
        yield reader


@functools.cache
def _mother():
    """Start the process that has imported everything; it ends with us."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for one in (ours, theirs):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _MOST_BYTES)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.varco_process", str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            cwd=ROOT,
            pass_fds=[theirs.fileno()],
            env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
            start_new_session=True,  # an interrupt at the terminal is for the tests
        )

    def end():
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def _import_everything():
    importlib.import_module("gateway.app")
    package = importlib.import_module("gateway.cli")
    for module in pkgutil.iter_modules(package.__path__, "gateway.cli."):
        importlib.import_module(module.name)
    gc.collect()
    gc.freeze()


def _become(wish, fds):
    """Be the process that was asked for: its folder, environment and standard files."""
    if wish["new_session"]:
        os.setsid()
    for target, fd in enumerate(fds):
        os.dup2(fd, target)
        os.close(fd)
    os.chdir(wish["cwd"])
    os.environ.clear()
    os.environ.update(wish["environ"])
    time.tzset()
    sys.argv = ["varco", *wish["words"]]
    sys.stdin = sys.__stdin__ = os.fdopen(0, encoding="utf-8")
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", encoding="utf-8")
    sys.stderr = sys.__stderr__ = os.fdopen(2, "w", 1, "utf-8", "backslashreplace")


def _watch(channel, end):
    """In a process between: fork, say which pid, wait, say how it ended. Returns in the child."""
    pid = os.fork()
    if pid == 0:
        channel.close()
        end.close()
        return
    end.sendall(b"%d\n" % pid)
    os.closerange(0, end.fileno())
    os.closerange(end.fileno() + 1, 64)
    _, status = os.waitpid(pid, 0)
    with contextlib.suppress(OSError):  # nobody may listen any more
        end.sendall(b"%d" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def serve(channel):
    """Fork for each wish until the tests are gone; returns, in a child, what to run."""
    while True:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        data, fds, _, _ = socket.recv_fds(channel, _MOST_BYTES, 4)
        if not data:
            return None
        end = socket.socket(fileno=fds[0])
        if os.fork() == 0:
            _watch(channel, end)
            _become(json.loads(data), fds[1:])
            return sys.argv[1:]
        end.close()
        for fd in fds[1:]:
            os.close(fd)


def main():
    """Be the mother, or in the end one of the children."""
    _import_everything()
    words = serve(socket.socket(fileno=int(sys.argv[1])))
    if words is None:
        return 0
    from gateway.cli.main import main as varco

    return varco(words)


if __name__ == "__main__":
    sys.exit(main())
