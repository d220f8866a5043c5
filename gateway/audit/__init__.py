# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""ACCOUNT: the ledger of every access, its checkpoints, its verifier."""
