# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Numbers RTP packets as a camera does, for the tests of depacketizers."""

from gateway.wire.packetize import fragment
from gateway.wire.rtp import RtpPacket


class Camera:
    """One stream: sequence, timestamp and SSRC go on from packet to packet."""

    def __init__(self, sequence=65_530, timestamp=4_294_960_000, ssrc=7):
        self.sequence = sequence
        self.timestamp = timestamp
        self.ssrc = ssrc

    def packet(self, payload, *, marker=False, payload_type=96):
        """Return one packet and number the next."""
        packet = RtpPacket(
            payload_type, marker, self.sequence, self.timestamp & 0xFFFFFFFF, self.ssrc, payload
        )
        self.sequence = self.sequence + 1 & 0xFFFF
        return packet.serialise()

    def payloads(self, payloads, *, marker=True, payload_type=96, step=3600):
        """Return the packets of one picture; the last has the marker, then time goes on."""
        packets = [
            self.packet(
                payload,
                marker=marker and index == len(payloads) - 1,
                payload_type=payload_type,
            )
            for index, payload in enumerate(payloads)
        ]
        self.timestamp = self.timestamp + step & 0xFFFFFFFF
        return packets

    def picture(self, nals, most_bytes=300, *, marker=True):
        """Return the packets of an H.264 picture."""
        payloads = [payload for run in fragment(nals, most_bytes) for payload in run]
        return self.payloads(payloads, marker=marker)


def feed(depacketizer, packets):
    """Return what all these packets give."""
    return [one for packet in packets for one in depacketizer.receive(packet)]
