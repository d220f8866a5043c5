# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
from gateway.assembly.lookout import BACK_S, BLIND_S, START_S, Lookout
from gateway.model.media import StreamKind, StreamState

LIVE, IDLE, DEAD = StreamState.LIVE, StreamState.IDLE, StreamState.UNREACHABLE
MAIN, SUB = StreamKind.MAIN, StreamKind.SUB


class Watchtower:
    """Looks every second, as a camera does."""

    def __init__(self):
        self.now_s = 100.0
        self.lookout = Lookout(self.now_s)

    def see(self, main, sub, seconds):
        """Return how often the choice changed."""
        changes = 0
        for _ in range(int(seconds)):
            self.now_s += 1.0
            changes += self.lookout.look(main, sub, self.now_s)
        return changes

    @property
    def kind(self):
        return self.lookout.kind


def test_a_small_stream_that_fails_is_left_after_seconds_not_at_once():
    """A reconnection within the bound moves nothing; one that lasts longer does."""
    tower = Watchtower()
    tower.see(IDLE, LIVE, 5)
    tower.see(IDLE, StreamState.STALLED, BLIND_S / 2)
    tower.see(IDLE, LIVE, 3)
    tower.see(IDLE, DEAD, BLIND_S)
    assert tower.kind is SUB
    assert tower.see(IDLE, DEAD, 2) == 1
    assert tower.kind is MAIN


def test_one_failure_that_changes_its_name_is_one_failure():
    """First stalled, then unreachable: pictures have been away since the stall."""
    tower = Watchtower()
    tower.see(IDLE, LIVE, 5)
    tower.see(IDLE, StreamState.STALLED, BLIND_S / 2)
    tower.see(IDLE, DEAD, BLIND_S / 2 + 2)
    assert tower.kind is MAIN


def test_a_start_gets_more_time_than_a_failure():
    """After a restart hundreds of cameras begin one after the other."""
    tower = Watchtower()
    tower.see(IDLE, StreamState.CONNECTING, 3 * BLIND_S)
    assert tower.kind is SUB
    tower.see(IDLE, StreamState.CONNECTING, START_S)
    assert tower.kind is MAIN


def test_the_small_stream_is_watched_again_only_when_it_has_lived_for_a_while():
    """One that comes and goes is not trusted; there is no flapping."""
    tower = Watchtower()
    tower.see(IDLE, DEAD, BLIND_S + 2)
    for _ in range(5):
        tower.see(LIVE, LIVE, BACK_S / 2)
        tower.see(LIVE, DEAD, 2)
    assert tower.kind is MAIN
    assert tower.see(LIVE, LIVE, BACK_S + 2) == 1
    assert tower.kind is SUB


def test_a_main_stream_that_fails_too_is_left_as_soon_as_the_small_one_lives():
    """Never blind while any stream works."""
    tower = Watchtower()
    tower.see(IDLE, DEAD, BLIND_S + 2)
    tower.see(DEAD, DEAD, 3 * BLIND_S)
    assert tower.kind is MAIN
    assert tower.see(DEAD, LIVE, 1) == 1
    assert tower.kind is SUB


def test_a_main_stream_that_was_not_pulled_gets_time_to_come():
    """It was idle for hours: that is no failure of its own."""
    tower = Watchtower()
    tower.see(DEAD, LIVE, 500)
    tower.see(DEAD, DEAD, BLIND_S + 1)
    assert tower.kind is MAIN
    tower.see(DEAD, LIVE, BLIND_S - 2)
    assert tower.kind is MAIN
