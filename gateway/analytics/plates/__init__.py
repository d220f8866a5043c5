# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Plates at the gates of a city: found, read over a whole passage, and forgotten (A-09, D.9)."""
