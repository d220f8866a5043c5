# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The town's MQTT broker, for the exercise only: in memory, on loopback, gone with the process."""

from moat.lib.mqtt.async_broker import AsyncMQTTBroker


async def serve_broker(host: str, port: int) -> None:
    """Serve MQTT 5 until cancelled; queues of sessions are lost, and nobody relies on them."""
    await AsyncMQTTBroker((host, port)).serve()
