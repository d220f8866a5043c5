# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Runs ipycam's ONVIF service (PyPI ipycam 1.3, MIT) by itself: no pictures, no discovery.

python ipycam_server.py USER PASSWORD ADVERTISED_HOST    prints the port on a line
"""

import os
import socketserver
import sys
import tempfile
from types import SimpleNamespace

from ipycam.config import CameraConfig
from ipycam.http import IPCameraHTTPHandler
from ipycam.onvif import ONVIFService


class Server(socketserver.ThreadingTCPServer):
    """One thread for each request, as ipycam does it."""

    daemon_threads = True
    allow_reuse_address = True


def main():
    """Serve until killed."""
    os.chdir(tempfile.mkdtemp())
    user, password, advertised = sys.argv[1:]
    config = CameraConfig(username=user, password=password)
    config.local_ip = advertised
    camera = SimpleNamespace(config=config, onvif=ONVIFService(config))
    handler = type("Handler", (IPCameraHTTPHandler,), {"camera": camera})
    with Server(("127.0.0.1", 0), handler) as server:
        config.onvif_port = server.server_address[1]
        print(config.onvif_port, flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
