# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Supervision, fan-out, clocks, tallies and store writers."""
