# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
import httpx
import pytest

from gateway.ops.health import BoxSnapshot, DeviceSnapshot, metrics_text
from gateway.simulator import outside
from gateway.simulator.town import SUB_PX


def test_hold_passes_or_says_what_was_seen():
    """The sentence of a scene that did not hold reaches the person."""
    outside.hold(1, "fine")
    with pytest.raises(outside.SceneError, match="seen instead"):
        outside.hold([], "seen instead")


async def test_waiting_ends_with_the_bound():
    """A scene that waits for ever fails with its own words."""

    async def never():
        return None

    with pytest.raises(outside.SceneError, match="no alarm within 0 s"):
        await outside._until(never, 0.3, "no alarm")


async def test_a_recorder_counts_as_heard_once_its_subscription_is_healthy():
    """The button is not pressed before: read from the metrics, as any monitoring would."""
    pages = []

    def reply(request):
        assert request.url.path == "/metrics"
        return httpx.Response(200, text=pages[-1])

    transport = httpx.MockTransport(reply)
    async with httpx.AsyncClient(transport=transport, base_url="http://town") as client:
        for healthy, wanted in ((False, None), (None, None), (True, True)):
            device = DeviceSnapshot("registratore-farmacia", True, healthy, 0, "", None)
            box = BoxSnapshot("1", 0.0, (), 0, 0, False, 1, 0, 0, 0, 0, (), devices=(device,))
            pages.append(metrics_text(box).decode())
            assert await outside._subscribed(client) is wanted


def test_the_stranger_knows_the_towns_small_rendition():
    """Its own words for size and scene agree with what the town is built of."""
    assert SUB_PX[::-1] == outside.SUB_SHAPE
    assert outside.hold_up in outside.SCENES
