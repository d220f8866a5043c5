# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""KEEP: the seconds before an alarm, in RAM, and its still pictures."""
