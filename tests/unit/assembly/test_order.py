# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""B-frames are noticed as soon as the media process refuses them; a clock's slip is none."""

from gateway.assembly.order import FORGOTTEN_UNITS, Order


def noted(order, *numbers):
    for one in numbers:
        order.note(3600 * one)
    return order.is_reordered


def test_three_steps_back_are_b_frames_and_half_a_minute_in_order_forgets_them():
    """Two are forgiven; a camera that is set up anew is passed through again."""
    order = Order()
    assert not noted(order, 0, 3, 1, 2, 6, 4, 5)
    assert noted(order, 9, 7, 8)
    assert noted(order, *range(10, 8 + FORGOTTEN_UNITS))
    assert not noted(order, *range(8 + FORGOTTEN_UNITS, 12 + FORGOTTEN_UNITS))


def test_another_reading_and_a_clock_that_begins_anew_are_no_step_back():
    """What is kept is read again by whoever begins; cameras restart."""
    order = Order()
    for _ in range(5):
        order.begin()
        assert not noted(order, *range(20))
    for _ in range(5):
        assert not noted(order, 100_000, 0)
