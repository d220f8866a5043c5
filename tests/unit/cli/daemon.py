# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A real HTTP server on a real AF_UNIX socket that answers what a test tells it."""

import json
import socketserver
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

PROBLEM = "application/problem+json"


@dataclass
class Daemon:
    """What was asked, and what is answered: (method, path) -> (status, type, body)."""

    path: object
    answers: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)
    headers: dict = field(default_factory=dict)
    """More that every answer carries."""

    def answer(self, asked, status, body="", kind="application/json"):
        text = body if isinstance(body, str) else json.dumps(body)
        self.answers[asked] = (status, kind, text.encode())


class Server(socketserver.UnixStreamServer):
    """Says nothing about clients that hang up early; the test sees what they got."""

    def handle_error(self, request, client_address):
        pass


@contextmanager
def daemon_at(path):
    """Serve on a socket until the block ends."""
    daemon = Daemon(path)

    class Handler(BaseHTTPRequestHandler):
        def answer(self):
            size = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(size).decode()
            asked = f"{self.command} {self.path}"
            daemon.asked.append((asked, self.headers.get("Content-Type", ""), body))
            status, kind, reply = daemon.answers.get(asked, (404, "text/plain", b"?"))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(reply)))
            for name, value in daemon.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply)

        do_GET = do_POST = answer  # noqa: N815 - names that the base class looks for

        def log_message(self, *words):
            pass

    with Server(str(path), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield daemon
        finally:
            server.shutdown()
            thread.join()
