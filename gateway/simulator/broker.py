# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The town's MQTT broker, for the exercise only: in memory, on loopback, gone with the process."""

from collections.abc import Callable

from moat.lib.mqtt.async_broker import AsyncMQTTBroker


class _Status:
    """What the broker calls once it listens (anyio's task status)."""

    def __init__(self, on_ready: Callable[[], None]) -> None:
        self._on_ready = on_ready

    def started(self, _port: int | None = None) -> None:
        """Pass it on."""
        self._on_ready()


async def serve_broker(host: str, port: int, on_ready: Callable[[], None] = lambda: None) -> None:
    """Serve MQTT 5 until cancelled; queues of sessions are lost, and nobody relies on them."""
    await AsyncMQTTBroker((host, port)).serve(task_status=_Status(on_ready))
