# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""One camera's viewers: who gets what, and what is kept for those to come."""

from gateway.relay.video import hub as hubs
from gateway.relay.video.hub import Hub
from gateway.relay.video.pace import Pace
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


def test_pictures_out_of_order_are_refused_until_they_are_in_order_again():
    """B-frames jump to and fro in players of live pictures: nobody gets any, and it is said."""
    hub = Hub()
    one, receiver = joined(hub)
    publish(hub, 0, 5)
    assert hub.problem is None
    for index in (8, 6, 7, 12, 10, 11, 16, 14, 15):  # each P comes before two that it follows
        hub.publish(unit(index, False, b"\x41picture"), index / 30)
    assert hub.problem == hubs.B_FRAMES
    assert hub.refusal(15 / 30 + hubs.REFUSED_AFTER_S - 0.5) is None  # there may be a rendition
    assert hub.refusal(15 / 30 + hubs.REFUSED_AFTER_S) == hubs.B_FRAMES
    assert one.flow is Flow.WAITING
    seen = len(receiver.packets)
    publish(hub, 20, 10)
    assert len(receiver.packets) == seen
    publish(hub, 30, 300)
    assert hub.problem is None
    assert shown(receiver)[-1] == 329


def test_a_clock_that_slips_back_now_and_then_is_no_b_frame():
    """Two slips in a while are forgiven and forgotten."""
    hub = Hub()
    for begin in (0, 400, 800):
        publish(hub, begin, 300)
        for index in (begin + 290, begin + 291):
            hub.publish(unit(index, False, b"\x41picture"), begin / 30)
    assert hub.problem is None


def test_who_switches_comes_over_at_a_key_unit_or_when_little_is_kept():
    """In the middle of a long GOP it is better to go on with the other stream."""
    hub = Hub()
    assert not hub.is_ready()
    publish(hub, 0, 45, gop=30, size_bytes=3000)
    assert hub.is_ready()  # 45 KB of the second GOP
    publish(hub, 45, 15, gop=30, size_bytes=3000)
    publish(hub, 60, 25, gop=30, size_bytes=3000)
    assert not hub.is_ready()
    publish(hub, 85, 6, gop=30, size_bytes=3000)
    assert hub.is_ready()  # its key unit has just come


def test_nobody_waits_for_a_key_unit_that_is_far_away():
    """With a GOP of ten seconds what is kept is shown instead."""
    hub = Hub()
    publish(hub, 0, 300 + 60, gop=300, size_bytes=3000)
    assert hub.is_ready()
    publish(hub, 360, 200, gop=300, size_bytes=3000)
    assert not hub.is_ready()  # 1.3 s to go


def test_a_far_viewer_waits_for_a_key_unit_that_comes_sooner():
    """What cannot be caught up before the next key unit is not sent over a thin line."""
    hub, late = Hub(), Receiver()
    publish(hub, 0, 85, gop=30, size_bytes=20_000)
    far = viewer(late)
    hub.join(far, 84 / 30)
    assert hub.advance(84 / 30 + 0.1)
    assert late.packets == []
    publish(hub, 85, 7, gop=30, size_bytes=20_000)
    assert shown(late) == [90, 91]
    assert far.flow is Flow.LIVE


def test_a_key_unit_that_does_not_come_is_not_waited_for():
    """The camera changed its GOP: what is kept is shown after all."""
    hub, late = Hub(), Receiver()
    publish(hub, 0, 85, gop=30, size_bytes=20_000)
    far = viewer(late)
    hub.join(far, 84 / 30)
    drain(hub)
    assert shown(late) == list(range(60, 85))


def test_a_viewer_next_door_does_not_wait():
    """A local network takes a whole GOP in no time."""
    hub, receiver = Hub(), Receiver()
    publish(hub, 0, 85, gop=30, size_bytes=20_000)
    near = viewer(receiver, pace=Pace(near=True))
    hub.join(near, 84 / 30)
    drain(hub)
    assert shown(receiver) == list(range(60, 85))


def test_a_camera_is_asked_for_a_key_unit_once_in_a_while():
    """Where nothing is kept, or much; not where a short GOP is, and not twice at once."""
    hub = Hub()
    joined(hub)
    assert hub.wants_key(10.0)
    assert not hub.wants_key(10.0 + 2 * hubs.WISH_EVERY_S)
    publish(hub, 0, 20, gop=30)
    joined(hub, 20.0)
    assert not hub.wants_key(20.0)
    publish(hub, 30, 90, gop=300)
    publish(hub, 300, 90, gop=300)
    joined(hub, 30.0)
    joined(hub, 30.1)
    assert hub.wants_key(30.0)
    joined(hub, 30.2)
    assert not hub.wants_key(30.3)
    assert hub.wants_key(30.1 + hubs.WISH_EVERY_S)
