# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Varco: an ONVIF/RTSP video-ingest gateway that interconnects operations rooms."""

__version__ = "0.1.0"
