# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A child's cage: nothing but memory, threads and the one socket that it was given.

Closed after everything is imported and warmed up and before the first byte from a camera. It
cannot be opened again.
"""

import ctypes
import errno
import mmap
import os
import resource
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass

from gateway.model.errors import ConfigError

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_THREAD = 0x10000

_ALLOWED = (
    "read write readv writev recvfrom sendto close fstat lseek "
    "munmap mremap madvise brk futex set_robust_list rseq exit exit_group "
    "rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack restart_syscall "
    "clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday gettid getpid tgkill "
    "sched_yield sched_getaffinity getrandom poll ppoll sysinfo getrusage uname"
)
"""What numpy, cv2 and libav call once they are loaded, and what a thread needs."""

_NOT_EXECUTABLE = ("mmap", "mprotect")
"""Allowed only for memory that cannot be executed (third argument: protection)."""


@dataclass(frozen=True, slots=True)
class Cage:
    """Bounds of a child."""

    memory_bytes: int = 2 << 30
    """Address space; a 4K stream with sixteen references needs a quarter of it."""
    syscalls: bool = True
    """False only where the kernel has no seccomp and a person accepted that in writing."""


def close_cage(cage: Cage, keep_fd: int) -> None:
    """Give up everything but `keep_fd`; ConfigError if a promise cannot be kept.

    The check at the end tries what must be impossible, so that a filter that silently did
    nothing is found before the first picture and not by an attacker.
    """
    load = _prepare_filter() if cage.syscalls else None
    libc = ctypes.CDLL(None, use_errno=True)
    _close_others(keep_fd)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (keep_fd + 1, keep_fd + 1))
    resource.setrlimit(resource.RLIMIT_AS, (cage.memory_bytes, cage.memory_bytes))
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise ConfigError("child", "sandbox", f"no_new_privs: errno {ctypes.get_errno()}")
    if load is not None:
        try:
            load()
        except OSError as error:
            raise ConfigError("child", "sandbox", f"seccomp: {error}") from error
        _must_be_closed()


def _close_others(keep_fd: int) -> None:
    """Close every descriptor but one; standard input and output too."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    os.closerange(0, keep_fd)
    os.closerange(keep_fd + 1, min(most, 1 << 16))


def _prepare_filter() -> Callable[[], None]:
    """Return what loads the seccomp filter into every thread; unnamed calls fail with EPERM."""
    try:
        import pyseccomp  # noqa: PLC0415 - finds libseccomp on import, which may be missing
    except (ImportError, OSError, RuntimeError) as error:
        raise ConfigError(
            "child",
            "sandbox",
            f"libseccomp cannot be loaded: {error}",
            "install libseccomp2, or accept children without a filter explicitly",
        ) from error
    rules: list[tuple[int, str, tuple[object, ...]]] = [
        (pyseccomp.ALLOW, name, ()) for name in _ALLOWED.split()
    ]
    plain = pyseccomp.Arg(2, pyseccomp.MASKED_EQ, mmap.PROT_EXEC, 0)
    rules += [(pyseccomp.ALLOW, name, (plain,)) for name in _NOT_EXECUTABLE]
    thread = pyseccomp.Arg(0, pyseccomp.MASKED_EQ, _CLONE_THREAD, _CLONE_THREAD)
    rules.append((pyseccomp.ALLOW, "clone", (thread,)))
    rules.append((pyseccomp.ERRNO(errno.ENOSYS), "clone3", ()))  # libc then takes clone
    try:
        filter_ = pyseccomp.SyscallFilter(defaction=pyseccomp.ERRNO(errno.EPERM))
        filter_.set_attr(pyseccomp.Attr.CTL_TSYNC, 1)
        for action, name, arguments in rules:
            number = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name)
            if number >= 0:  # this architecture has it
                filter_.add_rule(action, number, *arguments)
    except (OSError, ValueError) as error:
        raise ConfigError("child", "sandbox", f"seccomp: {error}") from error
    load: Callable[[], None] = filter_.load
    return load


def _must_be_closed() -> None:
    """Raise ConfigError if a file, a socket or executable memory can still be had."""
    executable = mmap.PROT_READ | mmap.PROT_EXEC
    attempts: dict[str, Callable[[], object]] = {
        "open": lambda: os.open("/", os.O_RDONLY),
        "socket": socket.socket,
        "executable memory": lambda: mmap.mmap(-1, mmap.PAGESIZE, prot=executable),
    }
    for what, attempt in attempts.items():
        try:
            attempt()
        except OSError as error:
            if error.errno == errno.EPERM:
                continue
            raise ConfigError("child", "sandbox", f"{what}: {error}, expected EPERM") from error
        raise ConfigError("child", "sandbox", f"{what} is still possible")
