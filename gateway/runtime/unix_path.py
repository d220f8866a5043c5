# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Addresses of AF_UNIX sockets whose path is longer than the kernel's 107 bytes (unix(7))."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MOST_BYTES = 107
"""Of `sun_path`, without the zero at its end."""


@contextmanager
def unix_address(path: Path) -> Iterator[str]:
    """Yield what to bind or connect to for `path`; good until the block ends.

    A path that is too long goes through its opened folder. OSError if there is no such folder.
    """
    if len(os.fsencode(path)) <= MOST_BYTES:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
