# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""From options to open things: keys, brokers, listeners."""

import fcntl
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.assembly.witnessing import Anchor, Outside
from gateway.audit.authority import HttpWitness
from gateway.audit.keys import generate_key, load_key
from gateway.audit.timestamp import authorities
from gateway.audit.witness import Witness
from gateway.config.options import (
    BrokerLine,
    ConsoleOptions,
    MachinesOptions,
    Options,
    RoomOptions,
)
from gateway.config.secrets import locate, resolve
from gateway.console.listener import bind_tcp, server_tls
from gateway.model.errors import ConfigError, WireError
from gateway.model.room import split_address
from gateway.relay.alarms.mqtt import BrokerOptions
from gateway.relay.alarms.mqtt_tls import TlsOptions
from gateway.wire.cosignature import parse_witness_key

KEY_FILE = "ledger.key"
LOCK_FILE = "varco.lock"


def ledger_key(options: Options, where: str) -> Ed25519PrivateKey:
    """Return the key that signs checkpoints; without a reference one is made once, on this box."""
    if options.ledger.key:
        text = resolve(options.ledger.key, where=where, key="ledger.key")
        return load_key(text, where=where, key="ledger.key")
    path = options.box.state_dir / KEY_FILE
    if not path.exists():
        part = path.with_suffix(".part")
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(generate_key())
        part.replace(path)
    return load_key(path.read_text(), where=str(path))


def outside_of(options: Options, where: str) -> tuple[Outside, tuple[str, ...]]:
    """Return who vouches for the log, and the keys of all whose word counts.

    ConfigError if a key or the authority's certificates cannot be used.
    """
    witnesses: list[Witness] = []
    for at, line in enumerate(options.ledger.witnesses):
        try:
            key = parse_witness_key(line.key)
        except WireError as error:
            name = f"ledger.witness.{at}.key"
            raise ConfigError(where, name, str(error), "write it as it was given") from error
        if line.url:
            witnesses.append(HttpWitness(key, line.url))
    keys = tuple(one.key for one in options.ledger.witnesses)
    return Outside(tuple(witnesses), _anchor(options, where)), keys


def _anchor(options: Options, where: str) -> Anchor | None:
    path = options.ledger.timestamp_ca
    if path is None or not options.ledger.timestamp_url:
        return None
    try:
        roots = path.read_bytes()
        authorities(roots)
    except (OSError, WireError) as error:
        key, advice = "ledger.timestamp_ca", "write a file of certificates in PEM form"
        raise ConfigError(where, key, f"{path}: {error}", advice) from error
    return Anchor(options.ledger.timestamp_url, roots)


def state_directory(options: Options) -> Path:
    """Make the state and runtime directories; ConfigError if that is impossible."""
    for key, path in _directories(options):
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                str(path), f"box.{key}", error.strerror or "cannot be made", "choose another place"
            ) from error
    return options.box.state_dir


@contextmanager
def sole_use(options: Options, *, running: bool = True) -> Iterator[None]:
    """Hold both directories for this process alone; ConfigError if another daemon has one.

    Not `running`: that of the state only, the other is not there while the service is stopped.

    The locks go with the process, however it ends.
    """
    with ExitStack() as held:
        for key, path in _directories(options)[: 2 if running else 1]:
            place = path / LOCK_FILE
            try:
                file = held.enter_context(place.open("a"))
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ConfigError(
                    str(path),
                    f"box.{key}",
                    "another varco is running on it",
                    "stop that one or choose another place",
                ) from error
            except OSError as error:
                problem = f"{place.name}: {error.strerror}"
                raise ConfigError(str(path), f"box.{key}", problem, "make it writable") from error
        yield


def _directories(options: Options) -> tuple[tuple[str, Path], ...]:
    return ("state_dir", options.box.state_dir), ("runtime_dir", options.box.runtime_dir)


def broker_options(line: BrokerLine, *, box: str, where: str) -> BrokerOptions:
    """Return how to reach one MQTT broker."""
    key = f"broker[{line.name}]"
    password = resolve(line.password, where=where, key=f"{key}.password") if line.password else ""
    tls = None
    if line.tls is not None:
        key_file = locate(line.tls.key, where=where, key=f"{key}.tls.key") if line.tls.key else None
        tls = TlsOptions(line.tls.ca, line.tls.certificate, key_file)
    return BrokerOptions(
        name=line.name,
        host=line.host,
        port=line.port,
        tls=tls,
        user=line.user,
        password=password,
        client_id=f"varco-{box}",
        standby=tuple(split_address(one)[:2] for one in line.standby),
    )


Listener = tuple[socket.socket, ssl.SSLContext | None]


def console_listener(options: ConsoleOptions, where: str) -> Listener:
    """Bind the browsers' listener; ConfigError names the key."""
    tls = None
    if options.tls_certificate is not None:
        key = locate(options.tls_key, where=where, key="console.tls_key")
        with named(where, "console.tls_certificate"):
            tls = server_tls(options.tls_certificate, key)
    with named(where, "console.port"):
        return bind_tcp(options.host, options.port), tls


def machines_listener(options: MachinesOptions, where: str) -> Listener:
    """Bind the machines' listener, which requires client certificates."""
    key = locate(options.tls_key, where=where, key="machines.tls_key")
    with named(where, "machines.tls_certificate"):
        tls = server_tls(options.tls_certificate, key, clients=options.client_ca)
    with named(where, "machines.port"):
        return bind_tcp(options.host, options.port), tls


def room_listener(options: RoomOptions, where: str) -> socket.socket:
    """Bind the listener that edges dial; ConfigError names the key."""
    with named(where, "room.port"):
        return bind_tcp(options.host, options.port)


@contextmanager
def named(where: str, key: str) -> Iterator[None]:
    """Have a ConfigError name the file and key that a person has to change."""
    try:
        yield
    except ConfigError as error:
        problem = f"{error.where}: {error.problem}"
        raise ConfigError(where, key, problem, error.advice) from error
