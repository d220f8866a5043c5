# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Where a camera's picture comes from, written in one way, so that one source is known as one.

Two entries with an address in common show the same picture, whatever their ids. Pure.
"""

from functools import lru_cache
from urllib.parse import urlsplit

_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}


def addresses(url: str, sub_url: str, device: tuple[str, str, str], channel: int) -> frozenset[str]:
    """Return where a camera is reached.

    `device`: id and URL of what it hangs off, and the camera's site; empty strings if nothing. A
    channel of a recorder is the same by the recorder's id and by its host; a path on a device of
    the same site is the same by whatever name the host goes.
    """
    id_, device_url, site = device
    found = {address(one) for one in (url, sub_url) if one}
    if id_ and channel:
        found.add(f"{id_}#{channel}")
        host = urlsplit(device_url).hostname if device_url else None
        if host:
            found.add(f"{_host(host)}#{channel}")
    if id_:
        found |= {f"{site}/{id_}{_path(one)}" for one in (url, sub_url) if one}
    return frozenset(found)


@lru_cache(maxsize=8192)
def address(url: str) -> str:
    """Return host, port and path of a URL, as one and the same for all its spellings."""
    parts = urlsplit(url)
    port = parts.port or _PORTS.get(parts.scheme, 0)
    return f"{_host(parts.hostname or '')}:{port}{_path(url)}"


def _path(url: str) -> str:
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.path.rstrip('/')}{query}"


def _host(name: str) -> str:
    return name.lower().rstrip(".")
