# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
import asyncio

import aiomqtt

from gateway.simulator.broker import serve_broker
from tests.e2e.daemon import free_port


async def test_it_carries_mqtt_5_messages_and_keeps_the_retained_one():
    """Who subscribes late gets the retained message of a topic."""
    port = free_port()
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        listening = asyncio.Event()
        broker = tasks.create_task(serve_broker("127.0.0.1", port, listening.set))
        await listening.wait()
        five = aiomqtt.ProtocolVersion.V5
        async with aiomqtt.Client("127.0.0.1", port, protocol=five) as sender:
            await sender.publish("prova/a", b"uno", qos=1, retain=True)
            async with aiomqtt.Client("127.0.0.1", port, protocol=five) as reader:
                await reader.subscribe("prova/#", qos=1)
                message = await anext(aiter(reader.messages))
                assert (str(message.topic), message.payload) == ("prova/a", b"uno")
        broker.cancel()
