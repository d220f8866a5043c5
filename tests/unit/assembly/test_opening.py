# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
import multiprocessing
import socket
from pathlib import Path

import pytest

from gateway.assembly.opening import (
    broker_options,
    console_listener,
    ledger_key,
    named,
    room_listener,
    sole_use,
    state_directory,
)
from gateway.config.load import parse
from gateway.model.errors import ConfigError
from tests.unit.assembly.parts import CONFIG


def options(folder, more=""):
    return parse(CONFIG + more, Path(folder) / "gateway.toml")


def test_a_key_is_made_once_and_for_us_alone(tmp_path):
    """The next start finds the same one; nobody else may read it."""
    made = options(tmp_path)
    state_directory(made)
    first = ledger_key(made, "gateway.toml")
    assert first.private_bytes_raw() == ledger_key(made, "gateway.toml").private_bytes_raw()
    assert (tmp_path / "state" / "ledger.key").stat().st_mode & 0o777 == 0o600


def test_a_key_by_reference_is_not_made(tmp_path):
    """A missing one is an error that names the key of the file."""
    made = options(tmp_path, '[ledger]\nkey = "file:/nonexistent/ledger.key"\n')
    with pytest.raises(ConfigError, match=r"gateway.toml: ledger.key: "):
        ledger_key(made, "gateway.toml")
    assert not (tmp_path / "state").exists()


def test_a_state_directory_that_cannot_be_is_named(tmp_path):
    """With the key to change."""
    (tmp_path / "state").write_text("a file")
    with pytest.raises(ConfigError, match=r"box\.state_dir"):
        state_directory(options(tmp_path))


def _holds(folder, ready, done):
    made = options(folder)
    with sole_use(made):
        ready.set()
        done.wait(30)


def test_a_second_daemon_is_refused_and_a_dead_one_leaves_no_lock(tmp_path):
    """The error names the directory; kill -9 frees it."""
    made = options(tmp_path)
    state_directory(made)
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    other = context.Process(target=_holds, args=(str(tmp_path), ready, done))
    other.start()
    try:
        assert ready.wait(30)
        words = rf"{tmp_path}/state: box\.state_dir: another varco"
        with pytest.raises(ConfigError, match=words), sole_use(made):
            pass
    finally:
        other.kill()
        other.join()
    with sole_use(made):
        pass


def test_two_boxes_do_not_share_a_control_socket(tmp_path):
    """Another state directory with the same runtime directory is refused, too."""
    first = options(tmp_path)
    second = parse(CONFIG.replace('"state"', '"state2"'), tmp_path / "gateway.toml")
    state_directory(first)
    state_directory(second)
    with sole_use(first), pytest.raises(ConfigError, match=r"box\.runtime_dir"), sole_use(second):
        pass


def test_a_port_in_use_names_its_key(tmp_path):
    """File, key, address and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        made = options(tmp_path, f"[console]\nport = {port}\n")
        with pytest.raises(ConfigError) as caught:
            console_listener(made.console, "gateway.toml")
    assert str(caught.value).startswith(f"gateway.toml: console.port: 127.0.0.1:{port}: cannot")
    assert caught.value.advice


def test_a_certificate_that_is_none_names_its_key(tmp_path):
    """And not the line of a library."""
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("no certificate")
        (tmp_path / name).chmod(0o600)
    more = f'[console]\ntls_certificate = "{tmp_path}/cert.pem"\ntls_key = "{tmp_path}/key.pem"\n'
    with pytest.raises(ConfigError, match=r"gateway.toml: console\.tls_certificate: .*cert\.pem"):
        console_listener(options(tmp_path, more).console, "gateway.toml")


def test_a_broker_has_its_password_and_a_client_id_of_this_box(tmp_path):
    """The reference is resolved at start; an unusable one names broker and key."""
    secret = tmp_path / "broker.secret"
    secret.write_text("s3cret")
    secret.chmod(0o600)
    more = (
        f'[[broker]]\nname = "sala"\nhost = "localhost"\nuser = "v"\npassword = "file:{secret}"\n'
    )
    (line,) = options(tmp_path, more).brokers
    made = broker_options(line, box="prova", where="gateway.toml")
    assert (made.password, made.client_id, made.port) == ("s3cret", "varco-prova", 1883)
    assert "s3cret" not in repr(made)
    secret.chmod(0o644)
    with pytest.raises(ConfigError, match=r"gateway.toml: broker\[sala\]\.password"):
        broker_options(line, box="prova", where="gateway.toml")


def test_the_listener_of_a_room_names_its_key(tmp_path):
    """A port that is taken names file and key; a free one listens."""
    more = '[room]\nhost = "127.0.0.1"\nport = {}\n'
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        room = options(tmp_path, more.format(port)).room
        with pytest.raises(ConfigError, match=r"gateway.toml: room\.port: .*cannot listen"):
            room_listener(room, "gateway.toml")
    with room_listener(room, "gateway.toml") as made:
        assert made.getsockname()[1] == port


def test_other_errors_pass_unnamed():
    """Only what a person wrote gets a key."""
    with pytest.raises(ZeroDivisionError), named("f", "k"):
        raise ZeroDivisionError
