# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The cage of a child, tried from inside a real process."""

import json
import signal
import socket
import subprocess
import sys
import textwrap

import pytest

PROLOGUE = """
import errno, json, mmap, os, resource, socket, sys, threading
from gateway.codec import sandbox
from gateway.model.errors import ConfigError
channel = socket.socket(fileno=int(sys.argv[1]))
def tell(value):
    channel.sendall(json.dumps(value).encode())
    os._exit(0)
def attempt(action):
    try:
        action()
    except OSError as error:
        return errno.errorcode[error.errno]
    except (MemoryError, RuntimeError) as error:
        return type(error).__name__
    return "done"
"""


def inside(script: str) -> object:
    """Run a script that calls `tell` in a fresh process and return what it told."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        command = [sys.executable, "-c", PROLOGUE + textwrap.dedent(script), str(theirs.fileno())]
        with subprocess.Popen(command, pass_fds=(theirs.fileno(),)) as process:
            theirs.close()
            ours.settimeout(30)
            data = b""
            while chunk := ours.recv(65536):
                data += chunk
            status = process.wait(30)
    assert status == 0, status
    return json.loads(data)


def test_nothing_can_be_opened_connected_or_started() -> None:
    """In the cage open, socket, fork, execve and executable memory are all refused with EPERM."""
    found = inside("""
        sandbox.close_cage(sandbox.Cage(), channel.fileno())
        tell({
            "open": attempt(lambda: open("/etc/passwd")),
            "write": attempt(lambda: open("/tmp/varco-cage", "w")),
            "stat": attempt(lambda: os.stat("/")),
            "socket": attempt(socket.socket),
            "pair": attempt(socket.socketpair),
            "fork": attempt(os.fork),
            "execve": attempt(lambda: os.execv("/bin/true", ["true"])),
            "kill": attempt(lambda: os.kill(1, 0)),
            "code": attempt(lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC)),
        })
    """)
    assert set(found.values()) == {"EPERM"}, found


def test_threads_and_memory_still_work() -> None:
    """Libraries may still use threads, locks and memory below the bound, not above it."""
    found = inside("""
        sandbox.close_cage(sandbox.Cage(memory_bytes=1 << 30), channel.fileno())
        seen = []
        thread = threading.Thread(target=lambda: seen.append(1))
        thread.start()
        thread.join()
        small = attempt(lambda: bytearray(50 << 20))
        large = attempt(lambda: bytearray(2 << 30))
        tell({"seen": seen, "small": small, "large": large})
    """)
    assert found == {"seen": [1], "small": "done", "large": "MemoryError"}


def test_only_the_given_descriptor_is_left() -> None:
    """Standard input, output and everything inherited are closed, and no new one can be made."""
    found = inside("""
        extra = os.open("/dev/null", os.O_RDONLY)
        sandbox.close_cage(sandbox.Cage(), channel.fileno())
        tell({
            "closed": [attempt(lambda fd=fd: os.read(fd, 1)) for fd in (0, 1, 2, extra)],
            "dup": attempt(lambda: os.dup(channel.fileno())),
        })
    """)
    assert found == {"closed": ["EBADF"] * 4, "dup": "EPERM"}


def test_without_libseccomp_it_refuses() -> None:
    """Where libseccomp is missing, closing the cage fails with an advice and nothing is served."""
    found = inside("""
        sys.modules["pyseccomp"] = None
        try:
            sandbox.close_cage(sandbox.Cage(), channel.fileno())
        except ConfigError as error:
            tell(str(error))
        tell("closed")
    """)
    assert "libseccomp cannot be loaded" in str(found)
    assert "explicitly" in str(found)


def test_a_filter_that_does_nothing_is_noticed() -> None:
    """If the filter silently allows everything, the check at the end refuses to serve."""
    found = inside("""
        sandbox._prepare_filter = lambda: lambda: None
        try:
            sandbox.close_cage(sandbox.Cage(), channel.fileno())
        except ConfigError as error:
            tell(str(error))
        tell("closed")
    """)
    assert "sandbox" in str(found)
    assert found != "closed"


def test_without_the_filter_the_limits_hold() -> None:
    """The explicit option keeps the resource limits: no new descriptor, no file of any size."""
    found = inside("""
        sandbox.close_cage(sandbox.Cage(syscalls=False), channel.fileno())
        limits = {
            name: resource.getrlimit(getattr(resource, "RLIMIT_" + name))
            for name in ("CORE", "FSIZE", "AS")
        }
        tell([attempt(lambda: [os.dup(channel.fileno()) for _ in range(50)]), limits])
    """)
    # descriptors below the socket were closed, so a few are free; then the bound holds
    assert found == ["EMFILE", {"CORE": [0, 0], "FSIZE": [0, 0], "AS": [2 << 30, 2 << 30]}]


@pytest.mark.parametrize("sent", [signal.SIGTERM])
def test_a_caged_process_can_be_ended(sent: signal.Signals) -> None:
    """The cage does not keep the gateway from ending the child."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        script = PROLOGUE + (
            "sandbox.close_cage(sandbox.Cage(), channel.fileno())\n"
            "channel.sendall(b'x')\nchannel.recv(1)\n"
        )
        command = [sys.executable, "-c", script, str(theirs.fileno())]
        with subprocess.Popen(command, pass_fds=(theirs.fileno(),)) as process:
            ours.settimeout(30)
            assert ours.recv(1) == b"x"
            process.send_signal(sent)
            assert process.wait(10) == -sent
