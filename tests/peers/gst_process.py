# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A GStreamer camera in a process of its own (see gst_server.py)."""

import asyncio
import contextlib
from pathlib import Path

from tests.conftest import missing

USER, PASSWORD = "admin", "s3cret"
SERVER = Path(__file__).with_name("gst_server.py")


@contextlib.asynccontextmanager
async def gstreamer(port, folder, certificate=None):
    """Yield once it serves, inside TLS if it has a certificate; it ends with the block."""
    files = (str(certificate.certificate_file), str(certificate.key_file)) if certificate else ()
    process = await asyncio.create_subprocess_exec(
        *("/usr/bin/python3", str(SERVER), str(port), f"{USER}:{PASSWORD}", str(folder), *files),
        stdout=-1,
        stderr=-1,
    )
    try:
        async with asyncio.timeout(60):
            if (await process.stdout.readline()).strip() != b"ready":
                missing(f"GStreamer RTSP server ({(await process.stderr.read()).decode()[-200:]})")
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        process._transport.close()
