# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Who poses as a room: with a certificate of its own making, and with one that has expired.

Usage: python -m tests.peers.rooms_forged HOST PORT STATE; STATE is the real room's state directory,
whose authority signs the expired one. Listens on PORT and the next one; prints `{}`; whatever is
said after a handshake is printed on standard error: nobody should.
"""

import asyncio
import ssl
import sys
import tempfile
from pathlib import Path

from cryptography.x509.oid import ExtendedKeyUsageOID

from benchmarks.lab.process import say
from gateway.model.room import SERVER_NAME
from gateway.wire.uplink import ALPN_LINE
from tests.peers.rooms_attacks import authority, certificate


def context(pem):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.set_alpn_protocols([ALPN_LINE])
    made.load_cert_chain(pem)
    return made


async def hear(reader, writer):
    data = await reader.read(100)
    if data:
        print("somebody trusts a forged room:", data, file=sys.stderr)
    writer.close()


async def main(host, port, state):
    """Listen until stdin ends."""
    use = {"use": ExtendedKeyUsageOID.SERVER_AUTH, "dns": SERVER_NAME}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        forged = certificate(folder, "sala", **use)
        signer = authority(Path(state))
        expired = certificate(folder, "sala", ca=signer, from_days=-9, until_days=-1, **use)
        for number, pem in enumerate((forged, expired)):
            await asyncio.start_server(hear, host, int(port) + number, ssl=context(pem))
    say({})
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
