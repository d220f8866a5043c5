# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What whoever serves pictures over RTSP asks of whoever decides: the words between the two."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from gateway.runtime.fanout import Fanout


@dataclass(frozen=True, slots=True)
class Sent:
    """What went out under a lease, told once at its end."""

    bytes: int
    """Of RTP and RTCP, without TLS."""
    frames: int
    """Access units."""
    duration_ms: int
    """From PLAY on."""
    reason: str
    """A code: `closed` by the client, `lost`, `revoked`, `stuck`, `shutdown`."""


class StreamLease(Protocol):
    """Leave to send one camera's pictures to one client, while it holds."""

    @property
    def camera(self) -> str:
        """Id of the camera, as this box names it."""
        ...

    @property
    def main(self) -> Fanout:
        """Where the rendition comes that was asked for."""
        ...

    @property
    def small(self) -> Fanout | None:
        """The smaller rendition that may stand in on a thin line; None: there is none."""
        ...

    def still_allowed(self) -> bool:
        """Return whether pictures may go on; asked some times a second, cheap, never waits."""
        ...

    def ended(self, sent: Sent) -> None:
        """Note that nothing goes out any more; called exactly once, must not wait or raise."""
        ...


OpenStream = Callable[[str], Awaitable[StreamLease]]
"""Opens a path of a request, `CAMERA/main` or `CAMERA/sub`, without slashes around it.

RefusedError: no, its code and text are told to the client. PeerError: not now. It may wait some
seconds for a decision; cancelled when the client goes away. Each lease that is returned is ended.
"""
OnReduced = Callable[[str, bool, str], None]
"""Told with a camera's id when its small rendition begins to stand in (True, with the reason), and
when it no longer does (False); must not wait."""
