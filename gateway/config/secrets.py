# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""References to secrets -> secrets, at the last moment and never into a message.

`credential:NAME` is a file that the service manager put into $CREDENTIALS_DIRECTORY (systemd
LoadCredential, which guards it by itself); `env:NAME` an environment variable; `file:/path` a
file of ours that nobody else may read.
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from gateway.model.errors import ConfigError
from gateway.runtime.fields import REFERENCE_ADVICE, REFERENCE_FORM

MOST_BYTES = 64 << 10


def resolve(
    reference: str, *, where: str, key: str, environ: Mapping[str, str] | None = None
) -> str:
    """Return the secret without the newline at its end; ConfigError if there is none.

    `where` and `key` name the place of the reference for the error.
    """
    kind, name = _split(reference, where, key)
    if kind == "env":
        value = (os.environ if environ is None else environ).get(name, "")
        if not value:
            problem = f"environment variable {name} is not set"
            raise ConfigError(where, key, problem, f"set {name} or write another reference")
        return value
    path = _credential(name, where, key, environ) if kind == "credential" else Path(name)
    return _read(path, where, key, guarded=kind == "credential")


def resolve_login(
    reference: str, *, where: str, key: str, environ: Mapping[str, str] | None = None
) -> tuple[str, str]:
    """Return user and password of a secret `user:password`; a camera's `credential` is one."""
    user, colon, password = resolve(reference, where=where, key=key, environ=environ).partition(":")
    if not (user and colon):
        raise ConfigError(where, key, "the secret is not a login", "store it as user:password")
    return user, password


def locate(
    reference: str, *, where: str, key: str, environ: Mapping[str, str] | None = None
) -> Path:
    """Return the file of a TLS key: a path, or the file of `credential:NAME`; it must exist."""
    if reference.startswith("credential:"):
        kind, name = _split(reference, where, key)
        path = _credential(name, where, key, environ)
        guarded = kind == "credential"
    else:
        path, guarded = Path(reference), False
    _read(path, where, key, guarded=guarded)
    return path


def _split(reference: str, where: str, key: str) -> tuple[str, str]:
    if not REFERENCE_FORM.fullmatch(reference):
        raise ConfigError(where, key, "is not a reference to a secret", REFERENCE_ADVICE)
    kind, _, name = reference.partition(":")
    return kind, name


def _credential(name: str, where: str, key: str, environ: Mapping[str, str] | None) -> Path:
    folder = (os.environ if environ is None else environ).get("CREDENTIALS_DIRECTORY", "")
    if not folder:
        advice = f"start with systemd and LoadCredential={name}:…, or write file:/absolute/path"
        raise ConfigError(where, key, f"there is no credential {name} without systemd", advice)
    return Path(folder) / name


def _read(path: Path, where: str, key: str, *, guarded: bool) -> str:
    """Return a secret file's text; what is checked is the file that was opened, not its name."""
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            state = os.fstat(file.fileno())
            _check(state, path, where, key, guarded=guarded)
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        problem = f"{path}: {(error.strerror or type(error).__name__).lower()}"
        raise ConfigError(where, key, problem, "write a file that exists") from error
    if len(raw) > MOST_BYTES:
        raise ConfigError(where, key, f"{path}: is no secret, it is too long", "write another file")
    try:
        text = raw.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise ConfigError(where, key, f"{path}: is not text", "store it as UTF-8") from None
    if not text:
        raise ConfigError(where, key, f"{path}: is empty", "put the secret into the file")
    return text


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a FIFO would wait for its writer


def _check(state: os.stat_result, path: Path, where: str, key: str, *, guarded: bool) -> None:
    if not stat.S_ISREG(state.st_mode):
        raise ConfigError(where, key, f"{path}: is not a file", "write a file")
    if guarded:
        return
    if state.st_uid not in (0, os.geteuid()):
        raise ConfigError(
            where, key, f"{path}: belongs to somebody else", f"run: chown $(id -u) {path}"
        )
    if state.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        mode = f"{stat.S_IMODE(state.st_mode):04o}"
        raise ConfigError(
            where, key, f"{path}: others may read it (mode {mode})", f"run: chmod 600 {path}"
        )
