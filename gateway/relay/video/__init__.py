# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Live video: hub, packetizer, SRTP, ICE-lite, WHEP answers."""
