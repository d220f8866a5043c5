# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What is tolerated of cameras, by name: bounds that differ from what the standards lead to expect.

Oddities of the protocol itself are handled where the bytes are: a marker bit inside pictures and
parameter sets with a timestamp of their own in `wire.h264`, a Content-Base without a slash, control
URLs with a query and answers without CSeq in `wire.rtsp`, broken sprop in `wire.sdp`, clocks that
are wrong by years in `wire.capture`.
"""

from dataclasses import dataclass

from gateway.runtime.supervise import Policy

RECONNECT = Policy(first_s=0.5, most_s=1.0, refused_s=30.0)
"""A camera that comes back shows a picture within 3 s: the wait, and a lost SYN's second."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for what; seconds."""

    handshake_s: float = 2.0
    """TCP: one lost SYN is sent again after 1 s (RFC 6298), the third would come after 3 s."""
    first_picture_s: float = 5.0
    """Encoders that start on demand need up to 5 s (measured: 1.6-5 s)."""
    key_picture_s: float = 20.0
    """Common firmwares allow key picture distances up to 10 s at 25 pictures a second."""
    report_every_s: float = 5.0
    """Receiver reports (RFC 3550 §6.2); some servers end sessions that send none."""


DEFAULT = Patience()
