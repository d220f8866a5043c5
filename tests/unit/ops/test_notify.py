# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
import socket

import pytest

from gateway.ops.notify import Notifier


@pytest.fixture
def manager(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        link.bind(str(tmp_path / "notify"))
        link.settimeout(2)
        yield link, {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "20000000"}


def test_states_reach_the_service_manager(manager):
    """READY with a status, then pings, then STOPPING."""
    link, environment = manager
    notifier = Notifier(environment)
    notifier.ready("3 telecamere")
    notifier.watchdog()
    notifier.stopping()
    got = [link.recv(200).decode() for _ in range(3)]
    assert got == ["READY=1\nSTATUS=3 telecamere", "WATCHDOG=1", "STOPPING=1"]
    assert notifier.watchdog_s == 20


def test_without_a_service_manager_nothing_happens():
    """Started by hand, there is nobody to tell."""
    notifier = Notifier({})
    notifier.ready("x")
    assert notifier.watchdog_s == 0


def test_a_vanished_manager_is_no_error(tmp_path):
    """A socket that went away does not take the daemon along."""
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).watchdog()


def test_abstract_sockets_work():
    """systemd may pass an address that begins with @."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        link.bind("\0varco-test-notify")
        link.settimeout(2)
        Notifier({"NOTIFY_SOCKET": "@varco-test-notify"}).watchdog()
        assert link.recv(20) == b"WATCHDOG=1"
