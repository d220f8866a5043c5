# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""PULL: from a camera's socket to an AccessUnit."""
