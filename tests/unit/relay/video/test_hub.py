# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""One camera's viewers: who gets what, and what is kept for those to come."""

from gateway.relay.video import hub as hubs
from gateway.relay.video.hub import Hub
from gateway.relay.video.viewer import Flow
from tests.fakes import unit
from tests.unit.relay.video.test_viewer import Receiver, drain, number, publish, viewer


def joined(hub, at_s=0.0):
    """A viewer that has just joined, and what it receives."""
    receiver = Receiver()
    one = viewer(receiver)
    hub.join(one, at_s)
    return one, receiver


def shown(receiver):
    return [number(payloads) for _, payloads in receiver.pictures()]


def test_all_viewers_get_the_same_pictures():
    """Early and late, both see each unit since the key unit once and in order."""
    hub = Hub()
    _, early = joined(hub)
    publish(hub, 0, 4)
    _, late = joined(hub)
    drain(hub)
    publish(hub, 4, 3)
    assert shown(early) == shown(late) == list(range(7))


def test_who_has_left_gets_nothing_more():
    """Leaving is at once and may be repeated; the others go on."""
    hub = Hub()
    one, gone = joined(hub)
    _, stays = joined(hub)
    publish(hub, 0, 2)
    hub.leave(one)
    hub.leave(one)
    publish(hub, 2, 2)
    assert shown(gone) == [0, 1]
    assert shown(stays) == [0, 1, 2, 3]
    assert not hub.empty()


def test_only_what_follows_the_last_key_unit_is_kept():
    """A newcomer begins at the newest key unit."""
    hub = Hub()
    publish(hub, 0, 13, gop=10)
    _, receiver = joined(hub)
    drain(hub)
    assert shown(receiver) == [10, 11, 12]


def test_what_was_forgotten_is_not_shown():
    """After a gap the kept units do not join what comes: a newcomer waits for a key unit."""
    hub = Hub()
    publish(hub, 0, 5)
    hub.forget()
    one, receiver = joined(hub)
    publish(hub, 5, 2)
    assert one.flow is Flow.WAITING
    assert shown(receiver) == []
    publish(hub, 10, 1)
    assert shown(receiver) == [10]


def test_thin_pictures_do_not_pile_up(monkeypatch):
    """A GOP of too many pictures is not kept."""
    monkeypatch.setattr(hubs, "KEPT_MOST_UNITS", 5)
    hub = Hub()
    publish(hub, 0, 8, gop=100)
    _, receiver = joined(hub)
    assert not hub.advance(0)
    assert shown(receiver) == []


def test_a_unit_without_anything_to_send_changes_nothing():
    """An access unit delimiter alone is no picture."""
    hub = Hub()
    publish(hub, 0, 1)
    newest = hub.newest()
    hub.publish(unit(1, False, b"\x09\xf0"), 0)
    assert hub.newest() is newest
    assert hub.empty()
