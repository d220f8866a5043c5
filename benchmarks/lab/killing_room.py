# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A room that only takes alarms: `benchmarks.lab.killing_room FOLDER HOST PORT`.

The real inbox at a broker. What it shows to people goes into the file `shown`, one id a line.
"""

import asyncio
import os
import sys
from pathlib import Path

from benchmarks.lab.killing import PREFIX
from gateway.relay.alarms.mqtt import BrokerOptions, MqttBroker
from gateway.room.inbox import InboxAlarm, open_inbox
from gateway.runtime.clock import SystemClock


async def main(folder: Path, host: str, port: int) -> None:
    """Take alarms until killed."""
    clock = SystemClock()
    screen = os.open(folder / "shown", os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)

    def show(alarm: InboxAlarm) -> None:
        os.write(screen, f"{alarm.id}\n".encode())

    broker = MqttBroker(BrokerOptions("prova", host, port, client_id="sala"))
    async with open_inbox(folder / "inbox.db", clock=clock) as inbox:
        await inbox.run(broker, prefix=PREFIX, on_alarm=show)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
