# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""ALLOW: identity, policy and the gate that makes a Grant."""
